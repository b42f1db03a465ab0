/* SPDX-License-Identifier: MIT */
#include "lib/fraud/waiting.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"

struct waiting {
	struct summary *ring;       /* owned */
	struct sources_hint *hints; /* owned */
	uint64_t room;
	uint64_t first, next; /* numbers */
	struct dirty dirty;
};

struct waiting *
waiting_new(uint64_t memory_bytes)
{
	struct waiting *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->first = w->next = 1;
	w->room = memory_bytes / (sizeof *w->ring + sizeof *w->hints + 1);
	w->ring = w->room == 0 ? NULL : calloc(w->room, sizeof *w->ring);
	w->hints = w->room == 0 ? NULL : calloc(w->room, sizeof *w->hints);
	if (w->ring == NULL || w->hints == NULL ||
	    dirty_init(&w->dirty, w->room * sizeof *w->ring) != 0) {
		waiting_free(w);
		return NULL;
	}
	memory_prefer_huge(w->ring, w->room * sizeof *w->ring);
	return w;
}

void
waiting_free(struct waiting *w)
{
	if (w == NULL)
		return;
	dirty_fini(&w->dirty);
	free(w->ring);
	free(w->hints);
	free(w);
}

static struct summary *
at(const struct waiting *w, uint64_t number)
{
	return &w->ring[number % w->room];
}

static void
mark(struct waiting *w, uint64_t number)
{
	dirty_mark(&w->dirty, number % w->room * sizeof *w->ring, sizeof *w->ring);
}

bool
waiting_is_full(const struct waiting *w)
{
	return w->next - w->first == w->room;
}

struct summary *
waiting_add(struct waiting *w, uint64_t *number)
{
	assert(!waiting_is_full(w));
	*number = w->next++;
	mark(w, *number);
	return at(w, *number);
}

struct summary *
waiting_first(const struct waiting *w)
{
	return w->first == w->next ? NULL : at(w, w->first);
}

uint64_t
waiting_first_number(const struct waiting *w)
{
	return w->first;
}

void
waiting_prefetch(const struct waiting *w)
{
	const uint8_t *next = (const uint8_t *)at(w, w->first + 1);

	for (size_t i = 0; i < sizeof *w->ring; i += 64)
		__builtin_prefetch(next + i, 1);
	/* A loop of nothing but prefetches is nothing to gcc 12. */
	__asm__ volatile("" : : "r"(next));
}

/* What is left of it is zero, for the next one, and so that the same events make the same
 * snapshot. */
void
waiting_drop_first(struct waiting *w)
{
	assert(w->first != w->next);
	mark(w, w->first);
	memset(at(w, w->first), 0, sizeof *w->ring);
	w->first++;
}

struct summary *
waiting_find(struct waiting *w, uint64_t number)
{
	if (number < w->first || number >= w->next)
		return NULL;
	mark(w, number);
	return at(w, number);
}

struct sources_hint *
waiting_hint(struct waiting *w, uint64_t number)
{
	return &w->hints[number % w->room];
}

uint64_t
waiting_count(const struct waiting *w)
{
	return w->next - w->first;
}

void
waiting_save(struct waiting *w, struct state_writer *to)
{
	state_put_u64(to, w->first);
	state_put_u64(to, w->next);
	state_put_block(to, slice_of(w->ring, w->room * sizeof *w->ring), &w->dirty);
}

static bool
is_summary(const struct summary *s)
{
	return s->id_size > 0 && s->id_size <= WAITING_ID_MAX && s->event_kind <= 2 &&
	    s->point.present < LATTICE_SETS;
}

int
waiting_load(struct waiting *w, struct state_reader *from, struct error *error)
{
	if (state_get_u64(from, &w->first) != 0 || state_get_u64(from, &w->next) != 0)
		return error_set(error, "the snapshot is too short");
	if (state_get_block(
		from, w->ring, w->room * sizeof *w->ring, &w->dirty, error) != 0)
		return -1;
	if (w->first == 0 || w->next < w->first || w->next - w->first > w->room)
		return error_set(error, "the snapshot is damaged");
	for (uint64_t n = w->first; n < w->next; n++)
		if (!is_summary(at(w, n)))
			return error_set(error, "the snapshot is damaged");
	return 0;
}
