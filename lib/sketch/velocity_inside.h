/* SPDX-License-Identifier: MIT
 *
 * The inside of velocity: its block, and the sketch that counts keys without a cell.
 */
#ifndef BANNERPIPE_SKETCH_VELOCITY_INSIDE_H
#define BANNERPIPE_SKETCH_VELOCITY_INSIDE_H

#include "lib/sketch/places.h"
#include "lib/sketch/rings.h"
#include "lib/sketch/velocity.h"

enum { RULES = VELOCITY_RULES_MAX, DEPTH = VELOCITY_DEPTH };

#define VELOCITY_FOREVER UINT64_MAX

/* What must be equal for a block to be loaded or merged. */
struct velocity_fixed {
	uint64_t layout, seed, sums, rules, sets, width;
	int64_t length[RULES];
	uint64_t slices[RULES];
};

/* The start of the block; then come the directory of the places, the cells, and the rows
 * of the sketch. Instants are moved by 2^63. */
struct velocity_head {
	struct velocity_fixed fixed;
	uint64_t newest; /* of all that came; 0: nothing did */
	uint64_t poured; /* the newest in the sketch; 0: it never held anything */
	uint64_t cells, evictions;
	struct random lots;
	struct velocity_mass added;
	/* What came into cells = what they hold + what was overwritten there + what left
	 * them at an eviction; what was put into each row of the sketch = what it holds +
	 * what was overwritten there. */
	struct velocity_mass entered[RULES], expired[RULES], left[RULES];
	struct velocity_mass put[RULES], row_expired[DEPTH][RULES];
	struct velocity_mass late[RULES], refused[RULES], evicted[RULES];
	/* What the sketch holds of each slice, and in the windows as of `newest`. */
	struct velocity_mass slice[VELOCITY_SLICES_MAX], live[RULES];
};

/* What a key has; its rings follow. */
struct velocity_cell {
	uint64_t key;
	uint64_t
	    behind; /* the sketch may have more of it, up to this instant; 0: none */
};

struct velocity {
	struct rings rings;
	void *memory; /* owned; what the block lies in */
	struct velocity_head *head;
	struct places places;
	uint8_t *rows;
	size_t size; /* of the block */
	struct velocity_fixed fixed;
	double excess; /* e / width */
	struct dirty dirty;
	struct moment last; /* of the last call: most are of the same slices */
};

/* A key's rings in the sketch, one a row. */
struct velocity_rows {
	struct ring_cell *at[DEPTH];
};

static inline struct ring_cell *
velocity_ring(const struct velocity_cell *c)
{
	return (struct ring_cell *)(uintptr_t)(c + 1);
}

static inline struct ring_cell *
velocity_row(const struct velocity *v, unsigned row, uint64_t column)
{
	return (void *)(v->rows +
	    ((size_t)row * (size_t)v->fixed.width + (size_t)column) * v->rings.size);
}

static inline void
velocity_mark(struct velocity *v, const void *at, size_t size)
{
	dirty_mark(&v->dirty, (size_t)((const uint8_t *)at - (uint8_t *)v->head), size);
}

/* The newest instant becomes that of m, if it is later. */
void velocity_advance(struct velocity *v, const struct moment *m);

struct velocity_rows velocity_rows(const struct velocity *v, uint64_t hash);
/* Make the slices of a moment ready in all rows of a key. */
void velocity_rows_advance(
    struct velocity *v, const struct velocity_rows *rows, const struct moment *m);
/* Add to one slice of one rule in all rows, which are ready for it; false when it does
 * not fit. */
bool velocity_rows_put(struct velocity *v, const struct velocity_rows *rows,
    unsigned rule, unsigned at, struct velocity_mass amount);
/* What the sketch says of a key in one window, of what came up to `limit`. */
struct velocity_mass velocity_rows_read(const struct velocity *v,
    const struct velocity_rows *rows, unsigned rule, const struct moment *m,
    uint64_t limit);
/* Whether the sketch can hold anything of a key in any window. */
bool velocity_rows_hold(const struct velocity *v, uint64_t hash);
/* Move what a ring of the key holds there: held becomes evicted, expired or refused. */
void velocity_pour(struct velocity *v, uint64_t hash, const struct ring_cell *ring);

#endif
