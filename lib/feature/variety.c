/* SPDX-License-Identifier: MIT */
#include "lib/feature/variety.h"

#include <string.h>

#include "lib/window/ring.h"

static struct distinct_rule
rule_of(struct span length)
{
	return (struct distinct_rule){ length, VARIETY_SLICES, VARIETY_PRECISION };
}

/* A snapshot may say anything. */
static unsigned
count_of(const struct variety *v)
{
	return v->values < VARIETY_FEW ? v->values : VARIETY_FEW;
}

static bool
is_gone(const struct variety_value *value)
{
	static const uint16_t none[VARIETY_SLICES];

	return memcmp(value->n, none, sizeof none) == 0;
}

/* The window moves on: slices up to this one are empty. */
static void
advance(struct variety *v, uint64_t slice)
{
	uint64_t s = ring_first_new(v->few.newest, slice, VARIETY_SLICES);

	if (s > slice)
		return;
	for (; s <= slice; s++)
		for (unsigned i = 0; i < count_of(v); i++)
			v->few.value[i].n[s % VARIETY_SLICES] = 0;
	for (unsigned i = count_of(v); i-- > 0;)
		if (is_gone(&v->few.value[i]))
			v->few.value[i] = v->few.value[--v->values];
	v->few.newest = slice;
}

/* What was told apart goes into sketches. */
static void
sketch(struct variety *v, struct span length)
{
	int64_t width = (length.us + VARIETY_SLICES - 1) / VARIETY_SLICES;
	uint64_t newest = v->few.newest;
	struct variety few = *v;

	memset(v, 0, sizeof *v);
	v->many = 1;
	for (uint64_t s = newest - (VARIETY_SLICES - 1); s <= newest; s++)
		for (unsigned i = 0; i < count_of(&few); i++)
			if (few.few.value[i].n[s % VARIETY_SLICES] > 0)
				(void)distinct_cell_add(rule_of(length), v->sketch,
				    (int64_t)(s - RING_BIAS) * width,
				    few.few.value[i].hash);
}

static struct variety_value *
find(struct variety *v, uint64_t hash)
{
	for (unsigned i = 0; i < count_of(v); i++)
		if (v->few.value[i].hash == hash)
			return &v->few.value[i];
	return NULL;
}

static void
take_back(struct variety *v, struct variety_value *value, unsigned at)
{
	if (value == NULL || value->n[at] == 0 || value->n[at] == VARIETY_OFTEN)
		return;
	value->n[at]--;
	if (is_gone(value))
		*value = v->few.value[--v->values];
}

bool
variety_add(
    struct variety *v, struct span length, instant when, uint64_t hash, int sign)
{
	uint64_t slice = ring_slice(length, VARIETY_SLICES, when);
	unsigned at = (unsigned)(slice % VARIETY_SLICES);
	struct variety_value *value;

	/* Both begin with the newest slice. */
	if (!ring_holds(v->few.newest, slice, VARIETY_SLICES) ||
	    (sign < 0 && slice > v->few.newest))
		return false;
	if (v->many && slice > v->few.newest && slice - v->few.newest >= VARIETY_SLICES)
		memset(v, 0, sizeof *v);
	if (v->many)
		return sign < 0 ||
		    distinct_cell_add(rule_of(length), v->sketch, when, hash);
	if (sign > 0)
		advance(v, slice);
	value = find(v, hash);
	if (sign < 0) {
		take_back(v, value, at);
		return true;
	}
	if (value == NULL && count_of(v) == VARIETY_FEW) {
		sketch(v, length);
		return distinct_cell_add(rule_of(length), v->sketch, when, hash);
	}
	if (value == NULL) {
		value = &v->few.value[v->values++];
		*value = (struct variety_value){ .hash = hash };
	}
	if (value->n[at] < VARIETY_OFTEN)
		value->n[at]++;
	return true;
}

double
variety_count(const struct variety *v, struct span length, instant when)
{
	uint64_t last = ring_slice(length, VARIETY_SLICES, when), first;
	unsigned n = 0;

	if (v->many)
		return distinct_cell_count(rule_of(length), v->sketch, when);
	if (!ring_within(v->few.newest, VARIETY_SLICES, &first, &last))
		return 0;
	for (unsigned i = 0; i < count_of(v); i++) {
		bool in = false;

		for (uint64_t s = first; s <= last; s++)
			in |= v->few.value[i].n[s % VARIETY_SLICES] > 0;
		n += in;
	}
	return n;
}
