/* SPDX-License-Identifier: MIT
 *
 * bp-recv: take records from sockets.
 *
 * in     Forward messages, lines of JSON or syslog, from any number of connections
 * out    their records, in the order in which messages came whole; with --log nothing
 * state  how far each numbered stream (of a bp-send) was taken, so that what is sent
 *        again is left out; with --log that is in the log
 * needs  nothing
 *
 * An ack says that the records of a message are safe: written to standard output; or
 * durable, with --log; or whatever --ack-fd says. So acks go out when the output has been
 * flushed, or the log has been synced, never when a message was merely read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/number.h"
#include "lib/filter.h"
#include "lib/log.h"
#include "lib/net/server.h"

enum {
	FLUSH_BYTES = 1 << 20, /* written without an ack meanwhile, at most */
	SECRET_MAX = 64 * 1024,
	SMALLEST_MEMORY = 8 << 20,
	ACK_LINE = 24,
};

/* What is known of a numbered stream besides what the server knows. */
struct stream {
	uint8_t id[FORWARD_STREAM_SIZE];
	struct forward_mark mark; /* of an earlier run */
	bool saved, ended, timed;
	instant watermark;
};

/* Records on their way into the log: those of one append. */
struct part {
	struct slice bytes;
	uint32_t count;   /* of values; 0: no part */
	uint64_t records; /* of maps */
	struct log_times times;
};

struct recv {
	const char *listen, *tag_key, *log_path, *ack_fd, *hostname;
	const char *key_file, *users_file, *certificate, *key, *authority;
	int protocol;
	uint64_t connections, until_end;
	struct size message, unpacked;
	struct span timeout;
	bool pass;

	struct run *run;
	struct source source;
	struct input *in; /* the run's */
	struct server *server;
	struct tls_context *tls;
	struct address address[SERVER_LISTEN_MAX];
	char names[SERVER_LISTEN_MAX][128];
	uint8_t *secret, *users;
	char own_name[256];

	struct server_batch batch;
	size_t given;      /* bytes of the batch that were handed on */
	uint64_t messages; /* taken: the points of their acks */
	uint64_t records;  /* written, for --ack-fd */
	size_t unflushed;
	bool held;  /* the batch waits for room in the log */
	bool ended; /* as many streams have ended as --until-end says */
	struct stream stream[SERVER_STREAMS_MAX];
	unsigned streams;
	instant watermark; /* that was sent on */

	struct log *log;
	struct reader *reader; /* of what goes into it */
	uint8_t *sieved;       /* LOG_APPEND_MAX bytes */
	struct part part;
	struct forward_mark reached; /* by the part */

	int acks; /* the descriptor of --ack-fd, or -1 */
	char ack_line[ACK_LINE];
	unsigned ack_size;
};

static const struct option options[] = {
	OPTION_ASIDE('l', "listen", struct recv, listen, "127.0.0.1:24224",
	    "where to listen, separated by commas", "ADDRESSES"),
	OPTION_CHOICE_ASIDE('p', "protocol", struct recv, protocol,
	    "forward|json|syslog", "what the peers speak"),
	OPTION_ASIDE('t', "tag-key", struct recv, tag_key, "tag",
	    "add the tag of a message under this key; '' adds none", "KEY"),
	OPTION_ASIDE('L', "log", struct recv, log_path, NULL,
	    "append to this log, and acknowledge what is durable there", "DIR"),
	OPTION_ASIDE(0, "pass", struct recv, pass, NULL,
	    "with --log: write the records to standard output too"),
	OPTION_ASIDE(0, "ack-fd", struct recv, ack_fd, NULL,
	    "acknowledge as many records as the lines of this descriptor say", "FD"),
	OPTION_ASIDE('k', "shared-key-file", struct recv, key_file, NULL,
	    "the shared key that peers have to know", "FILE"),
	OPTION_ASIDE(0, "users-file", struct recv, users_file, NULL,
	    "NAME:PASSWORD lines of the users that may send", "FILE"),
	OPTION_ASIDE(0, "hostname", struct recv, hostname, "",
	    "what to call this host in the handshake; '' its own name", "NAME"),
	OPTION_ASIDE(0, "tls-certificate", struct recv, certificate, NULL,
	    "speak TLS on TCP, with this certificate (PEM)", "FILE"),
	OPTION_ASIDE(0, "tls-key", struct recv, key, NULL, "its key (PEM)", "FILE"),
	OPTION_ASIDE(0, "tls-authority", struct recv, authority, NULL,
	    "ask peers for a certificate that this one signed", "FILE"),
	OPTION_ASIDE(0, "connections", struct recv, connections, "1000",
	    "at most so many at a time; others wait"),
	OPTION_ASIDE(0, "max-message", struct recv, message, "16M",
	    "the largest message taken, as it comes"),
	OPTION_ASIDE(0, "max-unpacked", struct recv, unpacked, "64M",
	    "the largest message taken, decompressed"),
	OPTION_ASIDE(0, "timeout", struct recv, timeout, "60s",
	    "close a connection that is silent so long within a message"),
	OPTION_ASIDE(0, "until-end", struct recv, until_end, "0",
	    "end when so many bp-send have ended; 0 never"),
	OPTION_END,
};

/* --- Streams -------------------------------------------------------------------- */

static struct stream *
find_stream(struct recv *r, const uint8_t id[FORWARD_STREAM_SIZE])
{
	for (unsigned i = 0; i < r->streams; i++)
		if (memcmp(r->stream[i].id, id, FORWARD_STREAM_SIZE) == 0)
			return &r->stream[i];
	if (r->streams == SERVER_STREAMS_MAX)
		return NULL;
	memcpy(r->stream[r->streams].id, id, FORWARD_STREAM_SIZE);
	return &r->stream[r->streams++];
}

static bool
known(void *context, const uint8_t id[FORWARD_STREAM_SIZE], struct forward_mark *mark)
{
	struct recv *r = context;
	struct log_mark logged;

	if (r->log != NULL) {
		if (!log_marked(r->log, id, &logged))
			return false;
		*mark =
		    (struct forward_mark){ logged.next, bytes_load_le64(logged.chain) };
		return true;
	}
	for (unsigned i = 0; i < r->streams; i++)
		if (r->stream[i].saved &&
		    memcmp(r->stream[i].id, id, FORWARD_STREAM_SIZE) == 0) {
			*mark = r->stream[i].mark;
			return true;
		}
	return false;
}

static void
end_stream(struct recv *r)
{
	struct stream *s = find_stream(r, r->batch.stream);
	uint64_t n = 0;

	if (s != NULL)
		s->ended = true;
	for (unsigned i = 0; i < r->streams; i++)
		n += r->stream[i].ended;
	r->ended = r->until_end > 0 && n >= r->until_end;
}

/* The watermark of all streams is the smallest of theirs. False when it is no news. */
static bool
merge_watermark(struct recv *r, instant watermark, instant *merged)
{
	struct stream *s = find_stream(r, r->batch.stream);
	uint64_t timed = 0;

	if (s == NULL)
		return false;
	s->timed = true;
	s->watermark = watermark;
	*merged = INT64_MAX;
	for (unsigned i = 0; i < r->streams; i++) {
		s = &r->stream[i];
		timed += s->timed;
		if (s->timed && !s->ended && s->watermark < *merged)
			*merged = s->watermark;
	}
	if (timed < r->until_end || *merged == INT64_MAX || *merged <= r->watermark)
		return false;
	r->watermark = *merged;
	return true;
}

/* --- The log -------------------------------------------------------------------- */

static struct log_mark
mark_of(const struct recv *r, const struct forward_mark *m)
{
	struct log_mark mark = { .next = m->next };

	memcpy(mark.sender, r->batch.stream, sizeof mark.sender);
	bytes_store_le64(mark.chain, m->chain);
	return mark;
}

/* Whether a value belongs into the log: the end of a stream and its watermarks are of the
 * stream, not of the log, which may have many. */
static bool
belongs(struct recv *r, struct slice value, struct log_times *times)
{
	struct control control;
	struct record record;
	struct fault fault;
	instant when;
	size_t need;
	bool damaged;

	switch (record_scan(r->reader, value, &record, &fault, &need)) {
	case SCAN_RECORD:
		if (record_timestamp(&record, &when))
			log_times_add(times, when);
		r->part.records++;
		return true;
	case SCAN_CONTROL:
		if (!control_read(value, &control, &damaged))
			return true;
		if (control.kind == CONTROL_END)
			end_stream(r);
		return control.kind != CONTROL_END && control.kind != CONTROL_TICK;
	default:
		run_reject_bytes(r->run, value, 0,
		    fault.reason != NULL ? fault.reason
					 : "a record of more than 1 MiB");
		return false;
	}
}

/* Sieve the next values of the batch into a part. A mark needs a record to go with. */
static void
make_part(struct recv *r)
{
	struct slice rest = slice_from(r->batch.bytes, r->given), value;
	struct part *p = &r->part;
	size_t used = 0;
	struct build b;

	*p = (struct part){ .times = LOG_NO_TIMES };
	while (rest.size > 0) {
		value = slice_of(rest.at, value_size(rest.at));
		if (used + value.size > LOG_APPEND_MAX)
			break;
		rest = slice_from(rest, value.size);
		r->reached.next++;
		if (r->batch.numbered)
			r->reached.chain = forward_chain(r->reached.chain, value);
		if (!belongs(r, value, &p->times))
			continue;
		memcpy(r->sieved + used, value.at, value.size);
		used += value.size;
		p->count++;
	}
	r->given = r->batch.bytes.size - rest.size;
	build_init(&b, r->sieved, LOG_APPEND_MAX);
	if (p->count == 0) {
		control_build(&b, CONTROL_TEXT, 0, slice_text("mark of a stream"));
		used = build_slice(&b).size;
		p->count = 1;
	}
	p->bytes = slice_of(r->sieved, used);
}

static int
append_part(struct recv *r)
{
	struct log_mark mark = mark_of(r, &r->reached);
	struct error error;

	switch (log_append(r->log, r->part.bytes, r->part.count, r->part.times,
	    r->batch.numbered ? &mark : NULL, &error)) {
	case LOG_DONE:
		run_took(r->run, r->part.records, DROP);
		r->part.count = 0;
		return 0;
	case LOG_FULL:
		return 1;
	default:
		return run_fail(r->run, "%s", error.text);
	}
}

/* Append what is left of the batch. 0, 1 when the disk is full, -1. */
static int
append_batch(struct recv *r)
{
	int status = 0;

	while (status == 0) {
		if (r->part.count > 0)
			status = append_part(r);
		else if (r->given < r->batch.bytes.size)
			make_part(r);
		else
			break;
	}
	return status;
}

/* Everything that is due in the log. */
static int
tend_log(struct recv *r)
{
	struct error error;

	if (log_due(r->log) <= run_os(r->run)->monotonic_us(run_os(r->run)) &&
	    log_tend(r->log, &error) == LOG_FAIL)
		return run_fail(r->run, "%s", error.text);
	server_settle(r->server, log_durable(r->log));
	return 0;
}

/* Take messages until there are none, or the disk is full. */
static int
fill_log(struct recv *r)
{
	int status = 0;

	while (status == 0 && !r->ended) {
		if (!r->held) {
			if (server_next(r->server, &r->batch) == 0)
				break;
			r->messages++;
			r->given = 0;
			r->reached = r->batch.before;
			r->held = true;
		}
		status = append_batch(r);
		if (status == 0) {
			r->held = false;
			server_took(r->server, log_next(r->log));
			status = tend_log(r);
		}
	}
	return status < 0 ? -1 : tend_log(r);
}

/* --- Acks from another process --------------------------------------------------- */

/* Lines of decimal numbers: so many records are safe. */
static int
read_acks(struct recv *r)
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
			if (bytes[i] != '\n' && r->ack_size < ACK_LINE) {
				r->ack_line[r->ack_size++] = bytes[i];
				continue;
			}
			if (!number_parse_uint(
				slice_of(r->ack_line, r->ack_size), &number))
				return run_fail(
				    r->run, "--ack-fd: no line of a number");
			server_settle(r->server, number);
			r->ack_size = 0;
		}
	}
	return 0;
}

static int
attend(struct run *run, void *self)
{
	struct recv *r = self;

	(void)run;
	return r->acks >= 0 ? read_acks(r) : 0;
}

/* --- Reading -------------------------------------------------------------------- */

/* All that was taken has been written: acknowledge it. */
static int
settle(struct recv *r)
{
	if (run_flush(r->run) != 0)
		return -1;
	r->unflushed = 0;
	if (r->acks < 0)
		server_settle(r->server, r->messages);
	return 0;
}

/* The next batch that has bytes to hand on. 1, 0 for none now, -1. */
static int
next_batch(struct recv *r)
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
		r->records += r->batch.values;
		r->unflushed += r->batch.bytes.size;
		server_took(r->server, r->acks < 0 ? r->messages : r->records);
	} while (r->batch.bytes.size == 0);
	return 1;
}

/* What the loop polls for, when there is nothing. */
static ssize_t
nothing(struct recv *r)
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
	struct recv *r =
	    (struct recv *)(void *)((char *)source - offsetof(struct recv, source));
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
		if (r->ended)
			return settle(r) == 0 ? 0 : -1;
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

static enum verdict
each(struct run *run, void *self, const struct record *record)
{
	(void)run;
	(void)self;
	(void)record;
	return PASS;
}

/* Watermarks are those of all streams; an end is that of one. */
static int
control(struct run *run, void *self, struct slice bytes)
{
	struct recv *r = self;
	struct control c;
	instant watermark;
	bool damaged, idle;

	if (!control_read(bytes, &c, &damaged))
		return run_control(run, bytes);
	if (c.kind == CONTROL_TICK && control_tick(&c, &watermark, &idle))
		return merge_watermark(r, watermark, &watermark)
		    ? run_tick(run, watermark)
		    : 0;
	if (c.kind == CONTROL_END) {
		end_stream(r);
		return r->ended ? run_control(run, bytes) : 0;
	}
	return run_control(run, bytes);
}

/* --- Starting ------------------------------------------------------------------- */

static void
say(void *context, const char *text)
{
	struct recv *r = context;

	run_say(r->run, "%s", text);
}

/* A secret is one line of a file. */
static int
read_secret(struct recv *r, const char *path, uint8_t **to)
{
	struct error error;
	struct slice text;

	*to = run_read_file(r->run, path, SECRET_MAX, &text, &error);
	if (*to == NULL)
		return run_usage(r->run, "%s", error.text);
	return 0;
}

static int
read_users(struct recv *r, struct handshake *h)
{
	char *line, *rest, *colon;

	if (read_secret(r, r->users_file, &r->users) != 0)
		return -1;
	for (rest = (char *)r->users; (line = strsep(&rest, "\n")) != NULL;) {
		if (*line == '\0')
			continue;
		colon = strchr(line, ':');
		if (colon == NULL || h->user_count == HANDSHAKE_USERS_MAX)
			return run_usage(r->run,
			    "%s: at most %d lines of NAME:PASSWORD are wanted",
			    r->users_file, HANDSHAKE_USERS_MAX);
		*colon = '\0';
		h->users[h->user_count++] = (struct handshake_user){ line, colon + 1 };
	}
	return 0;
}

static int
set_handshake(struct recv *r, struct handshake *h)
{
	h->shared_key = "";
	h->keepalive = true;
	h->hostname = r->hostname;
	if (*r->hostname == '\0') {
		(void)gethostname(r->own_name, sizeof r->own_name - 1);
		h->hostname = r->own_name;
	}
	if (strlen(h->hostname) > HANDSHAKE_TEXT_MAX)
		return run_usage(
		    r->run, "--hostname: at most %d bytes", HANDSHAKE_TEXT_MAX);
	if (r->key_file != NULL) {
		if (read_secret(r, r->key_file, &r->secret) != 0)
			return -1;
		r->secret[strcspn((char *)r->secret, "\r\n")] = '\0';
		if (*r->secret == '\0')
			return run_usage(
			    r->run, "%s: no key in its first line", r->key_file);
		h->shared_key = (char *)r->secret;
	}
	return r->users_file != NULL ? read_users(r, h) : 0;
}

static int
resolve(struct recv *r, unsigned *n)
{
	const char *rest = r->listen;
	struct slice name;
	struct error error;

	for (*n = 0; option_next_name(&rest, &name); ++*n) {
		if (*n == SERVER_LISTEN_MAX || name.size >= sizeof r->names[0])
			return run_usage(
			    r->run, "--listen: too many addresses, or too long");
		memcpy(r->names[*n], name.at, name.size);
		if (address_resolve(&r->address[*n], r->names[*n], true, &error) != 0)
			return run_usage(r->run, "--listen: %s", error.text);
	}
	return *n > 0 ? 0 : run_usage(r->run, "--listen wants an address");
}

static int
set_tls(struct recv *r)
{
	struct tls_files files = { r->certificate, r->key, r->authority };
	struct error error;

	if (r->certificate == NULL)
		return r->key == NULL && r->authority == NULL
		    ? 0
		    : run_usage(r->run, "TLS needs --tls-certificate and --tls-key");
	r->tls = tls_context_new(true, &files, &error);
	return r->tls != NULL ? 0 : run_usage(r->run, "%s", error.text);
}

static int
open_log(struct recv *r)
{
	struct log_options o = log_defaults;
	struct error error;

	o.say = say;
	o.context = r;
	r->log = log_open(run_os(r->run), r->log_path, &o, &error);
	if (r->log == NULL)
		return run_fail(r->run, "%s", error.text);
	r->reader = reader_new();
	r->sieved = malloc(LOG_APPEND_MAX + RECORD_PADDING);
	if (r->reader == NULL || r->sieved == NULL)
		return run_fail(r->run, "no memory for the log");
	run_opens_files(r->run);
	return 0;
}

static int
check(struct recv *r, uint64_t *memory)
{
	uint64_t decoding = 3 * r->unpacked.bytes + (64 << 20) / 4, fd;

	*memory = run_memory(r->run);
	if (r->unpacked.bytes == 0 || r->message.bytes == 0 ||
	    r->message.bytes > UINT32_MAX || r->connections == 0 ||
	    r->connections > 100000 || r->timeout.us < 1000)
		return run_usage(r->run,
		    "--connections, --max-message, --max-unpacked and --timeout want "
		    "more "
		    "than 0");
	if (decoding + r->message.bytes + SMALLEST_MEMORY > *memory)
		return run_usage(r->run,
		    "--memory is too small for --max-message and --max-unpacked");
	*memory -= decoding;
	if (strlen(r->tag_key) > RECORD_KEY_SIZE_MAX)
		return run_usage(r->run, "--tag-key: at most 255 bytes");
	r->acks = -1;
	if (r->ack_fd == NULL)
		return 0;
	if (r->log_path != NULL)
		return run_usage(r->run, "--ack-fd and --log exclude each other");
	if (!number_parse_uint(slice_text(r->ack_fd), &fd) || fd < 3 || fd > 1000)
		return run_usage(
		    r->run, "--ack-fd wants the number of a descriptor, from 3");
	r->acks = (int)fd;
	run_wait_also(r->run, r->acks, -1);
	return 0;
}

static int
serve(struct recv *r, struct server_config *c)
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
count(struct recv *r)
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

static int
start(struct run *run, void *self)
{
	struct recv *r = self;
	struct server_config c = { .os = run_os(run),
		.listen = r->address,
		.protocol = (enum server_protocol)r->protocol,
		.tag_key = r->tag_key,
		.connections = (unsigned)r->connections,
		.timeout_ms = r->timeout.us / 1000,
		.message_bytes = r->message.bytes,
		.unpacked_bytes = r->unpacked.bytes,
		.known = known,
		.say = say,
		.context = r };
	uint64_t memory;

	r->run = run;
	r->watermark = WHEN_NEVER;
	if (check(r, &memory) != 0 || resolve(r, &c.listen_count) != 0 ||
	    set_tls(r) != 0 || set_handshake(r, &c.handshake) != 0)
		return -1;
	c.memory_bytes = memory;
	c.tls = r->tls;
	if (r->log_path != NULL && open_log(r) != 0)
		return -1;
	run_uses_network(run);
	if (serve(r, &c) != 0)
		return -1;
	count(r);
	return 0;
}

/* --- The end, and snapshots ------------------------------------------------------ */

static int
finish(struct run *run, void *self)
{
	struct recv *r = self;
	struct error error;

	(void)run;
	server_stop(r->server);
	if (r->log != NULL) {
		if (log_sync(r->log, &error) != LOG_DONE)
			return run_fail(r->run, "%s", error.text);
		server_settle(r->server, log_durable(r->log));
		return 0;
	}
	/* A message that was not handed on whole is not acknowledged. */
	if (r->given < r->batch.bytes.size && r->messages > 0)
		r->messages--;
	return settle(r);
}

/* How far a stream was handed on: records of the batch in hand may still be to come. */
static struct forward_mark
reached(const struct recv *r, const struct server_stream *s)
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

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct recv *r = self;
	const struct server_stream *s;
	unsigned n = server_streams(r->server, &s), older = 0;

	(void)run;
	for (unsigned i = 0; i < n; i++) {
		struct stream *own = find_stream(r, s[i].id);

		if (own != NULL) {
			own->mark = reached(r, &s[i]);
			own->saved = true;
		}
	}
	for (unsigned i = 0; i < r->streams; i++)
		older += r->stream[i].saved;
	state_put_u64(to, older);
	for (unsigned i = 0; i < r->streams; i++)
		if (r->stream[i].saved) {
			state_put(to, r->stream[i].id, FORWARD_STREAM_SIZE);
			state_put_u64(to, r->stream[i].mark.next);
			state_put_u64(to, r->stream[i].mark.chain);
		}
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct recv *r = self;
	uint64_t n;

	(void)run;
	if (state_get_u64(from, &n) != 0 || n > SERVER_STREAMS_MAX)
		return -1;
	for (r->streams = 0; r->streams < n; r->streams++) {
		struct stream *s = &r->stream[r->streams];

		s->saved = true;
		if (state_get(from, s->id, FORWARD_STREAM_SIZE) != 0 ||
		    state_get_u64(from, &s->mark.next) != 0 ||
		    state_get_u64(from, &s->mark.chain) != 0)
			return -1;
	}
	return 0;
}

static void
stop(void *self)
{
	struct recv *r = self;
	struct error error;

	server_free(r->server);
	if (r->log != NULL)
		(void)log_close(r->log, &error);
	tls_context_free(r->tls);
	reader_free(r->reader);
	free(r->sieved);
	free(r->secret);
	free(r->users);
}

static const struct filter recv_filter = {
	.name = "recv",
	.about = "take records from sockets",
	.examples = "  bp-recv --listen :24224 --log events >/dev/null\n"
		    "  bp-recv --listen unix:/run/shop.sock | bp-print\n"
		    "  bp-recv --protocol syslog --listen :5514 | bp-print\n",
	.options = options,
	.size = sizeof(struct recv),
	.schema = 1,
	.no_files = true,
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
	return filter_main(&recv_filter, argc, argv);
}
