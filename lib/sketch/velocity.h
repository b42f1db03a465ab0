/* SPDX-License-Identifier: MIT
 *
 * velocity: how much came of each key within several sliding windows at once, in fixed
 * memory, whatever the number of keys.
 *
 * Keys that matter have a cell, in which they are counted exactly: a ring of slices of
 * event time for each window. All other keys are counted together, in a Count-Min sketch
 * (Cormode and Muthukrishnan, "An improved data stream summary", J. Algorithms 55, 2005;
 * plain update) whose counters are such rings too. A key gets a cell while there is room.
 * When there is none, it takes that of the stalest cell of its set, if the sketch says that
 * it came more often, beyond doubt of the sketch's error, or by lot, once in 16 (n + 1)
 * where the other came n times (after Ben Basat, Einziger, Friedman and Kassner,
 * "Randomized admission policy", INFOCOM 2017). That cell is poured into the sketch, so
 * that nothing is lost. A cell that came later than its key says what it saw plus what the
 * sketch has of before, until that has left the windows.
 *
 *	read >= true value                        always
 *	read <= true value                        for a key that was never without cell
 *	read <= true value + (e / width) * mass   otherwise, with probability 1 - e^-depth;
 *	                                          mass: what the sketch holds in the window
 *
 * This needs that no key's value is negative (the strict turnstile model): amounts may
 * be, if they take back what came before. An amount of the opposite sign at the same
 * instant undoes one exactly, in cells and in the sketch: both are linear.
 *
 * A window of n slices at t is the slice of t and the n - 1 before it: nothing older than
 * the length counts, and at most part of one slice is missing, as in lib/window. What is
 * older than the windows of the newest instant seen is late, counts for the windows that
 * still reach it, and is reported.
 *
 * Everything is determined by the order of the calls and the seed.
 */
#ifndef BANNERPIPE_SKETCH_VELOCITY_H
#define BANNERPIPE_SKETCH_VELOCITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/when.h"

enum {
	VELOCITY_RULES_MAX = 4,
	VELOCITY_SLICES_MAX = 64, /* of all rules together */
	VELOCITY_DEPTH = 4,       /* rows of the sketch */
};

struct velocity_rule {
	struct span
	    length; /* positive, at most 70 years; rounded up to whole us a slice */
	unsigned slices;
};

/* A key takes 8 (cell table) + 24 + 4 bytes a slice, 12 with sums, rounded up to whole
 * cache lines: 10 slices of counts are one line, 26 two. */
struct velocity_shape {
	struct velocity_rule rule[VELOCITY_RULES_MAX];
	unsigned rules; /* 1..VELOCITY_RULES_MAX */
	bool sums;      /* amounts have a sum beside the count */
	uint64_t
	    seed; /* places keys; whoever does not know it cannot choose collisions */
};

struct velocity;

/* In at most memory_bytes: three quarters for cells, one for the sketch. NULL when the
 * memory is not there, or less than velocity_memory_min. Owned by the caller. Memory that
 * is not yet touched is not resident. */
struct velocity *velocity_new(
    const struct velocity_shape *shape, uint64_t memory_bytes);
void velocity_free(struct velocity *v);
uint64_t velocity_memory_min(const struct velocity_shape *shape);

/* What is added: +1 of an event, -1 of one that is taken back, and with it a sum in any
 * unit (0 without sums). */
struct velocity_amount {
	int32_t count;
	int64_t sum;
};

/* What the windows of a key hold, by rule. `exact` says that no sketch was asked. */
struct velocity_answer {
	int64_t count[VELOCITY_RULES_MAX];
	int64_t sum[VELOCITY_RULES_MAX];
	bool exact;
};

/* Add at an instant (within +-WHEN_MAX), and answer as of that instant, this amount
 * included; `to` may be NULL. A slice of a cell holds counts below 2^31 and sums below
 * 2^63: what would exceed that is refused and reported. Cost: 200 ns with three windows, 90 ns a
 * key of velocity_add_all (make bench); a key with a cell touches two or three lines, one
 * without nine about. */
void velocity_add(struct velocity *v, uint64_t key, instant when,
    struct velocity_amount amount, struct velocity_answer *to);
/* The same for n keys of one event; their misses overlap. `to` holds n or is NULL. */
void velocity_add_all(struct velocity *v, const uint64_t *keys, size_t n, instant when,
    struct velocity_amount amount, struct velocity_answer *to);
/* What the windows that end at `when` hold, of what came up to then. Of windows that end
 * before the newest instant seen, only what later ones still reach is held. */
void velocity_read(
    const struct velocity *v, uint64_t key, instant when, struct velocity_answer *to);
/* Bring what a key needs into the cache, ahead of use: first where its cell is told, and,
 * when that had time to come, the cell or its places in the sketch. */
void velocity_prefetch(const struct velocity *v, uint64_t key);
void velocity_prefetch_cell(const struct velocity *v, uint64_t key);

/* How far an answer that is not exact may lie above the truth, with probability 1 -
 * delta: (e / width) * mass. */
struct velocity_bound {
	double count, sum;
	double delta; /* e^-VELOCITY_DEPTH = 0.018 */
};

struct velocity_bound velocity_bound(
    const struct velocity *v, unsigned rule, instant when);

struct velocity_mass {
	int64_t count, sum;
};

/* Where all that was added is, for one rule, always:
 *
 *	added = cells + sketch + expired + late + refused
 */
struct velocity_ledger {
	struct velocity_mass added;
	struct velocity_mass cells, sketch; /* held, until overwritten */
	struct velocity_mass expired; /* overwritten, after its window had passed */
	struct velocity_mass late, refused; /* never held */
	struct velocity_mass evicted;       /* moved from cells into the sketch */
};

struct velocity_ledger velocity_ledger(const struct velocity *v, unsigned rule);

struct velocity_counts {
	uint64_t cells;   /* keys that have a cell now */
	uint64_t places;  /* for cells */
	uint64_t evicted; /* cells that had to make room, after something had come */
	uint64_t width;   /* of the sketch */
};

struct velocity_counts velocity_counts(const struct velocity *v);

void velocity_clear(struct velocity *v);

/* All of it as one block for a snapshot, borrowed until the next change, and what of it
 * was changed. */
struct slice velocity_bytes(const struct velocity *v);
struct dirty *velocity_dirty(struct velocity *v);
/* Back into one made with the same arguments: empties it and lends its block, all zero,
 * to be filled with what velocity_bytes gave; load_end checks that it is of this shape and
 * that the ledger is that of what is held. On -1 it is empty. No other call between. */
void *velocity_load_begin(struct velocity *v);
int velocity_load_end(struct velocity *v, struct error *error);

#endif
