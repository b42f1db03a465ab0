/* SPDX-License-Identifier: MIT */
#include "lib/sketch/velocity.h"

#include <string.h>

#include "lib/base/assert.h"
#include "lib/sketch/velocity_inside.h"

/* Take note of an instant; its moment is then v->last. */
static void
see(struct velocity *v, instant when)
{
	uint64_t at = (uint64_t)when + RING_BIAS;

	assert(when >= -WHEN_MAX && when <= WHEN_MAX);
	rings_moment(&v->rings, v->head->newest, at, &v->last);
	velocity_advance(v, &v->last);
}

static instant
last_instant(const struct velocity *v)
{
	return (instant)(v->last.at - RING_BIAS);
}

/* Give a place back whose cell holds nothing any more that is not counted elsewhere. */
static void
cell_drop(struct velocity *v, size_t slot)
{
	v->places.words[slot] = 0;
	memset(places_cell(&v->places, slot), 0, v->places.stride);
	velocity_mark(v, &v->places.words[slot], sizeof(uint64_t));
	velocity_mark(v, places_cell(&v->places, slot), v->places.stride);
	v->head->cells--;
}

static void
cell_expire(struct velocity *v, size_t slot)
{
	struct velocity_cell *c = places_cell(&v->places, slot);

	for (unsigned i = 0; i < v->rings.rules; i++) {
		struct velocity_mass held = rings_held(&v->rings, velocity_ring(c), i);

		mass_add(&v->head->expired[i], held);
	}
	cell_drop(v, slot);
}

static void
cell_evict(struct velocity *v, size_t slot)
{
	struct velocity_cell *c = places_cell(&v->places, slot);

	velocity_pour(v, places_hash(v->fixed.seed, c->key), velocity_ring(c));
	v->head->evictions++;
	cell_drop(v, slot);
}

static void
cell_take(struct velocity *v, size_t slot, uint64_t hash, uint64_t key)
{
	struct velocity_cell *c = places_cell(&v->places, slot);

	places_take(&v->places, slot, hash, last_instant(v));
	c->key = key;
	c->behind = velocity_rows_hold(v, hash) ? v->head->newest : 0;
	v->head->cells++;
}

/* The slot of a key that had no cell, when there is room for one. */
static size_t
place_free(struct velocity *v, uint64_t hash)
{
	size_t slot = places_stalest(&v->places, hash);
	uint64_t horizon = v->head->newest - (uint64_t)v->rings.longest;

	if (v->places.words[slot] == 0)
		return slot;
	if (!places_before(
		&v->places, slot, places_when((instant)(horizon - RING_BIAS))))
		return PLACES_NONE;
	cell_expire(v, slot);
	return slot;
}

/* A key in the sketch takes the place of the stalest cell of its set when it is more
 * frequent beyond doubt, or by lot: else no key could show in a flood that it comes more
 * often than the sketch errs. */
static void
contend(struct velocity *v, uint64_t hash, uint64_t key, int64_t count)
{
	enum { LOT = 16 };
	unsigned rule = v->rings.longest_rule;
	double surely = (double)count - v->excess * (double)v->head->live[rule].count;
	double lot = 1 / (LOT * hash_uniform(random_next(&v->head->lots)));
	struct velocity_mass held;
	size_t slot;

	if (surely <= 1 && lot <= 1)
		return;
	slot = places_stalest(&v->places, hash);
	held = rings_read(&v->rings, velocity_ring(places_cell(&v->places, slot)), rule,
	    &v->last, VELOCITY_FOREVER);
	if (surely <= (double)held.count && lot <= 1 + (double)held.count)
		return;
	cell_evict(v, slot);
	cell_take(v, slot, hash, key);
}

static void
answer(const struct velocity *v, const struct velocity_cell *c,
    const struct velocity_rows *rows, const struct moment *m,
    struct velocity_answer *to)
{
	uint64_t limit = c == NULL ? VELOCITY_FOREVER : c->behind;

	*to = (struct velocity_answer){ .exact = rows == NULL };
	for (unsigned i = 0; i < v->rings.rules; i++) {
		struct velocity_mass sum = { 0 };

		if (c != NULL)
			sum = rings_read(
			    &v->rings, velocity_ring(c), i, m, VELOCITY_FOREVER);
		if (rows != NULL)
			mass_add(&sum, velocity_rows_read(v, rows, i, m, limit));
		to->count[i] = sum.count;
		to->sum[i] = sum.sum;
	}
}

/* What came late to a rule's window is not held. */
static bool
is_late(struct velocity *v, unsigned rule, struct velocity_mass amount)
{
	if (v->last.ahead[rule] < v->rings.slices[rule])
		return false;
	mass_add(&v->head->late[rule], amount);
	return true;
}

static void
cell_put(struct velocity *v, size_t slot, struct velocity_mass amount)
{
	struct velocity_cell *c = places_cell(&v->places, slot);
	struct velocity_head *h = v->head;

	rings_advance(&v->rings, velocity_ring(c), &v->last, h->expired);
	for (unsigned i = 0; i < v->rings.rules; i++) {
		unsigned at = v->rings.first[i] + v->last.slot[i];

		if (is_late(v, i, amount))
			continue;
		if (rings_fits(&v->rings, velocity_ring(c), at, amount)) {
			rings_put(&v->rings, velocity_ring(c), at, amount);
			mass_add(&h->entered[i], amount);
		} else {
			mass_add(&h->refused[i], amount);
		}
	}
	if (c->behind != 0 && h->newest - c->behind >= (uint64_t)v->rings.longest)
		c->behind = 0;
	places_touch(&v->places, slot, last_instant(v));
	velocity_mark(v, &v->places.words[slot], sizeof(uint64_t));
	velocity_mark(v, c, v->places.stride);
}

static void
sketch_put(
    struct velocity *v, const struct velocity_rows *rows, struct velocity_mass amount)
{
	velocity_rows_advance(v, rows, &v->last);
	for (unsigned i = 0; i < v->rings.rules; i++) {
		unsigned at = v->rings.first[i] + v->last.slot[i];

		if (!is_late(v, i, amount) &&
		    !velocity_rows_put(v, rows, i, at, amount))
			mass_add(&v->head->refused[i], amount);
	}
}

static void
add_to_cell(struct velocity *v, uint64_t hash, size_t slot, struct velocity_mass amount,
    struct velocity_answer *to)
{
	const struct velocity_cell *c = places_cell(&v->places, slot);
	struct velocity_rows rows;

	cell_put(v, slot, amount);
	if (c->behind != 0)
		rows = velocity_rows(v, hash);
	answer(v, c, c->behind != 0 ? &rows : NULL, &v->last, to);
}

static void
add_to_sketch(struct velocity *v, uint64_t hash, uint64_t key,
    struct velocity_mass amount, struct velocity_answer *to)
{
	struct velocity_rows rows = velocity_rows(v, hash);

	sketch_put(v, &rows, amount);
	answer(v, NULL, &rows, &v->last, to);
	contend(v, hash, key, to->count[v->rings.longest_rule]);
}

/* v->last is the moment of the instant. */
static void
add(struct velocity *v, uint64_t key, uint64_t hash, struct velocity_mass amount,
    struct velocity_answer *to)
{
	size_t slot = places_find(&v->places, hash, key);

	mass_add(&v->head->added, amount);
	if (slot == PLACES_NONE) {
		slot = place_free(v, hash);
		if (slot != PLACES_NONE)
			cell_take(v, slot, hash, key);
	}
	if (slot != PLACES_NONE)
		add_to_cell(v, hash, slot, amount, to);
	else
		add_to_sketch(v, hash, key, amount, to);
}

static struct velocity_mass
mass_of(const struct velocity *v, struct velocity_amount amount)
{
	return (struct velocity_mass){ amount.count, v->rings.sums ? amount.sum : 0 };
}

void
velocity_add(struct velocity *v, uint64_t key, instant when,
    struct velocity_amount amount, struct velocity_answer *to)
{
	struct velocity_answer unasked;

	see(v, when);
	add(v, key, places_hash(v->fixed.seed, key), mass_of(v, amount),
	    to == NULL ? &unasked : to);
}

static void
prefetch_cell(const struct velocity *v, uint64_t hash)
{
	struct velocity_rows rows;

	if (places_prefetch_cell(&v->places, hash) || v->head->poured == 0)
		return;
	rows = velocity_rows(v, hash);
	for (unsigned i = 0; i < DEPTH; i++)
		places_fetch(rows.at[i], v->rings.size);
}

void
velocity_add_all(struct velocity *v, const uint64_t *keys, size_t n, instant when,
    struct velocity_amount amount, struct velocity_answer *to)
{
	enum { AT_ONCE = 32 };
	struct velocity_answer unasked;
	uint64_t hash[AT_ONCE];

	see(v, when);
	for (size_t done = 0, part; done < n; done += part) {
		part = n - done < AT_ONCE ? n - done : AT_ONCE;
		for (size_t i = 0; i < part; i++) {
			hash[i] = places_hash(v->fixed.seed, keys[done + i]);
			places_prefetch(&v->places, hash[i]);
		}
		for (size_t i = 0; i < part; i++)
			prefetch_cell(v, hash[i]);
		for (size_t i = 0; i < part; i++)
			add(v, keys[done + i], hash[i], mass_of(v, amount),
			    to == NULL ? &unasked : &to[done + i]);
	}
}

void
velocity_read(
    const struct velocity *v, uint64_t key, instant when, struct velocity_answer *to)
{
	uint64_t hash = places_hash(v->fixed.seed, key);
	size_t slot = places_find(&v->places, hash, key);
	const struct velocity_cell *c =
	    slot == PLACES_NONE ? NULL : places_cell(&v->places, slot);
	struct moment m = v->last;
	struct velocity_rows rows;
	bool asks = c == NULL ? v->head->poured != 0 : c->behind != 0;

	assert(when >= -WHEN_MAX && when <= WHEN_MAX);
	rings_moment(&v->rings, v->head->newest, (uint64_t)when + RING_BIAS, &m);
	if (asks)
		rows = velocity_rows(v, hash);
	answer(v, c, asks ? &rows : NULL, &m, to);
}

void
velocity_prefetch(const struct velocity *v, uint64_t key)
{
	places_prefetch(&v->places, places_hash(v->fixed.seed, key));
}

void
velocity_prefetch_cell(const struct velocity *v, uint64_t key)
{
	prefetch_cell(v, places_hash(v->fixed.seed, key));
}

struct velocity_ledger
velocity_ledger(const struct velocity *v, unsigned rule)
{
	const struct velocity_head *h = v->head;
	struct velocity_ledger ledger = { .added = h->added,
		.cells = h->entered[rule],
		.sketch = h->put[rule],
		.expired = h->expired[rule],
		.late = h->late[rule],
		.refused = h->refused[rule],
		.evicted = h->evicted[rule] };

	assert(rule < v->rings.rules);
	mass_take(&ledger.cells, h->expired[rule]);
	mass_take(&ledger.cells, h->left[rule]);
	mass_take(&ledger.sketch, h->row_expired[0][rule]);
	mass_add(&ledger.expired, h->row_expired[0][rule]);
	return ledger;
}

struct velocity_counts
velocity_counts(const struct velocity *v)
{
	return (struct velocity_counts){ .cells = v->head->cells,
		.places = v->fixed.sets * PLACES_WAYS,
		.evicted = v->head->evictions,
		.width = v->fixed.width };
}
