/* SPDX-License-Identifier: MIT */
#include "lib/pending/recent.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"
#include "lib/pending/slots.h"

/* The newest record of a key stands for it in the table of slots, whose places are 1 + that
 * in the ring. */
enum {
	UNIT = 8,
	FEW_SLOTS = 1 << 10,
	EXTENT_FIRST = 1 << 16, /* units */
	ENTRY_BYTES = 80, /* for each slot, at least; two thirds of them are used */
};

_Static_assert(sizeof(struct recent_entry) == 40, "an entry has no padding");

static struct recent_entry *
entry_at(const struct recent *x, uint64_t place)
{
	return (struct recent_entry *)(x->bytes + place * UNIT);
}

static uint64_t
units_of(size_t size)
{
	return (sizeof(struct recent_entry) + size + UNIT - 1) / UNIT;
}

static void
mark(struct recent *x, uint64_t place, uint64_t units)
{
	dirty_mark(&x->dirty, place * UNIT, units * UNIT);
}

int
recent_init(struct recent *x, uint64_t memory_bytes)
{
	uint64_t slots = FEW_SLOTS;

	assert(memory_bytes >= RECENT_MEMORY_MIN);
	*x = (struct recent){ .mask = FEW_SLOTS - 1, .horizon = WHEN_NEVER };
	while (slots * 2 <= memory_bytes / ENTRY_BYTES && slots < UINT32_MAX / 4)
		slots *= 2;
	x->slot_count = (uint32_t)slots;
	/* The marks take 1/2048. */
	memory_bytes -= slots * sizeof *x->slots + memory_bytes / 1024;
	x->capacity = memory_bytes / UNIT;
	if (x->capacity > UINT32_MAX - 1)
		x->capacity = UINT32_MAX - 1;
	x->extent = x->capacity < EXTENT_FIRST ? x->capacity : EXTENT_FIRST;
	x->bytes = calloc(x->capacity, UNIT);
	x->slots = calloc(slots, sizeof *x->slots);
	if (x->bytes == NULL || x->slots == NULL ||
	    dirty_init(&x->dirty, x->capacity * UNIT) != 0)
		return -1;
	memory_prefer_huge(x->slots, slots * sizeof *x->slots);
	memory_prefer_huge(x->bytes, x->capacity * UNIT);
	return 0;
}

void
recent_fini(struct recent *x)
{
	dirty_fini(&x->dirty);
	free(x->bytes);
	free(x->slots);
	x->bytes = NULL;
	x->slots = NULL;
}

/* --- The index ------------------------------------------------------------------- */

/* The slot of the key, or the empty one where it would be. */
static struct slot *
slot_of(const struct recent *x, uint64_t key)
{
	uint32_t tag = slot_tag(key), i = tag & x->mask;

	while (x->slots[i].place != 0 &&
	    (x->slots[i].tag != tag || entry_at(x, x->slots[i].place - 1)->key != key))
		i = (i + 1) & x->mask;
	return &x->slots[i];
}

static void
enter(struct recent *x, struct slot *slot, uint64_t place)
{
	x->keys += slot->place == 0;
	*slot = (struct slot){ slot_tag(entry_at(x, place)->key), (uint32_t)place + 1 };
}

static uint64_t
after(const struct recent *x, uint64_t place)
{
	place += units_of(entry_at(x, place)->size);
	return place == x->end ? 0 : place;
}

/* From what lies in the ring, oldest first: after a move, and after a load. `older` then
 * tells where the one before lies now. */
static void
index_again(struct recent *x, bool moved)
{
	uint64_t place = x->tail;

	memset(x->slots, 0, ((size_t)x->mask + 1) * sizeof *x->slots);
	x->keys = 0;
	for (uint64_t i = 0; i < x->count; i++) {
		struct recent_entry *e = entry_at(x, place);
		struct slot *slot = slot_of(x, e->key);

		if (moved && slot->place != 0 && e->older != slot->place - 1) {
			e->older = slot->place - 1;
			mark(x, place, units_of(0));
		}
		enter(x, slot, place);
		place = after(x, place);
	}
}

void
recent_prefetch(const struct recent *x, uint64_t key)
{
	__builtin_prefetch(&x->slots[slot_tag(key) & x->mask]);
}

/* --- The ring -------------------------------------------------------------------- */

static void
drop_oldest(struct recent *x)
{
	const struct recent_entry *e = entry_at(x, x->tail);
	struct slot *slot = slot_of(x, e->key);

	if (slot->place == x->tail + 1) {
		slots_empty(x->slots, x->mask, (uint32_t)(slot - x->slots));
		x->keys--;
	}
	x->tail += units_of(e->size);
	if (x->tail == x->end)
		x->tail = x->end = 0;
	x->count--;
	x->gone++;
	if (x->count == 0)
		x->head = x->tail = x->end = 0;
	else
		recent_prefetch(x, entry_at(x, x->tail)->key); /* the next to go */
}

static bool
has_expired(const struct recent *x)
{
	return entry_at(x, x->tail)->at < x->horizon;
}

/* Twice as much, or what is needed. What lies in the upper part moves up to the new end. */
static void
grow(struct recent *x, uint64_t units)
{
	uint64_t extent = x->extent + (units > x->extent ? units : x->extent), by;

	extent = extent < x->capacity ? extent : x->capacity;
	by = extent - x->extent;
	x->extent = extent;
	if (x->end == 0)
		return;
	memmove(
	    entry_at(x, x->tail + by), entry_at(x, x->tail), (x->end - x->tail) * UNIT);
	mark(x, x->tail + by, x->end - x->tail);
	x->tail += by;
	x->end += by;
	index_again(x, true);
}

/* Whether there are so many units at the head, which may go back to 0 for them. */
static bool
fits(struct recent *x, uint64_t units)
{
	if (x->end != 0)
		return x->tail - x->head >= units;
	if (x->extent - x->head >= units)
		return true;
	if (x->tail < units)
		return false;
	x->end = x->head;
	x->head = 0;
	return true;
}

static void
make_room(struct recent *x, uint64_t units)
{
	assert(units <= x->capacity);
	while (x->keys >= x->mask / 4 * 3) {
		if (x->mask + 1 < x->slot_count) {
			x->mask = x->mask * 2 + 1;
			index_again(x, false);
			break;
		}
		x->evicted += !has_expired(x);
		drop_oldest(x);
	}
	while (!fits(x, units)) {
		if (x->count > 0 && (has_expired(x) || x->extent == x->capacity)) {
			x->evicted += !has_expired(x);
			drop_oldest(x);
		} else {
			grow(x, units);
		}
	}
}

struct recent_entry *
recent_add(struct recent *x, uint64_t key, instant at, struct slice bytes)
{
	uint64_t units = units_of(bytes.size), place;
	struct slot *slot;
	struct recent_entry *e;

	make_room(x, units);
	place = x->head;
	e = entry_at(x, place);
	mark(x, place, units);
	memcpy(e + 1, bytes.at, bytes.size);
	memset(
	    (uint8_t *)(e + 1) + bytes.size, 0, units * UNIT - sizeof *e - bytes.size);
	slot = slot_of(x, key);
	*e = (struct recent_entry){ .key = key,
		.at = at,
		.size = (uint32_t)bytes.size & 0xffffff,
		.nth = (uint32_t)(x->gone + x->count) };
	e->older_nth = e->nth;
	if (slot->place != 0) {
		e->older = slot->place - 1;
		e->older_nth = entry_at(x, e->older)->nth;
	}
	x->head += units;
	x->count++;
	enter(x, slot, place);
	return e;
}

const struct recent_entry *
recent_find(const struct recent *x, uint64_t key)
{
	const struct slot *slot = slot_of(x, key);

	return slot->place != 0 ? entry_at(x, slot->place - 1) : NULL;
}

const struct recent_entry *
recent_older(const struct recent *x, const struct recent_entry *e)
{
	/* None, or gone since. */
	if (e->older_nth == e->nth ||
	    e->nth - e->older_nth > e->nth - (uint32_t)x->gone)
		return NULL;
	return entry_at(x, e->older);
}

/* Where the ring grows later, the link leads to the one left out again, and by that on. */
void
recent_leave_out_older(struct recent *x, struct recent_entry *e)
{
	const struct recent_entry *out = recent_older(x, e);

	if (out == NULL)
		return;
	e->older_nth = out->older_nth == out->nth ? e->nth : out->older_nth;
	e->older = out->older;
}

struct recent_entry *
recent_change(struct recent *x, const struct recent_entry *e)
{
	uint64_t place = (uint64_t)((const uint8_t *)e - x->bytes) / UNIT;

	mark(x, place, units_of(0));
	return entry_at(x, place);
}

void
recent_expire(struct recent *x, instant horizon)
{
	x->horizon = horizon;
	while (x->count > 0 && has_expired(x))
		drop_oldest(x);
}

/* --- Snapshots ------------------------------------------------------------------- */

void
recent_save(struct recent *x, struct state_writer *to)
{
	state_put_u64(to, x->head);
	state_put_u64(to, x->tail);
	state_put_u64(to, x->end);
	state_put_u64(to, x->count);
	state_put_u64(to, x->gone);
	state_put_u64(to, x->evicted);
	state_put_i64(to, x->horizon);
	state_put_block(to, slice_of(x->bytes, x->extent * UNIT), &x->dirty);
}

/* Whether the entries lie one after another from the tail to the head. */
static bool
is_whole(const struct recent *x)
{
	uint64_t place = x->tail, limit = x->end != 0 ? x->end : x->head, n;

	if (x->head > x->extent || x->tail > limit || x->end > x->extent ||
	    (x->end != 0 && x->head > x->tail))
		return false;
	for (n = 0; n < x->count; n++) {
		if (place + units_of(0) > limit ||
		    place + units_of(entry_at(x, place)->size) > limit)
			return false;
		place = after(x, place);
		if (place == 0 && limit != x->head)
			limit = x->head;
	}
	return n == 0 ? x->head == x->tail : place == x->head;
}

int
recent_load(struct recent *x, struct state_reader *from, struct error *error)
{
	size_t size;

	memset(x->bytes, 0, x->extent * UNIT);
	if (state_get_u64(from, &x->head) != 0 || state_get_u64(from, &x->tail) != 0 ||
	    state_get_u64(from, &x->end) != 0 || state_get_u64(from, &x->count) != 0 ||
	    state_get_u64(from, &x->gone) != 0 ||
	    state_get_u64(from, &x->evicted) != 0 ||
	    state_get_i64(from, &x->horizon) != 0)
		return error_set(error, "the snapshot is too short");
	if (state_get_block_max(
		from, x->bytes, x->capacity * UNIT, &size, &x->dirty, error) != 0)
		return -1;
	x->extent = size / UNIT;
	if (size % UNIT != 0 || x->extent == 0 || !is_whole(x))
		return error_set(error, "the snapshot is no whole ring of records");
	while (x->count >= x->mask / 4 * 3 && x->mask + 1 < x->slot_count)
		x->mask = x->mask * 2 + 1;
	index_again(x, false);
	return 0;
}
