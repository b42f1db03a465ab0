/* SPDX-License-Identifier: MIT */
#include "lib/model/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"

enum { LINE = 64 };

int
weights_init(struct weights *w, uint64_t bytes)
{
	uintptr_t at;

	assert(bytes >= WEIGHTS_BYTES_MIN);
	*w = (struct weights){ 0 };
	w->lines = (bytes - LINE) / LINE - WEIGHTS_WINDOW / 2;
	w->cell_count = 2 * w->lines + WEIGHTS_WINDOW;
	w->memory = calloc(1, bytes);
	if (w->memory == NULL)
		return -1;
	at = ((uintptr_t)w->memory + LINE - 1) / LINE * LINE;
	w->cells = (struct weights_cell *)at;
#ifdef MADV_HUGEPAGE
	/* A wish: random access to many small pages costs a second miss for each. */
	if (bytes >= (uint64_t)64 << 20) {
		uintptr_t page = (at + 4095) / 4096 * 4096;

		(void)madvise(
		    (void *)page, bytes - (page - (uintptr_t)w->memory), MADV_HUGEPAGE);
	}
#endif
	return 0;
}

void
weights_fini(struct weights *w)
{
	free(w->memory);
	*w = (struct weights){ 0 };
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

void
weights_save(const struct weights *w, struct state_writer *to)
{
	state_put_u64(to, w->cell_count);
	state_put_u64(to, w->used);
	state_put_u64(to, w->evicted);
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

/* The cell for a key that comes from a file: at its old place in a map of the old size,
 * else wherever weights_take finds one; NULL when the file is wrong. */
static struct weights_cell *
place(struct weights *w, const struct weights_cell *saved, uint64_t at, bool same,
    uint64_t now)
{
	struct weights_cell *home = weights_home(w, saved->key), *cell;

	if (!same)
		return weights_take(w, home, saved->key, now);
	if (at >= w->cell_count)
		return NULL;
	cell = &w->cells[at];
	if (cell < home || cell >= home + WEIGHTS_WINDOW || cell->touched != 0)
		return NULL;
	w->used++;
	return cell;
}

int
weights_load(
    struct weights *w, struct state_reader *from, uint64_t last, struct error *error)
{
	uint64_t cell_count, used, evicted, at;

	if (state_get_u64(from, &cell_count) < 0 || state_get_u64(from, &used) < 0 ||
	    state_get_u64(from, &evicted) < 0 || used > cell_count ||
	    used > state_left(from) / WEIGHTS_SAVED)
		return error_set(error, "the table of weights is damaged");
	w->evicted = evicted;
	for (uint64_t i = 0; i < used; i++) {
		struct weights_cell saved, *cell;

		if (state_get_u64(from, &at) < 0 ||
		    state_get_u64(from, &saved.key) < 0 ||
		    state_get_u64(from, &saved.touched) < 0 ||
		    weight_load(&saved.weight, from) < 0 || saved.touched == 0 ||
		    saved.touched > last)
			return error_set(
			    error, "weight %llu is damaged", (unsigned long long)i);
		cell = place(w, &saved, at, cell_count == w->cell_count, last + 1);
		if (cell == NULL)
			return error_set(error, "weight %llu is not in its place",
			    (unsigned long long)i);
		*cell = saved;
	}
	return 0;
}
