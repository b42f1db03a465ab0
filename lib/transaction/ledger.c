/* SPDX-License-Identifier: MIT */
#include "lib/transaction/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"
#include "lib/state/block.h"

/* Places: twice as many as transactions, so that most look-ups see one or none. */
enum { ROOM_MIN = 64, ID_BYTES = 40, PLACES = 2 };

enum { LINE = 64 };

static size_t
stride_of(unsigned subjects, unsigned keys, unsigned traits)
{
	size_t size = sizeof(struct transaction) +
	    subjects * sizeof(struct ledger_link) + sizeof(struct ledger_origin) +
	    (subjects + keys) * sizeof(uint64_t) + traits;

	return (size + LINE - 1) / LINE * LINE;
}

static uint64_t
bytes_of(uint64_t room, size_t stride)
{
	return room * (stride + ID_BYTES + PLACES * LEDGER_IDS * sizeof(uint64_t));
}

int
ledger_init(
    struct ledger *l, unsigned subjects, unsigned keys, unsigned traits, uint64_t bytes)
{
	size_t stride = stride_of(subjects, keys, traits);
	uint64_t room = bytes / bytes_of(1, stride);
	bool made;

	assert(subjects >= 1 && subjects <= LEDGER_SUBJECTS_MAX);
	assert(keys <= LEDGER_KEYS_MAX);
	*l = (struct ledger){ .subjects = subjects,
		.keys = keys,
		.stride = stride,
		.room = room,
		.first = 1,
		.next = 1,
		.places = PLACES * ROOM_MIN };
	if (room < ROOM_MIN)
		return -1;
	while (2 * l->places <= PLACES * room)
		l->places *= 2;
	l->text_room = room * ID_BYTES;
	if (l->text_room < UINT16_MAX + 1)
		l->text_room = UINT16_MAX + 1;
	l->block = calloc(room * stride + LINE, 1);
	l->text = calloc(l->text_room, 1);
	made = l->block != NULL && l->text != NULL;
	for (unsigned i = 0; i < LEDGER_IDS; i++) {
		l->head[i] = calloc(l->places, sizeof *l->head[i]);
		made = made && l->head[i] != NULL;
	}
	if (!made || dirty_init(&l->ring_dirty, room * l->stride) != 0 ||
	    dirty_init(&l->text_dirty, l->text_room) != 0) {
		ledger_fini(l);
		return -1;
	}
	l->ring = (uint8_t *)l->block + (LINE - (uintptr_t)l->block % LINE) % LINE;
	memory_prefer_huge(l->block, room * stride);
	return 0;
}

void
ledger_fini(struct ledger *l)
{
	free(l->block);
	free(l->text);
	for (unsigned i = 0; i < LEDGER_IDS; i++)
		free(l->head[i]);
	dirty_fini(&l->ring_dirty);
	dirty_fini(&l->text_dirty);
	*l = (struct ledger){ 0 };
}

/* --- Coming and going ---------------------------------------------------------------- */

uint64_t
ledger_crowded(const struct ledger *l, size_t id_size)
{
	if (l->first < l->next &&
	    (l->next - l->first == l->room ||
		l->text_room - (l->text_next - l->text_first) < id_size))
		return l->first;
	return 0;
}

void
ledger_drop(struct ledger *l)
{
	const struct transaction *t = ledger_at(l, l->first);

	assert(l->first < l->next);
	l->text_first = ledger_origin(l, t)->text + t->text_size;
	l->first++;
	l->first_at = l->first_at + 1 < l->room ? l->first_at + 1 : 0;
}

static uint64_t *
place_of(const struct ledger *l, enum ledger_id which, uint64_t hash)
{
	return &l->head[which][hash & (l->places - 1)];
}

static void
put_text(struct ledger *l, struct slice text)
{
	size_t at = l->text_next % l->text_room, end = l->text_room - at;
	size_t part = text.size < end ? text.size : end;

	if (part > 0) {
		memcpy(l->text + at, text.at, part);
		dirty_mark(&l->text_dirty, at, part);
	}
	if (part < text.size) {
		memcpy(l->text, text.at + part, text.size - part);
		dirty_mark(&l->text_dirty, 0, text.size - part);
	}
	l->text_next += text.size;
}

uint64_t
ledger_add(struct ledger *l, const uint64_t id[LEDGER_IDS], struct slice event_id)
{
	uint64_t number = l->next;
	struct ledger_origin *o;
	struct transaction *t;

	assert(ledger_crowded(l, event_id.size) == 0 && event_id.size <= UINT16_MAX);
	t = ledger_change(l, number);
	memset(t, 0, l->stride);
	o = ledger_origin(l, t);
	o->text = l->text_next;
	t->text_size = (uint16_t)event_id.size;
	put_text(l, event_id);
	l->next++;
	for (unsigned i = 0; i < LEDGER_IDS; i++) {
		o->id[i] = id[i];
		if (id[i] == 0)
			continue;
		o->older[i] = *place_of(l, i, id[i]);
		*place_of(l, i, id[i]) = number;
	}
	return number;
}

/* --- Finding ------------------------------------------------------------------------- */

uint64_t
ledger_find(const struct ledger *l, enum ledger_id which, uint64_t hash)
{
	uint64_t n = hash == 0 ? 0 : *place_of(l, which, hash);

	/* What was dropped is older than all that is held, and so is what it names. */
	while (ledger_holds(l, n)) {
		const struct ledger_origin *o = ledger_origin(l, ledger_at(l, n));

		if (o->id[which] == hash)
			return n;
		n = o->older[which];
	}
	return 0;
}

void
ledger_prefetch_id(const struct ledger *l, enum ledger_id which, uint64_t hash)
{
	__builtin_prefetch(place_of(l, which, hash), 1);
}

struct slice
ledger_event_id(const struct ledger *l, const struct transaction *t, uint8_t *to)
{
	size_t at = ledger_origin(l, t)->text % l->text_room, end = l->text_room - at;

	if (t->text_size <= end)
		return slice_of(l->text + at, t->text_size);
	memcpy(to, l->text + at, end);
	memcpy(to + end, l->text, t->text_size - end);
	return slice_of(to, t->text_size);
}

/* --- Snapshots ----------------------------------------------------------------------- */

void
ledger_save(struct ledger *l, struct state_writer *to)
{
	state_put_u64(to, l->first);
	state_put_u64(to, l->next);
	state_put_u64(to, l->text_first);
	state_put_u64(to, l->text_next);
	state_put_block(to, slice_of(l->ring, l->room * l->stride), &l->ring_dirty);
	state_put_block(to, slice_of(l->text, l->text_room), &l->text_dirty);
}

/* The ids' places, as they were when the newest came. */
static int
place_again(struct ledger *l)
{
	for (uint64_t n = l->first; n < l->next; n++) {
		const struct transaction *t = ledger_at(l, n);
		const struct ledger_origin *o = ledger_origin(l, t);

		if (t->label > LABEL_FRAUD || o->text + t->text_size > l->text_next)
			return -1;
		for (unsigned i = 0; i < LEDGER_IDS; i++)
			if (o->older[i] >= n)
				return -1;
			else if (o->id[i] != 0)
				*place_of(l, i, o->id[i]) = n;
	}
	return 0;
}

int
ledger_load(struct ledger *l, struct state_reader *from, struct error *error)
{
	if (state_get_u64(from, &l->first) != 0 || state_get_u64(from, &l->next) != 0 ||
	    state_get_u64(from, &l->text_first) != 0 ||
	    state_get_u64(from, &l->text_next) != 0)
		return error_set(error, "the snapshot is too short");
	if (l->first == 0 || l->next < l->first || l->next - l->first > l->room ||
	    l->text_next < l->text_first || l->text_next - l->text_first > l->text_room)
		return error_set(error, "the snapshot's ledger is of another shape");
	l->first_at = (l->first - 1) % l->room;
	if (state_get_block(
		from, l->ring, l->room * l->stride, &l->ring_dirty, error) != 0 ||
	    state_get_block(from, l->text, l->text_room, &l->text_dirty, error) != 0)
		return -1;
	return place_again(l) == 0
	    ? 0
	    : error_set(error, "the snapshot's ledger is not sound");
}
