/* SPDX-License-Identifier: MIT
 *
 * bp-log: keep records in a durable log.
 *
 * in     any records
 * out    nothing, or with --pass the same bytes; the log in the folder DIR
 * state  where the log stood; as a stage of bp-run what comes after it is removed when
 *        the run goes on from there
 * needs  nothing
 */
#include "lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/filter.h"

enum { FULL_POLL_MS = 100 };

struct logger {
	const char *path; /* operand */
	struct span sync, segment_age, keep_age;
	struct size segment_size, keep_size;
	uint64_t ack_fd; /* 0: none */
	int on_full;     /* 0 block, 1 fail */
	bool pass;

	struct run *run;
	struct log *log;          /* owned; NULL when auditing */
	uint64_t appended, acked; /* records, without control records */
	uint64_t bytes;           /* of the log, for the stats */
};

static const struct option operands[] = {
	OPERAND("DIR", struct logger, path, "the folder of the log; made when missing"),
	OPTION_END,
};

static const struct option options[] = {
	OPTION_ASIDE('s', "sync", struct logger, sync, "5ms",
	    "records are durable after this time at the latest"),
	OPTION_ASIDE('S', "segment-size", struct logger, segment_size, "128M",
	    "seal a file that has as many bytes"),
	OPTION_ASIDE('A', "segment-age", struct logger, segment_age, NULL,
	    "seal a file that is as old"),
	OPTION_ASIDE(0, "keep-size", struct logger, keep_size, NULL,
	    "remove the oldest sealed files beyond this size"),
	OPTION_ASIDE(0, "keep-age", struct logger, keep_age, NULL,
	    "remove files that were sealed longer ago"),
	OPTION_CHOICE_ASIDE(0, "on-full", struct logger, on_full, "block|fail",
	    "what to do when the disk is full"),
	OPTION_ASIDE(0, "ack-fd", struct logger, ack_fd, NULL,
	    "write there how many records are durable, a line a time", "FD"),
	OPTION_ASIDE('p', "pass", struct logger, pass, NULL,
	    "pass the records on to standard output"),
	OPTION_END,
};

/* --- Starting ------------------------------------------------------------------- */

static void
hear(void *context, const char *text)
{
	run_say(context, "%s", text);
}

static int
start(struct run *run, void *self)
{
	struct logger *f = self;
	struct log_options o = log_defaults;
	struct error error;
	struct stat status;

	f->run = run;
	if (f->segment_size.bytes == 0)
		return run_usage(run, "--segment-size must be at least 1");
	if (f->ack_fd > 0 &&
	    (f->ack_fd > INT32_MAX ||
		run_os(run)->stat(run_os(run), (int)f->ack_fd, &status) != 0))
		return run_usage(run, "--ack-fd %llu: there is no such descriptor",
		    (unsigned long long)f->ack_fd);
	if (f->pass && f->ack_fd == 1)
		return run_usage(
		    run, "--ack-fd 1: with --pass standard output has the records");
	if (f->pass && run_terminal_columns(run) > 0)
		return run_usage(run,
		    "records are not for a terminal: leave out --pass, or add | "
		    "bp-print");
	if (!f->pass)
		run_silent(run);
	run_opens_files(run);
	run_counter(run, "durable", "records that are on the disk", &f->acked);
	run_counter(run, "log_bytes", "bytes of the log", &f->bytes);
	if (run_auditing(run))
		return 0;
	o.sync_us = f->sync.us;
	o.segment_bytes = f->segment_size.bytes;
	o.segment_us = f->segment_age.us;
	o.keep_bytes = f->keep_size.bytes;
	o.keep_us = f->keep_age.us;
	o.fail_when_full = f->on_full == 1;
	o.say = hear;
	o.context = run;
	f->log = log_open(run_os(run), f->path, &o, &error);
	return f->log != NULL ? 0 : run_fail(run, "%s", error.text);
}

/* --- Writing -------------------------------------------------------------------- */

/* Tell who waits for it how many records are durable. */
static int
acknowledge(struct run *run, struct logger *f, uint64_t durable)
{
	const struct os *os = run_os(run);
	char line[NUMBER_TEXT_MAX + 1];
	size_t size, done = 0;
	ssize_t n;

	f->bytes = log_bytes(f->log);
	if (durable == f->acked)
		return 0;
	f->acked = durable;
	if (f->ack_fd == 0)
		return 0;
	size = number_format_uint(durable, line);
	line[size++] = '\n';
	while (done < size) {
		struct pollfd ready = { .fd = (int)f->ack_fd, .events = POLLOUT };

		n = os->write(os, (int)f->ack_fd, line + done, size - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			(void)os->poll(os, &ready, 1, -1);
		else if (errno != EINTR)
			return run_fail(run, "cannot write --ack-fd %llu: %s",
			    (unsigned long long)f->ack_fd, strerror(errno));
	}
	return 0;
}

/* The disk is full: wait a little. -1 when the run shall end. */
static int
wait_for_room(struct run *run, const struct logger *f)
{
	if (run_stopping(run))
		return run_fail(run,
		    "%s: the disk is full; %llu records are not in the log", f->path,
		    (unsigned long long)(log_next(f->log) - log_durable(f->log)));
	(void)run_os(run)->poll(run_os(run), NULL, 0, FULL_POLL_MS);
	return 0;
}

static int
append(struct run *run, struct logger *f, struct slice bytes, struct log_times times)
{
	enum log_result result;
	struct error error;

	if (f->log == NULL)
		return 0;
	while ((result = log_append(f->log, bytes, 1, times, NULL, &error)) == LOG_FULL)
		if (wait_for_room(run, f) != 0)
			return -1;
	if (result == LOG_FAIL)
		return run_fail(run, "%s", error.text);
	/* A group commit came before this record was taken. */
	if (log_durable(f->log) + 1 == log_next(f->log))
		return acknowledge(run, f, f->appended);
	return 0;
}

/* Whatever was appended is durable when this returns 0. */
static int
commit(struct run *run, struct logger *f)
{
	enum log_result result;
	struct error error;

	if (f->log == NULL)
		return 0;
	while ((result = log_sync(f->log, &error)) == LOG_FULL)
		if (wait_for_room(run, f) != 0)
			return -1;
	if (result == LOG_FAIL)
		return run_fail(run, "%s", error.text);
	return acknowledge(run, f, f->appended);
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct logger *f = self;
	struct log_times times = LOG_NO_TIMES;
	instant t;

	if (record_timestamp(r, &t))
		log_times_add(&times, t);
	if (append(run, f, slice_of(r->bytes, r->size), times) != 0)
		return FAIL;
	f->appended++;
	return f->pass ? PASS : DROP;
}

/* What says how this run is started and stopped has no meaning in another one. */
static int
control(struct run *run, void *self, struct slice bytes)
{
	struct logger *f = self;
	struct control c;
	bool damaged, steers;

	steers = control_read(bytes, &c, &damaged) &&
	    (c.kind == CONTROL_HELLO || c.kind == CONTROL_CUT || c.kind == CONTROL_END);
	if (!steers && append(run, f, bytes, LOG_NO_TIMES) != 0)
		return -1;
	return f->pass ? run_print(run, bytes) : 0;
}

/* Group commits, rotation and retention by the clock. */
static int
attend(struct run *run, void *self)
{
	struct logger *f = self;
	enum log_result result;
	struct error error;
	int64_t due, now;

	if (f->log == NULL)
		return 0;
	result = log_tend(f->log, &error);
	if (result == LOG_FAIL)
		return run_fail(run, "%s", error.text);
	if (log_durable(f->log) == log_next(f->log) &&
	    acknowledge(run, f, f->appended) != 0)
		return -1;
	due = log_due(f->log);
	now = run_os(run)->monotonic_us(run_os(run));
	if (due == INT64_MAX)
		run_wait_also(run, -1, -1);
	else if (due <= now)
		run_wait_also(run, -1, 0);
	else
		run_wait_also(run, -1,
		    due - now > 60000000 ? 60000 : (int)((due - now) / 1000 + 1));
	return 0;
}

static int
finish(struct run *run, void *self)
{
	return commit(run, self);
}

/* --- Snapshots ------------------------------------------------------------------ */

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct logger *f = self;
	struct log_position p = { 0 };
	struct error error;

	if (commit(run, f) != 0)
		return -1;
	if (f->log != NULL) {
		log_tell(f->log, &p);
		if (log_epoch(f->log, run_epoch(run), &error) == LOG_FAIL)
			return run_fail(run, "%s", error.text);
	}
	state_put_u64(to, p.seq);
	state_put_u64(to, p.segment);
	state_put_u64(to, p.offset);
	state_put(to, p.chain, sizeof p.chain);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct logger *f = self;
	struct log_position p;
	struct error error;

	if (state_get_u64(from, &p.seq) != 0 || state_get_u64(from, &p.segment) != 0 ||
	    state_get_u64(from, &p.offset) != 0 ||
	    state_get(from, p.chain, sizeof p.chain) != 0)
		return -1;
	if (f->log == NULL)
		return 0;
	if (p.seq > log_next(f->log))
		return run_fail(run,
		    "the log %s has %llu records, and had %llu when the state was "
		    "saved",
		    f->path, (unsigned long long)log_next(f->log),
		    (unsigned long long)p.seq);
	/* A plain run is not given again what it has acknowledged. */
	if (run_is_stage(run) && log_truncate(f->log, &p, &error) != 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static void
stop(void *self)
{
	struct logger *f = self;
	struct error error;

	/* After a failure of something else: what was taken is kept. */
	if (f->log != NULL && log_close(f->log, &error) != LOG_DONE)
		run_say(f->run, "the end of the log %s was not written", f->path);
}

static const struct filter log_filter = {
	.name = "log",
	.about = "keep records in a durable log",
	.examples = "  bp-parse --follow access.log | bp-log --pass events | bp-print\n"
		    "  bp-log --segment-age 1h --keep-age 30d events <day.bp\n"
		    "  zstdcat events/*.bplog | bp-print\n",
	.options = options,
	.operands = operands,
	.size = sizeof(struct logger),
	.schema = 1,
	.sink = true,
	.start = start,
	.load = load,
	.each = each,
	.control = control,
	.attend = attend,
	.finish = finish,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&log_filter, argc, argv);
}
