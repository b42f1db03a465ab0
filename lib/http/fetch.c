/* SPDX-License-Identifier: MIT */
#include "lib/http/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/http/reply.h"
#include "lib/net/link.h"

enum {
	LANE_MAX = 64 << 20, /* bytes of requests in one */
	HELD_MAX = 1 << 20,  /* bytes of a connection's buffers */
	HEAD_MAX = 1024 + FETCH_TARGET_MAX,
	TICK_MS = 20,
	BACKOFF_MS = 20,
	BACKOFF_MAX_MS = 1000,
	PATIENCE_PARTS = 3, /* a request is sent so often before all ends, about */
};

/* A request that waits: the bytes of it lie in the lane, in the same order. */
struct waiting {
	uint64_t tag;
	int64_t since_us; /* it could be sent */
	uint32_t size;
	uint32_t kind;
	uint32_t next; /* of the lane, or the free ones; NONE: the last */
};

#define NONE UINT32_MAX

struct lane {
	struct fetch *fetch;
	struct link *link; /* NULL: not connected */
	struct reply reply;
	struct buffer bytes; /* of all that waits */
	size_t from;         /* of them: where the first one begins */
	uint32_t first, last;
	bool open, sent;   /* connected; the first one is on its way */
	bool used;         /* an answer has come by this connection */
	unsigned failures; /* since the last answer */
	uint64_t
	    since_ms; /* it was sent, or connecting began; of a failure: the next try */
	uint8_t *room; /* owned; of an answer's body */
};

struct fetch {
	struct fetch_config config;
	struct loop loop;
	uv_timer_t timer;
	bool ticking, told;
	struct lane *lane;       /* owned */
	struct waiting *waiting; /* owned */
	uint32_t idle;           /* the first free one */
	unsigned count;          /* of those that wait */
	uint64_t heard_ms;       /* when an answer came last, or waiting began */
	unsigned next_address;
	struct fetch_counts counts;
	bool failed;
	struct error error;
	uint8_t head[HEAD_MAX];
};

/* --- The server -------------------------------------------------------------------- */

int
fetch_resolve(struct fetch_server *s, const char *url, struct error *error)
{
	static const char scheme[] = "http://";
	bool named = strncmp(url, scheme, sizeof scheme - 1) == 0;
	const char *at = named ? url + sizeof scheme - 1 : url;
	bool local = strncmp(at, "unix:", 5) == 0;
	size_t size = local ? strlen(at) : strcspn(at, "/"), prefix;
	const char *port;

	if (strncmp(url, "https:", 6) == 0)
		return error_set(error,
		    "'%s': no TLS here; name the server itself, http://HOST:PORT", url);
	prefix = strlen(at + size);
	while (prefix > 0 && at[size + prefix - 1] == '/')
		prefix--;
	if (size == 0 || size + 4 > sizeof s->text || prefix >= sizeof s->prefix)
		return error_set(error, "'%s' is no http://HOST:PORT", url);
	(void)snprintf(s->host, sizeof s->host, "%.*s", (int)size, at);
	(void)snprintf(s->prefix, sizeof s->prefix, "%.*s", (int)prefix, at + size);
	port = strrchr(s->host, ':');
	(void)strcpy(s->text, s->host);
	if (!local && (port == NULL || strchr(port, ']') != NULL))
		(void)strcat(s->text, ":80");
	if (local)
		(void)strcpy(s->host, "localhost");
	return address_resolve(&s->address, s->text, false, error);
}

/* --- Ends -------------------------------------------------------------------------- */

static uint64_t
now_ms(const struct fetch *f)
{
	return uv_now(&f->loop.uv);
}

static void tick(uv_timer_t *timer);
static void connect_lane(struct lane *l);

static void
keep_ticking(struct fetch *f)
{
	if (!f->ticking)
		(void)uv_timer_start(&f->timer, tick, TICK_MS, TICK_MS);
	f->ticking = true;
}

static void
tell(struct fetch *f, const char *reason)
{
	char text[512];

	if (f->told)
		return;
	f->told = true;
	(void)snprintf(
	    text, sizeof text, "%s: %s; trying again", f->config.server->text, reason);
	f->config.say(f->config.context, text);
}

static void
give_up(struct fetch *f, const char *reason)
{
	f->failed = true;
	(void)error_set(&f->error,
	    "%s: %s; nothing was answered for %lld ms: does the server run, and listen "
	    "there?",
	    f->config.server->text, reason, (long long)f->config.timeout_ms);
}

static bool
is_over(const struct fetch *f)
{
	return now_ms(f) - f->heard_ms >= (uint64_t)f->config.timeout_ms;
}

/* What was on its way is sent again, at once when the server had only closed a connection
 * that was idle. */
static void
disconnect(struct lane *l, const char *reason)
{
	struct fetch *f = l->fetch;
	uint64_t wait = BACKOFF_MS;
	bool idle = l->used && !l->reply.begun;

	link_close(l->link);
	l->link = NULL;
	f->counts.again += l->sent;
	l->open = l->sent = l->used = false;
	if (l->first == NONE)
		return;
	if (is_over(f)) {
		give_up(f, reason);
		return;
	}
	if (idle) {
		connect_lane(l);
		return;
	}
	for (unsigned i = 0; i < l->failures && wait < BACKOFF_MAX_MS; i++)
		wait *= 2;
	l->failures++;
	l->since_ms = now_ms(f) + wait;
	tell(f, reason);
	keep_ticking(f);
}

/* --- Requests ---------------------------------------------------------------------- */

/* The first one of the lane, on a connection that is open. */
static void
send_first(struct lane *l)
{
	struct fetch *f = l->fetch;
	const struct waiting *w;

	if (!l->open || l->sent || l->first == NONE)
		return;
	w = &f->waiting[l->first];
	reply_begin(&l->reply, l->room, FETCH_ANSWER_MAX);
	l->sent = true;
	l->since_ms = now_ms(f);
	if (!link_send(l->link, slice_of(l->bytes.at + l->from, w->size)))
		disconnect(l, "no memory for requests");
}

static void
take_first(struct lane *l)
{
	struct fetch *f = l->fetch;
	uint32_t i = l->first;

	l->from += f->waiting[i].size;
	if (l->from == l->bytes.size) {
		l->from = l->bytes.size = 0;
	} else if (l->from > l->bytes.size / 2) {
		buffer_drop(&l->bytes, l->from);
		l->from = 0;
	}
	l->first = f->waiting[i].next;
	if (l->first == NONE)
		l->last = NONE;
	else
		f->waiting[l->first].since_us =
		    f->config.os->monotonic_us(f->config.os);
	f->waiting[i].next = f->idle;
	f->idle = i;
	f->count--;
}

/* `last`: of this connection. Whoever hears it may have more to ask. */
static void
answer(struct lane *l, bool last)
{
	struct fetch *f = l->fetch;
	struct waiting w = f->waiting[l->first];
	struct fetch_answer a = { .tag = w.tag,
		.kind = w.kind,
		.status = l->reply.status,
		.body = reply_body(&l->reply),
		.took_us = f->config.os->monotonic_us(f->config.os) - w.since_us };

	take_first(l);
	l->sent = false;
	l->open = !last;
	l->used = true;
	l->failures = 0;
	f->told = false;
	f->heard_ms = now_ms(f);
	f->counts.answered++;
	f->config.answer(f->config.context, &a);
	if (!last) {
		send_first(l);
		return;
	}
	l->reply.begun = false;
	disconnect(l, "it closed the connection");
}

/* --- Connections ------------------------------------------------------------------- */

static void
on_opened(struct link *link)
{
	struct lane *l = link->owner;

	l->open = true;
	l->fetch->counts.connections++;
	send_first(l);
}

static void
on_bytes(struct link *link)
{
	struct lane *l = link->owner;
	struct slice bytes = link_bytes(link);
	enum reply_status status;
	size_t used;

	if (!l->sent) {
		disconnect(l, "it says something that nobody asked for");
		return;
	}
	status = reply_feed(&l->reply, bytes, &used);
	link_use(link, used);
	if (status == REPLY_MORE)
		return;
	if (status == REPLY_FAULT) {
		l->used = false; /* it would happen again and again */
		disconnect(l, l->reply.reason);
		return;
	}
	answer(l, used < bytes.size || !l->reply.keep_alive);
}

static void
on_ended(struct link *link, const char *reason)
{
	struct lane *l = link->owner;

	if (*reason == '\0' && l->sent && reply_end(&l->reply) == REPLY_WHOLE)
		answer(l, true);
	else
		disconnect(l, *reason != '\0' ? reason : "it closed the connection");
}

static const struct link_events events = {
	.opened = on_opened, .bytes = on_bytes, .ended = on_ended
};

static void
connect_lane(struct lane *l)
{
	struct fetch *f = l->fetch;
	const struct address *a = &f->config.server->address;
	struct error error;

	l->since_ms = now_ms(f);
	keep_ticking(f);
	l->link = link_connect(&f->loop,
	    (const struct sockaddr *)&a->resolved[f->next_address++ % a->n], NULL,
	    &events, l, &error);
	if (l->link == NULL)
		disconnect(l, error.text);
}

/* Lanes that wait too long for an answer, or long enough for another try. */
static void
tick(uv_timer_t *timer)
{
	struct fetch *f = timer->data;
	uint64_t patience = (uint64_t)f->config.timeout_ms / PATIENCE_PARTS;

	f->loop.events++;
	for (unsigned i = 0; i < f->config.lanes && !f->failed; i++) {
		struct lane *l = &f->lane[i];

		if (l->first == NONE)
			continue;
		if (l->link == NULL && now_ms(f) >= l->since_ms) {
			connect_lane(l);
		} else if (l->link != NULL && now_ms(f) - l->since_ms > patience) {
			l->used = false;
			disconnect(l, "no answer");
		}
	}
	if (f->count == 0 || f->failed) {
		(void)uv_timer_stop(timer);
		f->ticking = false;
	}
}

/* --- What callers see -------------------------------------------------------------- */

static int
make_lanes(struct fetch *f)
{
	f->lane = calloc(f->config.lanes, sizeof *f->lane);
	f->waiting = calloc(f->config.waiting, sizeof *f->waiting);
	if (f->lane == NULL || f->waiting == NULL)
		return -1;
	for (unsigned i = 0; i < f->config.waiting; i++)
		f->waiting[i].next = i + 1 < f->config.waiting ? i + 1 : NONE;
	for (unsigned i = 0; i < f->config.lanes; i++) {
		struct lane *l = &f->lane[i];

		*l = (struct lane){ .fetch = f, .first = NONE, .last = NONE };
		l->room = malloc(FETCH_ANSWER_MAX + BUFFER_PADDING);
		if (l->room == NULL)
			return -1;
	}
	return 0;
}

struct fetch *
fetch_new(const struct fetch_config *config, struct error *error)
{
	struct fetch *f = calloc(1, sizeof *f);

	assert(config->lanes > 0 && config->lanes <= FETCH_LANES_MAX &&
	    config->waiting > 0 && config->waiting <= FETCH_WAITING_MAX &&
	    config->timeout_ms > 0);
	if (f == NULL ||
	    loop_init(&f->loop, (size_t)config->lanes * HELD_MAX, error) != 0) {
		if (f == NULL)
			(void)error_set(error, "no memory for connections");
		free(f);
		return NULL;
	}
	f->config = *config;
	(void)uv_timer_init(&f->loop.uv, &f->timer);
	f->timer.data = f;
	if (make_lanes(f) != 0) {
		(void)error_set(error, "no memory for connections");
		fetch_free(f);
		return NULL;
	}
	return f;
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	for (unsigned i = 0; f->lane != NULL && i < f->config.lanes; i++) {
		link_close(f->lane[i].link);
		buffer_free(&f->lane[i].bytes);
		free(f->lane[i].room);
	}
	uv_close((uv_handle_t *)&f->timer, NULL);
	loop_fini(&f->loop);
	free(f->lane);
	free(f->waiting);
	free(f);
}

unsigned
fetch_waiting(const struct fetch *f)
{
	return f->count;
}

unsigned
fetch_room(const struct fetch *f)
{
	return f->config.waiting - f->count;
}

/* From the path on; absent when there is none, or bytes that would end the line. */
static struct slice
path_of(struct slice target)
{
	size_t at = 0;

	for (size_t i = 0; i < target.size; i++)
		if (target.at[i] <= ' ' || target.at[i] > '~')
			return (struct slice){ NULL, 0 };
	if (target.size > 0 && target.at[0] != '/') {
		at = slice_find(target, ':');
		if (target.size - at < 3 || memcmp(target.at + at, "://", 3) != 0)
			return (struct slice){ NULL, 0 };
		at += 3 + slice_find(slice_from(target, at + 3), '/');
	}
	return at < target.size ? slice_from(target, at) : (struct slice){ NULL, 0 };
}

/* Its head into f->head; the size. An absolute URL has its prefix. */
static size_t
build_head(struct fetch *f, const struct fetch_request *r, struct slice path)
{
	const struct fetch_server *s = f->config.server;
	bool whole = path.size < r->target.size;
	int size = snprintf((char *)f->head, sizeof f->head,
	    "%s %s%.*s HTTP/1.1\r\nHost: %s\r\n", r->type != NULL ? "POST" : "GET",
	    whole ? "" : s->prefix, (int)path.size, (const char *)path.at, s->host);

	if (r->type == NULL)
		return (size_t)(size +
		    snprintf(
			(char *)f->head + size, sizeof f->head - (size_t)size, "\r\n"));
	return (size_t)(size +
	    snprintf((char *)f->head + size, sizeof f->head - (size_t)size,
		"Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", r->type,
		r->body.size));
}

bool
fetch_send(struct fetch *f, const struct fetch_request *r)
{
	struct lane *l = &f->lane[r->lane % f->config.lanes];
	struct slice path = path_of(r->target), head;
	struct waiting *w;
	uint32_t i = f->idle;

	if (i == NONE || path.at == NULL || path.size > FETCH_TARGET_MAX ||
	    r->body.size > FETCH_BODY_MAX)
		return false;
	head = slice_of(f->head, build_head(f, r, path));
	if (!buffer_reserve(&l->bytes, head.size + r->body.size, LANE_MAX))
		return false;
	(void)buffer_append(&l->bytes, head, LANE_MAX);
	if (r->type != NULL)
		(void)buffer_append(&l->bytes, r->body, LANE_MAX);
	w = &f->waiting[i];
	f->idle = w->next;
	*w = (struct waiting){ .tag = r->tag,
		.kind = r->kind,
		.size = (uint32_t)(head.size + (r->type != NULL ? r->body.size : 0)),
		.since_us = f->config.os->monotonic_us(f->config.os),
		.next = NONE };
	if (l->first == NONE)
		l->first = i;
	else
		f->waiting[l->last].next = i;
	l->last = i;
	if (f->count++ == 0) {
		uv_update_time(&f->loop.uv);
		f->heard_ms = now_ms(f);
	}
	f->counts.sent++;
	keep_ticking(f);
	if (l->link == NULL && l->failures == 0)
		connect_lane(l);
	else
		send_first(l);
	return true;
}

int
fetch_fd(const struct fetch *f)
{
	return loop_fd(&f->loop);
}

int
fetch_wait_ms(const struct fetch *f)
{
	return loop_wait_ms(&f->loop);
}

int
fetch_step(struct fetch *f, struct error *error)
{
	loop_poll(&f->loop);
	if (f->failed)
		*error = f->error;
	return f->failed ? -1 : 0;
}

void
fetch_wait(struct fetch *f, int ms)
{
	loop_wait(&f->loop, ms);
}

const struct fetch_counts *
fetch_counts(const struct fetch *f)
{
	return &f->counts;
}
