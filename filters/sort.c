/* SPDX-License-Identifier: MIT
 *
 * bp-sort: put events into the order of their time.
 *
 * in     events with a timestamp, out of order by less than --lateness
 * out    the same bytes in the order of time, those of one instant in the order of the
 *        input; watermarks (TICK control records) between them
 * state  the records held, in blocks of one pool, and a heap of their times
 * needs  nothing; what comes later than --lateness is counted, and kept by --late
 */
#include "lib/filter.h"

#include <stdlib.h>

enum { BLOCK_DATA = 124, BLOCK_NONE = 0 };

/* A record lies in as many blocks as it needs; block 0 is never used. */
struct block {
	uint32_t next;
	uint8_t data[BLOCK_DATA];
};

/* A held record's place in the order. */
struct entry {
	instant when;
	uint64_t number; /* of the record in the input: ties keep its order */
	uint32_t block;  /* the first */
	uint32_t size;
};

struct sort {
	struct span lateness, max_future, tick_every;
	const char *late_file;
	struct output *late;

	struct watermark watermark;
	instant floor;  /* what lies before it has gone out already */
	instant ticked; /* the last watermark sent */
	uint64_t number;
	uint64_t early, future;

	struct entry *heap; /* the earliest first */
	size_t held;
	struct block *blocks;
	uint32_t used; /* blocks that ever were */
	uint32_t free; /* list of those given back */
	size_t blocks_left;
	uint8_t *scratch; /* one record in one piece */
};

static const struct option options[] = {
	OPTION('l', "lateness", struct sort, lateness, "10m",
	    "how far a record may come after later ones"),
	OPTION('f', "max-future", struct sort, max_future, "1d",
	    "reject what runs further ahead of the others"),
	OPTION('t', "tick-every", struct sort, tick_every, "1s",
	    "event time between two watermarks"),
	OPTION_ASIDE(0, "late", struct sort, late_file, NULL,
	    "keep what came too late for the order", "FILE"),
	OPTION_END,
};

static bool
is_before(const struct entry *a, const struct entry *b)
{
	return a->when != b->when ? a->when < b->when : a->number < b->number;
}

static void
heap_push(struct sort *s, struct entry e)
{
	size_t i = s->held++;

	while (i > 0 && is_before(&e, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = e;
}

static struct entry
heap_pop(struct sort *s)
{
	struct entry top = s->heap[0], last = s->heap[--s->held];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < s->held) {
		child += child + 1 < s->held &&
		    is_before(&s->heap[child + 1], &s->heap[child]);
		if (!is_before(&s->heap[child], &last))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
	return top;
}

static size_t
blocks_for(size_t size)
{
	return (size + BLOCK_DATA - 1) / BLOCK_DATA;
}

static uint32_t
take_block(struct sort *s)
{
	uint32_t b = s->free;

	s->blocks_left--;
	if (b == BLOCK_NONE)
		return ++s->used;
	s->free = s->blocks[b].next;
	return b;
}

/* Copy a record into blocks, of which there are enough. Returns the first. */
static uint32_t
store(struct sort *s, struct slice bytes)
{
	uint32_t first = BLOCK_NONE, *link = &first;

	for (size_t at = 0; at < bytes.size; at += BLOCK_DATA) {
		size_t left = bytes.size - at;

		*link = take_block(s);
		memcpy(s->blocks[*link].data, bytes.at + at,
		    left < BLOCK_DATA ? left : BLOCK_DATA);
		link = &s->blocks[*link].next;
	}
	*link = BLOCK_NONE;
	return first;
}

/* The record of an entry in one piece, borrowed until the next call. */
static struct slice
gather(const struct sort *s, const struct entry *e)
{
	uint32_t b = e->block;

	for (size_t at = 0; at < e->size; at += BLOCK_DATA, b = s->blocks[b].next) {
		size_t left = e->size - at;

		memcpy(s->scratch + at, s->blocks[b].data,
		    left < BLOCK_DATA ? left : BLOCK_DATA);
	}
	return slice_of(s->scratch, e->size);
}

static void
give_back(struct sort *s, const struct entry *e)
{
	uint32_t b = e->block, next;

	for (; b != BLOCK_NONE; b = next) {
		next = s->blocks[b].next;
		s->blocks[b].next = s->free;
		s->free = b;
		s->blocks_left++;
	}
}

static int
divert_late(struct run *run, struct sort *s, struct slice bytes)
{
	return s->late == NULL ? 0 : run_divert(run, s->late, bytes);
}

/* Send the earliest record held. While the stream is young, a record from the future can be
 * held before it is known for one: it must not go out. */
static int
release_one(struct run *run, struct sort *s)
{
	struct entry e = heap_pop(s);
	struct slice bytes = gather(s, &e);

	give_back(s, &e);
	if (e.when > s->watermark.largest + s->max_future.us) {
		s->future++;
		run_settle(run, 1, LATE);
		return divert_late(run, s, bytes);
	}
	s->floor = e.when > s->floor ? e.when : s->floor;
	return run_release(run, bytes);
}

static int
release_until(struct run *run, struct sort *s, instant until)
{
	while (s->held > 0 && s->heap[0].when <= until)
		if (release_one(run, s) != 0)
			return -1;
	s->floor = until > s->floor ? until : s->floor;
	return 0;
}

/* Room for a record, by releasing the earliest before their time. False when the record
 * itself would be the next to go. */
static int
make_room(struct run *run, struct sort *s, instant when, size_t size, bool *room)
{
	while (s->blocks_left < blocks_for(size)) {
		*room = s->heap[0].when <= when;
		if (!*room)
			return 0;
		s->early++;
		if (release_one(run, s) != 0)
			return -1;
	}
	*room = true;
	return 0;
}

/* Event time may have moved: send what is due, and say so. */
static int
advance(struct run *run, struct sort *s)
{
	instant now = watermark_now(&s->watermark);

	if (now == WHEN_NEVER || now < s->floor)
		return 0;
	if (release_until(run, s, now) != 0)
		return -1;
	if (s->ticked != WHEN_NEVER && now - s->ticked < s->tick_every.us)
		return 0;
	if (now == s->ticked)
		return 0;
	s->ticked = now;
	return run_tick(run, now);
}

static int
start(struct run *run, void *self)
{
	struct sort *s = self;
	uint64_t memory = run_memory(run) - RECORD_SIZE_MAX;
	uint64_t n = memory / (sizeof(struct block) + sizeof(struct entry));

	watermark_init(&s->watermark, s->lateness, s->max_future);
	s->floor = s->ticked = WHEN_NEVER;
	n = n < UINT32_MAX ? n : UINT32_MAX;
	s->blocks_left = n - 1;
	s->blocks = calloc(n, sizeof *s->blocks);
	s->heap = calloc(n, sizeof *s->heap);
	s->scratch = malloc(RECORD_SIZE_MAX);
	if (s->blocks == NULL || s->heap == NULL || s->scratch == NULL)
		return run_fail(run, "no memory for the records held: lower --memory");
	if (s->late_file != NULL && (s->late = run_outlet(run, s->late_file)) == NULL)
		return -1;
	run_counter(run, "released_early",
	    "records sent before their time for want of memory", &s->early);
	run_counter(
	    run, "future", "records from the future that were refused", &s->future);
	return 0;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct slice bytes = slice_of(r->bytes, r->size);
	struct sort *s = self;
	instant when, received;
	bool room;

	if (!record_timestamp(r, &when))
		return run_reject(
		    run, "no timestamp that could tell its place in the order");
	if (!record_instant(r, KEY_RECEIVED_AT, &received))
		received = WHEN_NEVER;
	if (!watermark_see(&s->watermark, when, received)) {
		s->future++;
		return run_reject(
		    run, "its timestamp runs ahead by more than --max-future");
	}
	if (when < s->floor)
		return divert_late(run, s, bytes) == 0 ? LATE : FAIL;
	if (make_room(run, s, when, bytes.size, &room) != 0)
		return FAIL;
	if (!room) {
		s->early++;
		s->floor = when;
		return PASS;
	}
	heap_push(s,
	    (struct entry){ when, s->number++, store(s, bytes), (uint32_t)bytes.size });
	return advance(run, s) == 0 ? HOLD : FAIL;
}

static int
tick(struct run *run, void *self, instant watermark)
{
	struct sort *s = self;

	watermark = watermark < WHEN_MAX ? watermark : WHEN_MAX;
	s->ticked = watermark > s->ticked ? watermark : s->ticked;
	return release_until(run, s, watermark);
}

static int
finish(struct run *run, void *self)
{
	struct sort *s = self;

	while (s->held > 0)
		if (release_one(run, s) != 0)
			return -1;
	return 0;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct sort *s = self;

	(void)run;
	state_put(to, &s->watermark, sizeof s->watermark);
	state_put_i64(to, s->floor);
	state_put_i64(to, s->ticked);
	state_put_u64(to, s->number);
	state_put_u64(to, s->early);
	state_put_u64(to, s->future);
	state_put_u64(to, s->held);
	for (size_t i = 0; i < s->held; i++) {
		state_put_i64(to, s->heap[i].when);
		state_put_u64(to, s->heap[i].number);
		state_put_slice(to, gather(s, &s->heap[i]));
	}
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct sort *s = self;
	struct entry e;
	uint64_t held;
	size_t size;

	if (state_get(from, &s->watermark, sizeof s->watermark) != 0 ||
	    state_get_i64(from, &s->floor) != 0 ||
	    state_get_i64(from, &s->ticked) != 0 ||
	    state_get_u64(from, &s->number) != 0 ||
	    state_get_u64(from, &s->early) != 0 ||
	    state_get_u64(from, &s->future) != 0 || state_get_u64(from, &held) != 0)
		return run_fail(run, "the snapshot is too short");
	for (; held > 0; held--) {
		if (state_get_i64(from, &e.when) != 0 ||
		    state_get_u64(from, &e.number) != 0 ||
		    state_get_slice(from, s->scratch, RECORD_SIZE_MAX, &size) != 0)
			return run_fail(run, "the snapshot is too short");
		if (blocks_for(size) > s->blocks_left)
			return run_fail(run,
			    "the snapshot holds more records than --memory allows: "
			    "raise it");
		e.block = store(s, slice_of(s->scratch, size));
		e.size = (uint32_t)size;
		heap_push(s, e);
	}
	return 0;
}

static void
stop(void *self)
{
	struct sort *s = self;

	free(s->blocks);
	free(s->heap);
	free(s->scratch);
}

static const struct filter sort = {
	.name = "sort",
	.about = "put events into the order of their time",
	.examples = "  bp-parse access.log | bp-sort | bp-print\n"
		    "  bp-sort --lateness 1h --late late.bp <events.bp >ordered.bp\n",
	.options = options,
	.size = sizeof(struct sort),
	.schema = 1,
	.start = start,
	.load = load,
	.each = each,
	.tick = tick,
	.finish = finish,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&sort, argc, argv);
}
