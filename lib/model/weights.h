/* SPDX-License-Identifier: MIT
 *
 * weights: a bounded map from 64-bit feature keys to weights, without collisions: two
 * features never share a weight.
 *
 * Open addressing: a key lives in one of the WEIGHTS_WINDOW cells that begin at the cache
 * line its hash names, in the first that was empty when it came. The map starts small and
 * grows by 4 when it is half full or a window is; when it can grow no more and a window is
 * full, a newcomer replaces the cell that was touched longest ago; among those about
 * equally stale (ages of the same power of two) the one with the smallest |weight|. A cell,
 * once taken, is not empty again while the map does not grow, so a search stops at an empty
 * one.
 */
#ifndef BANNERPIPE_MODEL_WEIGHTS_H
#define BANNERPIPE_MODEL_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/hash.h"
#include "lib/model/optimiser.h"
#include "lib/state.h"

enum {
	WEIGHTS_CELL = 32,         /* bytes of a cell: two in a cache line */
	WEIGHTS_WINDOW = 16,       /* cells, eight lines */
	WEIGHTS_BYTES_MIN = 16384, /* the least budget */
	WEIGHTS_SAVED = 40,        /* bytes of a cell in a snapshot */
};

struct weights_cell {
	uint64_t key;
	uint64_t touched; /* by the example of this number, from 1; 0: empty */
	struct weight weight;
};

_Static_assert(sizeof(struct weights_cell) == WEIGHTS_CELL, "two cells fill a line");

struct weights {
	struct weights_cell *cells; /* borrowed from memory, aligned to a cache line */
	uint64_t lines;             /* that a hash can name */
	uint64_t lines_max;         /* that the budget allows */
	uint64_t cell_count;        /* 2 lines + WEIGHTS_WINDOW */
	uint64_t used;
	uint64_t evicted;
	uint64_t budget;
	bool cramped;       /* a key found its window full, and there is room to grow */
	void *memory;       /* owned */
	struct dirty dirty; /* of the cells */
};

/* A map within `bytes` of memory (at least WEIGHTS_BYTES_MIN), also while it grows. 0, or
 * -1 when there is no memory. */
int weights_init(struct weights *w, uint64_t bytes);
void weights_fini(struct weights *w);

/* Before n keys may come: grow if need be. All cells move then. Without memory to grow the
 * map stays as it is. Cost: a comparison, seldom a walk through all. */
void weights_reserve(struct weights *w, uint64_t n, uint64_t now);

/* Where the key's window begins, and a hint to the processor to fetch it. */
static inline struct weights_cell *
weights_home(const struct weights *w, uint64_t key)
{
	struct weights_cell *home = w->cells + 2 * hash_bucket(hash_mix(key), w->lines);

	__builtin_prefetch(home, 1);
	return home;
}

/* The key's cell in the window that begins at its home; NULL when it is not known.
 * Cost: one cache miss, seldom more. */
static inline struct weights_cell *
weights_find(struct weights_cell *home, uint64_t key)
{
	for (unsigned i = 0; i < WEIGHTS_WINDOW; i++) {
		if (home[i].touched == 0)
			return NULL;
		if (home[i].key == key)
			return &home[i];
	}
	return NULL;
}

/* The example of this number uses the cell: it may be changed until the next snapshot. */
static inline void
weights_touch(struct weights *w, struct weights_cell *cell, uint64_t now)
{
	cell->touched = now;
	dirty_mark_grain(
	    &w->dirty, (size_t)(cell - w->cells) * WEIGHTS_CELL / DIRTY_GRAIN);
}

/* The same, where an unknown key gets a cell of zeros, if need be that of another key.
 * NULL when there is none: the map is about to grow (the key will find its cell then), or
 * all others were touched at `now`. The caller calls weights_touch for what it is given. */
struct weights_cell *weights_take(
    struct weights *w, struct weights_cell *home, uint64_t key, uint64_t now);

/* One weight and all of them, into a snapshot and back. Every key gets its old place, where
 * the budget allows as many cells as were saved; otherwise the keys are taken in again, and
 * evict each other when the map is full. A saver's snapshot has the cells as they lie, and
 * goes back into as many only. `last` is the number of the last example. -1 when the body
 * is damaged. */
void weight_save(const struct weight *w, struct state_writer *to);
int weight_load(struct weight *w, struct state_reader *from);
void weights_save(struct weights *w, struct state_writer *to);
int weights_load(
    struct weights *w, struct state_reader *from, uint64_t last, struct error *error);

#endif
