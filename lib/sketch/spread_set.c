/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lib/sketch/spread_inside.h"

unsigned
spread_set_capacity(unsigned n)
{
	return (64 * n) / (unsigned)(sizeof(uint32_t) + n * sizeof(uint16_t));
}

static uint32_t *
tags_of(const struct spread_cell *c)
{
	return (uint32_t *)(uintptr_t)c->bytes;
}

/* The counts of an element, slice s at s mod n. */
static uint16_t *
counts_of(const struct spread_cell *c, unsigned n, unsigned element)
{
	return (uint16_t *)(tags_of(c) + spread_set_capacity(n)) + element * n;
}

static bool
is_empty(const uint16_t *counts, unsigned n)
{
	unsigned any = 0;

	for (unsigned i = 0; i < n; i++)
		any |= counts[i];
	return any == 0;
}

/* The last element takes the place of one that is gone; free places are zero. */
static void
drop(struct spread_cell *c, unsigned n, unsigned element)
{
	unsigned last = --c->used;

	tags_of(c)[element] = tags_of(c)[last];
	memmove(counts_of(c, n, element), counts_of(c, n, last), n * sizeof(uint16_t));
	tags_of(c)[last] = 0;
	memset(counts_of(c, n, last), 0, n * sizeof(uint16_t));
}

static unsigned
find(const struct spread_cell *c, uint32_t tag)
{
	const uint32_t *tags = tags_of(c);
	unsigned i = 0;

	while (i < c->used && tags[i] != tag)
		i++;
	return i;
}

void
spread_set_advance(struct spread_cell *c, unsigned n, uint64_t slice)
{
	uint64_t first = ring_first_new(c->newest, slice, n);

	if (slice <= c->newest)
		return;
	for (unsigned i = c->used; i > 0; i--) {
		uint16_t *counts = counts_of(c, n, i - 1);

		for (uint64_t s = first; s <= slice; s++)
			counts[s % n] = 0;
		if (is_empty(counts, n))
			drop(c, n, i - 1);
	}
	c->newest = slice;
}

bool
spread_set_add(struct spread_cell *c, unsigned n, uint64_t slice, uint32_t tag)
{
	unsigned i = find(c, tag);
	uint16_t *count;

	if (i == spread_set_capacity(n))
		return false;
	if (i == c->used)
		tags_of(c)[c->used++] = tag;
	count = &counts_of(c, n, i)[slice % n];
	*count = (uint16_t)(*count + (*count < UINT16_MAX));
	return true;
}

bool
spread_set_remove(struct spread_cell *c, unsigned n, uint64_t slice, uint32_t tag)
{
	unsigned i = find(c, tag);
	uint16_t *count;

	if (i == c->used || !ring_holds(c->newest, slice, n) || slice > c->newest)
		return false;
	count = &counts_of(c, n, i)[slice % n];
	if (*count == 0 || *count == UINT16_MAX)
		return false;
	(*count)--;
	if (is_empty(counts_of(c, n, i), n))
		drop(c, n, i);
	return true;
}

unsigned
spread_set_count(const struct spread_cell *c, unsigned n, uint64_t first, uint64_t last)
{
	unsigned count = 0;

	if (first + n - 1 == c->newest && last == c->newest)
		return c->used;
	for (unsigned i = 0; i < c->used; i++) {
		const uint16_t *counts = counts_of(c, n, i);
		unsigned any = 0;

		for (uint64_t s = first; s <= last; s++)
			any |= counts[s % n];
		count += any != 0;
	}
	return count;
}

void
spread_set_pour(const struct spread_cell *c, struct distinct_rule rule, void *to)
{
	uint64_t *newest = to, first = c->newest - (rule.slices - 1);
	uint8_t *registers = (uint8_t *)(newest + 1);

	*newest = c->newest;
	for (unsigned i = 0; i < c->used; i++)
		for (uint64_t s = first; s <= c->newest; s++)
			if (counts_of(c, rule.slices, i)[s % rule.slices] > 0)
				distinct_add(registers +
					((size_t)(s % rule.slices) << rule.precision),
				    rule.precision, spread_hash(tags_of(c)[i]));
}

bool
spread_set_holds(const struct spread_cell *c, unsigned n)
{
	if (c->used > spread_set_capacity(n))
		return false;
	for (unsigned i = 0; i < c->used; i++)
		if (find(c, tags_of(c)[i]) != i || is_empty(counts_of(c, n, i), n))
			return false;
	return true;
}
