/* SPDX-License-Identifier: MIT */
#include "lib/pending/queue.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

enum { CHILDREN = 4 };

int
queue_init(struct queue *q, uint32_t capacity)
{
	*q = (struct queue){ .capacity = capacity };
	q->heap = calloc((size_t)capacity + 1, sizeof *q->heap);
	q->place = calloc((size_t)capacity + 1, sizeof *q->place);
	return q->heap != NULL && q->place != NULL ? 0 : -1;
}

void
queue_fini(struct queue *q)
{
	free(q->heap);
	free(q->place);
	*q = (struct queue){ .heap = NULL };
}

static bool
before(const struct queue_entry *a, const struct queue_entry *b)
{
	return a->due != b->due ? a->due < b->due : a->rank < b->rank;
}

static void
put(struct queue *q, uint32_t i, struct queue_entry e)
{
	q->heap[i] = e;
	q->place[e.number] = i + 1;
}

static void
rise(struct queue *q, uint32_t i, struct queue_entry e)
{
	while (i > 0 && before(&e, &q->heap[(i - 1) / CHILDREN])) {
		put(q, i, q->heap[(i - 1) / CHILDREN]);
		i = (i - 1) / CHILDREN;
	}
	put(q, i, e);
}

static void
sink(struct queue *q, uint32_t i, struct queue_entry e)
{
	for (;;) {
		uint32_t first = i * CHILDREN + 1, least = first;

		for (uint32_t c = first + 1; c < first + CHILDREN && c < q->count; c++)
			if (before(&q->heap[c], &q->heap[least]))
				least = c;
		if (least >= q->count || !before(&q->heap[least], &e))
			break;
		put(q, i, q->heap[least]);
		i = least;
	}
	put(q, i, e);
}

static void
settle(struct queue *q, uint32_t i, struct queue_entry e)
{
	if (i > 0 && before(&e, &q->heap[(i - 1) / CHILDREN]))
		rise(q, i, e);
	else
		sink(q, i, e);
}

void
queue_set(struct queue *q, uint32_t number, instant due, uint64_t rank)
{
	struct queue_entry e = { due, rank, number };

	assert(number > 0 && number <= q->capacity);
	if (q->place[number] == 0)
		rise(q, q->count++, e);
	else
		settle(q, q->place[number] - 1, e);
}

void
queue_remove(struct queue *q, uint32_t number)
{
	uint32_t i;

	assert(number > 0 && number <= q->capacity && q->place[number] > 0);
	i = q->place[number] - 1;
	q->place[number] = 0;
	q->count--;
	if (i < q->count)
		settle(q, i, q->heap[q->count]);
}

struct slice
queue_bytes(const struct queue *q)
{
	return slice_of(q->heap, q->count * sizeof *q->heap);
}

int
queue_load(struct queue *q, struct slice bytes)
{
	size_t n = bytes.size / sizeof *q->heap;

	if (bytes.size % sizeof *q->heap != 0 || n > q->capacity)
		return -1;
	memmove(q->heap, bytes.at, bytes.size);
	memset(q->place, 0, ((size_t)q->capacity + 1) * sizeof *q->place);
	q->count = (uint32_t)n;
	for (uint32_t i = 0; i < q->count; i++) {
		uint64_t number = q->heap[i].number;

		if (number == 0 || number > q->capacity || q->place[number] != 0) {
			q->count = 0;
			return -1;
		}
		q->place[number] = i + 1;
	}
	return 0;
}
