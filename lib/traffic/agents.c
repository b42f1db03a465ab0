/* SPDX-License-Identifier: MIT */
#include "lib/traffic/agents.h"

#include <hs/hs.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN = 1 << 14, PATTERN_MAX = 4096 };

/* An agent that was looked at: who asks comes again and again. */
struct seen {
	uint64_t hash; /* 0: none */
	uint32_t line;
};

struct agents {
	hs_database_t *database;
	hs_scratch_t *scratch;
	struct hash_key key;
	struct seen *seen; /* owned, as are those above */
};

/* What is given to the compiler: one text and one number for each pattern. */
struct patterns {
	char *text; /* owned, as are these; the list with a 0 after each pattern */
	const char **at;
	unsigned *flags, *lines;
	unsigned n;
};

static void
free_patterns(struct patterns *p)
{
	free(p->text);
	free(p->at);
	free(p->flags);
	free(p->lines);
}

static int
read_patterns(struct slice list, struct patterns *p, struct error *error)
{
	size_t start = 0;

	p->text = malloc(list.size + 1);
	p->at = calloc(AGENTS_PATTERNS_MAX, sizeof *p->at);
	p->flags = calloc(AGENTS_PATTERNS_MAX, sizeof *p->flags);
	p->lines = calloc(AGENTS_PATTERNS_MAX, sizeof *p->lines);
	if (p->text == NULL || p->at == NULL || p->flags == NULL || p->lines == NULL)
		return error_set(error, "no memory for patterns");
	if (list.size > 0)
		memcpy(p->text, list.at, list.size);
	p->text[list.size] = '\n';
	for (unsigned line = 1; start < list.size; line++) {
		char *at = p->text + start,
		     *end = memchr(at, '\n', list.size + 1 - start);
		size_t size = (size_t)(end - at);

		start += size + 1;
		if (memchr(at, 0, size) != NULL)
			return error_set(
			    error, "line %u: a byte 0, which is no text", line);
		if (size > 0 && at[size - 1] == '\r')
			size--;
		at[size] = 0;
		if (size == 0 || at[0] == '#')
			continue;
		if (p->n == AGENTS_PATTERNS_MAX || size > PATTERN_MAX)
			return error_set(error, "line %u: %s", line,
			    size > PATTERN_MAX ? "a pattern has at most 4096 bytes"
					       : "a list has at most 10000 patterns");
		p->at[p->n] = at;
		p->flags[p->n] = HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;
		p->lines[p->n++] = line;
	}
	return 0;
}

static int
compile(struct agents *a, const struct patterns *p, struct error *error)
{
	hs_compile_error_t *wrong = NULL;
	hs_error_t status;

	if (p->n == 0)
		return error_set(error, "there is no pattern in it");
	status = hs_compile_multi(
	    p->at, p->flags, p->lines, p->n, HS_MODE_BLOCK, NULL, &a->database, &wrong);
	if (status != HS_SUCCESS) {
		if (wrong != NULL && wrong->expression >= 0)
			(void)error_set(error, "line %u: '%.80s': %s",
			    p->lines[wrong->expression], p->at[wrong->expression],
			    wrong->message);
		else
			(void)error_set(error, "%s",
			    wrong != NULL ? wrong->message : "no memory for patterns");
		(void)hs_free_compile_error(wrong);
		return -1;
	}
	return hs_alloc_scratch(a->database, &a->scratch) == HS_SUCCESS
	    ? 0
	    : error_set(error, "no memory for patterns");
}

struct agents *
agents_new(struct slice list, struct hash_key key, struct error *error)
{
	struct agents *a = calloc(1, sizeof *a);
	struct patterns p = { .n = 0 };
	int status = -1;

	(void)error_set(error, "no memory for patterns");
	if (a != NULL && (a->seen = calloc(SEEN, sizeof *a->seen)) != NULL) {
		a->key = key;
		status = read_patterns(list, &p, error);
		if (status == 0)
			status = compile(a, &p, error);
	}
	free_patterns(&p);
	if (status == 0)
		return a;
	agents_free(a);
	return NULL;
}

void
agents_free(struct agents *a)
{
	if (a == NULL)
		return;
	(void)hs_free_scratch(a->scratch);
	(void)hs_free_database(a->database);
	free(a->seen);
	free(a);
}

/* Whichever comes first in the text, the first of the list counts: so it does not depend
 * on the order in which the library finds them. */
static int
matched(unsigned line, unsigned long long from, unsigned long long to, unsigned flags,
    void *context)
{
	uint32_t *first = context;

	(void)from;
	(void)to;
	(void)flags;
	if (*first == 0 || line < *first)
		*first = line;
	return 0;
}

uint32_t
agents_find(struct agents *a, struct slice agent)
{
	struct seen *seen;
	uint64_t hash;

	if (agent.size > AGENTS_LOOKED_AT)
		agent.size = AGENTS_LOOKED_AT;
	hash = hash_keyed(a->key, agent) | 1;
	seen = &a->seen[hash_bucket(hash, SEEN)];
	if (seen->hash != hash) {
		uint32_t line = 0;

		(void)hs_scan(a->database,
		    agent.size == 0 ? "" : (const char *)agent.at, (unsigned)agent.size,
		    0, a->scratch, matched, &line);
		*seen = (struct seen){ hash, line };
	}
	return seen->line;
}
