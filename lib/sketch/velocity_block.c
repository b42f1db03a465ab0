/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sketch/lines.h"
#include "lib/sketch/velocity_inside.h"

#define LAYOUT UINT64_C(0x0100594C45560001) /* tells the byte order too */

static size_t
cell_stride(const struct rings *r)
{
	return lines_round(sizeof(struct velocity_cell) + r->size);
}

static size_t
set_bytes(const struct rings *r)
{
	return PLACES_WAYS * (sizeof(uint64_t) + cell_stride(r));
}

static size_t
head_bytes(void)
{
	return lines_round(sizeof(struct velocity_head));
}

static uint64_t
memory_min(const struct rings *r)
{
	return sizeof(struct velocity) + head_bytes() + LINES_LINE +
	    4 * ((uint64_t)set_bytes(r) + DEPTH * r->size);
}

uint64_t
velocity_memory_min(const struct velocity_shape *shape)
{
	struct rings r;

	rings_init(&r, shape);
	return memory_min(&r);
}

static struct velocity_fixed
fixed_of(const struct velocity_shape *shape, uint64_t sets, uint64_t width)
{
	struct velocity_fixed f = { .layout = LAYOUT,
		.seed = shape->seed,
		.sums = shape->sums,
		.rules = shape->rules,
		.sets = sets,
		.width = width };

	for (unsigned i = 0; i < shape->rules; i++) {
		f.length[i] = shape->rule[i].length.us;
		f.slices[i] = shape->rule[i].slices;
	}
	return f;
}

static int
take_block(struct velocity *v)
{
	size_t places = (size_t)v->fixed.sets * PLACES_WAYS;

	v->places.sets = v->fixed.sets;
	v->places.stride = cell_stride(&v->rings);
	v->size = head_bytes() + places * (sizeof(uint64_t) + v->places.stride) +
	    DEPTH * (size_t)v->fixed.width * v->rings.size;
	v->head = lines_new(v->size, &v->memory);
	if (v->head == NULL || dirty_init(&v->dirty, v->size) != 0)
		return -1;
	v->places.words = (uint64_t *)(void *)((uint8_t *)v->head + head_bytes());
	v->places.cells = (uint8_t *)(v->places.words + places);
	v->rows = v->places.cells + places * v->places.stride;
	v->head->fixed = v->fixed;
	return 0;
}

struct velocity *
velocity_new(const struct velocity_shape *shape, uint64_t memory_bytes)
{
	struct velocity *v;
	struct rings rings;
	uint64_t left;

	rings_init(&rings, shape);
	if (memory_bytes < memory_min(&rings) || memory_bytes > SIZE_MAX / 2)
		return NULL;
	v = calloc(1, sizeof *v);
	if (v == NULL)
		return NULL;
	v->rings = rings;
	left = memory_bytes - sizeof *v - head_bytes() - LINES_LINE;
	v->fixed = fixed_of(
	    shape, left / 4 * 3 / set_bytes(&rings), left / 4 / (DEPTH * rings.size));
	v->excess = exp(1) / (double)v->fixed.width;
	if (take_block(v) == 0)
		return v;
	velocity_free(v);
	return NULL;
}

void
velocity_free(struct velocity *v)
{
	if (v == NULL)
		return;
	dirty_fini(&v->dirty);
	free(v->memory);
	free(v);
}

void
velocity_clear(struct velocity *v)
{
	dirty_mark_all(&v->dirty);
	lines_wipe(v->head, v->size);
	v->head->fixed = v->fixed;
	v->last = (struct moment){ 0 };
}

static size_t
slots(const struct velocity *v)
{
	return (size_t)v->fixed.sets * PLACES_WAYS;
}

static bool
mass_equal(struct velocity_mass a, struct velocity_mass b)
{
	return a.count == b.count && a.sum == b.sum;
}

/* Whether a newest instant can be one: none, or between the least there is and `latest`. */
static bool
newest_holds(uint64_t newest, uint64_t latest)
{
	return newest == 0 ||
	    (newest >= RING_BIAS - (uint64_t)WHEN_MAX && newest <= latest);
}

/* Every key lies in its set, once, and the cells hold what is said of them. */
static bool
cells_hold(const struct velocity *v)
{
	struct velocity_mass held[RULES] = { 0 };
	uint64_t cells = 0;

	for (size_t slot = 0; slot < slots(v); slot++) {
		const struct velocity_cell *c = places_cell(&v->places, slot);

		if (v->places.words[slot] == 0)
			continue;
		if (places_find(&v->places, places_hash(v->fixed.seed, c->key),
			c->key) != slot ||
		    !newest_holds(velocity_ring(c)->newest, v->head->newest))
			return false;
		cells++;
		for (unsigned i = 0; i < v->rings.rules; i++)
			mass_add(&held[i], rings_held(&v->rings, velocity_ring(c), i));
	}
	for (unsigned i = 0; i < v->rings.rules; i++) {
		mass_add(&held[i], v->head->expired[i]);
		mass_add(&held[i], v->head->left[i]);
		if (!mass_equal(held[i], v->head->entered[i]))
			return false;
	}
	return cells == v->head->cells;
}

static bool
row_holds(const struct velocity *v, unsigned row)
{
	struct velocity_mass held[RULES] = { 0 };

	for (uint64_t at = 0; at < v->fixed.width; at++) {
		if (!newest_holds(velocity_row(v, row, at)->newest, v->head->newest))
			return false;
		for (unsigned i = 0; i < v->rings.rules; i++)
			mass_add(&held[i],
			    rings_held(&v->rings, velocity_row(v, row, at), i));
	}
	for (unsigned i = 0; i < v->rings.rules; i++) {
		mass_add(&held[i], v->head->row_expired[row][i]);
		if (!mass_equal(held[i], v->head->put[i]))
			return false;
	}
	return true;
}

static bool
ledger_holds(const struct velocity *v, unsigned rule)
{
	struct velocity_ledger l = velocity_ledger(v, rule);

	mass_add(&l.cells, l.sketch);
	mass_add(&l.cells, l.expired);
	mass_add(&l.cells, l.late);
	mass_add(&l.cells, l.refused);
	return mass_equal(l.cells, l.added);
}

static bool
all_holds(const struct velocity *v)
{
	bool holds = newest_holds(v->head->newest, RING_BIAS + (uint64_t)WHEN_MAX);

	holds = holds && v->head->poured <= v->head->newest && cells_hold(v);
	for (unsigned i = 0; holds && i < DEPTH; i++)
		holds = row_holds(v, i);
	for (unsigned i = 0; holds && i < v->rings.rules; i++)
		holds = ledger_holds(v, i);
	return holds;
}

struct slice
velocity_bytes(const struct velocity *v)
{
	return slice_of(v->head, v->size);
}

struct dirty *
velocity_dirty(struct velocity *v)
{
	velocity_mark(v, v->head, sizeof *v->head);
	return &v->dirty;
}

void *
velocity_load_begin(struct velocity *v)
{
	velocity_clear(v);
	memset(&v->head->fixed, 0, sizeof v->head->fixed);
	return v->head;
}

int
velocity_load_end(struct velocity *v, struct error *error)
{
	bool fits = memcmp(&v->head->fixed, &v->fixed, sizeof v->fixed) == 0;

	if (fits && all_holds(v))
		return 0;
	velocity_clear(v);
	return error_set(error,
	    fits ? "the counters do not add up to the events that came"
		 : "the counters were saved with other windows, --memory or --seed");
}
