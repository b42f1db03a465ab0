/* SPDX-License-Identifier: MIT
 *
 * distinct: how many different things there were, by HyperLogLog (Flajolet, Fusy,
 * Gandouet and Meunier, AofA 2007) with the estimator of Ertl, "New cardinality
 * estimation algorithms for HyperLogLog sketches" (arXiv 1702.01284, Algorithm 6),
 * which needs no tables and is unbiased from 0 to 2^60.
 *
 * With 2^p registers of a byte the standard error is 1.04 / sqrt(2^p): 3.3 % for p =
 * 10, 1.6 % for p = 12, 0.8 % for p = 14. Sketches of the same p merge without loss. An
 * element cannot be taken out; a sliding count forgets by whole slices.
 *
 * Sketches are plain bytes, zeroed at first, so that they can lie in the cell of a
 * table.
 */
#ifndef BANNERPIPE_SKETCH_DISTINCT_H
#define BANNERPIPE_SKETCH_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/when.h"

enum { DISTINCT_PRECISION_MIN = 4, DISTINCT_PRECISION_MAX = 16 };

/* Registers are 2^precision bytes. Hashes must be uniform over 64 bits (hash_keyed).
 * Cost: 2 ns to add, 0.5 ns a register to merge or count. */
void distinct_add(uint8_t *registers, unsigned precision, uint64_t hash);
void distinct_merge(uint8_t *into, const uint8_t *from, unsigned precision);
double distinct_count(const uint8_t *registers, unsigned precision);

/* Distinct within a sliding window: one sketch for each of `slices` parts of it. The
 * count at t is over (t - length, t], less the oldest slice's part of it: nothing older
 * than the window counts, and at most the events of one slice are missing. */
struct distinct_rule {
	struct span length; /* positive; rounded up to a multiple of `slices` us */
	unsigned slices;    /* 1..256 */
	unsigned precision;
};

size_t distinct_cell_size(struct distinct_rule rule);
/* False, and nothing changed, when the instant lies before the window. */
bool distinct_cell_add(
    struct distinct_rule rule, void *cell, instant when, uint64_t hash);
double distinct_cell_count(struct distinct_rule rule, const void *cell, instant when);
/* The same in two steps: how many registers hold each rank, 0..64 - precision + 1, which
 * one who follows single registers can keep up to date; and the count. */
enum { DISTINCT_RANKS_MAX = 64 - DISTINCT_PRECISION_MIN + 2 };
void distinct_cell_ranks(struct distinct_rule rule, const void *cell, instant when,
    uint32_t ranks[DISTINCT_RANKS_MAX]);
double distinct_estimate(const uint32_t ranks[DISTINCT_RANKS_MAX], unsigned precision);
/* Add what another cell of the same rule holds, as far as its slices are not too old. */
void distinct_cell_merge(struct distinct_rule rule, void *into, const void *from);

#endif
