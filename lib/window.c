/* SPDX-License-Identifier: MIT */
#include "lib/window.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/window/ring.h"

/* Instants are kept moved by 2^63, as slice numbers are, so that the zero of a fresh
 * cell is none of those that can occur. */
#define BIAS RING_BIAS

struct ring {
	uint64_t newest; /* slice number, biased; 0: empty */
	double sum[];    /* of slice number n at n mod slices */
};

struct decayed {
	uint64_t at; /* biased */
	double sum;  /* as of then */
};

struct session {
	uint64_t first, last; /* biased */
	double sum;
	uint64_t number;
};

struct since {
	uint64_t last; /* biased */
};

struct window {
	struct window_rule rule;
	struct table *table; /* owned */
	uint64_t late;
};

static uint64_t
biased(int64_t v)
{
	return (uint64_t)v + BIAS;
}

static int64_t
unbiased(uint64_t v)
{
	return (int64_t)(v - BIAS);
}

static bool
ring_add(struct window_rule rule, struct ring *ring, instant when, double amount)
{
	uint64_t slice = ring_slice(rule.length, rule.slices, when), s;

	if (!ring_holds(ring->newest, slice, rule.slices))
		return false;
	for (s = ring_first_new(ring->newest, slice, rule.slices); s <= slice; s++)
		ring->sum[s % rule.slices] = 0;
	ring->newest = slice > ring->newest ? slice : ring->newest;
	ring->sum[slice % rule.slices] += amount;
	return true;
}

static double
ring_read(struct window_rule rule, const struct ring *ring, instant when)
{
	uint64_t last = ring_slice(rule.length, rule.slices, when), first;
	double sum = 0;
	unsigned at;

	if (!ring_within(ring->newest, rule.slices, &first, &last))
		return 0;
	at = (unsigned)(first % rule.slices);
	for (uint64_t s = first; s <= last; s++) {
		sum += ring->sum[at];
		at = at + 1 < rule.slices ? at + 1 : 0;
	}
	return sum;
}

static double
fade(struct window_rule rule, uint64_t from, uint64_t to)
{
	return exp2(-(double)(to - from) / (double)rule.length.us);
}

static bool
decayed_add(struct window_rule rule, struct decayed *d, instant when, double amount)
{
	uint64_t at = biased(when);

	if (at >= d->at) {
		d->sum = d->sum == 0 ? amount : d->sum * fade(rule, d->at, at) + amount;
		d->at = at;
	} else {
		d->sum += amount * fade(rule, at, d->at);
	}
	return true;
}

static double
decayed_read(struct window_rule rule, const struct decayed *d, instant when)
{
	uint64_t at = biased(when);

	return d->sum == 0 || at <= d->at ? d->sum : d->sum * fade(rule, d->at, at);
}

static bool
session_add(struct window_rule rule, struct session *s, instant when, double amount)
{
	uint64_t at = biased(when), pause = (uint64_t)rule.length.us;

	if (s->number == 0 || (at > s->last && at - s->last > pause)) {
		*s = (struct session){ at, at, amount, s->number + 1 };
		return true;
	}
	if (at < s->first && s->first - at > pause)
		return false;
	s->first = at < s->first ? at : s->first;
	s->last = at > s->last ? at : s->last;
	s->sum += amount;
	return true;
}

static double
session_read(struct window_rule rule, const struct session *s, instant when)
{
	uint64_t at = biased(when);

	if (s->number == 0 || (at > s->last && at - s->last > (uint64_t)rule.length.us))
		return 0;
	return s->sum;
}

static bool
since_add(struct since *s, instant when)
{
	if (biased(when) > s->last)
		s->last = biased(when);
	return true;
}

static double
since_read(const struct since *s, instant when)
{
	uint64_t at = biased(when);

	if (s->last == 0)
		return (double)INFINITY;
	return at > s->last ? (double)(at - s->last) : 0;
}

size_t
window_cell_size(struct window_rule rule)
{
	assert(rule.length.us > 0 || rule.kind == WINDOW_SINCE);
	switch (rule.kind) {
	case WINDOW_SLIDING:
		assert(rule.slices > 0 && rule.slices <= WINDOW_SLICES_MAX);
		return sizeof(struct ring) + rule.slices * sizeof(double);
	case WINDOW_DECAYED:
		return sizeof(struct decayed);
	case WINDOW_SESSION:
		return sizeof(struct session);
	case WINDOW_SINCE:
		return sizeof(struct since);
	}
	assert(false);
	return 0;
}

bool
window_cell_add(struct window_rule rule, void *cell, instant when, double amount)
{
	assert(when >= -WHEN_MAX && when <= WHEN_MAX);
	switch (rule.kind) {
	case WINDOW_SLIDING:
		return ring_add(rule, cell, when, amount);
	case WINDOW_DECAYED:
		return decayed_add(rule, cell, when, amount);
	case WINDOW_SESSION:
		return session_add(rule, cell, when, amount);
	case WINDOW_SINCE:
		return since_add(cell, when);
	}
	assert(false);
	return false;
}

double
window_cell_read(struct window_rule rule, const void *cell, instant when)
{
	assert(when >= -WHEN_MAX && when <= WHEN_MAX);
	switch (rule.kind) {
	case WINDOW_SLIDING:
		return ring_read(rule, cell, when);
	case WINDOW_DECAYED:
		return decayed_read(rule, cell, when);
	case WINDOW_SESSION:
		return session_read(rule, cell, when);
	case WINDOW_SINCE:
		return since_read(cell, when);
	}
	assert(false);
	return 0;
}

bool
window_cell_session(
    struct window_rule rule, const void *cell, struct window_session *to)
{
	const struct session *s = cell;

	assert(rule.kind == WINDOW_SESSION);
	*to = (struct window_session){ unbiased(s->first), unbiased(s->last), s->sum,
		s->number };
	return s->number > 0;
}

struct window *
window_new(struct window_rule rule, uint64_t memory_bytes)
{
	struct window *w;

	if (memory_bytes < sizeof *w)
		return NULL;
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return NULL;
	w->rule = rule;
	w->table =
	    table_new(TABLE_KEY_64, window_cell_size(rule), memory_bytes - sizeof *w);
	if (w->table == NULL) {
		free(w);
		return NULL;
	}
	return w;
}

void
window_free(struct window *w)
{
	if (w == NULL)
		return;
	table_free(w->table);
	free(w);
}

double
window_add(struct window *w, uint64_t key, instant when, double amount)
{
	bool fresh;
	void *cell = table_touch(w->table, key, when, &fresh);

	if (!window_cell_add(w->rule, cell, when, amount))
		w->late++;
	return window_cell_read(w->rule, cell, when);
}

double
window_read(const struct window *w, uint64_t key, instant when)
{
	static const double nothing[4];
	const void *cell = table_find(w->table, key);

	if (cell != NULL)
		return window_cell_read(w->rule, cell, when);
	/* An empty ring is not looked into beyond its head. */
	return window_cell_read(w->rule, nothing, when);
}

void
window_prefetch(const struct window *w, uint64_t key)
{
	table_prefetch(w->table, key);
}

uint64_t
window_late(const struct window *w)
{
	return w->late;
}

struct table *
window_table(struct window *w)
{
	return w->table;
}
