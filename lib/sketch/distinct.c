/* SPDX-License-Identifier: MIT */
#include "lib/sketch/distinct.h"

#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/window/ring.h"

enum { RANKS_MAX = DISTINCT_RANKS_MAX };

/* Ertl's sigma and tau, by the series of his Algorithm 6. */
static double
sigma(double x)
{
	double y = 1, z = x, before;

	if (x == 1)
		return (double)INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double
tau(double x)
{
	double y = 1, z = 1 - x, before;

	if (x == 0 || x == 1)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

/* From how many registers hold each rank. */
double
distinct_estimate(const uint32_t ranks[RANKS_MAX], unsigned precision)
{
	unsigned q = 64 - precision, k = q;
	double m = (double)(1u << precision);
	double z = m * tau(1 - (double)ranks[q + 1] / m);

	while (z == 0 && k > 0 && ranks[k] == 0)
		k--;
	for (; k > 0; k--)
		z = 0.5 * (z + (double)ranks[k]);
	z += m * sigma((double)ranks[0] / m);
	return m / z * m / (2 * log(2));
}

void
distinct_add(uint8_t *registers, unsigned precision, uint64_t hash)
{
	size_t i = (size_t)(hash >> (64 - precision));
	uint64_t rest = hash << precision;
	unsigned rank =
	    rest == 0 ? 64 - precision + 1 : (unsigned)__builtin_clzll(rest) + 1;

	if (rank > registers[i])
		registers[i] = (uint8_t)rank;
}

/* Registers are looked at in blocks. */
enum { BLOCK = 1 << DISTINCT_PRECISION_MIN };

static void
merge_block(uint8_t into[BLOCK], const uint8_t from[BLOCK])
{
	for (unsigned i = 0; i < BLOCK; i++)
		into[i] = from[i] > into[i] ? from[i] : into[i];
}

void
distinct_merge(uint8_t *into, const uint8_t *from, unsigned precision)
{
	for (size_t i = 0; i < (size_t)1 << precision; i += BLOCK)
		merge_block(into + i, from + i);
}

/* How many registers hold each rank: neighbours are counted apart, so that one count does
 * not wait for the other. */
enum { APART = 4 };

struct tally {
	uint32_t ranks[APART][RANKS_MAX];
};

static void
tally_add(struct tally *t, const uint8_t block[BLOCK], unsigned precision)
{
	for (unsigned i = 0; i < BLOCK; i++) {
		assert(block[i] <= 64 - precision + 1);
		t->ranks[i % APART][block[i]]++;
	}
}

static void
tally_ranks(const struct tally *t, unsigned precision, uint32_t ranks[RANKS_MAX])
{
	memset(ranks, 0, RANKS_MAX * sizeof ranks[0]);
	for (unsigned k = 0; k <= 64 - precision + 1; k++)
		for (unsigned i = 0; i < APART; i++)
			ranks[k] += t->ranks[i][k];
}

double
distinct_count(const uint8_t *registers, unsigned precision)
{
	uint32_t ranks[RANKS_MAX];
	struct tally t = { 0 };

	for (size_t i = 0; i < (size_t)1 << precision; i += BLOCK)
		tally_add(&t, registers + i, precision);
	tally_ranks(&t, precision, ranks);
	return distinct_estimate(ranks, precision);
}

/* A cell: the newest slice's number (0: empty), then the sketch of slice n at n mod
 * slices. */
static uint8_t *
sketch_at(struct distinct_rule rule, const void *cell, uint64_t slice)
{
	return (uint8_t *)(uintptr_t)cell + sizeof(uint64_t) +
	    ((size_t)(slice % rule.slices) << rule.precision);
}

size_t
distinct_cell_size(struct distinct_rule rule)
{
	assert(rule.length.us > 0 && rule.slices > 0 && rule.slices <= 256);
	assert(rule.precision >= DISTINCT_PRECISION_MIN &&
	    rule.precision <= DISTINCT_PRECISION_MAX);
	return sizeof(uint64_t) + ((size_t)rule.slices << rule.precision);
}

/* Make a slice that is held ready to be added to. */
static void
advance(struct distinct_rule rule, void *cell, uint64_t slice)
{
	uint64_t *newest = cell;

	for (uint64_t s = ring_first_new(*newest, slice, rule.slices); s <= slice; s++)
		memset(sketch_at(rule, cell, s), 0, (size_t)1 << rule.precision);
	*newest = slice > *newest ? slice : *newest;
}

bool
distinct_cell_add(struct distinct_rule rule, void *cell, instant when, uint64_t hash)
{
	const uint64_t *newest = cell;
	uint64_t slice = ring_slice(rule.length, rule.slices, when);

	if (!ring_holds(*newest, slice, rule.slices))
		return false;
	advance(rule, cell, slice);
	distinct_add(sketch_at(rule, cell, slice), rule.precision, hash);
	return true;
}

void
distinct_cell_ranks(struct distinct_rule rule, const void *cell, instant when,
    uint32_t ranks[RANKS_MAX])
{
	uint64_t newest = *(const uint64_t *)cell, first, last;
	struct tally t = { 0 };
	bool any;

	last = ring_slice(rule.length, rule.slices, when);
	any = ring_within(newest, rule.slices, &first, &last);
	for (size_t i = 0; i < (size_t)1 << rule.precision; i += BLOCK) {
		uint8_t most[BLOCK] = { 0 };

		for (uint64_t s = first; any && s <= last; s++)
			merge_block(most, sketch_at(rule, cell, s) + i);
		tally_add(&t, most, rule.precision);
	}
	tally_ranks(&t, rule.precision, ranks);
}

double
distinct_cell_count(struct distinct_rule rule, const void *cell, instant when)
{
	uint64_t newest = *(const uint64_t *)cell, first, last;
	uint32_t ranks[RANKS_MAX];

	last = ring_slice(rule.length, rule.slices, when);
	if (!ring_within(newest, rule.slices, &first, &last))
		return 0;
	distinct_cell_ranks(rule, cell, when, ranks);
	return distinct_estimate(ranks, rule.precision);
}

void
distinct_cell_merge(struct distinct_rule rule, void *into, const void *from)
{
	uint64_t last = *(const uint64_t *)from, slice = last - (rule.slices - 1);

	if (last == 0)
		return;
	advance(rule, into, last);
	for (; slice <= last; slice++)
		if (ring_holds(*(uint64_t *)into, slice, rule.slices))
			distinct_merge(sketch_at(rule, into, slice),
			    sketch_at(rule, from, slice), rule.precision);
}
