/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/sketch/lines.h"
#include "lib/sketch/spread_inside.h"

#define LAYOUT UINT64_C(0x0100525053000001) /* tells the byte order too */

static struct distinct_rule
rule_of(const struct spread_shape *shape, unsigned precision)
{
	assert(shape->length.us > 0 && shape->length.us <= WHEN_MAX / 4);
	assert(shape->slices >= 1 && shape->slices <= SPREAD_SLICES_MAX);
	return (struct distinct_rule){ shape->length, shape->slices, precision };
}

/* The sizes that follow from a shape. */
struct sizes {
	size_t head, set, row, large, stride;
};

static struct sizes
sizes_of(const struct spread_shape *shape)
{
	struct sizes z = { .head = lines_round(sizeof(struct spread_head)) };

	z.row = distinct_cell_size(rule_of(shape, SPREAD_SMALL));
	z.large = offsetof(struct spread_large, newest) +
	    distinct_cell_size(rule_of(shape, SPREAD_LARGE));
	z.stride = lines_round(offsetof(struct spread_cell, newest) + z.row);
	z.set = PLACES_WAYS * (sizeof(uint64_t) + z.stride);
	return z;
}

uint64_t
spread_memory_min(const struct spread_shape *shape)
{
	struct sizes z = sizes_of(shape);

	return sizeof(struct spread) + z.head + LINES_LINE + 4 * z.set +
	    4 * SPREAD_DEPTH * z.row;
}

static int
take_block(struct spread *s, struct sizes z)
{
	size_t places = (size_t)s->fixed.sets * PLACES_WAYS;

	s->row_size = z.row;
	s->large_size = z.large;
	s->places.sets = s->fixed.sets;
	s->places.stride = z.stride;
	s->size = z.head + (size_t)s->fixed.sets * z.set +
	    SPREAD_DEPTH * (size_t)s->fixed.width * z.row +
	    (size_t)s->fixed.pool * z.large;
	s->head = lines_new(s->size, &s->memory);
	if (s->head == NULL || dirty_init(&s->dirty, s->size) != 0)
		return -1;
	s->places.words = (uint64_t *)(void *)((uint8_t *)s->head + z.head);
	s->places.cells = (uint8_t *)(s->places.words + places);
	s->rows = s->places.cells + places * z.stride;
	s->pool = s->rows + SPREAD_DEPTH * (size_t)s->fixed.width * z.row;
	s->head->fixed = s->fixed;
	return 0;
}

struct spread *
spread_new(const struct spread_shape *shape, uint64_t memory_bytes)
{
	struct sizes z = sizes_of(shape);
	struct spread *s;
	uint64_t left;

	if (memory_bytes < spread_memory_min(shape) || memory_bytes > SIZE_MAX / 2)
		return NULL;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->small = rule_of(shape, SPREAD_SMALL);
	s->large = rule_of(shape, SPREAD_LARGE);
	left = memory_bytes - sizeof *s - z.head - LINES_LINE;
	s->fixed = (struct spread_fixed){ .layout = LAYOUT,
		.seed = shape->seed,
		.length = shape->length.us,
		.slices = shape->slices,
		.width = left / 4 / (SPREAD_DEPTH * z.row),
		.pool = left / 8 / z.large };
	left -= s->fixed.width * SPREAD_DEPTH * z.row + s->fixed.pool * z.large;
	s->fixed.sets = left / z.set;
	if (take_block(s, z) == 0)
		return s;
	spread_free(s);
	return NULL;
}

void
spread_free(struct spread *s)
{
	if (s == NULL)
		return;
	dirty_fini(&s->dirty);
	free(s->memory);
	free(s);
}

void
spread_clear(struct spread *s)
{
	dirty_mark_all(&s->dirty);
	lines_wipe(s->head, s->size);
	s->head->fixed = s->fixed;
}

struct slice
spread_bytes(const struct spread *s)
{
	return slice_of(s->head, s->size);
}

struct dirty *
spread_dirty(struct spread *s)
{
	spread_mark(s, s->head, sizeof *s->head);
	return &s->dirty;
}

/* Registers hold ranks that can be, and no slice is later than the newest of all. */
static bool
registers_hold(const struct spread *s, struct distinct_rule rule, const uint64_t *cell)
{
	const uint8_t *registers = (const uint8_t *)(cell + 1);
	size_t size = (size_t)rule.slices << rule.precision;
	unsigned most = 0;

	for (size_t i = 0; i < size; i++)
		most = registers[i] > most ? registers[i] : most;
	return *cell <= s->head->slice && most <= 64 - rule.precision + 1;
}

/* The counts of ranks are those of the registers. */
static bool
ranks_hold(const struct spread *s, const struct spread_large *l)
{
	int64_t n = s->large.slices, width = (s->large.length.us + n - 1) / n;
	int64_t slice = (int64_t)(l->newest - RING_BIAS);
	uint32_t ranks[DISTINCT_RANKS_MAX];

	if (l->estimate == SPREAD_UNKNOWN)
		return true;
	if (!(l->estimate >= 0 && isfinite(l->estimate)) ||
	    slice < -WHEN_MAX / width - 1)
		return false;
	distinct_cell_ranks(s->large, &l->newest, slice * width, ranks);
	return memcmp(ranks, l->ranks, sizeof ranks) == 0;
}

static bool
large_holds(const struct spread *s, const struct spread_cell *c, size_t slot)
{
	const struct spread_large *l;

	if (c->large == 0)
		return true;
	if (c->large > s->head->pool_used || c->used != SPREAD_REGISTERS)
		return false;
	l = spread_large(s, c->large - 1);
	return l->owner == slot + 1 && registers_hold(s, s->large, &l->newest) &&
	    ranks_hold(s, l);
}

static bool
cell_holds(const struct spread *s, const struct spread_cell *c, size_t slot)
{
	if (places_find(&s->places, places_hash(s->fixed.seed, c->key), c->key) !=
		slot ||
	    c->newest > s->head->slice || !large_holds(s, c, slot))
		return false;
	if (c->used != SPREAD_REGISTERS)
		return spread_set_holds(c, s->small.slices);
	return registers_hold(s, s->small, &c->newest) &&
	    (c->estimate == SPREAD_UNKNOWN ||
		(c->estimate >= 0 && isfinite(c->estimate)));
}

static bool
cells_hold(const struct spread *s)
{
	uint64_t cells = 0, large = 0;

	for (size_t slot = 0; slot < s->fixed.sets * PLACES_WAYS; slot++) {
		const struct spread_cell *c = places_cell(&s->places, slot);

		if (s->places.words[slot] == 0)
			continue;
		if (!cell_holds(s, c, slot))
			return false;
		cells++;
		large += c->large != 0;
	}
	return cells == s->head->counts.cells && large == s->head->counts.large;
}

static bool
rows_hold(const struct spread *s)
{
	for (unsigned row = 0; row < SPREAD_DEPTH; row++)
		for (uint64_t i = 0; i < s->fixed.width; i++)
			if (!registers_hold(
				s, s->small, (const void *)spread_row(s, row, i)))
				return false;
	return true;
}

/* Those of the pool that are not in use are all in the chain of free ones. */
static bool
pool_holds(const struct spread *s)
{
	const struct spread_head *h = s->head;
	uint64_t free = 0;

	if (h->pool_used > s->fixed.pool ||
	    (h->pool_hand != 0 && h->pool_hand >= s->fixed.pool))
		return false;
	for (uint64_t i = h->pool_free; i != 0; i = spread_large(s, i - 1)->changed)
		if (i > h->pool_used || spread_large(s, i - 1)->owner != 0 ||
		    ++free > h->pool_used)
			return false;
	return free + h->counts.large == h->pool_used;
}

static bool
head_holds(const struct spread *s)
{
	const struct spread_head *h = s->head;
	struct distinct_rule rule = s->small;

	return h->counts.added == h->counts.kept + h->counts.late &&
	    h->poured <= h->slice &&
	    (h->slice == 0 ||
		(h->slice >= ring_slice(rule.length, rule.slices, -WHEN_MAX) &&
		    h->slice <= ring_slice(rule.length, rule.slices, WHEN_MAX)));
}

void *
spread_load_begin(struct spread *s)
{
	spread_clear(s);
	memset(&s->head->fixed, 0, sizeof s->head->fixed);
	return s->head;
}

int
spread_load_end(struct spread *s, struct error *error)
{
	bool fits = memcmp(&s->head->fixed, &s->fixed, sizeof s->fixed) == 0;

	if (fits && head_holds(s) && pool_holds(s) && cells_hold(s) && rows_hold(s))
		return 0;
	spread_clear(s);
	return error_set(error,
	    fits ? "the distinct counts are not what they say"
		 : "the distinct counts were saved with another window, --memory or "
		   "--seed");
}
