/* SPDX-License-Identifier: MIT
 *
 * lattice_inside: what a lattice is, for the files of it.
 */
#ifndef BANNERPIPE_FRAUD_LATTICE_INSIDE_H
#define BANNERPIPE_FRAUD_LATTICE_INSIDE_H

#include "lib/fraud/lattice.h"
#include "lib/hash.h"

enum {
	LINE = 64,
	CELLS = 2, /* of a line */
	BLOCK = 4, /* lines of what goes together */
	REFUGES = 2,
	ROWS = 4, /* of the sketch; a key has one counter of each, all in one line */
	COLUMNS = LINE / ROWS / sizeof(uint16_t),
	COUNT_MAX = UINT16_MAX,
};

_Static_assert(sizeof(struct lattice_cell) * CELLS == LINE, "a line holds two cells");

struct block {
	struct lattice_cell cell[BLOCK * CELLS];
};

struct counters {
	uint16_t row[ROWS][COLUMNS];
};

struct lattice {
	struct lattice_rule rule;
	void *memory;         /* owned */
	struct block *blocks; /* in it, aligned */
	uint64_t count;
	struct dirty dirty;
	struct counters *sketch; /* owned: `width` for each of two long slices */
	uint64_t width;
	uint32_t sketch_slice; /* the newer of these */
	bool sketched[2];      /* which are not all zero */
	struct dirty sketch_dirty;
	struct lattice_totals totals;
	uint64_t replaced;              /* cells that became those of another set */
	uint32_t leaders;               /* sets, as bits */
	uint32_t sets_of[LATTICE_SETS]; /* those of some fields, as bits */
	struct lattice_cell none;       /* what a set has that has no cell: nothing */
};

/* As far as it goes. */
static inline uint16_t
more(uint16_t count, uint32_t by)
{
	return by > COUNT_MAX - (uint32_t)count ? COUNT_MAX : (uint16_t)(count + by);
}

/* --- Places ------------------------------------------------------------------------ */

static inline uint32_t
tag_of(uint64_t hash)
{
	return (uint32_t)hash == 0 ? 1 : (uint32_t)hash;
}

/* The i-th line of its own that a set has, where its home is full. */
static inline struct lattice_cell *
refuge_of(const struct lattice *l, uint64_t hash, unsigned i)
{
	uint64_t at = hash_mix(hash + i);

	return &l->blocks[hash_bucket(at, l->count)].cell[(unsigned)at % BLOCK * CELLS];
}

static inline void
lattice_mark(struct lattice *l, const struct lattice_cell *c)
{
	dirty_mark_grain(&l->dirty,
	    (size_t)((const uint8_t *)c - (const uint8_t *)l->blocks) >>
		DIRTY_GRAIN_BITS);
}

/* --- What is not at home (lattice_evict.c) ----------------------------------------- */

/* What is older than the slice before is forgotten. */
void lattice_turn_sketch(struct lattice *l, uint32_t slice);
/* The cell of a set whose home is full; NULL: there is none. */
struct lattice_cell *lattice_find_away(
    const struct lattice *l, uint64_t hash, uint32_t tag);
/* A cell for a set that has none. */
struct lattice_cell *lattice_take(
    struct lattice *l, const struct lattice_view *v, unsigned set);
/* Of sets whose home is full of others: bring in what a search, and then a take, needs, so
 * that misses of several overlap. */
void lattice_prefetch_refuges(
    const struct lattice *l, const struct lattice_view *v, uint32_t full);
void lattice_prefetch_counters(
    const struct lattice *l, const struct lattice_view *v, uint32_t full);

#endif
