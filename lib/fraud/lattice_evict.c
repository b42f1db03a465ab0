/* SPDX-License-Identifier: MIT
 *
 * What of a lattice is not at home: cells away from it, those that have to go, and the
 * sketch behind them.
 */
#include "lib/fraud/lattice_inside.h"

#include <string.h>

/* One line is filled before the next is, and nothing is ever
 * emptied, so that an empty place ends the search. */
struct lattice_cell *
lattice_find_away(const struct lattice *l, uint64_t hash, uint32_t tag)
{
	for (unsigned i = 0; i < REFUGES; i++) {
		struct lattice_cell *line = refuge_of(l, hash, i);

		for (unsigned k = 0; k < CELLS; k++)
			if (line[k].tag == tag)
				return &line[k];
		if (line[CELLS - 1].tag == 0)
			break;
	}
	return NULL;
}

static struct counters *
counters_of(const struct lattice *l, uint32_t slice, uint64_t key)
{
	return &l->sketch[(slice & 1) * l->width + hash_bucket(key, l->width)];
}

/* A loop of nothing but prefetches is nothing to gcc 12. */
static inline void
prefetch_counters(const struct lattice *l, uint32_t slice, uint32_t tag)
{
	const struct counters *c = counters_of(l, slice, hash_mix(tag));

	__builtin_prefetch(c, 1);
	__asm__ volatile("" : : "r"(c));
}

static inline unsigned
column(uint64_t key, unsigned row)
{
	return (unsigned)(key >> 3 * row) % COLUMNS;
}

void
lattice_turn_sketch(struct lattice *l, uint32_t slice)
{
	int32_t ahead = (int32_t)(slice - l->sketch_slice);

	if (ahead <= 0)
		return;
	for (uint32_t s = ahead > 1 ? slice - 1 : slice; s != slice + 1; s++) {
		if (!l->sketched[s & 1])
			continue;
		memset(&l->sketch[(s & 1) * l->width], 0, l->width * sizeof *l->sketch);
		l->sketched[s & 1] = false;
		dirty_mark_all(&l->sketch_dirty);
	}
	l->sketch_slice = slice;
}

/* What a key that has no cell had in that slice, or more. */
static uint16_t
estimate(const struct lattice *l, uint32_t slice, uint64_t key)
{
	const struct counters *c = counters_of(l, slice, key);
	uint16_t least = COUNT_MAX;

	if (l->sketch_slice - slice > 1)
		return 0;
	for (unsigned row = 0; row < ROWS; row++)
		if (c->row[row][column(key, row)] < least)
			least = c->row[row][column(key, row)];
	return least;
}

/* What a cell counts goes into the sketch, and out of it comes what the new one begins
 * with. */
static struct lattice_cell
leave(struct lattice *l, uint64_t hash, const struct lattice_cell *cell, uint32_t slice)
{
	uint64_t key = hash_mix(cell->tag); /* that is all that is known of it */
	uint32_t mass = lattice_within(cell->volume, (int32_t)(slice - cell->length));
	struct counters *c = counters_of(l, slice, key);
	struct lattice_cell begun = { .tag = tag_of(hash) };
	uint32_t own = (uint32_t)cell->volume[0] - cell->began;

	begun.began = begun.volume[0] = estimate(l, slice, hash_mix(begun.tag));
	if (mass == 0)
		return begun;
	l->totals.evicted++;
	l->totals.mass += mass - (mass < cell->began ? mass : cell->began);
	if (cell->length != slice || l->sketch_slice - slice > 1)
		return begun;
	for (unsigned row = 0; row < ROWS; row++) {
		uint16_t *at = &c->row[row][column(key, row)];

		*at = more(*at, own);
	}
	l->sketched[slice & 1] = true;
	dirty_mark(
	    &l->sketch_dirty, (size_t)((uint8_t *)c - (uint8_t *)l->sketch), sizeof *c);
	return begun;
}

/* Of home and refuges the place that is empty, or else worth least. */
static struct lattice_cell *
choose(const struct lattice *l, const struct lattice_view *v, unsigned set)
{
	struct lattice_cell *line = v->home[set], *best = NULL;
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i <= REFUGES; i++) {
		for (struct lattice_cell *c = line; c < line + CELLS; c++) {
			int32_t ahead = (int32_t)(v->length - c->length);
			uint64_t worth =
			    (uint64_t)lattice_within(c->volume, ahead) << 32 | c->brief;

			if (c->tag == 0)
				return c;
			if (worth < least) {
				least = worth;
				best = c;
			}
		}
		line = refuge_of(l, v->hash[set], i);
	}
	return best;
}

struct lattice_cell *
lattice_take(struct lattice *l, const struct lattice_view *v, unsigned set)
{
	struct lattice_cell *c = choose(l, v, set);
	bool empty = c->tag == 0;

	l->totals.cells += empty;
	l->replaced += !empty;
	*c = empty ? (struct lattice_cell){ .tag = tag_of(v->hash[set]) }
		   : leave(l, v->hash[set], c, v->length);
	c->brief = v->brief;
	c->length = v->length;
	return c;
}

void
lattice_prefetch_refuges(
    const struct lattice *l, const struct lattice_view *v, uint32_t full)
{
	for (; full != 0; full &= full - 1) {
		uint64_t hash = v->hash[__builtin_ctz(full)];

		for (unsigned i = 0; i < REFUGES; i++) {
			const struct lattice_cell *line = refuge_of(l, hash, i);

			__builtin_prefetch(line, 1);
			__asm__ volatile("" : : "r"(line)); /* as in lattice_open */
		}
	}
}

/* Of what comes, and of what it is going to replace. */
void
lattice_prefetch_counters(
    const struct lattice *l, const struct lattice_view *v, uint32_t full)
{
	for (uint32_t sets = full; sets != 0; sets &= sets - 1)
		prefetch_counters(l, v->length, tag_of(v->hash[__builtin_ctz(sets)]));
	for (; full != 0; full &= full - 1)
		prefetch_counters(
		    l, v->length, choose(l, v, (unsigned)__builtin_ctz(full))->tag);
}
