/* SPDX-License-Identifier: MIT
 *
 * spread: how many different things came with each key within a sliding window (users of
 * an address, addresses of a user), in fixed memory, whatever the number of keys.
 *
 * A key with few elements has them one by one in its cell, counted by slice of event
 * time: exact, and each can be taken back. When they no longer fit, the cell becomes a
 * HyperLogLog of 64 registers for each slice (lib/sketch/distinct.h; standard error 13 %),
 * and beyond some hundred elements the key gets one of 4096 (1.6 %) out of a pool, as long
 * as that has one, or one that is used less; it counts alone when a window has passed
 * since. A key without cell is counted in a sketch shared by all: rows of HyperLogLogs,
 * each key in one of each row, of which the least speaks (Count-Min with sets for
 * counters). As in velocity.h, a key gets a cell while there is room, or when the sketch
 * says beyond doubt that it has more elements than the stalest cell of its set, which is
 * then poured into the sketch.
 *
 *	exact   the truth (to a collision of 32-bit hashes, 1 in 10^7)
 *	alone   the truth, with a relative standard error of 13 % or 1.6 %
 *	shared  at most truth + (e / width) * pairs, with probability 1 - e^-depth, and at
 *	        least the truth, both but for 13 %; pairs: (key, element) held by the sketch
 *
 * HyperLogLogs forget by whole slices and give nothing back: spread_remove says whether it
 * could. Two exact answers are equal whatever the order of the calls.
 */
#ifndef BANNERPIPE_SKETCH_SPREAD_H
#define BANNERPIPE_SKETCH_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/when.h"

enum { SPREAD_SLICES_MAX = 16, SPREAD_DEPTH = 3 /* rows of the sketch */ };

/* A cell takes 8 (cell table) + 40 + 64 * slices bytes, and holds 64 * slices / (4 + 2 *
 * slices) elements exactly: 21 for 4 slices, 25 for 8. */
struct spread_shape {
	struct span
	    length; /* positive, at most 70 years; rounded up to whole us a slice */
	unsigned slices; /* 1..SPREAD_SLICES_MAX */
	uint64_t seed;   /* places keys */
};

struct spread;

/* In at most memory_bytes: five eighths for cells, two for the sketch, one for the pool.
 * NULL when the memory is not there, or less than spread_memory_min. Owned by the caller.
 * Memory that is not yet touched is not resident. */
struct spread *spread_new(const struct spread_shape *shape, uint64_t memory_bytes);
void spread_free(struct spread *s);
uint64_t spread_memory_min(const struct spread_shape *shape);

enum spread_how { SPREAD_EXACT, SPREAD_ALONE, SPREAD_SHARED };

struct spread_answer {
	double count; /* of different elements */
	double error; /* relative standard error; 0 when exact */
	enum spread_how how;
};

/* An element came with the key at an instant (within +-WHEN_MAX); elements are uniform
 * 64-bit hashes (hash_keyed). Answers as of that instant, this one included; `to` may be
 * NULL. What is older than the window of the newest instant seen is late and counted as
 * that only. Cost: 150 ns, 200 ns for a key of thousands (make bench). */
void spread_add(struct spread *s, uint64_t key, uint64_t element, instant when,
    struct spread_answer *to);
/* Take one such event back. False when it is in a HyperLogLog, or was not there. */
bool spread_remove(struct spread *s, uint64_t key, uint64_t element, instant when);
/* Of what came up to `when`, in the window that ends there. */
void spread_read(
    const struct spread *s, uint64_t key, instant when, struct spread_answer *to);
/* As in velocity.h. */
void spread_prefetch(const struct spread *s, uint64_t key);
void spread_prefetch_cell(const struct spread *s, uint64_t key);

/* (e / width) * pairs: how far shared answers may lie above the truth. */
double spread_bound(const struct spread *s);

struct spread_counts {
	uint64_t cells, places; /* keys that have a cell; places for them */
	uint64_t large, pool;   /* HyperLogLogs of 4096 in use, and in all */
	uint64_t evicted; /* cells that had to make room while they held something */
	uint64_t evicted_count; /* elements of them, estimated where not exact */
	uint64_t width;         /* of the sketch */
	/* added = kept + late; kept is what is or was in cells or the sketch. */
	uint64_t added, kept, late;
	uint64_t removed, stuck; /* taken back; not to be taken back */
};

struct spread_counts spread_counts(const struct spread *s);

void spread_clear(struct spread *s);

/* As in velocity.h. */
struct slice spread_bytes(const struct spread *s);
struct dirty *spread_dirty(struct spread *s);
void *spread_load_begin(struct spread *s);
int spread_load_end(struct spread *s, struct error *error);

#endif
