/* SPDX-License-Identifier: MIT */
#include "lib/model/weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/assert.h"

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

void
weights_clear(struct weights *w)
{
	memset(w->cells, 0, w->cell_count * sizeof *w->cells);
	w->used = w->evicted = 0;
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
