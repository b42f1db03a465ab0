/* SPDX-License-Identifier: MIT
 *
 * rings: the counters of velocity: a ring of slices for each window, with one newest
 * instant for all of them. Plain bytes, zero is an empty one.
 */
#ifndef BANNERPIPE_SKETCH_RINGS_H
#define BANNERPIPE_SKETCH_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/sketch/velocity.h"

struct rings {
	unsigned rules, total; /* slices of all rules */
	bool sums;
	unsigned slices[VELOCITY_RULES_MAX];
	unsigned first[VELOCITY_RULES_MAX]; /* of the rule's slices among all */
	int64_t width[VELOCITY_RULES_MAX];  /* of a slice, us */
	int64_t longest;       /* how far the longest window reaches back */
	unsigned longest_rule; /* whose it is */
	size_t size;           /* of the counters, a multiple of 8 */
};

struct ring_cell {
	uint64_t newest; /* instant moved by 2^63; 0: empty */
	int32_t count[]; /* total; then, aligned to 8, as many int64_t sums */
};

/* An instant as the rings see it. */
struct moment {
	uint64_t at;                        /* moved by 2^63; 0: none */
	uint64_t latest;                    /* of the starts */
	uint64_t start[VELOCITY_RULES_MAX]; /* of its slice, moved likewise */
	unsigned slot[VELOCITY_RULES_MAX];  /* of its slice */
	/* How many slices the newest of all is ahead; `slices` when it has left the window.
	 */
	unsigned ahead[VELOCITY_RULES_MAX];
};

/* Modulo 2^64: sums can be of any size. */
static inline void
mass_add(struct velocity_mass *to, struct velocity_mass a)
{
	to->count = (int64_t)((uint64_t)to->count + (uint64_t)a.count);
	to->sum = (int64_t)((uint64_t)to->sum + (uint64_t)a.sum);
}

static inline void
mass_take(struct velocity_mass *from, struct velocity_mass a)
{
	from->count = (int64_t)((uint64_t)from->count - (uint64_t)a.count);
	from->sum = (int64_t)((uint64_t)from->sum - (uint64_t)a.sum);
}

void rings_init(struct rings *r, const struct velocity_shape *shape);

static inline int64_t *
rings_sums(const struct rings *r, const struct ring_cell *c)
{
	return (int64_t *)(uintptr_t)(c->count + ((r->total + 1) & ~1u));
}

/* What m becomes for an instant, when `newest` is that of all; m may be that of another
 * instant, which makes it faster, or zero. */
void rings_moment(
    const struct rings *r, uint64_t newest, uint64_t at, struct moment *m);

/* Make the slices of a moment ready to be added to, where some are not; adds what is
 * overwritten to overwritten[rule]. */
void rings_overwrite(const struct rings *r, struct ring_cell *c, const struct moment *m,
    struct velocity_mass *overwritten);

static inline void
rings_advance(const struct rings *r, struct ring_cell *c, const struct moment *m,
    struct velocity_mass *overwritten)
{
	if (c->newest < m->latest)
		rings_overwrite(r, c, m, overwritten);
	if (c->newest < m->at)
		c->newest = m->at;
}

static inline struct velocity_mass
rings_slot(const struct rings *r, const struct ring_cell *c, unsigned at)
{
	return (
	    struct velocity_mass){ c->count[at], r->sums ? rings_sums(r, c)[at] : 0 };
}

/* Whether an amount fits into a slice of a cell; and add it, when it does. */
static inline bool
rings_fits(const struct rings *r, const struct ring_cell *c, unsigned at,
    struct velocity_mass a)
{
	int32_t count;
	int64_t sum;

	return !__builtin_add_overflow(c->count[at], a.count, &count) &&
	    (!r->sums || !__builtin_add_overflow(rings_sums(r, c)[at], a.sum, &sum));
}

static inline void
rings_put(
    const struct rings *r, struct ring_cell *c, unsigned at, struct velocity_mass a)
{
	c->count[at] += (int32_t)a.count;
	if (r->sums)
		rings_sums(r, c)[at] += a.sum;
}

/* All that the slices of a rule hold. */
static inline struct velocity_mass
rings_held(const struct rings *r, const struct ring_cell *c, unsigned rule)
{
	struct velocity_mass held = { 0 };
	unsigned first = r->first[rule], end = first + r->slices[rule];

	for (unsigned i = first; i < end; i++)
		held.count += c->count[i];
	for (unsigned i = first; r->sums && i < end; i++)
		mass_add(&held, (struct velocity_mass){ 0, rings_sums(r, c)[i] });
	return held;
}

/* What a window that ends at m holds of what came up to `last`, which is at most the
 * ring's newest. */
struct velocity_mass rings_read_part(const struct rings *r, const struct ring_cell *c,
    unsigned rule, const struct moment *m, uint64_t last);

/* The same up to any `limit`: mostly it is all. */
static inline struct velocity_mass
rings_read(const struct rings *r, const struct ring_cell *c, unsigned rule,
    const struct moment *m, uint64_t limit)
{
	uint64_t last = c->newest < limit ? c->newest : limit;

	if (last >= m->start[rule] && m->ahead[rule] == 0)
		return rings_held(r, c, rule);
	return rings_read_part(r, c, rule, m, last);
}

#endif
