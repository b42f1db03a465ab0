/* SPDX-License-Identifier: MIT */
#include "lib/net/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/net/link.h"
#include "lib/net/write.h"

enum {
	CHUNKS_MAX = 4096,
	QUEUED_MAX = 1 << 20, /* bytes in the socket's queue before more is encoded */
	ANSWER_MAX = 4096,
	BACKOFF_MS = 50,
	BACKOFF_MAX_MS = 5000,
	TICK_MS = 500,
};

struct chunk {
	struct buffer records;
	uint64_t count;
	struct forward_mark before;
	char id[FORWARD_ID_SIZE];
	bool repeated; /* it was sent by an earlier connection */
	bool acknowledged;
};

/* What the connection waits for. */
enum stage { AWAY, CONNECTING, HELO, PONG, PROBE, OPEN };

struct client {
	struct client_config config;
	struct loop loop;
	uv_timer_t timer; /* of the next try, or of the answer */
	enum stage stage;
	struct link *link;
	struct forward_framer framer;
	struct handshake_helo helo;
	struct handshake_secrets secrets;
	unsigned tries, next_address;
	bool known, numbered; /* who the peer is, once it is known */
	bool told_away;
	int64_t asked_ms; /* since when an answer is waited for */

	uint8_t stream[FORWARD_STREAM_SIZE];
	struct forward_mark added; /* after all that was added */
	struct chunk *chunk;       /* a ring of CHUNKS_MAX, the oldest first */
	unsigned first, chunks;    /* the last one may be open for more */
	unsigned sent; /* how many of them, from the first on, by this connection */
	size_t held;   /* bytes of records */
	bool closed;   /* the last chunk takes no more */

	struct reader *reader; /* of timestamps, for foreign servers */
	struct inflater *inflater;
	struct buffer entries, message;
	struct client_counts counts;
	enum client_state state;
	struct error error;
};

static struct chunk *
chunk_at(struct client *c, unsigned i)
{
	return &c->chunk[(c->first + i) % CHUNKS_MAX];
}

static void
tell(struct client *c, const char *what, const char *reason)
{
	char text[400];

	(void)snprintf(
	    text, sizeof text, "%s: %s%s", c->config.address->text, what, reason);
	c->config.say(c->config.context, text);
}

static void
give_up(struct client *c, const char *reason)
{
	c->state = CLIENT_REFUSED;
	(void)error_set(&c->error, "%s: %s", c->config.address->text, reason);
}

/* --- Connecting ----------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);
static void send_more(struct client *c);

static int64_t
now_ms(const struct client *c)
{
	return (int64_t)uv_now(&c->loop.uv);
}

static void
disconnect(struct client *c, const char *reason)
{
	uint64_t wait = BACKOFF_MS;

	for (unsigned i = 0; i < c->tries && wait < BACKOFF_MAX_MS; i++)
		wait *= 2;
	wait = wait > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : wait;
	/* Not all senders at the same moment. */
	wait -= hash_bucket(hash_bytes(slice_of(c->stream, 16), c->tries), wait / 2);
	if (c->link != NULL)
		link_close(c->link);
	c->link = NULL;
	c->stage = AWAY;
	for (unsigned i = 0; i < c->sent; i++)
		chunk_at(c, i)->repeated = true;
	c->sent = 0;
	c->tries++;
	if (!c->told_away && (c->chunks > 0 || c->tries > 1)) {
		tell(c, "",
		    *reason != '\0' ? reason : "the server closed the connection");
		c->told_away = true;
	}
	(void)uv_timer_start(&c->timer, on_timer, wait, 0);
}

static void on_opened(struct link *l);
static void on_bytes(struct link *l);

static void
on_drained(struct link *l)
{
	send_more(l->owner);
}

static void
on_ended(struct link *l, const char *reason)
{
	disconnect(l->owner, reason);
}

static const struct link_events events = {
	.opened = on_opened, .bytes = on_bytes, .drained = on_drained, .ended = on_ended
};

static void
connect_next(struct client *c)
{
	const struct address *a = c->config.address;
	struct tls *tls = NULL;
	struct error error;

	if (c->config.tls != NULL && (tls = tls_new(c->config.tls, a->host)) == NULL) {
		disconnect(c, "no memory for TLS");
		return;
	}
	c->framer = (struct forward_framer){ 0 };
	c->stage = CONNECTING;
	c->asked_ms = now_ms(c);
	c->link = link_connect(&c->loop,
	    (const struct sockaddr *)&a->resolved[c->next_address++ % a->n], tls,
	    &events, c, &error);
	if (c->link == NULL)
		disconnect(c, error.text);
	else
		(void)uv_timer_start(&c->timer, on_timer, TICK_MS, TICK_MS);
}

static void
on_timer(uv_timer_t *timer)
{
	struct client *c = timer->data;
	bool waits = c->stage != OPEN || c->sent > 0;

	c->loop.events++;
	if (c->state != CLIENT_GOOD)
		return;
	if (c->stage == AWAY)
		connect_next(c);
	else if (waits && now_ms(c) - c->asked_ms > c->config.timeout_ms)
		disconnect(c, "no answer within --timeout");
}

static bool
send_built(struct client *c, const struct build *b)
{
	assert(!build_full(b));
	if (link_send(c->link, build_slice(b)))
		return true;
	disconnect(c, "no memory for the connection");
	return false;
}

/* --- Chunks --------------------------------------------------------------------- */

/* The records as entries; control records are not for others. */
static bool
make_entries(struct client *c, struct slice records, uint64_t *count)
{
	instant now = c->config.os->wall_us(c->config.os), when;
	struct record record;
	struct fault fault;
	size_t need;

	c->entries.size = 0;
	*count = 0;
	for (; records.size > 0; records = slice_from(records, record.size)) {
		enum scan scan =
		    record_scan(c->reader, records, &record, &fault, &need);

		assert(scan == SCAN_RECORD || scan == SCAN_CONTROL);
		if (scan == SCAN_CONTROL)
			continue;
		if (!record_timestamp(&record, &when))
			when = now;
		if (!forward_write_entry(
			&c->entries, slice_of(record.bytes, record.size), when))
			return false;
		++*count;
	}
	return true;
}

static bool
send_chunk(struct client *c, const struct chunk *k)
{
	struct forward_numbers numbers = { .first = k->before.next,
		.chain = k->before.chain };
	struct forward_chunk f = { .tag = c->config.tag,
		.id = k->id,
		.blob = buffer_slice(&k->records),
		.count = k->count,
		.packing = c->config.packing,
		.numbers = &numbers };

	memcpy(numbers.stream, c->stream, sizeof numbers.stream);
	/* A probe is for any server to read. */
	if (k->count == 0)
		f.packing = PACKING_NONE;
	if (c->known && !c->numbered) {
		f.numbers = NULL;
		f.packing = c->config.foreign_packing;
		if (!make_entries(c, f.blob, &f.count))
			return false;
		f.blob = buffer_slice(&c->entries);
	}
	c->message.size = 0;
	c->counts.chunks++;
	return forward_write_chunk(c->inflater, &f, &c->message) &&
	    link_send(c->link, buffer_slice(&c->message));
}

/* As many chunks as the socket takes without holding much. */
static void
send_more(struct client *c)
{
	while (c->stage == OPEN && c->sent < c->chunks &&
	    link_queued(c->link) < QUEUED_MAX) {
		struct chunk *k = chunk_at(c, c->sent);

		if (c->sent + 1 == c->chunks && !c->closed)
			break;
		if (c->sent == 0)
			c->asked_ms = now_ms(c);
		if (!k->acknowledged && !send_chunk(c, k)) {
			disconnect(c, "no memory for a chunk");
			return;
		}
		c->counts.resent += k->repeated;
		c->sent++;
	}
}

/* The oldest chunk is acknowledged. */
static void
pop_chunk(struct client *c)
{
	struct chunk *k = chunk_at(c, 0);

	c->held -= k->records.size;
	c->counts.acked += k->count;
	buffer_free(&k->records);
	c->first = (c->first + 1) % CHUNKS_MAX;
	c->chunks--;
	if (c->sent > 0)
		c->sent--;
}

static struct forward_mark
chunk_end(struct client *c, unsigned i)
{
	return i + 1 < c->chunks ? chunk_at(c, i + 1)->before : c->added;
}

/* The server has taken all before the mark. */
static void
reach(struct client *c, const struct forward_mark *mark)
{
	while (c->chunks > 0 && (c->chunks > 1 || c->closed) &&
	    chunk_end(c, 0).next <= mark->next) {
		struct forward_mark end = chunk_end(c, 0);

		if (end.next == mark->next && end.chain != mark->chain) {
			give_up(c,
			    "it took other records of this stream before: the "
			    "pipeline does not repeat what it did");
			return;
		}
		pop_chunk(c);
		c->asked_ms = now_ms(c);
		c->tries = 0;
		c->told_away = false;
	}
}

static void
reach_id(struct client *c, struct slice id)
{
	for (unsigned i = 0; i < c->sent; i++)
		if (slice_equal(id, slice_of(chunk_at(c, i)->id, FORWARD_ID_SIZE)))
			chunk_at(c, i)->acknowledged = true;
	while (c->sent > 0 && chunk_at(c, 0)->acknowledged) {
		pop_chunk(c);
		c->asked_ms = now_ms(c);
		c->tries = 0;
		c->told_away = false;
	}
}

/* --- Answers -------------------------------------------------------------------- */

/* Ask by an empty chunk who the peer is, and how far it is. */
static void
probe(struct client *c)
{
	struct chunk empty = { .before =
				   c->chunks > 0 ? chunk_at(c, 0)->before : c->added };

	c->asked_ms = now_ms(c);
	if (c->config.peer == CLIENT_FORWARD || (c->known && !c->numbered)) {
		c->known = true;
		c->stage = OPEN;
		send_more(c);
		return;
	}
	c->stage = PROBE;
	forward_chunk_id(c->stream, empty.before.next, empty.id);
	empty.id[0] = '='; /* no chunk's own */
	if (!send_chunk(c, &empty))
		disconnect(c, "no memory for a chunk");
}

static void
meet(struct client *c, const struct forward_answer *a)
{
	if (!a->marked && c->config.peer == CLIENT_BANNERPIPE) {
		give_up(c, "it is no bp-recv: it does not number what it takes");
		return;
	}
	if (!a->marked && !c->known)
		tell(c, "no bp-recv: each record is sent at least once", "");
	c->known = true;
	c->numbered = a->marked;
	c->stage = OPEN;
	if (a->marked)
		reach(c, &a->mark);
	if (c->state == CLIENT_GOOD)
		send_more(c);
}

static void
on_answer(struct client *c, struct slice value)
{
	struct forward_answer a;
	char text[300];

	if (!forward_read_answer(value, &a)) {
		disconnect(c, "it answers with what is no ack");
		return;
	}
	if (a.refused.at != NULL) {
		(void)snprintf(text, sizeof text, "it refuses the stream: %.*s",
		    (int)(a.refused.size < 200 ? a.refused.size : 200),
		    (const char *)a.refused.at);
		give_up(c, text);
	} else if (c->stage == PROBE) {
		meet(c, &a);
	} else if (a.marked && c->numbered) {
		reach(c, &a.mark);
		send_more(c);
	} else {
		reach_id(c, a.ack);
		send_more(c);
	}
}

static void
on_helo(struct client *c, struct slice value)
{
	uint8_t storage[HANDSHAKE_MAX];
	const char *reason;
	struct build b;

	if (!handshake_read_helo(value, &c->helo, &reason) ||
	    !handshake_draw(&c->secrets)) {
		disconnect(c, reason);
		return;
	}
	build_init(&b, storage, sizeof storage);
	handshake_build_ping(&b, &c->config.handshake, &c->helo, &c->secrets);
	c->stage = PONG;
	(void)send_built(c, &b);
}

static void
on_value(struct client *c, struct slice value)
{
	const char *reason;

	if (c->stage != HELO && c->stage != PONG && value_type(value) == VALUE_ARRAY) {
		struct handshake_helo helo;

		if (handshake_read_helo(value, &helo, &reason)) {
			give_up(c, "it asks for a shared key: give --shared-key-file");
			return;
		}
	}
	if (c->stage == HELO) {
		on_helo(c, value);
	} else if (c->stage == PONG) {
		if (handshake_check_pong(
			value, &c->config.handshake, &c->helo, &c->secrets, &reason))
			probe(c);
		else
			give_up(c, reason);
	} else {
		on_answer(c, value);
	}
}

static void
on_bytes(struct link *l)
{
	struct client *c = l->owner;
	struct slice bytes;
	struct fault fault;
	size_t size;

	while (c->state == CLIENT_GOOD && c->link == l) {
		bytes = link_bytes(l);
		switch (forward_frame(&c->framer, bytes, &size, &fault)) {
		case FRAME_WHOLE:
			c->framer = (struct forward_framer){ 0 };
			on_value(c, slice_of(bytes.at, size));
			if (c->link == l)
				link_use(l, size);
			break;
		case FRAME_FAULT:
			disconnect(c, "it answers with what is no msgpack");
			return;
		default:
			if (bytes.size > ANSWER_MAX)
				disconnect(c, "it answers at length");
			return;
		}
	}
}

static void
on_opened(struct link *l)
{
	struct client *c = l->owner;

	c->counts.connections++;
	c->asked_ms = now_ms(c);
	if (c->config.secured)
		c->stage = HELO;
	else
		probe(c);
}

/* --- What others call ------------------------------------------------------------ */

struct client *
client_new(const struct client_config *config, struct error *error)
{
	struct client *c = calloc(1, sizeof *c);
	struct handshake_secrets random;

	if (c == NULL ||
	    loop_init(&c->loop, 64 * 1024 * 1024 + 2 * config->chunk_bytes, error) !=
		0) {
		free(c);
		(void)error_set(error, "no memory for the client");
		return NULL;
	}
	c->config = *config;
	(void)uv_timer_init(&c->loop.uv, &c->timer);
	c->timer.data = c;
	c->chunk = calloc(CHUNKS_MAX, sizeof *c->chunk);
	c->reader = reader_new();
	c->inflater = inflater_new();
	if (c->chunk == NULL || c->reader == NULL || c->inflater == NULL ||
	    !handshake_draw(&random)) {
		(void)error_set(error, "no memory or no randomness for the client");
		client_free(c);
		return NULL;
	}
	memcpy(c->stream, random.nonce, sizeof c->stream);
	c->known = config->peer != CLIENT_AUTO;
	c->numbered = config->peer == CLIENT_BANNERPIPE;
	(void)uv_timer_start(&c->timer, on_timer, 0, 0);
	return c;
}

static void
close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void
client_free(struct client *c)
{
	if (c == NULL)
		return;
	if (c->link != NULL)
		link_close(c->link);
	c->link = NULL;
	uv_walk(&c->loop.uv, close_handle, NULL);
	loop_fini(&c->loop);
	for (unsigned i = 0; c->chunk != NULL && i < CHUNKS_MAX; i++)
		buffer_free(&c->chunk[i].records);
	free(c->chunk);
	reader_free(c->reader);
	inflater_free(c->inflater);
	buffer_free(&c->entries);
	buffer_free(&c->message);
	free(c);
}

const struct client_counts *
client_counts(const struct client *c)
{
	return &c->counts;
}

void
client_resume(struct client *c, const struct client_position *from)
{
	assert(c->chunks == 0);
	memcpy(c->stream, from->stream, sizeof c->stream);
	c->added = from->mark;
}

void
client_tell(const struct client *c, struct client_position *to)
{
	memcpy(to->stream, c->stream, sizeof to->stream);
	to->mark = c->added;
}

bool
client_full(const struct client *c)
{
	return c->held >= c->config.window_bytes || c->chunks == CHUNKS_MAX;
}

bool
client_add(struct client *c, struct slice record)
{
	struct chunk *k = c->chunks > 0 ? chunk_at(c, c->chunks - 1) : NULL;

	if (k == NULL || c->closed) {
		assert(c->chunks < CHUNKS_MAX);
		k = chunk_at(c, c->chunks++);
		*k = (struct chunk){ .before = c->added };
		forward_chunk_id(c->stream, c->added.next, k->id);
		c->closed = false;
		if (!buffer_reserve(
			&k->records, c->config.chunk_bytes + record.size, SIZE_MAX / 4))
			return false;
	}
	if (!buffer_append(&k->records, record, SIZE_MAX / 4))
		return false;
	k->count++;
	c->held += record.size;
	c->added.next++;
	c->added.chain = forward_chain(c->added.chain, record);
	if (k->records.size >= c->config.chunk_bytes)
		client_flush(c);
	return true;
}

void
client_flush(struct client *c)
{
	if (c->chunks == 0 || c->closed)
		return;
	c->closed = true;
	send_more(c);
}

uint64_t
client_unacknowledged(const struct client *c)
{
	return c->chunks == 0 ? 0 : c->added.next - c->chunk[c->first].before.next;
}

enum client_state
client_poll(struct client *c, struct error *error)
{
	loop_poll(&c->loop);
	*error = c->error;
	return c->state;
}

enum client_state
client_wait(struct client *c, int ms, struct error *error)
{
	if (c->state == CLIENT_GOOD)
		loop_wait(&c->loop, ms);
	*error = c->error;
	return c->state;
}

int
client_wait_fd(const struct client *c)
{
	return loop_fd(&c->loop);
}

int
client_wait_ms(const struct client *c)
{
	return loop_wait_ms(&c->loop);
}
