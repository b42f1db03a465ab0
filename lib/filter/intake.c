/* SPDX-License-Identifier: MIT */
#include "lib/filter/intake.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/filter/run.h"

enum { FLUSH_BYTES = 1 << 20 /* written without an ack meanwhile, at most */ };

/* --- The log -------------------------------------------------------------------- */

static bool
known(void *context, const uint8_t id[FORWARD_STREAM_SIZE], struct forward_mark *mark)
{
	const struct intake *r = context;

	return r->keeper != NULL ? keeper_known(r->keeper, id, mark)
				 : streams_known(&r->streams, id, mark);
}

static void
on_kept(void *context, uint64_t records)
{
	struct intake *r = context;

	run_took(r->run, records, DROP);
}

static void
on_rejected(void *context, struct slice value, const char *reason)
{
	struct intake *r = context;

	run_reject_bytes(r->run, value, 0, reason);
}

static void
on_end(void *context, uint64_t streams)
{
	struct intake *r = context;

	r->ended = r->until_end > 0 && streams >= r->until_end;
}

/* Everything that is due in the log. */
static int
tend_log(struct intake *r)
{
	struct error error;

	if (log_due(r->log) <= run_os(r->run)->monotonic_us(run_os(r->run)) &&
	    log_tend(r->log, &error) == LOG_FAIL)
		return run_fail(r->run, "%s", error.text);
	server_settle(r->server, log_durable_appends(r->log));
	return 0;
}

/* Take messages until there are none, or the disk is full. */
static int
fill_log(struct intake *r)
{
	enum log_result result = LOG_DONE;
	struct error error;

	while (result == LOG_DONE && !r->ended) {
		if (!keeper_waits(r->keeper)) {
			if (server_next(r->server, &r->batch) == 0)
				break;
			keeper_begin(r->keeper, &r->batch);
		}
		result = keeper_append(r->keeper, &error);
		if (result == LOG_FAIL)
			return run_fail(r->run, "%s", error.text);
		if (result == LOG_FULL)
			break;
		server_took(r->server, log_appends(r->log));
		if (tend_log(r) != 0)
			return -1;
	}
	return tend_log(r);
}

/* --- Acks from another process --------------------------------------------------- */

/* Lines of decimal numbers: so many records are safe. */
static int
read_acks(struct intake *r)
{
	const struct os *os = run_os(r->run);
	struct pollfd ready = { .fd = r->acks, .events = POLLIN };
	char bytes[512];
	uint64_t number;
	ssize_t n;

	while (os->poll(os, &ready, 1, 0) > 0) {
		n = os->read(os, r->acks, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			run_wait_also(r->run, -1, -1);
			return run_fail(
			    r->run, "--ack-fd: whoever says what is safe has gone");
		}
		for (ssize_t i = 0; i < n; i++) {
			if (bytes[i] != '\n' && r->ack_size < INTAKE_ACK_LINE) {
				r->ack_line[r->ack_size++] = bytes[i];
				continue;
			}
			if (!number_parse_uint(
				slice_of(r->ack_line, r->ack_size), &number))
				return run_fail(
				    r->run, "--ack-fd: no line of a number");
			r->acked = number;
			server_settle(r->server, number);
			r->ack_size = 0;
		}
	}
	return 0;
}

int
intake_attend(struct intake *r)
{
	if (r->acks < 0)
		return 0;
	if (read_acks(r) != 0)
		return -1;
	r->source.wait_ms = server_wait_ms(r->server);
	return 0;
}

/* --- Reading -------------------------------------------------------------------- */

/* All that was taken has been written: acknowledge it. */
static int
settle(struct intake *r)
{
	if (run_flush(r->run) != 0)
		return -1;
	r->unflushed = 0;
	server_settle(r->server, r->acks < 0 ? r->messages : r->acked);
	return 0;
}

/* The batch is in the output: its ack waits for as many records as that has now. */
static void
tell_point(struct intake *r)
{
	if (r->untold)
		server_took(r->server, r->acks < 0 ? r->messages : r->records);
	r->untold = false;
}

/* The next batch that has bytes to hand on. 1, 0 for none now, -1. */
static int
next_batch(struct intake *r)
{
	do {
		if (r->unflushed >= FLUSH_BYTES && settle(r) != 0)
			return -1;
		if (server_next(r->server, &r->batch) == 0) {
			r->batch = (struct server_batch){ 0 };
			r->given = 0;
			return server_unsettled(r->server) > 0 && settle(r) != 0 ? -1
										 : 0;
		}
		r->given = 0;
		r->messages++;
		r->unflushed += r->batch.bytes.size;
		r->untold = true;
		if (r->batch.bytes.size == 0)
			tell_point(r);
	} while (r->batch.bytes.size == 0);
	return 1;
}

/* What the loop polls for, when there is nothing. */
static ssize_t
nothing(struct intake *r)
{
	int64_t left;
	int ms = server_wait_ms(r->server);

	if (r->log != NULL && log_due(r->log) != INT64_MAX) {
		left = log_due(r->log) - run_os(r->run)->monotonic_us(run_os(r->run));
		left = left <= 0 ? 0 : left / 1000 + 1;
		if (ms < 0 || left < ms)
			ms = (int)left;
	}
	r->source.wait_ms = ms;
	return SOURCE_NOTHING;
}

static ssize_t
read_source(struct source *source, void *to, size_t size, struct error *error)
{
	struct intake *r =
	    (struct intake *)(void *)((char *)source - offsetof(struct intake, source));
	size_t left;
	int status;

	(void)error_set(error, "the server has failed");
	if (r->log != NULL) {
		if (fill_log(r) != 0)
			return -1;
		return r->ended ? 0 : nothing(r);
	}
	if (r->given == r->batch.bytes.size) {
		/* The loop has used all that it was given: it was whole records. */
		tell_point(r);
		if (r->ended && settle(r) != 0)
			return -1;
		if (r->ended)
			return server_unsettled(r->server) == 0 ? 0 : nothing(r);
		status = next_batch(r);
		if (status <= 0)
			return status < 0 ? -1 : nothing(r);
	}
	left = r->batch.bytes.size - r->given;
	size = left < size ? left : size;
	memcpy(to, r->batch.bytes.at + r->given, size);
	r->given += size;
	return (ssize_t)size;
}

static void
free_source(struct source *source)
{
	(void)source;
}

enum verdict
intake_each(struct intake *r)
{
	r->records++;
	return PASS;
}

/* Watermarks are those of all streams; an end is that of one. */
int
intake_control(struct intake *r, struct slice bytes)
{
	struct run *run = r->run;
	struct control c;
	instant watermark;
	bool damaged, idle, alone;

	if (!control_read(bytes, &c, &damaged))
		return run_control(run, bytes);
	if (c.kind == CONTROL_TICK && control_tick(&c, &watermark, &idle)) {
		if (!streams_tick(&r->streams, r->batch.stream, watermark, r->until_end,
			&watermark, &alone))
			return 0;
		return alone ? run_control(run, bytes) : run_tick(run, watermark);
	}
	if (c.kind == CONTROL_END) {
		on_end(r, streams_end(&r->streams, r->batch.stream));
		return r->ended ? run_control(run, bytes) : 0;
	}
	return run_control(run, bytes);
}

/* --- Starting ------------------------------------------------------------------- */

static void
say(void *context, const char *text)
{
	struct intake *r = context;

	run_say(r->run, "%s", text);
}

static int
open_log(struct intake *r, const char *path)
{
	struct log_options o = log_defaults;
	struct error error;

	o.say = say;
	o.context = r;
	r->log = log_open(run_os(r->run), path, &o, &error);
	if (r->log == NULL)
		return run_fail(r->run, "%s", error.text);
	r->keeper = keeper_new(r->log, &r->streams, r->until_end,
	    &(struct keeper_events){ on_kept, on_rejected, on_end, r });
	if (r->keeper == NULL)
		return run_fail(r->run, "no memory for the log");
	run_opens_files(r->run);
	return 0;
}

static int
serve(struct intake *r, struct server_config *c)
{
	const char *name;
	struct error error;

	r->server = server_new(c, &error);
	if (r->server == NULL)
		return run_fail(r->run, "%s", error.text);
	for (unsigned i = 0; (name = server_listens(r->server, i)) != NULL; i++)
		run_say(r->run, "listening on %s", name);
	r->source = (struct source){ .read = read_source,
		.free = free_source,
		.wait_fd = server_wait_fd(r->server),
		.wait_ms = 0 };
	r->in = input_of_source(run_os(r->run), &r->source, "network", &error);
	if (r->in == NULL)
		return run_fail(r->run, "%s", error.text);
	run_input(r->run, r->in);
	return 0;
}

static void
count(struct intake *r)
{
	const struct server_counts *c = server_counts(r->server);

	run_counter(r->run, "connections", "connections accepted", &c->connections);
	run_counter(r->run, "messages", "messages taken", &c->messages);
	run_counter(
	    r->run, "refused", "messages, lines and connections refused", &c->refused);
	run_counter(r->run, "repeated", "records left out, since they were sent again",
	    &c->repeated);
	run_counter(r->run, "acks", "acks sent", &c->acks);
}

/* --- The end, and snapshots ------------------------------------------------------ */

int
intake_finish(struct intake *r)
{
	struct error error;

	server_stop(r->server);
	if (r->log != NULL) {
		if (log_sync(r->log, &error) != LOG_DONE)
			return run_fail(r->run, "%s", error.text);
		server_settle(r->server, log_durable_appends(r->log));
		return 0;
	}
	/* A message that was not handed on whole is not acknowledged. */
	if (r->given == r->batch.bytes.size)
		tell_point(r);
	return settle(r);
}

/* How far a stream was handed on: records of the batch in hand may still be to come. */
static struct forward_mark
reached(const struct intake *r, const struct server_stream *s)
{
	struct forward_mark mark = s->mark;
	struct slice rest = slice_of(r->batch.bytes.at, r->given), value;
	size_t unread = input_bytes(r->in).size;

	if (!r->batch.numbered || memcmp(s->id, r->batch.stream, sizeof s->id) != 0)
		return mark;
	rest.size -= unread < rest.size ? unread : rest.size;
	mark = r->batch.before;
	while (rest.size > 0) {
		value = slice_of(rest.at, value_size(rest.at));
		mark.next++;
		mark.chain = forward_chain(mark.chain, value);
		rest = slice_from(rest, value.size);
	}
	return mark;
}

void
intake_save(struct intake *r, struct state_writer *to)
{
	const struct server_stream *s;
	unsigned n = server_streams(r->server, &s), older = 0;

	for (unsigned i = 0; i < n; i++) {
		struct stream *own = streams_find(&r->streams, s[i].id);

		if (own != NULL) {
			own->mark = reached(r, &s[i]);
			own->saved = true;
		}
	}
	for (unsigned i = 0; i < r->streams.n; i++)
		older += r->streams.stream[i].saved;
	state_put_u64(to, older);
	for (unsigned i = 0; i < r->streams.n; i++)
		if (r->streams.stream[i].saved) {
			state_put(to, r->streams.stream[i].id, FORWARD_STREAM_SIZE);
			state_put_u64(to, r->streams.stream[i].mark.next);
			state_put_u64(to, r->streams.stream[i].mark.chain);
		}
}

int
intake_load(struct intake *r, struct state_reader *from)
{
	uint64_t n;

	if (state_get_u64(from, &n) != 0 || n > SERVER_STREAMS_MAX)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		struct stream *s = &r->streams.stream[r->streams.n++];

		s->saved = true;
		if (state_get(from, s->id, FORWARD_STREAM_SIZE) != 0 ||
		    state_get_u64(from, &s->mark.next) != 0 ||
		    state_get_u64(from, &s->mark.chain) != 0)
			return -1;
	}
	return 0;
}

int
intake_start(struct intake *r, struct run *run, struct server_config *config,
    const char *log_path, int acks, uint64_t until_end)
{
	if (run->pipeline != NULL && log_path == NULL)
		return run_usage(run,
		    "under bp-run a restart would lose what was acknowledged: run "
		    "bp-recv --log DIR outside of it, and bp-replay --follow DIR "
		    "inside");
	r->run = run;
	r->acks = acks;
	r->until_end = until_end;
	r->streams.watermark = r->streams.floor = WHEN_NEVER;
	config->known = known;
	config->say = say;
	config->context = r;
	if (acks >= 0)
		run_wait_also(run, acks, -1);
	if (log_path != NULL && open_log(r, log_path) != 0)
		return -1;
	run_uses_network(run);
	if (serve(r, config) != 0)
		return -1;
	count(r);
	return 0;
}

void
intake_free(struct intake *r)
{
	struct error error;

	server_free(r->server);
	if (r->log != NULL)
		(void)log_close(r->log, &error);
	keeper_free(r->keeper);
}
