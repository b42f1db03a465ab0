/* SPDX-License-Identifier: MIT */
#include "lib/feature/delay.h"

#include <stdlib.h>

#include "lib/base/assert.h"

enum { LEAST = 1024 };

int
delay_init(struct delay *d, uint64_t memory_bytes)
{
	uint64_t capacity = memory_bytes / sizeof *d->ring;

	*d = (struct delay){ .newest = WHEN_NEVER, .applied = WHEN_NEVER };
	if (capacity < LEAST)
		return -1;
	d->ring = calloc(capacity, sizeof *d->ring);
	d->capacity = capacity;
	d->size = LEAST;
	return d->ring != NULL ? 0 : -1;
}

void
delay_fini(struct delay *d)
{
	free(d->ring);
	d->ring = NULL;
}

/* A ring no larger than what waits stays in the cache. What lies at its start follows its
 * end now. */
static void
grow(struct delay *d)
{
	uint64_t size = 2 * d->size < d->capacity ? 2 * d->size : d->capacity;
	uint64_t added = size - d->size;
	uint64_t moved = d->first < added ? d->first : added;

	memcpy(d->ring + d->size, d->ring, moved * sizeof *d->ring);
	memmove(d->ring, d->ring + moved, (d->first - moved) * sizeof *d->ring);
	d->size = size;
}

void
delay_put(struct delay *d, const struct addition *a)
{
	struct addition *to;
	uint64_t place;

	assert(d->count < d->capacity);
	if (d->count == d->size)
		grow(d);
	place = d->first + d->count;
	to = &d->ring[place < d->size ? place : place - d->size];
	*to = *a;
	if (to->known < d->newest)
		to->known = d->newest;
	d->newest = to->known;
	d->count++;
}

const struct addition *
delay_take(struct delay *d, instant until)
{
	const struct addition *a;

	if (d->count == 0 || d->ring[d->first].known > until)
		return NULL;
	a = &d->ring[d->first];
	d->first = d->first + 1 < d->size ? d->first + 1 : 0;
	d->count--;
	d->applied = a->known;
	return a;
}

void
delay_save(const struct delay *d, struct state_writer *to)
{
	uint64_t end = d->first + d->count;

	state_put_i64(to, d->newest);
	state_put_i64(to, d->applied);
	state_put_u64(to, d->count);
	if (d->count == 0)
		return;
	if (end <= d->size) {
		state_put(to, d->ring + d->first, d->count * sizeof *d->ring);
		return;
	}
	state_put(to, d->ring + d->first, (d->size - d->first) * sizeof *d->ring);
	state_put(to, d->ring, (end - d->size) * sizeof *d->ring);
}

int
delay_load(struct delay *d, struct state_reader *from, struct error *error)
{
	if (state_get_i64(from, &d->newest) != 0 ||
	    state_get_i64(from, &d->applied) != 0 ||
	    state_get_u64(from, &d->count) != 0)
		return error_set(error, "the snapshot is too short");
	d->first = 0;
	while (d->size < d->count && d->size < d->capacity)
		grow(d);
	if (d->count > d->capacity)
		return error_set(error,
		    "more waits in the snapshot than --memory can hold (give more)");
	if (d->count > 0 && state_get(from, d->ring, d->count * sizeof *d->ring) != 0)
		return error_set(error, "the snapshot is too short");
	return 0;
}
