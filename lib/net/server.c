/* SPDX-License-Identifier: MIT */
#include "lib/net/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/net/link.h"
#include "lib/net/write.h"

enum {
	BACKLOG = 511,
	TICK_MS = 1000,
	READ_AHEAD = 1 << 20,  /* bytes behind a whole message that is not yet taken */
	ANSWERS_MAX = 1 << 20, /* bytes of acks that a peer does not read */
	GREETING_MAX = 4096, /* bytes of a message before the peer has said who it is */
	UNTOLD = -1,
	DATAGRAMS_MAX = 4 << 20, /* bytes of records of datagrams */
};

struct listener {
	struct server *server;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} u;
	uv_udp_t udp;
	bool waiting; /* a connection waits for a free place */
	char name[128];
};

struct peer {
	struct server *server;
	struct link *link;
	struct peer *next, *previous;
	struct peer *queue_next;
	struct forward_framer framer;
	struct handshake_secrets secrets;
	bool welcome;       /* it may send messages */
	bool condemned;     /* closed when it has its acks; nothing more is taken */
	unsigned unsettled; /* messages of it that wait for their ack */
	bool queued;        /* there are bytes to look at */
	bool last;          /* closed after what it has sent */
	size_t taken;       /* bytes at the front of the link's that were looked at */
	int64_t
	    began_ms; /* when it began what it is in the middle of; UNTOLD: nothing */
};

struct pending {
	struct peer *peer; /* NULL: it has gone */
	uint64_t point;
	bool told; /* the point is known */
	bool numbered, json;
	struct forward_mark mark;
	uint16_t chunk_size; /* 0: no ack is asked for */
	uint8_t chunk[FORWARD_CHUNK_MAX + 8];
};

struct server {
	struct server_config config;
	struct loop loop;
	struct listener listener[SERVER_LISTEN_MAX];
	unsigned listeners;
	uv_timer_t tick;
	struct peer *peers;
	struct peer *queue, **queue_end;
	unsigned connected;
	bool secured, stopped;
	struct forward *forward;
	struct lines *lines;                      /* of text; NULL: Forward */
	struct buffer datagrams, taken_datagrams; /* records of those that came */
	uint64_t datagram_count;
	struct server_stream stream[SERVER_STREAMS_MAX];
	unsigned streams;
	struct pending *pending; /* a ring of SERVER_PENDING_MAX */
	unsigned first_pending, pendings;
	struct server_counts counts;
};

static struct slice
peer_bytes(const struct peer *p)
{
	return slice_from(link_bytes(p->link), p->taken);
}

static void
tell(struct server *s, const struct peer *p, const char *what)
{
	char text[512];

	(void)snprintf(text, sizeof text, "%s: %s",
	    p != NULL ? p->link->peer : "a datagram", what);
	s->config.say(s->config.context, text);
}

/* --- Peers ---------------------------------------------------------------------- */

static void accept_next(struct server *s);

static void
enqueue(struct peer *p)
{
	struct server *s = p->server;

	if (p->queued)
		return;
	p->queued = true;
	p->queue_next = NULL;
	*s->queue_end = p;
	s->queue_end = &p->queue_next;
}

static void
dequeue(struct peer *p)
{
	struct server *s = p->server;

	if (!p->queued)
		return;
	for (struct peer **i = &s->queue; *i != NULL; i = &(*i)->queue_next)
		if (*i == p) {
			*i = p->queue_next;
			break;
		}
	s->queue_end = &s->queue;
	while (*s->queue_end != NULL)
		s->queue_end = &(*s->queue_end)->queue_next;
	p->queued = false;
}

static void
drop_peer(struct peer *p)
{
	struct server *s = p->server;

	dequeue(p);
	for (unsigned i = 0; i < s->pendings; i++) {
		struct pending *e =
		    &s->pending[(s->first_pending + i) % SERVER_PENDING_MAX];

		if (e->peer == p)
			e->peer = NULL;
	}
	if (p->previous != NULL)
		p->previous->next = p->next;
	else
		s->peers = p->next;
	if (p->next != NULL)
		p->next->previous = p->previous;
	link_close(p->link);
	free(p);
	s->connected--;
	accept_next(s);
}

/* Close it for what it did, once its earlier messages are acknowledged. */
static void
refuse(struct peer *p, const char *reason)
{
	p->server->counts.refused++;
	tell(p->server, p, reason);
	if (p->unsettled == 0 || p->condemned) {
		drop_peer(p);
		return;
	}
	p->condemned = p->last = true;
	link_pause(p->link);
	dequeue(p);
}

static bool
answer(struct peer *p, const struct build *b)
{
	assert(!build_full(b));
	return link_queued(p->link) <= ANSWERS_MAX &&
	    link_send(p->link, build_slice(b));
}

static void
on_bytes(struct link *l)
{
	struct peer *p = l->owner;

	if (p->began_ms == UNTOLD)
		p->began_ms = (int64_t)uv_now(&l->loop->uv);
	enqueue(p);
	if (peer_bytes(p).size > READ_AHEAD + p->framer.seen)
		link_pause(l);
}

static void
on_ended(struct link *l, const char *reason)
{
	struct peer *p = l->owner;
	char text[300];

	/* The last line may do without a newline. */
	if (*reason == '\0' && !p->condemned && p->server->lines != NULL &&
	    peer_bytes(p).size > 0)
		enqueue(p);
	/* What came whole before is taken still, and acknowledged. */
	if (*reason == '\0' && p->welcome && p->queued) {
		p->last = true;
		return;
	}
	if (*reason != '\0') {
		(void)snprintf(text, sizeof text, "connection lost: %s", reason);
		tell(p->server, p, text);
	} else if (peer_bytes(p).size > 0 && !p->condemned) {
		tell(p->server, p, "it left within a message, which is not taken");
	}
	p->last = true;
	if (*reason != '\0' || p->unsettled == 0)
		drop_peer(p);
}

static const struct link_events peer_events = { .bytes = on_bytes, .ended = on_ended };

static void
greet(struct peer *p)
{
	uint8_t storage[HANDSHAKE_MAX];
	struct build b;

	p->welcome = !p->server->secured;
	if (p->welcome)
		return;
	build_init(&b, storage, sizeof storage);
	p->began_ms = (int64_t)uv_now(&p->server->loop.uv);
	if (!handshake_draw(&p->secrets)) {
		refuse(p, "no randomness for the handshake");
		return;
	}
	handshake_build_helo(&b, &p->server->config.handshake, &p->secrets);
	(void)answer(p, &b);
}

static void
accept_peer(struct listener *l)
{
	struct server *s = l->server;
	struct peer *p = calloc(1, sizeof *p);
	struct tls *tls = NULL;
	struct error error;

	if (p != NULL && s->config.tls != NULL && l->u.handle.type == UV_TCP &&
	    (tls = tls_new(s->config.tls, NULL)) == NULL) {
		free(p);
		p = NULL;
	}
	if (p == NULL) {
		s->config.say(s->config.context, "no memory for a connection");
		return;
	}
	p->server = s;
	p->began_ms = UNTOLD;
	p->link = link_accept(&l->u.stream, tls, &peer_events, p, &error);
	if (p->link == NULL) {
		s->config.say(s->config.context, error.text);
		free(p);
		return;
	}
	p->next = s->peers;
	if (p->next != NULL)
		p->next->previous = p;
	s->peers = p;
	s->connected++;
	s->counts.connections++;
	greet(p);
}

static void
on_connection(uv_stream_t *stream, int status)
{
	struct listener *l = stream->data;

	l->server->loop.events++;
	if (status != 0 || l->server->stopped)
		return;
	/* libuv asks for no more before this one is taken. */
	if (l->server->connected >= l->server->config.connections)
		l->waiting = true;
	else
		accept_peer(l);
}

static void
accept_next(struct server *s)
{
	for (unsigned i = 0; i < s->listeners && !s->stopped; i++)
		if (s->listener[i].waiting && s->connected < s->config.connections) {
			s->listener[i].waiting = false;
			accept_peer(&s->listener[i]);
		}
}

/* A peer may take its time between messages, not within one. */
static void
on_tick(uv_timer_t *timer)
{
	struct server *s = timer->data;
	int64_t now = (int64_t)uv_now(&s->loop.uv);

	for (struct peer *p = s->peers, *next; p != NULL; p = next) {
		next = p->next;
		if (p->began_ms == UNTOLD || p->queued || !p->link->reading)
			continue;
		if (p->began_ms < (int64_t)p->link->moved_ms && p->welcome)
			p->began_ms = (int64_t)p->link->moved_ms;
		if (now - p->began_ms > s->config.timeout_ms)
			refuse(p, "too slow: silent within a message");
	}
}

/* --- Numbered streams ----------------------------------------------------------- */

static struct server_stream *
find_stream(struct server *s, const uint8_t id[FORWARD_STREAM_SIZE])
{
	for (unsigned i = 0; i < s->streams; i++)
		if (memcmp(s->stream[i].id, id, FORWARD_STREAM_SIZE) == 0)
			return &s->stream[i];
	return NULL;
}

/* A place for a new one: that of the stalest when all are taken. */
static struct server_stream *
add_stream(struct server *s, const uint8_t id[FORWARD_STREAM_SIZE])
{
	struct server_stream *to = &s->stream[0];

	if (s->streams < SERVER_STREAMS_MAX)
		to = &s->stream[s->streams++];
	else
		for (unsigned i = 1; i < s->streams; i++)
			if (s->stream[i].used < to->used)
				to = &s->stream[i];
	*to = (struct server_stream){ 0 };
	memcpy(to->id, id, FORWARD_STREAM_SIZE);
	return to;
}

static const struct forward_mark *
known_mark(struct server *s, const struct forward_message *m, struct forward_mark *mark)
{
	struct server_stream *stream;

	if (!m->numbered)
		return NULL;
	stream = find_stream(s, m->numbers.stream);
	if (stream != NULL) {
		*mark = stream->mark;
		return mark;
	}
	if (s->config.known != NULL &&
	    s->config.known(s->config.context, m->numbers.stream, mark))
		return mark;
	return NULL;
}

/* --- Messages ------------------------------------------------------------------- */

static void
greeting(struct peer *p, struct slice value)
{
	uint8_t storage[HANDSHAKE_MAX];
	const char *reason;
	struct build b;
	bool good;

	build_init(&b, storage, sizeof storage);
	good = handshake_check_ping(
	    value, &p->server->config.handshake, &p->secrets, &b, &reason);
	(void)answer(p, &b);
	if (!good) {
		refuse(p, reason);
		return;
	}
	p->welcome = true;
}

static void
push_pending(struct server *s, struct peer *p, const struct forward_message *m,
    const struct forward_records *r)
{
	struct pending *e =
	    &s->pending[(s->first_pending + s->pendings++) % SERVER_PENDING_MAX];

	if (p != NULL)
		p->unsettled++;
	*e = (struct pending){
		.peer = p, .numbered = m->numbered, .json = m->json, .mark = r->after
	};
	if (m->chunk.at == NULL)
		return;
	assert(m->chunk.size <= sizeof e->chunk);
	e->chunk_size = (uint16_t)m->chunk.size;
	memcpy(e->chunk, m->chunk.at, m->chunk.size);
}

static void
refuse_numbers(struct peer *p, const struct forward_message *m, const char *reason)
{
	uint8_t storage[512];
	char text[300];
	struct build b;

	build_init(&b, storage, sizeof storage);
	forward_build_refusal(&b, reason);
	(void)answer(p, &b);
	(void)snprintf(text, sizeof text,
	    "stream %02x%02x%02x%02x... is refused at its record %llu: %s",
	    m->numbers.stream[0], m->numbers.stream[1], m->numbers.stream[2],
	    m->numbers.stream[3], (unsigned long long)m->numbers.first, reason);
	refuse(p, text);
}

static void
set_batch(struct server *s, const struct forward_message *m,
    const struct forward_mark *mark, const struct forward_records *r,
    struct server_batch *to)
{
	struct server_stream *stream;

	*to = (struct server_batch){ .bytes = r->bytes,
		.count = r->count,
		.values = r->values,
		.numbered = m->numbered };
	if (!m->numbered)
		return;
	memcpy(to->stream, m->numbers.stream, sizeof to->stream);
	to->before = mark != NULL
	    ? *mark
	    : (struct forward_mark){ m->numbers.first, m->numbers.chain };
	to->after = r->after;
	stream = find_stream(s, to->stream);
	if (stream == NULL)
		stream = add_stream(s, to->stream);
	stream->mark = r->after;
	stream->used = s->counts.messages;
}

/* One whole value of a welcome peer. Whether it is a message that has to be taken. */
static bool
message(struct peer *p, struct slice value, struct server_batch *to)
{
	struct server *s = p->server;
	struct forward_message m;
	struct forward_records r;
	struct forward_mark mark;
	const struct forward_mark *known;
	struct fault fault;
	char text[200];

	if (!forward_parse(s->forward, value, &m, &fault))
		goto bad;
	if (m.mode == FORWARD_HEARTBEAT)
		return false;
	known = known_mark(s, &m, &mark);
	r.conflict = false;
	if (!forward_records(s->forward, &m, s->config.os->wall_us(s->config.os), known,
		&r, &fault)) {
		if (!r.conflict)
			goto bad;
		refuse_numbers(p, &m, fault.reason);
		return false;
	}
	s->counts.messages++;
	s->counts.repeated += r.repeated;
	set_batch(s, &m, known, &r, to);
	push_pending(s, p, &m, &r);
	if (!s->config.handshake.keepalive && s->secured)
		p->last = true;
	return true;

bad:
	(void)snprintf(
	    text, sizeof text, "%s (byte %zu of it)", fault.reason, fault.at);
	refuse(p, text);
	return false;
}

/* What the peer sent and nobody looked at. */
static struct slice
rest(struct peer *p)
{
	link_use(p->link, p->taken);
	p->taken = 0;
	return link_bytes(p->link);
}

/* There is nothing whole: wait for more, or for nothing more. */
static void
wait_for_more(struct peer *p)
{
	dequeue(p);
	if (link_bytes(p->link).size == 0)
		p->began_ms = UNTOLD;
	if (!p->link->over) {
		link_resume(p->link);
	} else {
		on_ended(p->link, "");
	}
}

/* The next whole value of the peer at the head of the queue. 1: a message; 0: it was
 * something else, or there is none: the peer is not at the head any more. */
static int
look(struct peer *p, struct server_batch *to)
{
	struct server *s = p->server;
	struct slice bytes = rest(p);
	size_t size = 0, limit = p->welcome ? s->config.message_bytes : GREETING_MAX;
	struct fault fault = { 0, "" };
	bool taken = false;

	switch (forward_frame(&p->framer, bytes, &size, &fault)) {
	case FRAME_FAULT:
		refuse(p, fault.reason);
		return 0;
	case FRAME_MORE:
		if (bytes.size > limit) {
			refuse(p, "a message larger than allowed");
			return 0;
		}
		wait_for_more(p);
		return 0;
	default:
		break;
	}
	p->framer = (struct forward_framer){ 0 };
	/* To the end of the queue: every peer has its turn. */
	dequeue(p);
	enqueue(p);
	p->taken = size;
	if (size > limit)
		refuse(p, "a message larger than allowed");
	else if (!p->welcome)
		greeting(p, slice_of(bytes.at, size));
	else
		taken = message(p, slice_of(bytes.at, size), to);
	return taken;
}

/* Lines of text need no answer, but wait like messages until they are safe. */
static void
text_batch(struct server *s, struct peer *p, struct slice records, uint64_t count,
    struct server_batch *to)
{
	struct forward_message none = { 0 };
	struct forward_records r = {
		.bytes = records, .count = count, .values = count
	};

	s->counts.messages++;
	*to =
	    (struct server_batch){ .bytes = records, .count = count, .values = count };
	push_pending(s, p, &none, &r);
}

static int
look_text(struct peer *p, struct server_batch *to)
{
	struct server *s = p->server;
	struct lines_batch batch;
	char text[200];

	if (!lines_records(s->lines, rest(p), p->link->over,
		s->config.os->wall_us(s->config.os), &batch)) {
		refuse(p, "a line longer than 256 KiB");
		return 0;
	}
	p->taken = batch.used;
	if (batch.wrong > 0) {
		s->counts.refused += batch.wrong;
		(void)snprintf(text, sizeof text, "%llu lines are not taken: %s",
		    (unsigned long long)batch.wrong, batch.first.reason);
		tell(s, p, text);
	}
	if (batch.used == 0) {
		wait_for_more(p);
		return 0;
	}
	dequeue(p);
	enqueue(p);
	if (batch.count == 0)
		return 0;
	text_batch(s, p, batch.records, batch.count, to);
	return 1;
}

/* Datagrams that came: they are lost when nobody takes them in time. */
static void
on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buffer,
    const struct sockaddr *from, unsigned flags)
{
	struct listener *l = udp->data;
	struct server *s = l->server;
	size_t room = 4 * (size_t)(n > 0 ? n : 0) + 512;
	uv_buf_t zero = uv_buf_init((char[]){ 0 }, 1);
	struct fault fault;
	struct build b;

	if (n <= 0 || from == NULL)
		return;
	s->loop.events++;
	if (s->config.protocol == SERVER_FORWARD) {
		/* The heartbeat of Fluentd: a byte for a byte. */
		if (n == 1)
			(void)uv_udp_try_send(udp, &zero, 1, from);
		return;
	}
	if ((flags & UV_UDP_PARTIAL) != 0 || s->config.protocol != SERVER_SYSLOG ||
	    !buffer_reserve(&s->datagrams, room, DATAGRAMS_MAX)) {
		s->counts.refused++;
		return;
	}
	build_init(&b, s->datagrams.at + s->datagrams.size, room);
	while (n > 0 && (buffer->base[n - 1] == '\n' || buffer->base[n - 1] == '\0'))
		n--;
	if (!lines_syslog(slice_of(buffer->base, (size_t)n),
		s->config.os->wall_us(s->config.os), &b, &fault)) {
		s->counts.refused++;
		return;
	}
	s->datagrams.size += build_slice(&b).size;
	s->datagram_count++;
}

static void
on_datagram_room(uv_handle_t *handle, size_t suggested, uv_buf_t *to)
{
	struct listener *l = handle->data;

	(void)suggested;
	*to = uv_buf_init((char *)l->server->loop.scratch, LOOP_SCRATCH);
}

/* The records of all datagrams so far; they stay until the next call. */
static int
take_datagrams(struct server *s, struct server_batch *to)
{
	struct buffer other = s->taken_datagrams;

	if (s->datagram_count == 0)
		return 0;
	s->taken_datagrams = s->datagrams;
	s->datagrams = other;
	s->datagrams.size = 0;
	text_batch(s, NULL, buffer_slice(&s->taken_datagrams), s->datagram_count, to);
	s->datagram_count = 0;
	return 1;
}

int
server_next(struct server *s, struct server_batch *to)
{
	int found = 0;

	assert(s->pendings == 0 ||
	    s->pending[(s->first_pending + s->pendings - 1) % SERVER_PENDING_MAX].told);
	forward_rest(s->forward);
	/* What looking at peers makes the loop watch has to reach the kernel, too. */
	do {
		loop_poll(&s->loop);
		while (found == 0 && !s->stopped && s->queue != NULL &&
		    s->pendings < SERVER_PENDING_MAX)
			found = s->lines != NULL ? look_text(s->queue, to)
						 : look(s->queue, to);
		if (found == 0)
			loop_poll(&s->loop);
	} while (found == 0 && !s->stopped && s->queue != NULL &&
	    s->pendings < SERVER_PENDING_MAX);
	if (found == 0 && s->pendings < SERVER_PENDING_MAX)
		found = take_datagrams(s, to);
	return found;
}

/* --- Acks ----------------------------------------------------------------------- */

void
server_took(struct server *s, uint64_t point)
{
	struct pending *e;

	if (s->pendings == 0)
		return;
	e = &s->pending[(s->first_pending + s->pendings - 1) % SERVER_PENDING_MAX];
	e->point = point;
	e->told = true;
}

static void
acknowledge(struct server *s, struct pending *e)
{
	uint8_t storage[FORWARD_ACK_MAX];
	struct peer *p = e->peer;
	struct build b;
	bool sent = true;

	if (p == NULL)
		return;
	p->unsettled--;
	if (e->chunk_size > 0) {
		build_init(&b, storage, sizeof storage);
		forward_build_ack(&b, slice_of(e->chunk, e->chunk_size),
		    e->numbered ? &e->mark : NULL, e->json);
		sent = answer(p, &b);
		s->counts.acks += sent;
	}
	if (!sent)
		refuse(p, "it does not read its acks");
	else if (p->last && !p->queued && p->unsettled == 0)
		drop_peer(p);
}

void
server_settle(struct server *s, uint64_t point)
{
	while (s->pendings > 0) {
		struct pending *e = &s->pending[s->first_pending];

		if (!e->told || e->point > point)
			break;
		acknowledge(s, e);
		s->first_pending = (s->first_pending + 1) % SERVER_PENDING_MAX;
		s->pendings--;
	}
	loop_poll(&s->loop);
}

unsigned
server_unsettled(const struct server *s)
{
	return s->pendings;
}

unsigned
server_streams(const struct server *s, const struct server_stream **to)
{
	*to = s->stream;
	return s->streams;
}

const struct server_counts *
server_counts(const struct server *s)
{
	return &s->counts;
}

/* --- Beginning and end ---------------------------------------------------------- */

static int
listen_udp(struct listener *l, const struct sockaddr *address, struct error *error)
{
	struct server *s = l->server;
	int status;

	if (s->config.protocol == SERVER_JSON)
		return 0;
	status = uv_udp_init(&s->loop.uv, &l->udp);
	l->udp.data = l;
	if (status == 0)
		status = uv_udp_bind(&l->udp, address,
		    address->sa_family == AF_INET6 ? UV_UDP_IPV6ONLY : 0);
	if (status == 0)
		status = uv_udp_recv_start(&l->udp, on_datagram_room, on_datagram);
	return status == 0 ? 0
			   : error_set(error, "cannot listen for datagrams on %s: %s",
				 l->name, uv_strerror(status));
}

static int
listen_tcp(struct listener *l, const struct sockaddr *address, struct error *error)
{
	struct server *s = l->server;
	struct sockaddr_storage bound;
	int size = sizeof bound, status = uv_tcp_init(&s->loop.uv, &l->u.tcp);

	l->u.handle.data = l;
	address_format(address, l->name);
	if (status == 0)
		/* For all addresses there is another listener with those of IPv4. */
		status = uv_tcp_bind(&l->u.tcp, address,
		    address->sa_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0);
	if (status == 0)
		status = uv_listen(&l->u.stream, BACKLOG, on_connection);
	if (status == 0)
		status =
		    uv_tcp_getsockname(&l->u.tcp, (struct sockaddr *)&bound, &size);
	if (status != 0)
		return error_set(
		    error, "cannot listen on %s: %s", l->name, uv_strerror(status));
	address_format((struct sockaddr *)&bound, l->name);
	return listen_udp(l, (struct sockaddr *)&bound, error);
}

/* Whether a process listens there: a file that nobody answers is what one left. */
static bool
is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool alive;

	if (fd < 0)
		return false;
	alive = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
	    errno == EAGAIN;
	(void)close(fd);
	return alive;
}

static int
listen_local(struct listener *l, const struct sockaddr *address, struct error *error)
{
	const char *path = ((const struct sockaddr_un *)address)->sun_path;
	struct server *s = l->server;
	int status = uv_pipe_init(&s->loop.uv, &l->u.pipe, 0);
	struct stat found;

	l->u.handle.data = l;
	address_format(address, l->name);
	if (s->config.os->stat_path(s->config.os, path, &found) == 0 &&
	    S_ISSOCK(found.st_mode)) {
		if (is_alive((const struct sockaddr_un *)address))
			return error_set(error,
			    "cannot listen on %s: another process does", l->name);
		(void)s->config.os->unlink(s->config.os, path);
	}
	if (status == 0)
		status = uv_pipe_bind(&l->u.pipe, path);
	if (status == 0)
		status = uv_listen(&l->u.stream, BACKLOG, on_connection);
	return status == 0
	    ? 0
	    : error_set(error, "cannot listen on %s: %s", l->name, uv_strerror(status));
}

static int
listen_all(struct server *s, struct error *error)
{
	for (unsigned i = 0; i < s->config.listen_count; i++) {
		const struct address *a = &s->config.listen[i];

		for (unsigned k = 0; k < a->n; k++) {
			struct listener *l = &s->listener[s->listeners];

			if (s->listeners == SERVER_LISTEN_MAX)
				return error_set(
				    error, "more than %d addresses", SERVER_LISTEN_MAX);
			l->server = s;
			s->listeners++;
			if ((a->local ? listen_local : listen_tcp)(l,
				(const struct sockaddr *)&a->resolved[k], error) != 0)
				return -1;
		}
	}
	return 0;
}

static bool
prepare(struct server *s)
{
	const struct server_config *c = &s->config;
	struct forward_limits limits = { c->unpacked_bytes,
		c->unpacked_bytes + c->unpacked_bytes / 2 };

	s->pending = calloc(SERVER_PENDING_MAX, sizeof *s->pending);
	s->forward = forward_new(c->tag_key, &limits);
	if (c->protocol != SERVER_FORWARD)
		s->lines =
		    lines_new(c->protocol == SERVER_JSON ? LINES_JSON : LINES_SYSLOG);
	return s->pending != NULL && s->forward != NULL &&
	    (c->protocol == SERVER_FORWARD || s->lines != NULL);
}

struct server *
server_new(const struct server_config *config, struct error *error)
{
	struct server *s = calloc(1, sizeof *s);

	if (s == NULL || loop_init(&s->loop, config->memory_bytes, error) != 0) {
		free(s);
		(void)error_set(error, "no memory for the server");
		return NULL;
	}
	s->config = *config;
	s->queue_end = &s->queue;
	s->secured = config->protocol == SERVER_FORWARD &&
	    (config->handshake.shared_key[0] != '\0' ||
		config->handshake.user_count > 0);
	(void)uv_timer_init(&s->loop.uv, &s->tick);
	s->tick.data = s;
	if (!prepare(s))
		(void)error_set(error, "no memory for the server");
	else if (listen_all(s, error) == 0) {
		(void)uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
		loop_poll(&s->loop);
		return s;
	}
	server_free(s);
	return NULL;
}

static void
close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void
server_stop(struct server *s)
{
	s->stopped = true;
}

void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	s->stopped = true;
	while (s->peers != NULL)
		drop_peer(s->peers);
	uv_walk(&s->loop.uv, close_handle, NULL);
	loop_fini(&s->loop);
	forward_free(s->forward);
	lines_free(s->lines);
	buffer_free(&s->datagrams);
	buffer_free(&s->taken_datagrams);
	free(s->pending);
	free(s);
}

const char *
server_listens(const struct server *s, unsigned i)
{
	return i < s->listeners ? s->listener[i].name : NULL;
}

int
server_wait_fd(const struct server *s)
{
	return loop_fd(&s->loop);
}

int
server_wait_ms(const struct server *s)
{
	/* Sending acks may have brought bytes, which nobody will be woken for. */
	if (s->queue != NULL && !s->stopped && s->pendings < SERVER_PENDING_MAX)
		return 0;
	return loop_wait_ms(&s->loop);
}
