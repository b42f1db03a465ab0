/* SPDX-License-Identifier: MIT */
#include "lib/pending/queue.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"

/* A lane is a list in the order of due: an entry that is due after its last is appended,
 * any other goes to the heap.
 *
 * An entry in a lane has its neighbours in before and after; one in the heap has its
 * place + 1 and IN_HEAP; one that is absent has before 0. */
enum { CHILDREN = 4 };

#define IN_HEAP UINT32_MAX
#define IS_FIRST UINT32_MAX

int
queue_init(struct queue *q, uint32_t capacity)
{
	*q = (struct queue){ .capacity = capacity };
	q->entries = calloc((size_t)capacity + 1, sizeof *q->entries);
	q->heap = calloc((size_t)capacity + 1, sizeof *q->heap);
	memory_prefer_huge(q->entries, ((size_t)capacity + 1) * sizeof *q->entries);
	return q->entries != NULL && q->heap != NULL &&
		dirty_init(&q->dirty, capacity * sizeof *q->entries) == 0
	    ? 0
	    : -1;
}

void
queue_fini(struct queue *q)
{
	dirty_fini(&q->dirty);
	free(q->entries);
	free(q->heap);
	*q = (struct queue){ .heap = NULL };
}

/* An entry that may be changed. */
static struct queue_entry *
entry(struct queue *q, uint32_t number)
{
	dirty_mark(&q->dirty, (number - 1) * sizeof *q->entries, sizeof *q->entries);
	return &q->entries[number];
}

static bool
precedes(const struct queue *q, uint32_t a, uint32_t b)
{
	const struct queue_entry *x = &q->entries[a], *y = &q->entries[b];

	return x->due != y->due ? x->due < y->due : x->rank < y->rank;
}

/* --- The heap --------------------------------------------------------------------- */

static void
put(struct queue *q, uint32_t i, uint32_t number)
{
	struct queue_entry *e = entry(q, number);

	e->before = i + 1;
	e->after = IN_HEAP;
	q->heap[i] = number;
}

static void
rise(struct queue *q, uint32_t i, uint32_t number)
{
	while (i > 0 && precedes(q, number, q->heap[(i - 1) / CHILDREN])) {
		put(q, i, q->heap[(i - 1) / CHILDREN]);
		i = (i - 1) / CHILDREN;
	}
	put(q, i, number);
}

static void
sink(struct queue *q, uint32_t i, uint32_t number)
{
	for (;;) {
		uint32_t first = i * CHILDREN + 1, least = first;

		for (uint32_t c = first + 1; c < first + CHILDREN && c < q->count; c++)
			if (precedes(q, q->heap[c], q->heap[least]))
				least = c;
		if (least >= q->count || !precedes(q, q->heap[least], number))
			break;
		put(q, i, q->heap[least]);
		i = least;
	}
	put(q, i, number);
}

/* Take the entry at i out: the last one fills its place. */
static void
pull(struct queue *q, uint32_t i)
{
	uint32_t number = q->heap[--q->count];

	if (i == q->count)
		return;
	if (i > 0 && precedes(q, number, q->heap[(i - 1) / CHILDREN]))
		rise(q, i, number);
	else
		sink(q, i, number);
}

/* --- The lanes -------------------------------------------------------------------- */

static void
append(struct queue *q, struct queue_ends *l, uint32_t number)
{
	struct queue_entry *e = entry(q, number);

	e->before = l->last != 0 ? l->last : IS_FIRST;
	e->after = 0;
	*(l->last != 0 ? &entry(q, l->last)->after : &l->first) = number;
	l->last = number;
}

static struct queue_ends *
lane_of_end(struct queue *q, uint32_t number)
{
	struct queue_ends *l = q->lanes;

	while (l->first != number && l->last != number) {
		l++;
		assert(l < q->lanes + QUEUE_LANES);
	}
	return l;
}

static void
unhook(struct queue *q, uint32_t number)
{
	struct queue_entry *e = &q->entries[number];
	bool first = e->before == IS_FIRST, last = e->after == 0;
	struct queue_ends *l = first || last ? lane_of_end(q, number) : NULL;

	if (first)
		l->first = e->after;
	else
		entry(q, e->before)->after = e->after;
	if (last)
		l->last = first ? 0 : e->before;
	else
		entry(q, e->after)->before = e->before;
}

/* --- Both ------------------------------------------------------------------------- */

void
queue_set(
    struct queue *q, uint32_t number, instant due, uint64_t rank, enum queue_lane lane)
{
	struct queue_entry *e;
	uint32_t last;

	assert(number > 0 && number <= q->capacity);
	e = &q->entries[number];
	if (e->before != 0) {
		if (e->due == due && e->rank == rank)
			return;
		queue_remove(q, number);
	}
	if (number > q->used)
		q->used = number;
	q->held++;
	e = entry(q, number);
	e->due = due;
	e->rank = rank;
	last = lane == QUEUE_NO_LANE ? 0 : q->lanes[lane].last;
	if (lane != QUEUE_NO_LANE && (last == 0 || precedes(q, last, number)))
		append(q, &q->lanes[lane], number);
	else
		rise(q, q->count++, number);
}

void
queue_remove(struct queue *q, uint32_t number)
{
	struct queue_entry *e;

	assert(number > 0 && number <= q->capacity && queue_has(q, number));
	e = entry(q, number);
	if (e->after == IN_HEAP)
		pull(q, e->before - 1);
	else
		unhook(q, number);
	e->before = 0;
	q->held--;
}

uint32_t
queue_first(const struct queue *q)
{
	uint32_t first = q->count > 0 ? q->heap[0] : 0;

	for (unsigned i = 0; i < QUEUE_LANES; i++) {
		uint32_t number = q->lanes[i].first;

		if (number != 0 && (first == 0 || precedes(q, number, first)))
			first = number;
	}
	return first;
}

/* As it is, and not only what it holds: so a run that was interrupted goes on to have the
 * same bytes as one that was not. */
void
queue_save(struct queue *q, struct state_writer *to)
{
	for (unsigned i = 0; i < QUEUE_LANES; i++) {
		state_put_u64(to, q->lanes[i].first);
		state_put_u64(to, q->lanes[i].last);
	}
	state_put_block(
	    to, slice_of(q->entries + 1, q->used * sizeof *q->entries), &q->dirty);
}

static int
load_lanes(struct queue *q, struct state_reader *from)
{
	uint64_t first, last;

	for (unsigned i = 0; i < QUEUE_LANES; i++) {
		if (state_get_u64(from, &first) != 0 ||
		    state_get_u64(from, &last) != 0 || first > q->capacity ||
		    last > q->capacity || (first == 0) != (last == 0))
			return -1;
		q->lanes[i] = (struct queue_ends){ .first = (uint32_t)first,
			.last = (uint32_t)last };
	}
	return 0;
}

/* The heap, from the places that its entries have; it has no gaps. */
static bool
load_heap(struct queue *q)
{
	for (uint32_t i = 1; i <= q->used; i++) {
		const struct queue_entry *e = &q->entries[i];

		if (e->before == 0)
			continue;
		q->held++;
		if (e->after != IN_HEAP)
			continue;
		if (e->before > q->used || q->heap[e->before - 1] != 0)
			return false;
		q->heap[e->before - 1] = i;
		q->count++;
	}
	for (uint32_t i = 0; i < q->count; i++)
		if (q->heap[i] == 0)
			return false;
	return true;
}

/* Whether the lanes are lists of all entries that are not in the heap. */
static bool
lanes_are_whole(const struct queue *q)
{
	uint32_t n = q->count;

	for (unsigned i = 0; i < QUEUE_LANES; i++) {
		uint32_t before = IS_FIRST, at = q->lanes[i].first;

		for (; at != 0 && n <= q->held; at = q->entries[at].after, n++) {
			if (at > q->used || q->entries[at].before != before)
				return false;
			before = at;
		}
		if (at != 0 || (before == IS_FIRST ? 0 : before) != q->lanes[i].last)
			return false;
	}
	return n == q->held;
}

int
queue_load(struct queue *q, struct state_reader *from, struct error *error)
{
	size_t size;

	memset(q->entries + 1, 0, q->used * sizeof *q->entries);
	memset(q->heap, 0, ((size_t)q->used + 1) * sizeof *q->heap);
	memset(q->lanes, 0, sizeof q->lanes);
	q->held = q->count = q->used = 0;
	if (load_lanes(q, from) != 0)
		return error_set(error, "the snapshot is no whole queue");
	if (state_get_block_max(from, q->entries + 1, q->capacity * sizeof *q->entries,
		&size, &q->dirty, error) != 0)
		return -1;
	q->used = (uint32_t)(size / sizeof *q->entries);
	return size % sizeof *q->entries == 0 && load_heap(q) && lanes_are_whole(q)
	    ? 0
	    : error_set(error, "the snapshot is no whole queue");
}
