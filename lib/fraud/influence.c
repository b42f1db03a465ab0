/* SPDX-License-Identifier: MIT */
#include "lib/fraud/influence.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/hash.h"
#include "lib/option.h"

static const char *const subjects[INFLUENCE_SUBJECTS] = { "user", "ip", "asn" };

struct influence {
	struct influence_rule rule;
	struct table *taken; /* owned */
};

/* The epoch is in the key. */
struct taken {
	uint64_t places;
};

static int
parse_one(struct influence_rule *rule, struct slice part, struct error *error)
{
	size_t equals = slice_find(part, '=');
	struct slice number = slice_from(part, equals < part.size ? equals + 1 : 0);
	bool named = equals < part.size;
	uint64_t places;
	bool known = false;

	if (!number_parse_uint(number, &places) || places == 0)
		return error_set(error, "'%.*s' wants a number from 1 on",
		    (int)(part.size < 80 ? part.size : 80), (const char *)part.at);
	for (unsigned i = 0; i < INFLUENCE_SUBJECTS; i++)
		if (named ? slice_is(slice_of(part.at, equals), subjects[i])
			  : i != INFLUENCE_NETWORK) {
			rule->places[i] = places;
			known = true;
		}
	return known ? 0
		     : error_set(error, "'%.*s' is none of user, ip, asn",
			   (int)(equals < 80 ? equals : 80), (const char *)part.at);
}

int
influence_parse(struct influence_rule *rule, const char *text, struct error *error)
{
	struct slice part;

	memset(rule->places, 0, sizeof rule->places);
	if (!option_next_name(&text, &part))
		return error_set(error, "wants sources and places, as user=20,ip=100");
	do
		if (parse_one(rule, part, error) != 0)
			return -1;
	while (option_next_name(&text, &part));
	return 0;
}

struct influence *
influence_new(struct influence_rule rule, uint64_t memory_bytes)
{
	struct influence *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->rule = rule;
	f->taken = table_new(TABLE_KEY_64, sizeof(struct taken), memory_bytes);
	if (f->taken == NULL) {
		free(f);
		return NULL;
	}
	return f;
}

void
influence_free(struct influence *f)
{
	if (f == NULL)
		return;
	table_free(f->taken);
	free(f);
}

struct influence_places
influence_of(const struct influence *f, const uint64_t subject[INFLUENCE_SUBJECTS],
    uint64_t banner, unsigned kind, instant when)
{
	int64_t length = f->rule.epoch.us;
	struct influence_places p = { .epoch = when / length - (when % length < 0) };

	for (unsigned i = 0; i < INFLUENCE_SUBJECTS; i++)
		if (f->rule.places[i] != 0 && subject[i] != 0)
			p.key[i] = hash_pair(hash_pair(subject[i], banner),
				       hash_pair((uint64_t)p.epoch, kind)) |
			    1;
	return p;
}

void
influence_prefetch(const struct influence *f, const struct influence_places *p)
{
	for (unsigned i = 0; i < INFLUENCE_SUBJECTS; i++)
		if (p->key[i] != 0)
			table_prefetch(f->taken, p->key[i]);
}

bool
influence_take(struct influence *f, const struct influence_places *p, instant when)
{
	bool fresh;

	table_set_horizon(f->taken, p->epoch * f->rule.epoch.us);
	for (unsigned i = 0; i < INFLUENCE_SUBJECTS; i++) {
		const struct taken *so_far =
		    p->key[i] == 0 ? NULL : table_find(f->taken, p->key[i]);

		if (so_far != NULL && so_far->places >= f->rule.places[i])
			return false;
	}
	for (unsigned i = 0; i < INFLUENCE_SUBJECTS; i++)
		if (p->key[i] != 0) {
			struct taken *taken =
			    table_touch(f->taken, p->key[i], when, &fresh);

			taken->places++;
		}
	return true;
}

void
influence_give(struct influence *f, const struct influence_places *p)
{
	for (unsigned i = 0; i < INFLUENCE_SUBJECTS; i++) {
		instant last;
		struct taken *taken;
		bool fresh;

		if (p->key[i] == 0 || !table_touched(f->taken, p->key[i], &last))
			continue;
		taken = table_touch(f->taken, p->key[i], last, &fresh);
		taken->places -= taken->places > 0;
	}
}

uint64_t
influence_evicted(const struct influence *f)
{
	return table_counts(f->taken).evicted;
}

void
influence_save(struct influence *f, struct state_writer *to)
{
	state_put_table(to, f->taken);
}

int
influence_load(struct influence *f, struct state_reader *from, struct error *error)
{
	return state_get_table(from, f->taken, error);
}
