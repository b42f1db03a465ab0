/* SPDX-License-Identifier: MIT */
#include "lib/feature/apart.h"

#include <stdlib.h>

#include "lib/record/feature_key.h"

bool
apart_init(struct apart *c, const struct sides *sides, struct list *now, unsigned keys)
{
	c->sides = sides;
	c->now = now;
	c->begin = malloc((PARTS_MAX + 1) * sizeof *c->begin);
	c->of = malloc(
	    (sides->spec->count + 1) * (size_t)APART_CANDIDATES_MAX * sizeof *c->of);
	return keys_init(&c->shared, FEATURES_MAX) && keys_init(&c->parts, keys) &&
	    c->begin != NULL && c->of != NULL;
}

void
apart_fini(struct apart *c)
{
	keys_fini(&c->shared);
	keys_fini(&c->parts);
	free(c->begin);
	free(c->of);
}

bool
apart_begin(struct apart *c, unsigned n, const struct list *common)
{
	c->n = n;
	c->count = c->columns = c->widest = 0;
	keys_reset(&c->shared);
	keys_reset(&c->parts);
	return keys_append(&c->shared, common);
}

bool
apart_end(struct apart *c, struct model_parts *to)
{
	if (c->widest > FEATURES_MAX - c->shared.n)
		return false;
	c->begin[c->count] = c->parts.n;
	*to = (struct model_parts){ keys_features(&c->shared), keys_features(&c->parts),
		c->begin, c->count, c->of, c->n, c->columns };
	return true;
}

/* --- What is different ------------------------------------------------------------ */

static inline uint64_t
list_hash(const struct list *l)
{
	uint64_t hash = l->n;

	for (unsigned i = 0; i < l->n; i++)
		hash = (hash ^ l->key[i]) * UINT64_C(0x9E3779B97F4A7C15);
	return hash;
}

static inline bool
list_equal(const struct list *a, const struct list *b)
{
	bool equal = a->n == b->n;

	for (unsigned i = 0; i < a->n && equal; i++)
		equal = a->key[i] == b->key[i] &&
		    memcmp(&a->x[i], &b->x[i], sizeof *a->x) == 0;
	return equal;
}

/* Number the different lists of the column: how many, and who has each first. */
static unsigned
tell_apart(struct apart *c)
{
	unsigned bits = 3, different = 0;

	while (1U << bits < 2 * c->n)
		bits++;
	memset(c->slot, 0xff, sizeof *c->slot << bits);
	for (unsigned i = 0; i < c->n; i++) {
		const struct list *l = &c->list[i];
		uint64_t hash = list_hash(l);
		unsigned at = (unsigned)(hash >> (64 - bits)), d;

		while ((d = c->slot[at]) < different &&
		    (c->hash[d] != hash || !list_equal(l, &c->list[c->first[d]])))
			at = (at + 1) & ((1U << bits) - 1);
		if (d >= different) {
			d = c->slot[at] = (uint16_t)different++;
			c->hash[d] = hash;
			c->first[d] = (uint16_t)i;
		}
		c->number[i] = (uint16_t)d;
	}
	return different;
}

/* The cross of a feature's only key with the only one of a common feature, for each part of
 * the column: so far apart that the processor makes several at once. */
static void
cross_column(struct apart *c, const struct spec_feature *f, unsigned feature,
    unsigned different, unsigned width, uint64_t *key, float *x)
{
	bool before = f->parts[0] == feature;
	const struct list *other = &c->now[f->parts[before]];
	uint64_t begun = hash_pair(0, other->key[0]);

	for (unsigned d = 0; d < different; d++) {
		const struct list *l = &c->list[c->first[d]];
		uint64_t hash = before
		    ? hash_pair(hash_pair(0, l->key[0]), other->key[0])
		    : hash_pair(begun, l->key[0]);

		key[(size_t)d * width] = feature_key(f->space, hash);
		x[(size_t)d * width] = (float)((double)l->x[0] * (double)other->x[0]);
		c->parts.weighted |= x[(size_t)d * width] != 1;
	}
}

static bool
is_simple(const struct apart *c, unsigned feature, unsigned cross)
{
	const struct spec_feature *f = &c->sides->spec->features[cross];
	unsigned other = f->parts[f->parts[0] == feature];

	return f->part_count == 2 && c->sides->side[other] == SIDE_COMMON &&
	    c->now[other].n == 1;
}

/* How wide the parts of a column of single keys are, whose crosses are simple; 0: it is none. */
static unsigned
simple_width(const struct apart *c, unsigned feature, unsigned different)
{
	const struct sides *s = c->sides;
	unsigned width = 1;

	for (unsigned d = 0; d < different; d++)
		if (c->list[c->first[d]].n != 1)
			return 0;
	for (unsigned i = s->first[feature]; i != SIDES_NONE; i = s->next[i], width++)
		if (!is_simple(c, feature, i))
			return 0;
	return width;
}

static bool
append_simple(struct apart *c, unsigned feature, unsigned different, unsigned width)
{
	const struct sides *s = c->sides;
	uint64_t *key = c->parts.key + c->parts.n;
	float *x = c->parts.x + c->parts.n;

	if (width * different > c->parts.room - c->parts.n)
		return false;
	for (unsigned d = 0; d < different; d++) {
		const struct list *l = &c->list[c->first[d]];

		c->begin[c->count++] = c->parts.n + width * d;
		key[(size_t)width * d] = l->key[0];
		x[(size_t)width * d] = l->x[0];
		c->parts.weighted |= l->x[0] != 1;
	}
	for (unsigned i = s->first[feature]; i != SIDES_NONE; i = s->next[i])
		cross_column(
		    c, &s->spec->features[i], feature, different, width, ++key, ++x);
	c->parts.n += width * different;
	return true;
}

/* The list, and the crosses over it. */
static bool
append_part(struct apart *c, unsigned feature, const struct list *l, struct keys *to)
{
	const struct sides *s = c->sides;
	bool fits = keys_append(to, l);

	c->now[feature] = *l;
	for (unsigned i = s->first[feature]; i != SIDES_NONE && fits; i = s->next[i])
		fits = keys_cross(to, &s->spec->features[i], c->now, i);
	return fits;
}

bool
apart_add(struct apart *c, unsigned feature)
{
	unsigned different = tell_apart(c), most = 0, width;
	uint16_t *of = c->of + c->columns * (size_t)c->n;

	if (different == 1)
		return append_part(c, feature, &c->list[0], &c->shared);
	if (different > PARTS_MAX - c->count)
		return false;
	for (unsigned i = 0; i < c->n; i++)
		of[i] = (uint16_t)(c->count + c->number[i]);
	c->columns++;
	width = simple_width(c, feature, different);
	c->widest += width;
	if (width > 0)
		return append_simple(c, feature, different, width);
	for (unsigned d = 0; d < different; d++) {
		unsigned begin = c->parts.n;

		c->begin[c->count++] = begin;
		if (!append_part(c, feature, &c->list[c->first[d]], &c->parts))
			return false;
		most = c->parts.n - begin > most ? c->parts.n - begin : most;
	}
	c->widest += most;
	return true;
}
