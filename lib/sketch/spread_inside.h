/* SPDX-License-Identifier: MIT
 *
 * The inside of spread: its block, and the cell of a key.
 */
#ifndef BANNERPIPE_SKETCH_SPREAD_INSIDE_H
#define BANNERPIPE_SKETCH_SPREAD_INSIDE_H

#include "lib/sketch/distinct.h"
#include "lib/sketch/places.h"
#include "lib/sketch/spread.h"

enum {
	SPREAD_SMALL = 6, /* precision of the HyperLogLogs in cells and in the sketch */
	SPREAD_LARGE = 12, /* and of those in the pool */
};

#define SPREAD_UNKNOWN (-1.0)
#define SPREAD_REGISTERS UINT32_MAX /* of `used` */

struct spread_fixed {
	uint64_t layout, seed;
	int64_t length;
	uint64_t slices, sets, width, pool;
};

/* The start of the block; then come the directory of the places, the cells, the rows of
 * the sketch and the pool. Slices are numbered as in lib/window/ring.h. */
struct spread_head {
	struct spread_fixed fixed;
	uint64_t slice;  /* the newest; 0: nothing came */
	uint64_t poured; /* the newest in the sketch; 0: nothing */
	struct spread_counts counts;
	uint64_t pool_used, pool_free, pool_hand; /* fresh from here; 1 + first freed */
	struct random lots;
	uint64_t pairs[SPREAD_SLICES_MAX]; /* that came to the sketch, by slice */
};

/* What a key has. From `newest` on it is a cell of distinct.h, or, in the same place, the
 * elements one by one: their 32-bit tags, then for each its count in each slice. */
struct spread_cell {
	uint64_t key;
	uint64_t behind; /* the sketch may have more of it, up to this slice; 0: none */
	uint32_t used;   /* elements, or SPREAD_REGISTERS */
	uint32_t large;  /* 1 + its number in the pool; 0: none */
	double estimate; /* of the registers as of `newest`, or SPREAD_UNKNOWN */
	uint64_t newest; /* slice; 0: nothing came */
	uint8_t bytes[];
};

/* One of the pool. From `newest` on it is a cell of distinct.h. */
struct spread_large {
	uint64_t owner; /* 1 + the slot of its cell; 0: free */
	uint64_t
	    since; /* it lacks what came before the end of this slice; 0: nothing */
	uint64_t
	    changed; /* registers since the estimate; of a free one: 1 + the next */
	double estimate;
	uint32_t ranks[DISTINCT_RANKS_MAX]; /* of all slices together */
	uint64_t newest;
	uint8_t bytes[];
};

struct spread {
	struct distinct_rule small, large;
	void *memory; /* owned; what the block lies in */
	struct spread_head *head;
	struct places places;
	uint8_t *rows, *pool;
	size_t row_size, large_size;
	size_t size; /* of the block */
	struct spread_fixed fixed;
	struct dirty dirty;
};

static inline void
spread_mark(struct spread *s, const void *at, size_t size)
{
	dirty_mark(&s->dirty, (size_t)((const uint8_t *)at - (uint8_t *)s->head), size);
}

static inline uint8_t *
spread_row(const struct spread *s, unsigned row, uint64_t column)
{
	return s->rows +
	    ((size_t)row * (size_t)s->fixed.width + (size_t)column) * s->row_size;
}

static inline struct spread_large *
spread_large(const struct spread *s, uint64_t number)
{
	return (void *)(s->pool + (size_t)number * s->large_size);
}

/* What is kept of an element: 32 bits of its hash, as a hash that distinct.h takes. */
static inline uint32_t
spread_tag(uint64_t element)
{
	return (uint32_t)(element >> 32);
}

static inline uint64_t
spread_hash(uint32_t tag)
{
	return (uint64_t)tag << 32 | UINT64_C(1) << 31;
}

/* Whether slice b lies in the window that ends with slice a, or after it. */
static inline bool
spread_reaches(const struct spread *s, uint64_t a, uint64_t b)
{
	return b + s->small.slices > a;
}

/* Add an element to a cell of distinct.h; whether a register or the newest slice changed.
 */
bool spread_registers_add(struct distinct_rule rule, uint64_t *cell, instant when,
    uint64_t slice, uint32_t tag);

/* Make one of the pool free, if none is and the next by turns is that of a key with less
 * than half the elements. */
void spread_large_find(struct spread *s, double elements);
/* Give a cell one that lacks what came up to slice `since`; NULL when none is free. */
struct spread_large *spread_large_take(
    struct spread *s, struct spread_cell *c, size_t slot, uint64_t since);
void spread_large_free(struct spread *s, struct spread_cell *c);
void spread_large_add(struct spread *s, struct spread_large *l, instant when,
    uint64_t slice, uint32_t tag);

/* Elements one by one, in a cell of n slices. */
unsigned spread_set_capacity(unsigned n);
/* Make a slice that is held the newest, if it is later: forget what leaves the window. */
void spread_set_advance(struct spread_cell *c, unsigned n, uint64_t slice);
/* Count an element in a slice; false when there is no room for it. */
bool spread_set_add(struct spread_cell *c, unsigned n, uint64_t slice, uint32_t tag);
/* Take it back; false when it is not there, or came too often to be counted. */
bool spread_set_remove(struct spread_cell *c, unsigned n, uint64_t slice, uint32_t tag);
/* Elements in slices first..last. */
unsigned spread_set_count(
    const struct spread_cell *c, unsigned n, uint64_t first, uint64_t last);
/* Add them to the registers of a cell of distinct.h. */
void spread_set_pour(const struct spread_cell *c, struct distinct_rule rule, void *to);
/* Whether it can have come about by the calls above. */
bool spread_set_holds(const struct spread_cell *c, unsigned n);

#endif
