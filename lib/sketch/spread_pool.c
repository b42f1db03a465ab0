/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lib/sketch/spread_inside.h"

void
spread_large_free(struct spread *s, struct spread_cell *c)
{
	struct spread_large *l;

	if (c->large == 0)
		return;
	l = spread_large(s, c->large - 1);
	*l = (struct spread_large){ .changed = s->head->pool_free };
	s->head->pool_free = c->large;
	s->head->counts.large--;
	c->large = 0;
	spread_mark(s, l, sizeof *l);
}

/* One that is free, or, by turns, that of a key with less than half the elements. */
void
spread_large_find(struct spread *s, double elements)
{
	struct spread_head *h = s->head;
	const struct spread_large *l;
	struct spread_cell *c;

	if (h->pool_free != 0 || h->pool_used < s->fixed.pool || s->fixed.pool == 0)
		return;
	l = spread_large(s, h->pool_hand);
	h->pool_hand = (h->pool_hand + 1) % s->fixed.pool;
	c = places_cell(&s->places, (size_t)l->owner - 1);
	if (!spread_reaches(s, h->slice, c->newest) || c->estimate * 2 < elements) {
		spread_large_free(s, c);
		spread_mark(s, c, sizeof *c);
	}
}

struct spread_large *
spread_large_take(struct spread *s, struct spread_cell *c, size_t slot, uint64_t since)
{
	struct spread_head *h = s->head;
	struct spread_large *l;
	uint64_t number;

	if (h->pool_free != 0) {
		number = h->pool_free - 1;
		h->pool_free = spread_large(s, number)->changed;
	} else if (h->pool_used < s->fixed.pool) {
		number = h->pool_used++;
	} else {
		return NULL;
	}
	l = spread_large(s, number);
	memset(l, 0, s->large_size);
	l->owner = slot + 1;
	l->since = since;
	l->estimate = SPREAD_UNKNOWN;
	c->large = (uint32_t)number + 1;
	h->counts.large++;
	spread_mark(s, l, s->large_size);
	return l;
}

/* Where an element is counted in a cell of distinct.h. */
static uint8_t *
register_of(struct distinct_rule rule, uint64_t *cell, uint64_t slice, uint32_t tag)
{
	return (uint8_t *)(cell + 1) +
	    ((size_t)(slice % rule.slices) << rule.precision) +
	    (spread_hash(tag) >> (64 - rule.precision));
}

/* Add to it; whether a register or the newest slice changed. */
bool
spread_registers_add(struct distinct_rule rule, uint64_t *cell, instant when,
    uint64_t slice, uint32_t tag)
{
	const uint8_t *at = register_of(rule, cell, slice, tag);
	uint64_t newest = *cell;
	uint8_t before = *at;

	(void)distinct_cell_add(rule, cell, when, spread_hash(tag));
	return *cell != newest || *at != before;
}

/* The rank that all slices together have in a register. */
static unsigned
rank_of(const struct spread *s, struct spread_large *l, uint32_t tag)
{
	unsigned most = 0;

	for (unsigned slice = 0; slice < s->large.slices; slice++) {
		unsigned one = *register_of(s->large, &l->newest, slice, tag);

		most = one > most ? one : most;
	}
	return most;
}

/* A new slice has begun, and perhaps old ones have left. */
static void
large_count(struct spread *s, struct spread_large *l, instant when)
{
	distinct_cell_ranks(s->large, &l->newest, when, l->ranks);
	l->estimate = distinct_estimate(l->ranks, SPREAD_LARGE);
	l->changed = 0;
	spread_mark(s, l, s->large_size);
}

void
spread_large_add(struct spread *s, struct spread_large *l, instant when, uint64_t slice,
    uint32_t tag)
{
	unsigned before = rank_of(s, l, tag), after;
	uint64_t newest = l->newest;

	if (!spread_registers_add(s->large, &l->newest, when, slice, tag) &&
	    l->estimate >= 0)
		return;
	spread_mark(s, register_of(s->large, &l->newest, slice, tag), 1);
	if (l->newest != newest || l->estimate < 0) {
		large_count(s, l, when);
		return;
	}
	after = rank_of(s, l, tag);
	if (after == before)
		return;
	l->ranks[before]--;
	l->ranks[after]++;
	/* A register more changes the estimate by 1 / 4096. */
	if ((double)++l->changed > l->estimate / 1024) {
		l->estimate = distinct_estimate(l->ranks, SPREAD_LARGE);
		l->changed = 0;
	}
	spread_mark(s, l, sizeof *l);
}
