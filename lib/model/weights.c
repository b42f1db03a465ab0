/* SPDX-License-Identifier: MIT */
#include "lib/model/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/base/memory.h"
#include "lib/state/block.h"

enum { LINE = 64, LINES_START = 1 << 13 };

#define HUGE_FROM (UINT64_C(32) << 20)

/* Cells for that many lines, empty. */
static int
allocate(struct weights *w, uint64_t lines)
{
	uint64_t cells = 2 * lines + WEIGHTS_WINDOW,
		 bytes = cells * WEIGHTS_CELL + LINE;
	void *memory = calloc(1, bytes);
	struct dirty dirty;
	uintptr_t at;

	if (memory == NULL || dirty_init(&dirty, cells * WEIGHTS_CELL) != 0) {
		free(memory);
		return -1;
	}
	w->dirty = dirty;
	at = ((uintptr_t)memory + LINE - 1) / LINE * LINE;
	/* Random access to many small pages costs a second miss for each. */
	if (bytes >= HUGE_FROM)
		memory_prefer_huge(memory, bytes);
	w->memory = memory;
	w->cells = (struct weights_cell *)at;
	w->lines = lines;
	w->cell_count = cells;
	w->used = 0;
	w->cramped = false;
	return 0;
}

static uint64_t
next_size(const struct weights *w)
{
	return w->lines >= w->lines_max / 4 ? w->lines_max : 4 * w->lines;
}

/* A map that cannot grow within its budget, what there is now beside it, is at its limit. */
static void
settle_limit(struct weights *w)
{
	if ((next_size(w) + w->lines + WEIGHTS_WINDOW + 2) * LINE > w->budget)
		w->lines_max = w->lines;
}

int
weights_init(struct weights *w, uint64_t bytes)
{
	uint64_t lines;

	assert(bytes >= WEIGHTS_BYTES_MIN);
	*w = (struct weights){ .budget = bytes };
	/* The last growth holds a quarter beside the whole. */
	w->lines_max = bytes / 5 * 4 / LINE - WEIGHTS_WINDOW;
	for (lines = w->lines_max; lines > LINES_START; lines /= 4)
		;
	if (allocate(w, lines) < 0)
		return -1;
	settle_limit(w);
	return 0;
}

void
weights_fini(struct weights *w)
{
	dirty_fini(&w->dirty);
	free(w->memory);
	*w = (struct weights){ 0 };
}

static void
grow(struct weights *w, uint64_t now)
{
	struct weights old = *w;

	if (allocate(w, next_size(w)) < 0) {
		w->lines_max = w->lines;
		w->cramped = false;
		return;
	}
	settle_limit(w);
	for (uint64_t i = 0; i < old.cell_count; i++) {
		const struct weights_cell *from = &old.cells[i];
		struct weights_cell *cell;

		if (from->touched == 0)
			continue;
		cell = weights_take(w, weights_home(w, from->key), from->key, now);
		if (cell == NULL) {
			w->evicted++;
			continue;
		}
		*cell = *from;
		weights_touch(w, cell, from->touched);
	}
	dirty_fini(&old.dirty);
	free(old.memory);
}

void
weights_reserve(struct weights *w, uint64_t n, uint64_t now)
{
	if (__builtin_expect(w->cramped || w->used + n > w->lines, 0) &&
	    w->lines < w->lines_max)
		grow(w, now);
}

/* The cell of a full window that can best be spared, or NULL. */
static struct weights_cell *
spare(struct weights_cell *home, uint64_t now)
{
	struct weights_cell *best = NULL;
	unsigned best_age = 0;

	for (unsigned i = 0; i < WEIGHTS_WINDOW; i++) {
		struct weights_cell *cell = &home[i];
		unsigned age;

		if (cell->touched >= now)
			continue;
		age = 64 - (unsigned)__builtin_clzll(now - cell->touched);
		if (age > best_age ||
		    (age == best_age &&
			fabsf(cell->weight.value) < fabsf(best->weight.value))) {
			best = cell;
			best_age = age;
		}
	}
	return best;
}

struct weights_cell *
weights_take(struct weights *w, struct weights_cell *home, uint64_t key, uint64_t now)
{
	struct weights_cell *cell = NULL;

	assert(now > 0);
	for (unsigned i = 0; i < WEIGHTS_WINDOW && cell == NULL; i++) {
		if (home[i].touched == 0)
			cell = &home[i];
		else if (home[i].key == key)
			return &home[i];
	}
	if (cell != NULL) {
		w->used++;
	} else if (w->lines < w->lines_max) {
		w->cramped = true;
		return NULL;
	} else {
		cell = spare(home, now);
		if (cell == NULL)
			return NULL;
		w->evicted++;
	}
	*cell = (struct weights_cell){ .key = key };
	return cell;
}

void
weight_save(const struct weight *w, struct state_writer *to)
{
	const float values[4] = { w->value, w->state[0], w->state[1], w->state[2] };
	uint8_t bytes[sizeof values];

	for (unsigned i = 0; i < 4; i++) {
		uint32_t bits;

		memcpy(&bits, &values[i], sizeof bits);
		bytes_store_le32(bytes + 4 * i, bits);
	}
	state_put(to, bytes, sizeof bytes);
}

int
weight_load(struct weight *w, struct state_reader *from)
{
	float values[4];
	uint8_t bytes[sizeof values];

	if (state_get(from, bytes, sizeof bytes) < 0)
		return -1;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t bits = bytes_load_le32(bytes + 4 * i);

		memcpy(&values[i], &bits, sizeof bits);
		if (!isfinite(values[i]))
			return -1;
	}
	*w = (struct weight){ values[0], { values[1], values[2], values[3] } };
	return 0;
}

/* How the cells follow. */
enum { AS_LIST, AS_BLOCK };

static void
save_list(const struct weights *w, struct state_writer *to)
{
	for (uint64_t i = 0; i < w->cell_count; i++) {
		const struct weights_cell *cell = &w->cells[i];

		if (cell->touched == 0)
			continue;
		state_put_u64(to, i);
		state_put_u64(to, cell->key);
		state_put_u64(to, cell->touched);
		weight_save(&cell->weight, to);
	}
}

void
weights_save(struct weights *w, struct state_writer *to)
{
	bool block = state_tracks(to);

	state_put_u64(to, block ? AS_BLOCK : AS_LIST);
	state_put_u64(to, w->cell_count);
	state_put_u64(to, w->used);
	state_put_u64(to, w->cramped);
	state_put_u64(to, w->evicted);
	if (block)
		state_put_block(
		    to, slice_of(w->cells, w->cell_count * WEIGHTS_CELL), &w->dirty);
	else
		save_list(w, to);
}

/* The cell at which a key was saved; NULL when it cannot have been there. */
static struct weights_cell *
old_place(struct weights *w, uint64_t key, uint64_t at)
{
	const struct weights_cell *home = weights_home(w, key);
	struct weights_cell *cell;

	if (at >= w->cell_count)
		return NULL;
	cell = &w->cells[at];
	if (cell < home || cell >= home + WEIGHTS_WINDOW || cell->touched != 0)
		return NULL;
	w->used++;
	return cell;
}

static struct weights_cell *
new_place(struct weights *w, uint64_t key, uint64_t now)
{
	struct weights_cell *cell;

	weights_reserve(w, 1, now);
	cell = weights_take(w, weights_home(w, key), key, now);
	if (cell == NULL && w->cramped) {
		weights_reserve(w, 1, now);
		cell = weights_take(w, weights_home(w, key), key, now);
	}
	return cell;
}

/* Before anything is in it: the size that was saved, if the budget allows. */
static int
take_size(struct weights *w, uint64_t cell_count)
{
	uint64_t lines = (cell_count - WEIGHTS_WINDOW) / 2;
	struct weights old = *w;

	assert(w->used == 0);
	if (cell_count < WEIGHTS_WINDOW + 2 || cell_count % 2 != 0 ||
	    lines > w->lines_max || lines == w->lines)
		return 0;
	if (allocate(w, lines) < 0)
		return -1;
	dirty_fini(&old.dirty);
	free(old.memory);
	settle_limit(w);
	return 0;
}

static int
load_list(struct weights *w, struct state_reader *from, uint64_t used, bool same,
    uint64_t last, struct error *error)
{
	uint64_t at;

	if (used > state_left(from) / WEIGHTS_SAVED)
		return error_set(error, "the table of weights is damaged");
	for (uint64_t i = 0; i < used; i++) {
		struct weights_cell saved, *cell;

		if (state_get_u64(from, &at) < 0 ||
		    state_get_u64(from, &saved.key) < 0 ||
		    state_get_u64(from, &saved.touched) < 0 ||
		    weight_load(&saved.weight, from) < 0 || saved.touched == 0 ||
		    saved.touched > last)
			return error_set(
			    error, "weight %llu is damaged", (unsigned long long)i);
		cell = same ? old_place(w, saved.key, at)
			    : new_place(w, saved.key, last + 1);
		if (cell != NULL)
			*cell = saved;
		else if (same)
			return error_set(error, "weight %llu is not in its place",
			    (unsigned long long)i);
		else
			w->evicted++;
	}
	dirty_mark_all(&w->dirty);
	return 0;
}

static bool
is_sound(const struct weights *w, uint64_t i, uint64_t last)
{
	const struct weights_cell *cell = &w->cells[i],
				  *home = weights_home(w, cell->key);

	return cell->touched <= last && isfinite(cell->weight.value) &&
	    isfinite(cell->weight.state[0]) && isfinite(cell->weight.state[1]) &&
	    isfinite(cell->weight.state[2]) && cell >= home &&
	    cell < home + WEIGHTS_WINDOW;
}

static int
load_block(struct weights *w, struct state_reader *from, uint64_t used, uint64_t last,
    struct error *error)
{
	if (state_get_block(
		from, w->cells, w->cell_count * WEIGHTS_CELL, &w->dirty, error) < 0)
		return -1;
	for (uint64_t i = 0; i < w->cell_count; i++) {
		if (w->cells[i].touched == 0)
			continue;
		if (!is_sound(w, i, last))
			return error_set(
			    error, "weight %llu is damaged", (unsigned long long)i);
		w->used++;
	}
	return w->used == used ? 0
			       : error_set(error, "the table of weights is damaged");
}

int
weights_load(
    struct weights *w, struct state_reader *from, uint64_t last, struct error *error)
{
	uint64_t form, cell_count, used, cramped, evicted;
	bool same;

	if (state_get_u64(from, &form) < 0 || state_get_u64(from, &cell_count) < 0 ||
	    state_get_u64(from, &used) < 0 || state_get_u64(from, &cramped) < 0 ||
	    state_get_u64(from, &evicted) < 0 || used > cell_count || form > AS_BLOCK)
		return error_set(error, "the table of weights is damaged");
	w->evicted = evicted;
	if (take_size(w, cell_count) < 0)
		return error_set(error, "there is no memory for %llu weights",
		    (unsigned long long)cell_count);
	same = cell_count == w->cell_count;
	if ((form == AS_BLOCK ? load_block(w, from, used, last, error)
			      : load_list(w, from, used, same, last, error)) < 0)
		return -1;
	w->cramped = same && cramped != 0;
	return 0;
}
