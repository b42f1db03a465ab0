/* SPDX-License-Identifier: MIT */
#include "lib/traffic/invalid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/option.h"

enum { FIRST_RANGES = LIST_DATACENTRES, RANGES = INVALID_LISTS - FIRST_RANGES };

const char *
invalid_code(enum invalid reason)
{
	static const char *const codes[] = {
#define INVALID_CODE(symbol, code) code,
		INVALID_LIST(INVALID_CODE)
#undef INVALID_CODE
	};

	assert(reason < INVALID_COUNT);
	return codes[reason];
}

bool
invalid_parse(const char *codes, unsigned *to)
{
	struct slice name;

	for (*to = 0; option_next_name(&codes, &name);) {
		unsigned i = 0;

		while (i < INVALID_COUNT && !slice_is(name, invalid_code(i)))
			i++;
		if (i == INVALID_COUNT)
			return false;
		*to |= 1U << i;
	}
	return true;
}

/* --- Lists ------------------------------------------------------------------------- */

const char *
invalid_list_name(enum invalid_list list)
{
	static const char *const names[] = { "robots", "browsers", "datacentres",
		"vpns", "tor" };

	assert(list < INVALID_LISTS);
	return names[list];
}

static void
tell_version(struct invalid_lists *l, enum invalid_list list, struct slice text)
{
	static const char says[] = "# version: ";
	struct slice line = slice_of(text.at, slice_find(text, '\n'));
	size_t size = strlen(l->versions), room = sizeof l->versions - size;
	const char *comma = size > 0 ? ", " : "";

	if (line.size > sizeof says - 1 &&
	    memcmp(line.at, says, sizeof says - 1) == 0) {
		line = slice_trim(slice_from(line, sizeof says - 1));
		(void)snprintf(l->versions + size, room, "%s%s %.*s", comma,
		    invalid_list_name(list), line.size < 40 ? (int)line.size : 40,
		    (const char *)line.at);
	} else {
		(void)snprintf(l->versions + size, room, "%s%s %08" PRIx32, comma,
		    invalid_list_name(list), (uint32_t)hash_bytes(text, 0));
	}
}

static int
compile(struct invalid_lists *l, const struct slice texts[], struct hash_key key,
    struct error *error)
{
	struct agents **agents[] = {
		[LIST_ROBOTS] = &l->robots, [LIST_BROWSERS] = &l->browsers
	};
	struct error fault;
	unsigned wrong = 0;

	for (; wrong < FIRST_RANGES; wrong++) {
		if (texts[wrong].size == 0)
			continue;
		*agents[wrong] = agents_new(texts[wrong], key, &fault);
		if (*agents[wrong] == NULL)
			return error_set(
			    error, "%s: %s", invalid_list_name(wrong), fault.text);
	}
	l->ranges = ranges_new(texts + FIRST_RANGES, RANGES, &wrong, &fault);
	return l->ranges != NULL
	    ? 0
	    : error_set(
		  error, "%s: %s", invalid_list_name(FIRST_RANGES + wrong), fault.text);
}

struct invalid_lists *
invalid_lists_new(
    const struct slice texts[INVALID_LISTS], struct hash_key key, struct error *error)
{
	struct invalid_lists *l = calloc(1, sizeof *l);

	if (l == NULL) {
		(void)error_set(error, "no memory for lists");
		return NULL;
	}
	for (unsigned i = 0; i < INVALID_LISTS; i++)
		if (texts[i].size > 0)
			tell_version(l, i, texts[i]);
	if (compile(l, texts, key, error) == 0)
		return l;
	invalid_lists_free(l);
	return NULL;
}

void
invalid_lists_free(struct invalid_lists *l)
{
	if (l == NULL)
		return;
	agents_free(l->robots);
	agents_free(l->browsers);
	ranges_free(l->ranges);
	free(l);
}

/* --- Hits -------------------------------------------------------------------------- */

static unsigned
of_agent(struct invalid_lists *l, struct slice agent)
{
	if (agent.size == 0 || slice_is(agent, "-"))
		return 1U << INVALID_NO_AGENT;
	if (l->robots != NULL && agents_find(l->robots, agent) != 0)
		return 1U << INVALID_ROBOT;
	return l->browsers != NULL && agents_find(l->browsers, agent) == 0
	    ? 1U << INVALID_NOT_BROWSER
	    : 0;
}

bool
invalid_is_ahead(struct slice purpose)
{
	static const char *const words[] = { "prefetch", "prerender", "preview" };

	while (purpose.size > 0) {
		size_t end = 0;

		while (end < purpose.size && purpose.at[end] != ';' &&
		    purpose.at[end] != ',')
			end++;
		for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
			if (slice_is(slice_trim(slice_of(purpose.at, end)), words[i]))
				return true;
		purpose = slice_from(purpose, end < purpose.size ? end + 1 : end);
	}
	return false;
}

unsigned
invalid_reasons(struct invalid_lists *l, const struct hit *hit)
{
	unsigned reasons = hit->has_agent ? of_agent(l, hit->agent) : 0;

	if (hit->has_address)
		reasons |= ranges_find(l->ranges, &hit->address) << INVALID_DATACENTRE;
	if (invalid_is_ahead(hit->purpose))
		reasons |= 1U << INVALID_PREFETCH;
	if (hit->has_size && hit->width <= 1 && hit->height <= 1)
		reasons |= 1U << INVALID_PLACEMENT;
	return reasons;
}
