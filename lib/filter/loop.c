/* SPDX-License-Identifier: MIT
 *
 * The loop: scan, hand over, write; flush before every wait.
 */
#include "lib/filter/stage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

enum { PROGRESS_US = 500000, WAITS_MAX = 1 + SOURCE_WAIT_MAX + 2 * RUN_CHAIN_MAX };

/* How the handling of an input ended, besides -1 for a failure. */
enum { STOPPED = 0, EXHAUSTED = 1, HUNGRY = 2 };

/* An inner stage is told by its input. */
static bool
told_to_stop(const struct run *run)
{
	return run->signals->stop && stage_stops(run);
}

/* What a signal asked of one run, and its deadlines. */
static int
attend_one(struct run *run, int64_t now, bool report, bool hangup)
{
	if (report && run_write_stats(run) != 0)
		return -1;
	if (hangup && run->filter->reload != NULL &&
	    run->filter->reload(run, run->self) != 0)
		return -1;
	if (run->filter->attend != NULL && run->filter->attend(run, run->self) != 0)
		return -1;
	if (run->common.progress && now - run->progress_us >= PROGRESS_US) {
		run->progress_us = now;
		run_show_progress(run, false);
	}
	if (run->watchdog_every_us > 0 &&
	    now - run->watchdog_us >= run->watchdog_every_us) {
		run->watchdog_us = now;
		run_notify(run, "WATCHDOG=1");
	}
	if (run->common.state != NULL && run->common.checkpoint_every.us > 0 &&
	    now - run->checkpoint_us >= run->common.checkpoint_every.us) {
		run->checkpoint_us = now;
		if (run_flush(run) != 0 || run_checkpoint(run) != 0)
			return -1;
	}
	return run->stage == NULL ? 0 : stage_attend(run, now);
}

/* Signals, deadlines of the clock, of all in the chain. -1 ends the run (a failure or a
 * stop). */
static int
attend(struct run *run, int64_t now)
{
	struct signals *s = run->signals;
	bool report = s->report, hangup = s->hangup;

	if (report)
		s->report = 0;
	if (hangup)
		s->hangup = 0;
	for (struct run *r = run; r != NULL; r = r->next)
		if (attend_one(r, now, report, hangup) != 0)
			return -1;
	return 0;
}

/* Milliseconds until the next deadline of attend; -1 for none. */
static int
patience_of_one(const struct run *run, int64_t now)
{
	int64_t least = INT64_MAX, left;

	if (run->common.progress)
		least = run->progress_us + PROGRESS_US - now;
	left = run->watchdog_us + run->watchdog_every_us - now;
	if (run->watchdog_every_us > 0 && left < least)
		least = left;
	left = run->checkpoint_us + run->common.checkpoint_every.us - now;
	if (run->common.state != NULL && run->common.checkpoint_every.us > 0 &&
	    left < least)
		least = left;
	if (run->stage != NULL && (left = stage_patience(run, now)) < least)
		least = left;
	if (least == INT64_MAX)
		return -1;
	return least <= 0 ? 0 : (int)(least / 1000 < 60000 ? least / 1000 + 1 : 60000);
}

static int
shorter(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int
patience(const struct run *run, int64_t now)
{
	int least = input_wait_ms(run->in);

	for (; run != NULL; run = run->next)
		least =
		    shorter(least, shorter(patience_of_one(run, now), run->also_ms));
	return least;
}

/* What to poll: signals, the input (*inputs of them from 1 on), and what each run of the
 * chain waits for besides. */
static nfds_t
descriptors(const struct run *run, struct pollfd fds[WAITS_MAX], nfds_t *inputs)
{
	nfds_t n = 1;

	fds[0] = (struct pollfd){ .fd = run->signals->wake[0], .events = POLLIN };
	*inputs = input_wait_fds(run->in, fds + 1);
	n += *inputs;
	for (; run != NULL && n + 2 <= WAITS_MAX; run = run->next) {
		if (run->stage != NULL && run->stage->pending)
			fds[n++] =
			    (struct pollfd){ .fd = saver_wait_fd(run->stage->saver),
				    .events = POLLIN };
		if (run->also_fd >= 0)
			fds[n++] =
			    (struct pollfd){ .fd = run->also_fd, .events = POLLIN };
	}
	return n;
}

/* Nothing is to be read now: all that was written goes out. */
static int
rest(struct run *run)
{
	for (struct run *r = run; r != NULL; r = r->next) {
		if (r->filter->idle != NULL && r->filter->idle(r, r->self) != 0)
			return -1;
		if (run_flush(r) != 0)
			return -1;
	}
	return 0;
}

/* Wait until there is something to read, a signal or a deadline. What is pending goes out
 * first, unless there is something to read already. *readable: a read will not block. */
static int
wait_for_input(struct run *run, bool *readable)
{
	struct pollfd fds[WAITS_MAX];
	int64_t now = run->os->monotonic_us(run->os);
	char drain[64];
	nfds_t count, inputs;
	int n = 0;

	if (attend(run, now) != 0)
		return -1;
	count = descriptors(run, fds, &inputs);
	if (!told_to_stop(run)) {
		n = run->os->poll(run->os, fds, count, 0);
		if (n == 0) {
			if (rest(run) != 0)
				return -1;
			count = descriptors(run, fds, &inputs);
			n = run->os->poll(run->os, fds, count, patience(run, now));
		}
	}
	if (n > 0 && fds[0].revents != 0)
		(void)run->os->read(
		    run->os, run->signals->wake[0], drain, sizeof drain);
	*readable = n == 0 && input_wait_ms(run->in) >= 0;
	for (nfds_t i = 1; n > 0 && i <= inputs; i++)
		*readable = *readable || fds[i].revents != 0;
	return attend(run, run->os->monotonic_us(run->os));
}

/* Input that is always there leaves no time to wait; a stage has deadlines all the same. */
static int
attend_stage(struct run *run)
{
	return run->stage == NULL && run->filter->attend == NULL && run->next == NULL
	    ? 0
	    : attend(run, run->os->monotonic_us(run->os));
}

/* Get more bytes. FILL_AGAIN also when the run shall stop. */
static enum fill
refill(struct run *run)
{
	struct error error;
	enum fill fill;
	bool readable = run->feed != NULL || input_ready(run->in);

	if (__builtin_expect(run->guard != NULL, 0) && guard_halts(run)) {
		run->halted = true;
		return FILL_AGAIN;
	}
	if (run->feed == NULL &&
	    (readable ? attend_stage(run) : wait_for_input(run, &readable)) != 0)
		return FILL_FAIL;
	/* A stop: what was read already comes out, and no more is waited for. */
	readable = told_to_stop(run) ? input_undecoded(run->in) : readable;
	if (!readable)
		return FILL_AGAIN;
	fill = input_fill(run->in, &error);
	if (fill == FILL_FAIL)
		(void)run_fail(run, "%s", error.text);
	return fill;
}

int
run_finish(struct run *run)
{
	if (run->finished)
		return 0;
	run->finished = true;
	if (run->filter->finish != NULL && run->filter->finish(run, run->self) != 0)
		return -1;
	return run_auditing(run) ? 0 : run_publish(run);
}

/* --- Records -------------------------------------------------------------------- */

static bool
is_barrier(const struct control *c)
{
	return c->kind == CONTROL_HELLO || c->kind == CONTROL_CUT ||
	    c->kind == CONTROL_END;
}

static int
forward_control(struct run *run, struct slice bytes)
{
	const struct filter *f = run->filter;
	struct control control;
	struct error error;
	instant watermark;
	bool damaged, idle;
	int status = 0;

	if (!control_read(bytes, &control, &damaged) && damaged)
		return run_fail(run,
		    "%s: control record at byte %" PRIu64
		    " is damaged: checksum mismatch",
		    input_name(run->in), input_offset(run->in));
	if (run->stage != NULL && is_barrier(&control))
		return stage_control(run, &control);
	run->counters.control++;
	if (f->control != NULL)
		return f->control(run, run->self, bytes);
	if (!damaged && control.kind == CONTROL_TICK && f->tick != NULL &&
	    control_tick(&control, &watermark, &idle))
		status = f->tick(run, run->self, watermark);
	if (status == 0 && control.kind == CONTROL_END)
		status = run_finish(run);
	if (status != 0 || f->text_out)
		return status < 0 ? -1 : 0;
	if (output_write(run->out, bytes, &error) != 0)
		return run_output_failed(run, &error);
	return 0;
}

static int
foreign(struct run *run, const struct fault *fault)
{
	struct slice bytes = input_bytes(run->in);
	uint64_t at = input_offset(run->in) + fault->at;

	return run_fail(run,
	    "%s: no record stream at byte %" PRIu64 ", record %" PRIu64
	    ": %s (0x%02x; if it is text, put bp-parse before)",
	    input_name(run->in), at, run->number + 1, fault->reason,
	    fault->at < bytes.size ? bytes.at[fault->at] : 0);
}

static int
cut_off(struct run *run, uint64_t number)
{
	return run_fail(run,
	    "%s: cut off at byte %" PRIu64 ", within record %" PRIu64
	    " (what came before was delivered)",
	    input_name(run->in), input_offset(run->in) + input_bytes(run->in).size,
	    number);
}

/* Whether a source may cut: not within a record. */
static void
midway(struct run *run, bool is)
{
	if (run->stage != NULL)
		run->stage->midway = is;
}

/* A record longer than can be held: its first bytes are kept as a reject, the rest is
 * stepped over. */
static int
step_over_large(struct run *run)
{
	struct skipper skipper = { 0 };
	struct slice bytes = input_bytes(run->in);
	enum scan scan = SCAN_MORE;
	enum fill fill = FILL_MORE;
	struct fault fault;
	size_t consumed;

	midway(run, true);
	run->number++;
	run_reject_bytes(run, bytes, input_offset(run->in),
	    "a record of more than 1 MiB (its first bytes are kept)");
	while (scan == SCAN_MORE && (fill == FILL_MORE || fill == FILL_AGAIN)) {
		bytes = input_bytes(run->in);
		scan = record_skip(&skipper, bytes, &consumed, &fault);
		if (scan == SCAN_FOREIGN)
			return foreign(run, &fault);
		input_consume(run->in, consumed);
		if (scan == SCAN_MORE && told_to_stop(run))
			return 0;
		if (scan == SCAN_MORE)
			fill = refill(run);
		if (fill == FILL_AGAIN && run->feed != NULL)
			break; /* a stage before it never writes such a record */
	}
	midway(run, false);
	if (fill == FILL_FAIL)
		return -1;
	return scan == SCAN_RECORD ? 0 : cut_off(run, run->number);
}

/* Everything that is not an ordinary record. */
static int
handle_other(struct run *run, enum scan scan, const struct fault *fault)
{
	struct slice bytes = slice_of(run->record.bytes, run->record.size);
	uint64_t offset = input_offset(run->in), before = run->counters.control;
	int status;

	switch (scan) {
	case SCAN_CONTROL:
		status = forward_control(run, bytes);
		break;
	case SCAN_REJECT:
		run->number++;
		run_reject_bytes(run, bytes, input_offset(run->in), fault->reason);
		status = 0;
		break;
	case SCAN_LARGE:
		return step_over_large(run);
	default:
		return foreign(run, fault);
	}
	input_consume(run->in, bytes.size);
	/* Barriers come at other places in every run: they do not count as bytes. */
	if (run->stage != NULL && scan == SCAN_CONTROL &&
	    run->counters.control == before)
		input_place(run->in, offset);
	return status;
}

/* What becomes of a record or line. 1: nothing, the run stops before it. */
static int
judge(struct run *run)
{
	enum verdict verdict;
	enum guard_advice advice =
	    __builtin_expect(run->guard == NULL, 1) ? GUARD_GO : guard_before(run);

	if (advice == GUARD_HALT)
		return 1;
	run->quarantined = advice == GUARD_SKIP;
	if (run->quarantined)
		verdict =
		    run_reject(run, "in quarantine: it has failed again and again");
	else if (run->filter->line != NULL)
		verdict = run->filter->line(run, run->self, &run->line);
	else
		verdict = run->filter->each(run, run->self, &run->record);
	if (run_settle_verdict(run, verdict) != 0)
		return -1;
	if (__builtin_expect(run->guard != NULL, 0))
		guard_after(run);
	return 0;
}

/* 1: stop before it. */
static int
handle_record(struct run *run)
{
	size_t size = run->record.size;
	int status;

	run->number++;
	run->record.offset = input_offset(run->in);
	run->record.number = run->number;
	run->finished = false;
	status = judge(run);
	if (status == 0)
		input_consume(run->in, size);
	else
		run->number--;
	return status;
}

/* One input, to its end or as far as it was fed. */
static int
loop_records(struct run *run)
{
	struct fault fault;
	size_t need = 1;
	struct slice bytes;
	enum fill fill;
	enum scan scan;
	int status;

	for (;;) {
		bytes = input_bytes(run->in);
		scan = bytes.size < need
		    ? SCAN_MORE
		    : record_scan(run->reader, bytes, &run->record, &fault, &need);
		if (__builtin_expect(scan == SCAN_RECORD, 1)) {
			status = handle_record(run);
			if (__builtin_expect(status != 0, 0))
				return status < 0 ? -1 : STOPPED;
			continue;
		}
		if (scan != SCAN_MORE) {
			if (guard_halts(run))
				return STOPPED;
			if (handle_other(run, scan, &fault) != 0)
				return -1;
			if (run->halted)
				return STOPPED;
			need = 1;
			continue;
		}
		fill = refill(run);
		if (fill == FILL_FAIL)
			return -1;
		if (fill == FILL_AGAIN && run->feed != NULL)
			return HUNGRY;
		if (fill == FILL_AGAIN && (run->halted || told_to_stop(run)))
			return STOPPED;
		if (fill == FILL_END)
			return bytes.size == 0 ? EXHAUSTED
					       : cut_off(run, run->number + 1);
	}
}

/* --- Lines ---------------------------------------------------------------------- */

static size_t
frame_line(struct slice bytes, bool end)
{
	size_t size = slice_find(bytes, '\n');

	if (size < bytes.size)
		return size + 1;
	return end ? bytes.size : 0;
}

static struct slice
without_terminator(struct slice bytes)
{
	if (bytes.size > 0 && bytes.at[bytes.size - 1] == '\n')
		bytes.size--;
	if (bytes.size > 0 && bytes.at[bytes.size - 1] == '\r')
		bytes.size--;
	return bytes;
}

static uint64_t
count_lines(struct slice bytes)
{
	uint64_t n = 0;

	for (size_t at; (at = slice_find(bytes, '\n')) < bytes.size;) {
		n++;
		bytes = slice_from(bytes, at + 1);
	}
	return n == 0 ? 1 : n;
}

static int
handle_line(struct run *run, struct slice bytes)
{
	int status;

	run->line.bytes = bytes;
	run->line.text = without_terminator(bytes);
	run->line.source = input_name(run->in);
	run->line.offset = input_offset(run->in);
	run->line.number = run->number + 1;
	run->finished = false;
	run->emitted_before = run->counters.emitted;
	status = judge(run);
	if (status != 0)
		return status;
	run->number += run->filter->frame == NULL ? 1 : count_lines(bytes);
	input_consume(run->in, bytes.size);
	return 0;
}

/* A line longer than can be held. *skipping lasts until its end is found. */
static void
reject_long_line(struct run *run, bool *skipping)
{
	struct slice bytes = input_bytes(run->in);
	size_t end = slice_find(bytes, '\n');

	if (!*skipping) {
		run->number++;
		run_reject_bytes(run, bytes, input_offset(run->in),
		    "a line of more than 1 MiB (its first bytes are kept)");
	}
	*skipping = end == bytes.size;
	midway(run, *skipping);
	input_consume(run->in, end + !*skipping);
}

static int
loop_lines(struct run *run)
{
	const struct filter *f = run->filter;
	bool end = false, skipping = false;
	struct slice bytes;
	enum fill fill;
	size_t size;
	int status;

	for (;;) {
		bytes = input_bytes(run->in);
		size = 0;
		if (skipping && bytes.size > 0)
			reject_long_line(run, &skipping);
		else if (bytes.size > 0)
			size = f->frame != NULL ? f->frame(run, run->self, bytes, end)
						: frame_line(bytes, end);
		if (run->status != 0)
			return -1;
		if (size > 0) {
			status = handle_line(run, slice_of(bytes.at, size));
			if (status != 0)
				return status < 0 ? -1 : 0;
			continue;
		}
		bytes = input_bytes(run->in);
		if (end)
			return 1;
		if (bytes.size >= RECORD_SIZE_MAX) {
			reject_long_line(run, &skipping);
			continue;
		}
		fill = refill(run);
		if (fill == FILL_FAIL)
			return -1;
		if (fill == FILL_AGAIN && (run->halted || told_to_stop(run)))
			return 0;
		end = fill == FILL_END;
	}
}

/* --- Inputs --------------------------------------------------------------------- */

int
run_open_next(struct run *run)
{
	const char *path = run->file_count == 0 ? "-" : run->files[run->file_next];
	struct error error;

	run->file_next++;
	run->number = 0;
	run->in = input_open(run->os, path, &error);
	if (run->in == NULL ||
	    (run->stage != NULL && input_watch(run->in, &error) != 0))
		return run_fail(run, "%s", error.text);
	return 0;
}

int
run_step(struct run *run)
{
	int status = loop_records(run);

	return status == HUNGRY ? 1 : status;
}

int
run_end(struct run *run)
{
	if (input_bytes(run->in).size > 0)
		return cut_off(run, run->number + 1);
	return run->common.state == NULL ? run_finish(run) : 0;
}

int
run_loop(struct run *run)
{
	unsigned inputs = run->own_input || run->file_count == 0 ? 1 : run->file_count;
	int status = EXHAUSTED;

	if (run->stage != NULL && run->stage->self.source && stage_await(run) < 0)
		return -1;
	while (status == EXHAUSTED) {
		if (run->in == NULL && run_open_next(run) != 0)
			return -1;
		status =
		    run->filter->line != NULL ? loop_lines(run) : loop_records(run);
		if (status != EXHAUSTED)
			break;
		if (run->own_input || run->file_next >= inputs)
			status = 0;
		else {
			input_free(run->in);
			run->in = NULL;
		}
	}
	if (status != 0)
		return -1;
	if (run->stage != NULL)
		return stage_end(run);
	/* With a state the run goes on another time; the end of this input means
	 * nothing. */
	if (run->common.state == NULL && run_finish(run) != 0)
		return -1;
	return 0;
}
