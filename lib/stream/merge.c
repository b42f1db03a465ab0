/* SPDX-License-Identifier: MIT */
#include "lib/stream/merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/record/lineage.h"
#include "lib/stream/merge_inside.h"

enum {
	AHEAD = 1 << 18, /* bytes of an input that are read when nobody waits for it */
	OUT_SOFT = 1 << 16, /* bytes that are made ready at once, and one item */
	OUT_SIZE = OUT_SOFT + BACKLOG_ITEM_MAX + 2 * CONTROL_SIZE_MAX,
};

/* --- Output ------------------------------------------------------------------------ */

static void
out_bytes(struct merge *m, struct slice bytes)
{
	assert(bytes.size <= OUT_SIZE - m->out_to);
	if (bytes.size > 0)
		memcpy(m->out + m->out_to, bytes.at, bytes.size);
	m->out_to += bytes.size;
}

/* A builder behind what is ready; out_built takes what it has. */
static struct build
out_build(struct merge *m)
{
	struct build b;

	build_init(&b, m->out + m->out_to, OUT_SIZE - m->out_to);
	return b;
}

static void
out_built(struct merge *m, const struct build *b)
{
	assert(!build_full(b));
	m->out_to += build_slice(b).size;
}

/* --- Watermarks -------------------------------------------------------------------- */

static void
tick(struct merge *m)
{
	instant least = WHEN_NEVER;
	struct build b = out_build(m);
	bool any = false;

	for (unsigned i = 0; i < m->n; i++) {
		const struct branch *h = &m->branches[i];

		if (h->head != HEAD_OVER && (!any || h->watermark < least))
			least = h->watermark;
		any = any || h->head != HEAD_OVER;
	}
	if (!any || least <= m->ticked)
		return;
	m->ticked = least;
	control_build_tick(&b, least, false);
	out_built(m, &b);
}

/* --- Branches --------------------------------------------------------------------- */

/* Where the branch's first item is. */
static struct backlog *
queue(struct branch *h)
{
	return h->loaded.items > 0 ? &h->loaded : &h->intake.backlog;
}

static instant
place(const struct branch *h, struct backlog_item item)
{
	return item.at == WHEN_NEVER ? h->begins : item.at;
}

/* --- Heads ------------------------------------------------------------------------- */

static int
fail(struct merge *m, const struct error *fault)
{
	m->failed = true;
	m->fault = *fault;
	return -1;
}

static void
set_head(struct merge *m, unsigned i, enum head head)
{
	unsigned *counts[] = { [HEAD_UNKNOWN] = &m->unknown,
		[HEAD_TIMED] = &m->heap.n,
		[HEAD_CUT] = &m->at_cut,
		[HEAD_OVER] = &m->over };
	struct branch *h = &m->branches[i];

	/* The heap keeps its own number. */
	if (h->head != HEAD_TIMED)
		--*counts[h->head];
	if (head != HEAD_TIMED)
		++*counts[head];
	h->head = head;
	m->tick_due = m->tick_due || head == HEAD_OVER;
}

/* Find out what is first of a branch; it is not in the heap. */
static int
look(struct merge *m, unsigned i)
{
	struct branch *h = &m->branches[i];
	struct backlog_item item;
	struct slice bytes;
	int status;

	for (;;) {
		status = backlog_first(queue(h), &item, &bytes, &m->fault);
		if (status < 0) {
			m->failed = true;
			return -1;
		}
		if (status == 1) {
			bool over = h->intake.closed || h->intake.ignored || m->stopped;

			set_head(m, i, over ? HEAD_OVER : HEAD_UNKNOWN);
			return 0;
		}
		if (item.kind == INTAKE_FAULT)
			return fail(m, &h->intake.fault);
		if (item.kind == INTAKE_CUT && h->cuts >= m->cuts && !m->stopped) {
			set_head(m, i, HEAD_CUT);
			return 0;
		}
		if (item.kind != INTAKE_CUT && item.kind != INTAKE_END &&
		    item.kind != INTAKE_PAUSE) {
			set_head(m, i, HEAD_TIMED);
			heap_put(&m->heap, place(h, item), i);
			return 0;
		}
		/* A CUT that went out before, or the end, which is the last. After a
		 * pause no CUT can be whole any more. */
		m->pausing = m->pausing || item.kind == INTAKE_PAUSE;
		h->cuts += item.kind == INTAKE_CUT;
		backlog_drop_first(queue(h));
	}
}

/* Send the head of branch i, which is the first of the heap, and see what is next. */
static int
emit(struct merge *m, unsigned i)
{
	struct branch *h = &m->branches[i];
	struct backlog_item item;
	struct slice bytes;

	if (backlog_first(queue(h), &item, &bytes, &m->fault) < 0) {
		m->failed = true;
		return -1;
	}
	if (item.kind == INTAKE_TICK) {
		h->watermark = item.at > h->watermark ? item.at : h->watermark;
		tick(m);
	} else {
		out_bytes(m, bytes);
	}
	m->midway = item.kind == INTAKE_PART ? (int)i : -1;
	backlog_drop_first(queue(h));
	heap_take_first(&m->heap);
	h->head = HEAD_UNKNOWN;
	m->unknown++;
	return look(m, i);
}

/* --- Barriers ---------------------------------------------------------------------- */

/* An input is blocked at its CUT: it goes out when all others have theirs. A paused input
 * has none any more: the run ends at the CUT before. */
static int
align(struct merge *m)
{
	struct backlog_item item;
	struct slice bytes = slice_of(NULL, 0);

	for (unsigned i = 0; i < m->n; i++) {
		const struct intake *t = &m->branches[i].intake;

		if (t->cuts > m->cuts || t->ended)
			continue;
		if (t->wrong)
			return fail(m, &t->fault);
		m->pausing = m->pausing || t->paused;
		return 0;
	}
	for (unsigned i = 0; i < m->n; i++) {
		struct branch *h = &m->branches[i];

		h->covered = h->intake.cuts <= m->cuts;
		if (h->head == HEAD_CUT &&
		    backlog_first(&h->intake.backlog, &item, &bytes, &m->fault) != 0) {
			m->failed = true;
			return -1;
		}
		if (h->head == HEAD_CUT && !m->barrier) {
			out_bytes(m, bytes);
			m->barrier = true;
		}
	}
	m->cuts++;
	return 0;
}

/* After a CUT has gone out: look behind it. */
static int
pass_cut(struct merge *m)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->branches[i].head == HEAD_CUT && look(m, i) != 0)
			return -1;
	return 0;
}

static bool
all_closed(const struct merge *m)
{
	for (unsigned i = 0; i < m->n; i++)
		if (!m->branches[i].intake.closed)
			return false;
	return true;
}

/* END, when those that write to us have all been heard out: else they would find nobody
 * who reads. */
static void
say_end(struct merge *m)
{
	struct build b = out_build(m);
	bool all = true;

	if (!m->stopped && !all_closed(m))
		return;
	for (unsigned i = 0; i < m->n; i++)
		all = all && m->branches[i].intake.ended;
	m->ended = true;
	if (!all && !m->pausing)
		return;
	control_build_end(&b, 0, m->pausing);
	out_built(m, &b);
}

/* Make bytes ready as long as it is known which are next. */
static int
produce(struct merge *m)
{
	for (unsigned i = 0; i < m->n && m->unknown > 0; i++)
		if (m->branches[i].head == HEAD_UNKNOWN && look(m, i) != 0)
			return -1;
	while (m->out_to < OUT_SOFT && !m->barrier && !m->ended && !m->failed) {
		unsigned i;

		if (m->pausing || m->over == m->n) {
			say_end(m);
			return 0;
		}
		if (m->unknown > 0 && m->midway < 0)
			return 0;
		if (m->tick_due && m->unknown == 0) {
			m->tick_due = false;
			tick(m);
		}
		if (m->at_cut > 0)
			return align(m);
		if (m->heap.n == 0)
			return 0;
		i = heap_first(&m->heap).stream;
		if (m->midway >= 0 && i != (unsigned)m->midway)
			return 0;
		if (emit(m, i) != 0)
			return -1;
	}
	return 0;
}

/* --- Beginning --------------------------------------------------------------------- */

/* HELLO of all as one; they must be of the same run. */
static int
say_hello(struct merge *m, struct error *error)
{
	const struct intake *first = &m->branches[0].intake;
	struct build b = out_build(m);
	struct slice lineages[MERGE_INPUTS_MAX];
	char lineage[LINEAGE_MAX + 1];

	for (unsigned i = 0; i < m->n; i++) {
		const struct intake *t = &m->branches[i].intake;

		lineages[i] = slice_text(t->lineage);
		if (t->generation != first->generation || t->restore != first->restore)
			return error_set(error,
			    "%s and %s are not of the same generation",
			    input_name(first->in), input_name(t->in));
	}
	if (lineage_join(lineages, m->n, lineage) != 0)
		return error_set(error,
		    "the names of all stages before this one exceed %d bytes (give "
		    "them shorter ones with --stage NAME), or there are none",
		    LINEAGE_MAX);
	control_build_hello(&b, first->restore, first->generation, slice_text(lineage));
	out_built(m, &b);
	m->barrier = true;
	return 0;
}

/* The first values of all are known: what are these streams? */
static int
judge_first(struct merge *m, struct error *error)
{
	unsigned hello = 0;

	for (unsigned i = 0; i < m->n; i++)
		hello += m->branches[i].intake.first == FIRST_HELLO;
	m->begun = true;
	m->stage = hello > 0;
	for (unsigned i = 0; hello > 0 && i < m->n; i++) {
		const struct intake *t = &m->branches[i].intake;

		if (t->first == FIRST_NONE)
			return error_set(error,
			    "%s: it ended before it began: the stage before this one "
			    "has gone",
			    input_name(t->in));
		if (t->first == FIRST_OTHER)
			return error_set(error,
			    "%s: it is no stage's output, and others are (give a file "
			    "through a filter: <(bp-select true FILE))",
			    input_name(t->in));
	}
	return hello > 0 ? say_hello(m, error) : 0;
}

/* --- Reading ----------------------------------------------------------------------- */

/* Whether this input is to be read now: the one that is waited for, and all others up to a
 * measure; when the merge is stuck, without. */
static bool
wanted(const struct merge *m, unsigned i)
{
	const struct branch *h = &m->branches[i];

	if (h->intake.first == FIRST_UNKNOWN && !m->stopped)
		return true;
	return intake_wants(&h->intake) && !m->stopped &&
	    (m->unknown > 0 || m->at_cut > 0 || m->pausing || m->over == m->n ||
		backlog_size(&h->intake.backlog) < AHEAD);
}

static int
read_one(struct merge *m, unsigned i, struct error *error)
{
	struct intake *t = &m->branches[i].intake;
	int status;

	if (t->first == FIRST_UNKNOWN)
		return intake_begin(t, error) != 0 ? -1 : t->first != FIRST_UNKNOWN;
	t->ignored = t->ignored || m->pausing;
	status = intake_read(t, error);
	m->spilled = 0;
	for (unsigned k = 0; k < m->n; k++)
		m->spilled += m->branches[k].intake.backlog.written;
	return status;
}

/* Read a block of each input that has one. Returns whether something came. */
static int
gather(struct merge *m, struct error *error)
{
	struct pollfd fds[MERGE_INPUTS_MAX];
	bool ready[MERGE_INPUTS_MAX] = { false };
	int status = 0, one;

	for (unsigned i = 0; i < m->n; i++) {
		struct input *in = m->branches[i].intake.in;
		bool want = wanted(m, i);

		ready[i] = want && input_ready(in);
		fds[i] = (struct pollfd){ .fd = want ? input_wait_fd(in) : -1,
			.events = POLLIN };
	}
	if (m->os->poll(m->os, fds, m->n, 0) < 0)
		for (unsigned i = 0; i < m->n; i++)
			fds[i].revents = 0;
	for (unsigned i = 0; i < m->n; i++) {
		if (!ready[i] && (fds[i].fd < 0 || fds[i].revents == 0))
			continue;
		one = read_one(m, i, error);
		if (one < 0)
			return -1;
		status |= one;
	}
	return status;
}

/* What could not be framed for want of room, and what came with HELLO. */
static int
frame_rest(struct merge *m, struct error *error)
{
	for (unsigned i = 0; i < m->n; i++) {
		struct intake *t = &m->branches[i].intake;

		if (!t->closed && (m->begun || t->first != FIRST_UNKNOWN) &&
		    intake_frame(t, error) != 0)
			return -1;
	}
	return 0;
}

/* HELLO of all, or that there is none. 0: it is not known yet. */
static int
begin(struct merge *m, struct error *error)
{
	int came = 1;

	while (came > 0) {
		unsigned known = 0;

		if (frame_rest(m, error) != 0 || (came = gather(m, error)) < 0)
			return -1;
		for (unsigned i = 0; i < m->n; i++)
			known += m->branches[i].intake.first != FIRST_UNKNOWN;
		if (known == m->n)
			return judge_first(m, error) != 0 ? -1 : 1;
	}
	return 0;
}

/* Go on behind what has gone out. */
static int
advance(struct merge *m, struct error *error)
{
	bool was_cut = m->barrier && m->cuts > 0;
	int came;

	m->barrier = false;
	if (was_cut && pass_cut(m) != 0)
		return -1;
	do {
		if (frame_rest(m, error) != 0)
			return -1;
		came = gather(m, error);
		if (came < 0 || produce(m) != 0)
			return came < 0 ? -1 : 0;
	} while (m->out_to == 0 && came > 0 && !m->ended && !m->failed);
	return 0;
}

static ssize_t
give(struct merge *m, void *to, size_t size)
{
	size_t left = m->out_to - m->out_from;

	size = left < size ? left : size;
	memcpy(to, m->out + m->out_from, size);
	m->out_from += size;
	if (m->out_from == m->out_to)
		m->out_from = m->out_to = 0;
	return (ssize_t)size;
}

static ssize_t
merge_read(struct source *source, void *to, size_t size, struct error *error)
{
	struct merge *m = (struct merge *)source;
	int status = 1;

	if (m->out_to == 0 && !m->failed) {
		status = m->begun ? 1 : begin(m, error);
		if (status > 0 && m->out_to == 0)
			status = advance(m, error);
		if (status < 0 && !m->failed)
			return -1;
	}
	if (m->out_to > 0)
		return give(m, to, size);
	if (m->failed) {
		*error = m->fault;
		return -1;
	}
	return m->ended || m->stopped ? 0 : SOURCE_NOTHING;
}

static unsigned
merge_wait(const struct source *source, struct pollfd *fds)
{
	const struct merge *m = (const struct merge *)source;
	unsigned count = 0;

	for (unsigned i = 0; i < m->n; i++)
		if (wanted(m, i))
			fds[count++] = (struct pollfd){ .fd = input_wait_fd(
							    m->branches[i].intake.in),
				.events = POLLIN };
	return count;
}

static bool
merge_holds(const struct source *source)
{
	const struct merge *m = (const struct merge *)source;

	if (!m->stopped || m->failed)
		return false;
	return m->out_to > 0 || !m->ended;
}

void
merge_stop(struct merge *m)
{
	if (!m->stage)
		m->stopped = m->begun = true;
}

/* --- Making ------------------------------------------------------------------------ */

static void
merge_free(struct source *source)
{
	struct merge *m = (struct merge *)source;

	for (unsigned i = 0; m->branches != NULL && i < m->n; i++) {
		intake_fini(&m->branches[i].intake);
		backlog_fini(&m->branches[i].loaded);
	}
	reader_free(m->reader);
	free(m->heap.entries);
	free(m->branches);
	free(m->out);
	free(m);
}

static struct merge *
give_up(struct merge *m, struct input **inputs, unsigned from, unsigned n)
{
	for (; from < n; from++)
		input_free(inputs[from]);
	if (m != NULL)
		merge_free(&m->source);
	return NULL;
}

struct merge *
merge_new(const struct os *os, struct input **inputs, unsigned n,
    const struct merge_room *room, struct error *error)
{
	struct merge *m = calloc(1, sizeof *m);
	uint64_t each = room->memory / n;

	assert(n > 0 && n <= MERGE_INPUTS_MAX);
	(void)error_set(error, "no memory to merge %u inputs", n);
	if (m == NULL || each < MERGE_MEMORY_MIN)
		return give_up(m, inputs, 0, n);
	m->source = (struct source){ .read = merge_read,
		.free = merge_free,
		.wait_fd = -1,
		.wait_ms = -1,
		.wait = merge_wait,
		.holds = merge_holds };
	m->os = os;
	m->room = *room;
	m->midway = -1;
	m->ticked = WHEN_NEVER;
	m->reader = reader_new();
	m->branches = calloc(n, sizeof *m->branches);
	m->heap.entries = calloc(n, sizeof *m->heap.entries);
	m->out = malloc(OUT_SIZE);
	if (m->reader == NULL || m->branches == NULL || m->heap.entries == NULL ||
	    m->out == NULL)
		return give_up(m, inputs, 0, n);
	for (; m->n < n; m->n++) {
		struct branch *h = &m->branches[m->n];

		h->watermark = h->begins = WHEN_NEVER;
		h->loaded.fd = -1;
		if (intake_init(&h->intake, os, inputs[m->n], m->reader, each,
			room->folder, room->file, error) != 0) {
			m->n++;
			return give_up(m, inputs, m->n, n);
		}
	}
	m->unknown = n;
	return m;
}

struct source *
merge_source(struct merge *m)
{
	return &m->source;
}

const uint64_t *
merge_spilled(const struct merge *m)
{
	return &m->spilled;
}
