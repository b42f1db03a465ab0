/* SPDX-License-Identifier: MIT */
#include "lib/sketch/spread.h"

#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/sketch/spread_inside.h"

enum {
	LARGE_FROM = 256, /* elements that make a key worth a large HyperLogLog */
	/* The largest cell of distinct.h of the small precision. */
	SMALL_WORDS = 1 + SPREAD_SLICES_MAX * (1 << SPREAD_SMALL) / 8,
};

/* A key's HyperLogLogs in the sketch, one a row. */
struct rows {
	uint8_t *at[SPREAD_DEPTH];
};

static struct rows
rows_of(const struct spread *s, uint64_t hash)
{
	struct places_way way = places_way(hash);
	struct rows rows;

	for (unsigned i = 0; i < SPREAD_DEPTH; i++)
		rows.at[i] = spread_row(s, i, places_next(&way, s->fixed.width));
	return rows;
}

static double
rows_read(const struct spread *s, const struct rows *rows, instant when)
{
	double least = (double)INFINITY;

	for (unsigned i = 0; i < SPREAD_DEPTH; i++)
		least = fmin(least, distinct_cell_count(s->small, rows->at[i], when));
	return least;
}

static void
rows_add(struct spread *s, const struct rows *rows, instant when, uint32_t tag)
{
	uint64_t slice = ring_slice(s->small.length, s->small.slices, when);

	for (unsigned i = 0; i < SPREAD_DEPTH; i++) {
		distinct_cell_add(s->small, rows->at[i], when, spread_hash(tag));
		spread_mark(s, rows->at[i], s->row_size);
	}
	s->head->pairs[slice % s->small.slices]++;
	if (slice > s->head->poured)
		s->head->poured = slice;
}

static bool
rows_hold(const struct spread *s, uint64_t hash, instant when)
{
	struct rows rows;

	if (s->head->poured == 0 || !spread_reaches(s, s->head->slice, s->head->poured))
		return false;
	rows = rows_of(s, hash);
	return rows_read(s, &rows, when) > 0;
}

double
spread_bound(const struct spread *s)
{
	uint64_t pairs = 0;

	for (unsigned i = 0; i < s->small.slices; i++)
		pairs += s->head->pairs[i];
	return exp(1) / (double)s->fixed.width * (double)pairs;
}

static void
cell_drop(struct spread *s, size_t slot)
{
	struct spread_cell *c = places_cell(&s->places, slot);

	spread_large_free(s, c);
	s->places.words[slot] = 0;
	memset(c, 0, s->places.stride);
	spread_mark(s, &s->places.words[slot], sizeof(uint64_t));
	spread_mark(s, c, s->places.stride);
	s->head->counts.cells--;
}

/* The elements one by one become registers, and large ones where the pool has some. */
static void
cell_convert(struct spread *s, struct spread_cell *c, size_t slot)
{
	uint64_t small[SMALL_WORDS] = { 0 };
	struct spread_large *l = spread_large_take(s, c, slot, 0);

	spread_set_pour(c, s->small, small);
	if (l != NULL)
		spread_set_pour(c, s->large, &l->newest);
	memcpy(&c->newest, small, s->row_size);
	c->used = SPREAD_REGISTERS;
	c->estimate = SPREAD_UNKNOWN;
}

static double
cell_elements(const struct spread *s, const struct spread_cell *c)
{
	uint64_t oldest = s->head->slice - (s->small.slices - 1);

	if (!spread_reaches(s, s->head->slice, c->newest))
		return 0;
	if (c->used == SPREAD_REGISTERS)
		return fmax(c->estimate, 0);
	return spread_set_count(c, s->small.slices, oldest, c->newest);
}

static void
cell_evict(struct spread *s, size_t slot)
{
	struct spread_cell *c = places_cell(&s->places, slot);
	double elements = cell_elements(s, c);
	struct rows rows = rows_of(s, places_hash(s->fixed.seed, c->key));
	uint64_t small[SMALL_WORDS] = { 0 };
	const uint64_t *from = &c->newest;

	s->head->counts.evicted++;
	s->head->counts.evicted_count += (uint64_t)(elements + 0.5);
	s->head->pairs[c->newest % s->small.slices] += (uint64_t)(elements + 0.5);
	if (c->newest > s->head->poured)
		s->head->poured = c->newest;
	if (c->used != SPREAD_REGISTERS) {
		spread_set_pour(c, s->small, small);
		from = small;
	}
	for (unsigned i = 0; i < SPREAD_DEPTH; i++) {
		distinct_cell_merge(s->small, rows.at[i], from);
		spread_mark(s, rows.at[i], s->row_size);
	}
	cell_drop(s, slot);
}

static void
cell_take(struct spread *s, size_t slot, uint64_t hash, uint64_t key, instant when)
{
	struct spread_cell *c = places_cell(&s->places, slot);

	places_take(&s->places, slot, hash, when);
	c->key = key;
	c->behind = rows_hold(s, hash, when) ? s->head->slice : 0;
	c->newest = ring_slice(s->small.length, s->small.slices, when);
	s->head->counts.cells++;
}

/* The slot of a key that has no cell, when there is room for one. */
static size_t
place_free(struct spread *s, uint64_t hash)
{
	size_t slot = places_stalest(&s->places, hash);
	int64_t n = s->small.slices, width = (s->small.length.us + n - 1) / n;
	int64_t oldest = (int64_t)(s->head->slice - RING_BIAS) - (n - 1);

	if (s->places.words[slot] == 0)
		return slot;
	if (!places_before(&s->places, slot, places_when(oldest * width)))
		return PLACES_NONE;
	cell_drop(s, slot);
	return slot;
}

static void
cell_add(struct spread *s, size_t slot, instant when, uint64_t slice, uint32_t tag)
{
	struct spread_cell *c = places_cell(&s->places, slot);
	unsigned n = s->small.slices;

	if (c->behind != 0 && !spread_reaches(s, s->head->slice, c->behind))
		c->behind = 0;
	if (c->used != SPREAD_REGISTERS) {
		spread_set_advance(c, n, slice);
		if (!spread_set_add(c, n, slice, tag))
			cell_convert(s, c, slot);
	}
	if (c->used == SPREAD_REGISTERS) {
		if (spread_registers_add(s->small, &c->newest, when, slice, tag) ||
		    c->estimate < 0)
			c->estimate = distinct_cell_count(s->small, &c->newest, when);
		if (c->large == 0 && c->estimate >= LARGE_FROM) {
			spread_large_find(s, c->estimate);
			spread_large_take(s, c, slot, slice);
		}
		if (c->large != 0)
			spread_large_add(
			    s, spread_large(s, c->large - 1), when, slice, tag);
	}
	places_touch(&s->places, slot, when);
	spread_mark(s, &s->places.words[slot], sizeof(uint64_t));
	spread_mark(s, c, s->places.stride);
}

/* As in velocity.c, but that the sketch, which takes longer to ask, is asked only of one
 * in 16. */
static void
contend(struct spread *s, uint64_t hash, uint64_t key, instant when)
{
	enum { LOT = 16 };
	double lot = 1 / (LOT * hash_uniform(random_next(&s->head->lots)));
	double surely, held;
	struct rows rows;
	size_t slot;

	if (lot <= 1)
		return;
	rows = rows_of(s, hash);
	surely = rows_read(s, &rows, when) / 1.4 - spread_bound(s);
	slot = places_stalest(&s->places, hash);
	held = cell_elements(s, places_cell(&s->places, slot));
	if (surely <= held && lot <= 1 + held)
		return;
	cell_evict(s, slot);
	cell_take(s, slot, hash, key, when);
}

static struct spread_answer
alone(const struct spread *s, const struct spread_cell *c, instant when)
{
	uint64_t slice = ring_slice(s->small.length, s->small.slices, when);
	const struct spread_large *l =
	    c->large == 0 ? NULL : spread_large(s, c->large - 1);
	struct spread_answer a = { 0, 1.04 / (1 << SPREAD_SMALL / 2), SPREAD_ALONE };

	if (l != NULL && (l->since == 0 || !spread_reaches(s, slice, l->since))) {
		a.error = 1.04 / (1 << SPREAD_LARGE / 2);
		a.count = slice == l->newest && l->estimate >= 0
		    ? l->estimate
		    : distinct_cell_count(s->large, &l->newest, when);
	} else {
		a.count = slice == c->newest && c->estimate >= 0
		    ? c->estimate
		    : distinct_cell_count(s->small, &c->newest, when);
	}
	return a;
}

static struct spread_answer
answer(const struct spread *s, const struct spread_cell *c, uint64_t hash, instant when)
{
	uint64_t last = ring_slice(s->small.length, s->small.slices, when), first;
	struct spread_answer a = { 0, 1.04 / (1 << SPREAD_SMALL / 2), SPREAD_SHARED };

	if (c == NULL ? rows_hold(s, hash, when)
		      : c->behind != 0 && spread_reaches(s, last, c->behind)) {
		struct rows rows = rows_of(s, hash);

		a.count = rows_read(s, &rows, when);
		return a;
	}
	if (c != NULL && c->used == SPREAD_REGISTERS)
		return alone(s, c, when);
	a = (struct spread_answer){ 0, 0, SPREAD_EXACT };
	if (c != NULL && ring_within(c->newest, s->small.slices, &first, &last))
		a.count = spread_set_count(c, s->small.slices, first, last);
	return a;
}

/* Take note of an instant; false when it is late. */
static bool
see(struct spread *s, uint64_t slice)
{
	struct spread_head *h = s->head;
	unsigned n = s->small.slices;

	h->counts.added++;
	if (!ring_holds(h->slice, slice, n)) {
		h->counts.late++;
		return false;
	}
	h->counts.kept++;
	for (uint64_t i = ring_first_new(h->slice, slice, n); i <= slice; i++)
		h->pairs[i % n] = 0;
	h->slice = slice > h->slice ? slice : h->slice;
	return true;
}

void
spread_add(struct spread *s, uint64_t key, uint64_t element, instant when,
    struct spread_answer *to)
{
	uint64_t hash = places_hash(s->fixed.seed, key);
	uint64_t slice = ring_slice(s->small.length, s->small.slices, when);
	size_t slot = places_find(&s->places, hash, key);
	struct spread_cell *c = NULL;

	assert(when >= -WHEN_MAX && when <= WHEN_MAX);
	if (!see(s, slice)) {
		if (to != NULL)
			spread_read(s, key, when, to);
		return;
	}
	if (slot == PLACES_NONE) {
		slot = place_free(s, hash);
		if (slot != PLACES_NONE)
			cell_take(s, slot, hash, key, when);
	}
	if (slot != PLACES_NONE) {
		c = places_cell(&s->places, slot);
		cell_add(s, slot, when, slice, spread_tag(element));
	}
	/* While the sketch has to speak for it, a key is counted there too. */
	if (c == NULL || c->behind != 0) {
		struct rows rows = rows_of(s, hash);

		rows_add(s, &rows, when, spread_tag(element));
	}
	if (to != NULL)
		*to = answer(s, c, hash, when);
	if (c == NULL)
		contend(s, hash, key, when);
}

bool
spread_remove(struct spread *s, uint64_t key, uint64_t element, instant when)
{
	uint64_t hash = places_hash(s->fixed.seed, key);
	size_t slot = places_find(&s->places, hash, key);
	struct spread_cell *c;

	assert(when >= -WHEN_MAX && when <= WHEN_MAX);
	if (slot != PLACES_NONE) {
		c = places_cell(&s->places, slot);
		if (c->used != SPREAD_REGISTERS &&
		    spread_set_remove(c, s->small.slices,
			ring_slice(s->small.length, s->small.slices, when),
			spread_tag(element))) {
			spread_mark(s, c, s->places.stride);
			s->head->counts.removed++;
			return true;
		}
	}
	s->head->counts.stuck++;
	return false;
}

void
spread_read(
    const struct spread *s, uint64_t key, instant when, struct spread_answer *to)
{
	uint64_t hash = places_hash(s->fixed.seed, key);
	size_t slot = places_find(&s->places, hash, key);

	assert(when >= -WHEN_MAX && when <= WHEN_MAX);
	*to = answer(
	    s, slot == PLACES_NONE ? NULL : places_cell(&s->places, slot), hash, when);
}

void
spread_prefetch(const struct spread *s, uint64_t key)
{
	places_prefetch(&s->places, places_hash(s->fixed.seed, key));
}

void
spread_prefetch_cell(const struct spread *s, uint64_t key)
{
	uint64_t hash = places_hash(s->fixed.seed, key);
	struct rows rows;

	if (places_prefetch_cell(&s->places, hash) || s->head->poured == 0)
		return;
	rows = rows_of(s, hash);
	for (unsigned i = 0; i < SPREAD_DEPTH; i++)
		places_fetch(rows.at[i], s->row_size);
}

struct spread_counts
spread_counts(const struct spread *s)
{
	struct spread_counts counts = s->head->counts;

	counts.places = s->fixed.sets * PLACES_WAYS;
	counts.pool = s->fixed.pool;
	counts.width = s->fixed.width;
	return counts;
}
