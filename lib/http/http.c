/* SPDX-License-Identifier: MIT */
#include "lib/http/http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/http/blocks.h"
#include "lib/http/deadline.h"
#include "lib/http/exchange.h"
#include "lib/http/listen.h"
#include "lib/http/peers.h"
#include "lib/net/loop.h"

enum {
	SPARE = 64,       /* slots of connections that are being closed */
	DESCRIPTORS = 64, /* of all other things */
	LINGER_US = 2000000,
};

/* What an open connection waits for: it is always in one of these queues. */
enum { IDLE, HEAD, BODY, WRITE, LINGER, QUEUES };

union handle {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct listener {
	union handle u;
	struct http *http;
	char name[128];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "" of TCP */
	struct stat file;                                       /* of the path */
	bool begun, waiting; /* a connection, for a slot */
};

/* What did not leave at once. */
struct unsent {
	uv_write_t write;
	uint8_t bytes[];
};

struct connection {
	union handle u;
	struct deadline deadline;
	struct http *http;
	struct connection *next; /* free one */
	struct exchange exchange;
	uint8_t *kept; /* a block: what came and is still needed */
	size_t kept_size, kept_room;
	struct unsent *unsent; /* a block; NULL: all has left */
	size_t unsent_before;  /* bytes, when its deadline was set */
	uint64_t timed;        /* requests that had come when that was set */
	uint64_t key;          /* of the peer */
	bool counted;          /* as one of the peer's */
	bool reading, closing;
	char peer[INET6_ADDRSTRLEN];
};

struct http {
	struct service service;
	struct deadline_queue queue[QUEUES];
	struct connection *slot, *vacant;
	struct blocks blocks;
	struct peers peers;
	int64_t now_us, drained_us; /* the latter: when draining ends */
	struct listener listener[HTTP_LISTEN_MAX];
	unsigned listeners;
	bool begun; /* there is a loop */
	struct loop loop;
};

/* --- Ends ------------------------------------------------------------------------ */

static void accept_peer(struct listener *l);

static void
on_closed(uv_handle_t *handle)
{
	struct connection *c = handle->data;
	struct http *h = c->http;

	h->loop.events++;
	c->next = h->vacant;
	h->vacant = c;
	for (unsigned i = 0; i < h->listeners && h->vacant != NULL; i++)
		if (h->listener[i].waiting && !h->service.draining)
			accept_peer(&h->listener[i]);
}

static void
end(struct connection *c)
{
	struct http *h = c->http;

	if (c->closing)
		return;
	c->closing = true;
	deadline_clear(&c->deadline);
	blocks_give(&h->blocks, c->kept);
	c->kept = NULL;
	if (c->counted)
		peers_remove(&h->peers, c->key);
	h->service.counts.open--;
	h->loop.events++;
	uv_close(&c->u.handle, on_closed);
}

static struct connection *
waiting(struct deadline *d)
{
	return (struct connection *)(void *)((char *)d -
	    offsetof(struct connection, deadline));
}

static void
wait_for(struct connection *c, unsigned what)
{
	deadline_set(&c->deadline, &c->http->queue[what], c->http->now_us);
	c->timed = c->exchange.requests;
}

static bool
waits_for(const struct connection *c, unsigned what)
{
	return c->deadline.queue == &c->http->queue[what];
}

/* All has been sent. A peer that may still be sending hears of the end, and is listened to
 * for a while: to close at once would be a reset, which takes our answer with it. */
static void
part(struct connection *c)
{
	uv_os_fd_t fd;

	if (!c->exchange.sudden || uv_fileno(&c->u.handle, &fd) != 0 ||
	    shutdown(fd, SHUT_WR) != 0) {
		end(c);
		return;
	}
	wait_for(c, LINGER);
}

/* --- Reading and writing ---------------------------------------------------------- */

static void read_on(struct connection *c);
static void serve(struct connection *c, struct exchange_input *in);

static void
on_written(uv_write_t *write, int status)
{
	struct connection *c = write->data;
	struct exchange_input in = { c->kept, c->kept_size };

	blocks_give(&c->http->blocks, (uint8_t *)c->unsent);
	c->unsent = NULL;
	c->http->loop.events++;
	if (c->closing)
		return;
	if (status != 0)
		end(c);
	else
		serve(c, &in);
}

/* The rest of the answers goes when it can; until then no more is read. */
static void
send_later(struct connection *c, const uint8_t *bytes, size_t size)
{
	struct http *h = c->http;
	uv_buf_t buffer;
	size_t room;

	c->unsent = (struct unsent *)(void *)blocks_take(
	    &h->blocks, sizeof *c->unsent + size, &room);
	if (c->unsent == NULL) {
		h->service.counts.short_of_memory++;
		end(c);
		return;
	}
	memcpy(c->unsent->bytes, bytes, size);
	buffer = uv_buf_init((char *)c->unsent->bytes, (unsigned)size);
	c->unsent->write.data = c;
	c->unsent_before = size;
	wait_for(c, WRITE);
	h->loop.events++;
	if (uv_write(&c->unsent->write, &c->u.stream, &buffer, 1, on_written) != 0) {
		blocks_give(&h->blocks, (uint8_t *)c->unsent);
		c->unsent = NULL;
		end(c);
	}
}

static void
send_answers(struct connection *c)
{
	struct service *s = &c->http->service;
	uv_buf_t buffer = uv_buf_init((char *)s->out, (unsigned)s->out_size);
	size_t size = s->out_size;
	int n;

	s->out_size = 0;
	if (size == 0)
		return;
	n = uv_try_write(&c->u.stream, &buffer, 1);
	if (n < 0 && n != UV_EAGAIN)
		end(c);
	else if (n < (int)size)
		send_later(c, s->out + (n > 0 ? n : 0), size - (size_t)(n > 0 ? n : 0));
}

/* Room for `size` bytes in the block of what is kept, whose bytes stay. */
static bool
make_room(struct connection *c, size_t size)
{
	size_t wanted = exchange_wants(&c->exchange), room;
	uint8_t *block;

	if (size <= c->kept_room && c->kept != NULL)
		return true;
	block = blocks_take(&c->http->blocks, wanted > size ? wanted : size, &room);
	if (block == NULL) {
		c->http->service.counts.short_of_memory++;
		end(c);
		return false;
	}
	if (c->kept != NULL)
		memcpy(block, c->kept, c->kept_size);
	blocks_give(&c->http->blocks, c->kept);
	c->kept = block;
	c->kept_room = room;
	return true;
}

/* What is left lies in the block already, or in the loop's scratch. */
static void
keep(struct connection *c, const struct exchange_input *in)
{
	if (in->size == 0) {
		blocks_give(&c->http->blocks, c->kept);
		c->kept = NULL;
	} else if (c->kept != NULL) {
		memmove(c->kept, in->at, in->size);
	} else if (make_room(c, in->size)) {
		memcpy(c->kept, in->at, in->size);
	}
	c->kept_size = in->size;
}

/* A head and a body have a time from their beginning on, however they come. */
static void
set_time(struct connection *c, const struct exchange_input *in)
{
	unsigned what = exchange_has_head(&c->exchange) ? BODY
	    : exchange_began(&c->exchange, in)          ? HEAD
							: IDLE;

	if (what == IDLE && c->http->service.draining)
		end(c);
	else if (!waits_for(c, what) || c->timed != c->exchange.requests)
		wait_for(c, what);
}

static void
serve(struct connection *c, struct exchange_input *in)
{
	bool more;

	do {
		more = exchange_feed(&c->exchange, &c->http->service, in);
		send_answers(c);
	} while (more && c->unsent == NULL && !c->closing);
	if (!c->closing)
		keep(c, in);
	if (c->closing)
		return;
	if (c->unsent == NULL && c->exchange.last)
		part(c);
	else if (c->unsent == NULL)
		set_time(c, in);
	read_on(c);
}

static void
on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *to)
{
	struct connection *c = handle->data;

	(void)suggested;
	*to = uv_buf_init((char *)c->http->loop.scratch, LOOP_SCRATCH);
}

static void
on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *from)
{
	struct connection *c = stream->data;
	struct exchange_input in = { (uint8_t *)from->base, (size_t)n };

	if (n == 0 || c->closing)
		return;
	if (n < 0) {
		end(c);
		return;
	}
	c->http->service.counts.bytes_in += in.size;
	if (waits_for(c, LINGER))
		return;
	if (c->kept != NULL) {
		if (!make_room(c, c->kept_size + in.size))
			return;
		memcpy(c->kept + c->kept_size, in.at, in.size);
		c->kept_size += in.size;
		in = (struct exchange_input){ c->kept, c->kept_size };
	}
	serve(c, &in);
}

/* Read, unless answers have not left. */
static void
read_on(struct connection *c)
{
	bool wanted = !c->closing && c->unsent == NULL;

	if (c->closing || wanted == c->reading)
		return;
	c->reading = wanted;
	c->http->loop.events++;
	if (!wanted)
		(void)uv_read_stop(&c->u.stream);
	else if (uv_read_start(&c->u.stream, on_room, on_bytes) != 0)
		end(c);
}

/* --- Accepting -------------------------------------------------------------------- */

/* The connection that nobody will miss most, or nobody. */
static bool
evict(struct http *h)
{
	struct deadline *first = deadline_first(&h->queue[LINGER]);

	if (first == NULL && (first = deadline_first(&h->queue[IDLE])) != NULL)
		h->service.counts.evicted++;
	if (first == NULL)
		return false;
	end(waiting(first));
	return true;
}

static bool
identify(struct connection *c)
{
	const struct http_config *config = &c->http->service.config;
	struct sockaddr_storage address;
	int size = sizeof address;
	const void *bytes = &((struct sockaddr_in *)(void *)&address)->sin_addr;

	if (uv_tcp_getpeername(&c->u.tcp, (struct sockaddr *)&address, &size) != 0)
		return false;
	if (address.ss_family == AF_INET6)
		bytes = &((struct sockaddr_in6 *)(void *)&address)->sin6_addr;
	if (inet_ntop(address.ss_family, bytes, c->peer, sizeof c->peer) == NULL)
		return false;
	c->exchange.peer = c->peer;
	(void)uv_tcp_nodelay(&c->u.tcp, 1);
	if (config->proxies > 0)
		return true;
	c->key = peers_key((struct sockaddr *)&address);
	if (peers_count(&c->http->peers, c->key) >= config->per_peer)
		return false;
	peers_add(&c->http->peers, c->key);
	c->counted = true;
	return true;
}

static void
accept_peer(struct listener *l)
{
	struct http *h = l->http;
	struct http_counts *counts = &h->service.counts;
	struct connection *c = h->vacant;
	bool local = *l->path != '\0', good;

	l->waiting = c == NULL;
	if (c == NULL)
		return;
	h->vacant = c->next;
	h->loop.events++;
	*c = (struct connection){ .http = h };
	good = (local ? uv_pipe_init(&h->loop.uv, &c->u.pipe, 0)
		      : uv_tcp_init(&h->loop.uv, &c->u.tcp)) == 0;
	assert(good);
	c->u.handle.data = c;
	counts->open++;
	if (uv_accept(&l->u.stream, &c->u.stream) != 0) {
		end(c);
		return;
	}
	if ((!local && !identify(c)) ||
	    (counts->open > h->service.config.connections && !evict(h))) {
		counts->refused++;
		end(c);
		return;
	}
	counts->accepted++;
	wait_for(c, IDLE);
	read_on(c);
}

static void
on_connection(uv_stream_t *stream, int status)
{
	struct listener *l = stream->data;

	if (status == 0)
		accept_peer(l);
	else
		l->http->service.counts.refused++;
}

/* --- Listening -------------------------------------------------------------------- */

static int
listen_on(struct http *h, struct listener *l, const struct sockaddr *address,
    struct error *error)
{
	const struct os *os = h->service.config.os;
	bool local = address->sa_family == AF_UNIX;
	int fd = listen_bind(os, address, h->service.config.reuse_port, l->name, error);
	int status;

	if (fd < 0)
		return -1;
	l->http = h;
	status = local ? uv_pipe_init(&h->loop.uv, &l->u.pipe, 0)
		       : uv_tcp_init(&h->loop.uv, &l->u.tcp);
	assert(status == 0);
	l->u.handle.data = l;
	l->begun = true;
	if (local) {
		const struct sockaddr_un *name = (const void *)address;

		memcpy(l->path, name->sun_path, sizeof l->path);
		(void)os->stat_path(os, l->path, &l->file);
	}
	status = local ? uv_pipe_open(&l->u.pipe, fd) : uv_tcp_open(&l->u.tcp, fd);
	if (status != 0) {
		(void)close(fd);
		return error_set(
		    error, "cannot listen on %s: %s", l->name, uv_strerror(status));
	}
	status = uv_listen(&l->u.stream, (int)h->service.config.backlog, on_connection);
	return status == 0
	    ? 0
	    : error_set(error, "cannot listen on %s: %s", l->name, uv_strerror(status));
}

static int
listen_all(struct http *h, struct error *error)
{
	const struct http_config *config = &h->service.config;

	for (unsigned i = 0; i < config->listen_count; i++)
		for (unsigned k = 0; k < config->listen[i].n; k++) {
			if (h->listeners == HTTP_LISTEN_MAX)
				return error_set(
				    error, "more than %d addresses", HTTP_LISTEN_MAX);
			if (listen_on(h, &h->listener[h->listeners++],
				(const struct sockaddr *)&config->listen[i].resolved[k],
				error) != 0)
				return -1;
		}
	return 0;
}

/* A file of ours: another server may have put its own there since. */
static void
remove_file(struct listener *l)
{
	const struct os *os = l->http->service.config.os;
	struct stat found;

	if (*l->path != '\0' && os->stat_path(os, l->path, &found) == 0 &&
	    found.st_ino == l->file.st_ino && found.st_dev == l->file.st_dev)
		(void)os->unlink(os, l->path);
}

static void
stop_listening(struct http *h)
{
	for (unsigned i = 0; i < h->listeners; i++) {
		struct listener *l = &h->listener[i];

		l->waiting = false;
		if (!l->begun)
			continue;
		l->begun = false;
		remove_file(l);
		uv_close(&l->u.handle, NULL);
		h->loop.events++;
	}
}

/* --- The server ------------------------------------------------------------------- */

static int
raise_limit(unsigned connections, struct error *error)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)connections + SPARE + DESCRIPTORS;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return 0;
	if (limit.rlim_max < wanted)
		return error_set(error,
		    "%u connections need %u descriptors, and %u are allowed",
		    connections, (unsigned)wanted, (unsigned)limit.rlim_max);
	limit.rlim_cur = wanted;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0
	    ? 0
	    : error_set(error, "cannot raise the number of descriptors");
}

static int
prepare(struct http *h, struct error *error)
{
	const struct http_config *c = &h->service.config;
	size_t slots = (size_t)c->connections + SPARE;
	size_t largest_in = PARSER_HEAD_MAX + (size_t)c->body_bytes + LOOP_SCRATCH;
	size_t largest_out = sizeof(struct unsent) + h->service.out_room;
	uint64_t seed;

	if (raise_limit(c->connections, error) != 0)
		return -1;
	if (c->memory_bytes < 2 * (largest_in + largest_out))
		return error_set(error, "too little memory for requests and answers");
	blocks_init(&h->blocks, largest_in > largest_out ? largest_in : largest_out,
	    c->memory_bytes);
	if (c->os->random(c->os, &seed, sizeof seed) != 0)
		return error_set(error, "the system has no randomness");
	h->slot = calloc(slots, sizeof *h->slot);
	if (h->slot == NULL || !peers_init(&h->peers, c->connections + SPARE, seed))
		return error_set(error, "no memory for %u connections", c->connections);
	for (size_t i = slots; i > 0; i--) {
		h->slot[i - 1].next = h->vacant;
		h->vacant = &h->slot[i - 1];
	}
	deadline_queue_init(&h->queue[IDLE], c->idle_us);
	deadline_queue_init(&h->queue[HEAD], c->head_us);
	deadline_queue_init(&h->queue[BODY], c->body_us);
	deadline_queue_init(&h->queue[WRITE], c->write_us);
	deadline_queue_init(&h->queue[LINGER], LINGER_US);
	h->now_us = c->os->monotonic_us(c->os);
	h->begun = loop_init(&h->loop, 0, error) == 0;
	return h->begun ? 0 : -1;
}

struct http *
http_new(const struct http_config *config, struct error *error)
{
	struct http *h = calloc(1, sizeof *h);

	if (h == NULL) {
		(void)error_set(error, "no memory for a server");
		return NULL;
	}
	h->drained_us = INT64_MAX;
	if (service_init(&h->service, config, error) == 0 && prepare(h, error) == 0 &&
	    listen_all(h, error) == 0) {
		loop_poll(&h->loop);
		return h;
	}
	http_free(h);
	return NULL;
}

static void
end_all(struct http *h)
{
	for (unsigned i = 0; i < QUEUES; i++)
		for (struct deadline *d; (d = deadline_first(&h->queue[i])) != NULL;)
			end(waiting(d));
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	if (h->begun) {
		h->service.draining = true;
		stop_listening(h);
		end_all(h);
		loop_fini(&h->loop);
	}
	blocks_fini(&h->blocks);
	peers_fini(&h->peers);
	service_fini(&h->service);
	free(h->slot);
	free(h);
}

const char *
http_listens(const struct http *h, unsigned i)
{
	return i < h->listeners ? h->listener[i].name : NULL;
}

/* --- Time ------------------------------------------------------------------------- */

static void
expire_one(struct http *h, struct connection *c, unsigned what)
{
	struct service *s = &h->service;
	struct exchange_input none = { 0 };
	size_t left;

	switch (what) {
	case HEAD:
	case BODY:
		s->counts.timeouts++;
		exchange_refuse(&c->exchange, s, 408, "the request came too slowly");
		deadline_clear(&c->deadline);
		serve(c, &none);
		return;
	case WRITE:
		left = uv_stream_get_write_queue_size(&c->u.stream);
		if (left < c->unsent_before) {
			c->unsent_before = left;
			wait_for(c, WRITE);
			return;
		}
		s->counts.unread++;
	}
	end(c);
}

static void
expire(struct http *h)
{
	struct deadline *d;

	for (unsigned i = 0; i < QUEUES; i++)
		while (
		    (d = deadline_first(&h->queue[i])) != NULL && d->at_us <= h->now_us)
			expire_one(h, waiting(d), i);
	if (h->drained_us <= h->now_us)
		end_all(h);
}

void
http_step(struct http *h)
{
	const struct os *os = h->service.config.os;

	h->now_us = os->monotonic_us(os);
	loop_poll(&h->loop);
	expire(h);
}

int
http_fd(const struct http *h)
{
	return loop_fd(&h->loop);
}

int
http_wait_ms(const struct http *h)
{
	const struct os *os = h->service.config.os;
	int64_t first = h->drained_us, left;

	if (loop_wait_ms(&h->loop) == 0)
		return 0;
	for (unsigned i = 0; i < QUEUES; i++) {
		const struct deadline *d = deadline_first(&h->queue[i]);

		if (d != NULL && d->at_us < first)
			first = d->at_us;
	}
	if (first == INT64_MAX)
		return -1;
	left = first - os->monotonic_us(os);
	return left <= 0 ? 0 : left > 60000000 ? 60000 : (int)((left + 999) / 1000);
}

void
http_wait(struct http *h, int ms)
{
	struct pollfd fd = { .fd = http_fd(h), .events = POLLIN };
	int own = http_wait_ms(h);

	if (own >= 0 && (ms < 0 || own < ms))
		ms = own;
	(void)poll(&fd, 1, ms);
	http_step(h);
}

void
http_drain(struct http *h, int64_t within_us)
{
	struct deadline *d;

	/* What the system has accepted for us is ours. */
	http_step(h);
	h->service.draining = true;
	h->drained_us = h->now_us + within_us;
	stop_listening(h);
	while ((d = deadline_first(&h->queue[IDLE])) != NULL)
		end(waiting(d));
}

unsigned
http_open(const struct http *h)
{
	return (unsigned)h->service.counts.open;
}

const struct http_counts *
http_counts(const struct http *h)
{
	return &h->service.counts;
}

void
http_metrics(const struct http *h, struct http_answer *answer)
{
	const struct http_config *c = &h->service.config;

	metrics_print(&h->service.counts, c->routes, c->route_count, answer);
}

uint64_t
http_held(const struct http *h)
{
	return h->blocks.used;
}
