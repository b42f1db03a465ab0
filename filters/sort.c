/* SPDX-License-Identifier: MIT
 *
 * bp-sort: put events into the order of their time.
 *
 * in     events with a timestamp, out of order by less than --lateness
 * out    the same bytes in the order of time, those of one instant in the order of the
 *        input; watermarks (TICK control records) between them
 * state  the records held in a pool, a queue of them by time, and beside it those whose
 *        time runs ahead of the others: they wait until the others agree or disagree
 * needs  nothing; what comes later than --lateness is counted, and kept by --late
 */
#include <stdlib.h>

#include "lib/filter.h"
#include "lib/pending/pool.h"
#include "lib/pending/queue.h"
#include "lib/pending/suspense.h"

#define AHEAD "its timestamp runs ahead by more than --max-future"

/* A record in suspense. */
struct waiting {
	uint64_t rank;
	uint32_t node;
	struct origin origin;
};

struct sort {
	struct span lateness, max_future, tick_every;
	const char *late_file;
	struct output *late;

	struct suspense suspense;
	struct waiting waiting[WHEN_RECENT]; /* by the slots of suspense */
	instant floor;  /* what lies before it has gone out already */
	instant ticked; /* the last watermark sent */
	uint64_t rank;  /* of the next record: those of one instant keep their order */
	uint64_t early, future;

	struct pool pool;    /* the records */
	struct queue queue;  /* the first nodes of those in the order */
	struct build record; /* one in one piece, of RECORD_SIZE_MAX */
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

/* The record of a node in one piece, borrowed until the next call. */
static struct slice
gather(struct sort *s, uint32_t node)
{
	build_reset(&s->record);
	pool_copy(&s->pool, node, &s->record);
	return build_slice(&s->record);
}

/* The same for the last time. */
static struct slice
take_out(struct sort *s, uint32_t node)
{
	struct slice bytes = gather(s, node);

	pool_drop(&s->pool, node);
	return bytes;
}

static int
divert_late(struct run *run, struct sort *s, struct slice bytes)
{
	return s->late == NULL ? 0 : run_divert(run, s->late, bytes);
}

/* Send the earliest record of the order. */
static int
release_one(struct run *run, struct sort *s)
{
	uint32_t node = queue_first(&s->queue);
	instant due = queue_due(&s->queue, node);

	queue_remove(&s->queue, node);
	pool_prefetch(&s->pool, queue_first(&s->queue));
	s->floor = due > s->floor ? due : s->floor;
	return run_release(run, take_out(s, node));
}

static int
release_until(struct run *run, struct sort *s, instant until)
{
	uint32_t node;

	while (
	    (node = queue_first(&s->queue)) != 0 && queue_due(&s->queue, node) <= until)
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
	while (pool_left(&s->pool) < pool_chunks(size)) {
		uint32_t first = queue_first(&s->queue);

		*room = first != 0 && queue_due(&s->queue, first) <= when;
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
	instant now;

	if (s->suspense.reached == WHEN_NEVER)
		return 0;
	now = s->suspense.reached - s->lateness.us;
	if (now < s->floor)
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

/* What waited and is decided enters the order, or is rejected. The slot `own` is that
 * of the current record, which is not held yet: its caller sees what became of it. */
static void
settle_waiting(struct run *run, struct sort *s, unsigned own)
{
	unsigned slot;
	bool belongs;

	while (suspense_next(&s->suspense, &slot, &belongs)) {
		const struct waiting *w = &s->waiting[slot];

		if (slot == own)
			continue;
		if (belongs) {
			queue_set(&s->queue, w->node, s->suspense.recent[slot], w->rank,
			    QUEUE_NO_LANE);
			continue;
		}
		s->future++;
		run_reject_held(run, &w->origin, take_out(s, w->node), AHEAD);
	}
}

static int
start(struct run *run, void *self)
{
	struct sort *s = self;
	uint64_t memory = run_memory(run) - RECORD_SIZE_MAX;
	uint64_t n = memory / (POOL_CHUNK + QUEUE_ENTRY_BYTES) - 1;
	uint8_t *piece = malloc(RECORD_SIZE_MAX);
	uint32_t capacity = n < UINT32_MAX - 1 ? (uint32_t)n : UINT32_MAX - 1;

	suspense_init(&s->suspense, s->max_future);
	s->floor = s->ticked = WHEN_NEVER;
	build_init(&s->record, piece, piece != NULL ? RECORD_SIZE_MAX : 0);
	if (piece == NULL || pool_init(&s->pool, POOL_CHUNK, capacity) != 0 ||
	    queue_init(&s->queue, capacity) != 0)
		return run_fail(run, "no memory for the records held: lower --memory");
	if (s->late_file != NULL && (s->late = run_outlet(run, s->late_file)) == NULL)
		return -1;
	run_counter(run, "released_early",
	    "records sent before their time for want of memory", &s->early);
	run_counter(
	    run, "future", "records from the future that were refused", &s->future);
	return 0;
}

/* Keep a record that runs ahead of the others until they have decided. */
static enum verdict
suspend(struct run *run, struct sort *s, instant when, unsigned slot,
    struct slice bytes, uint64_t rank)
{
	bool room;

	if (make_room(run, s, when, bytes.size, &room) != 0)
		return FAIL;
	if (!room) {
		suspense_forget(&s->suspense, slot);
		return run_reject(run,
		    "it runs ahead, and there is no memory to wait for the others "
		    "(raise --memory)");
	}
	s->waiting[slot].rank = rank;
	s->waiting[slot].node = pool_keep(&s->pool, bytes);
	run_origin(run, &s->waiting[slot].origin);
	return HOLD;
}

/* A record that belongs. */
static enum verdict
enter(struct run *run, struct sort *s, instant when, struct slice bytes, uint64_t rank)
{
	bool room;

	if (when < s->floor)
		return divert_late(run, s, bytes) == 0 ? LATE : FAIL;
	if (make_room(run, s, when, bytes.size, &room) != 0)
		return FAIL;
	if (!room) {
		s->early++;
		s->floor = when;
		return PASS;
	}
	queue_set(&s->queue, pool_keep(&s->pool, bytes), when, rank, QUEUE_SOON);
	return HOLD;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct slice bytes = slice_of(r->bytes, r->size);
	struct sort *s = self;
	unsigned slot = WHEN_RECENT;
	instant when, received;
	enum verdict verdict;

	if (!record_timestamp(r, &when))
		return run_reject(
		    run, "no timestamp that could tell its place in the order");
	if (!record_instant(r, KEY_RECEIVED_AT, &received)) {
		slot = suspense_add(&s->suspense, when);
	} else if (!suspense_vouch(&s->suspense, when, received)) {
		s->future++;
		return run_reject(run, AHEAD);
	}
	settle_waiting(run, s, slot);
	if (slot < WHEN_RECENT && suspense_waits(&s->suspense, slot))
		verdict = suspend(run, s, when, slot, bytes, s->rank++);
	else
		verdict = enter(run, s, when, bytes, s->rank++);
	if (verdict == FAIL || verdict == PASS)
		return verdict;
	return advance(run, s) == 0 ? verdict : FAIL;
}

static int
tick(struct run *run, void *self, instant watermark)
{
	struct sort *s = self;

	watermark = watermark < WHEN_MAX ? watermark : WHEN_MAX;
	watermark = watermark > -WHEN_MAX ? watermark : -WHEN_MAX;
	if (watermark < s->ticked)
		return 1;
	s->ticked = watermark;
	suspense_reach(&s->suspense, watermark);
	settle_waiting(run, s, WHEN_RECENT);
	return release_until(run, s, watermark);
}

static int
finish(struct run *run, void *self)
{
	struct sort *s = self;
	unsigned slot;

	while (queue_first(&s->queue) != 0)
		if (release_one(run, s) != 0)
			return -1;
	while (suspense_leave(&s->suspense, &slot))
		if (run_release(run, take_out(s, s->waiting[slot].node)) != 0)
			return -1;
	return 0;
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct sort *s = self;

	(void)run;
	state_put(to, &s->suspense, sizeof s->suspense);
	state_put(to, s->waiting, sizeof s->waiting);
	state_put_i64(to, s->floor);
	state_put_i64(to, s->ticked);
	state_put_u64(to, s->rank);
	state_put_u64(to, s->early);
	state_put_u64(to, s->future);
	pool_save(&s->pool, to);
	queue_save(&s->queue, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct sort *s = self;
	struct error error;

	if (state_get(from, &s->suspense, sizeof s->suspense) != 0 ||
	    state_get(from, s->waiting, sizeof s->waiting) != 0 ||
	    state_get_i64(from, &s->floor) != 0 ||
	    state_get_i64(from, &s->ticked) != 0 ||
	    state_get_u64(from, &s->rank) != 0 || state_get_u64(from, &s->early) != 0 ||
	    state_get_u64(from, &s->future) != 0)
		return run_fail(run, "the snapshot is too short");
	if (pool_load(&s->pool, from, &error) != 0 ||
	    queue_load(&s->queue, from, &error) != 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static void
stop(void *self)
{
	struct sort *s = self;

	pool_fini(&s->pool);
	queue_fini(&s->queue);
	free(s->record.start);
}

static const struct filter sort = {
	.name = "sort",
	.about = "put events into the order of their time",
	.examples = "  bp-parse access.log | bp-sort | bp-print\n"
		    "  bp-sort --lateness 1h --late late.bp <events.bp >ordered.bp\n",
	.options = options,
	.size = sizeof(struct sort),
	.schema = 4,
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
