/* SPDX-License-Identifier: MIT
 *
 * countmin: how much came of each key of a stream, in a table that does not grow (Cormode
 * and Muthukrishnan, "An improved data stream summary: the count-min sketch and its
 * applications", J. Algorithms 55, 2005; plain update).
 *
 * With rows of width w = ceil(e / epsilon) and depth d = ceil(ln(1 / delta)), the answer
 * for a key of value a, where N is the sum of all values:
 *
 *	a <= answer                     always, when no key's value is negative
 *	answer <= a + epsilon * N       with probability 1 - delta
 *
 * It is linear: an amount of the opposite sign takes one back exactly, and sketches of the
 * same shape add up to that of both streams.
 */
#ifndef BANNERPIPE_SKETCH_COUNTMIN_H
#define BANNERPIPE_SKETCH_COUNTMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/base/error.h"
#include "lib/base/slice.h"

struct countmin_shape {
	double epsilon; /* of all that came, in (0, 1) */
	double delta;   /* in (0, 1) */
	uint64_t seed;  /* places keys */
};

struct countmin;

/* 8 * w * d bytes about. NULL when the memory is not there. Owned by the caller. */
struct countmin *countmin_new(struct countmin_shape shape);
void countmin_free(struct countmin *c);
/* What it takes, in bytes. */
uint64_t countmin_memory(struct countmin_shape shape);

/* Add, and answer with this amount; amounts and their sums stay below 2^62 in size. Cost:
 * d cache misses. */
int64_t countmin_add(struct countmin *c, uint64_t key, int64_t amount);
int64_t countmin_read(const struct countmin *c, uint64_t key);
/* The sum of all amounts, and epsilon times that. */
int64_t countmin_total(const struct countmin *c);
double countmin_bound(const struct countmin *c);

/* Both must be of the same shape. */
void countmin_merge(struct countmin *into, const struct countmin *from);
void countmin_clear(struct countmin *c);

/* All of it as one block for a snapshot, borrowed until the next change, and what of it
 * was changed; back into one of the same shape. A block of another shape, or whose rows do
 * not add up to the total, is an error and empties it. */
struct slice countmin_bytes(const struct countmin *c);
struct dirty *countmin_dirty(struct countmin *c);
int countmin_load(struct countmin *c, struct slice bytes, struct error *error);

#endif
