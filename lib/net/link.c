/* SPDX-License-Identifier: MIT */
#include "lib/net/link.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/net/address.h"

enum {
	READ_BYTES = 256 * 1024, /* room for one read */
	COMPACT = 1 << 20,       /* used bytes at the front are left out beyond these */
	KEEP = 512 * 1024,
	KEEPALIVE_S = 60,
};

/* --- Memory --------------------------------------------------------------------- */

static void
account(struct link *l)
{
	size_t now = l->in.room + l->plain.room + l->out.room + l->sending.room;

	l->loop->held += now - l->counted;
	l->counted = now;
}

/* Room in a buffer within what all links may hold. */
static bool
make_room(struct link *l, struct buffer *b, size_t size)
{
	size_t others = l->loop->held - (b->room < l->loop->held ? b->room : 0);
	size_t limit = l->loop->held_max > others ? l->loop->held_max - others : 0;
	bool good = buffer_reserve(b, size, limit);

	account(l);
	return good;
}

static void
compact(struct link *l)
{
	if (l->at == l->in.size) {
		l->at = l->in.size = 0;
		buffer_shrink(&l->in, KEEP);
	} else if (l->at >= COMPACT || l->at > l->in.size / 2) {
		buffer_drop(&l->in, l->at);
		l->at = 0;
	}
	account(l);
}

/* --- Ends ----------------------------------------------------------------------- */

static void
end(struct link *l, const char *reason)
{
	l->loop->events++;
	if (l->closing || l->over)
		return;
	l->over = true;
	/* Who says no more may still listen. */
	l->broken = *reason != '\0';
	link_pause(l);
	l->events->ended(l, reason);
}

static void
on_closed(uv_handle_t *handle)
{
	struct link *l = handle->data;

	l->loop->events++;
	tls_free(l->tls);
	buffer_free(&l->in);
	buffer_free(&l->plain);
	buffer_free(&l->out);
	buffer_free(&l->sending);
	account(l);
	free(l);
}

void
link_close(struct link *l)
{
	uv_buf_t rest;

	if (l == NULL || l->closing)
		return;
	if (l->tls != NULL && !l->broken)
		tls_end(l->tls);
	if (!l->writing && !l->broken && l->out.size > 0) {
		rest = uv_buf_init((char *)l->out.at, (unsigned)l->out.size);
		(void)uv_try_write(&l->u.stream, &rest, 1);
	}
	l->closing = true;
	uv_close(&l->u.handle, on_closed);
}

/* --- Writing -------------------------------------------------------------------- */

static void write_out(struct link *l);
static void pump(struct link *l);

static void
on_written(uv_write_t *write, int status)
{
	struct link *l = write->data;

	l->loop->events++;
	l->writing = false;
	l->sending.size = 0;
	buffer_shrink(&l->sending, KEEP);
	account(l);
	if (status != 0) {
		if (status != UV_ECANCELED)
			end(l, uv_strerror(status));
		return;
	}
	l->moved_ms = uv_now(&l->loop->uv);
	if (l->tls != NULL)
		pump(l);
	write_out(l);
	if (!l->writing && !l->closing && !l->broken && l->events->drained != NULL)
		l->events->drained(l);
}

static void
write_out(struct link *l)
{
	struct buffer empty = l->sending;
	uv_buf_t bytes;
	int status;

	if (l->writing || l->closing || l->broken || l->out.size == 0)
		return;
	l->sending = l->out;
	l->out = empty;
	bytes = uv_buf_init((char *)l->sending.at, (unsigned)l->sending.size);
	l->write.data = l;
	l->writing = true;
	status = uv_write(&l->write, &l->u.stream, &bytes, 1, on_written);
	if (status != 0) {
		l->writing = false;
		end(l, uv_strerror(status));
	}
}

bool
link_send(struct link *l, struct slice bytes)
{
	struct buffer *to = l->tls != NULL ? &l->plain : &l->out;

	if (l->closing || l->broken || !make_room(l, to, bytes.size))
		return false;
	(void)buffer_append(to, bytes, SIZE_MAX / 4);
	if (l->tls != NULL)
		pump(l);
	write_out(l);
	return true;
}

size_t
link_queued(const struct link *l)
{
	return l->plain.size + l->out.size + l->sending.size;
}

/* --- TLS ------------------------------------------------------------------------ */

/* One step of each direction; whether anything moved. */
static bool
pump_once(struct link *l, struct error *error, bool *failed)
{
	long n;
	bool moved = false;

	if ((n = tls_write(l->tls, buffer_slice(&l->plain), error)) > 0) {
		buffer_drop(&l->plain, (size_t)n);
		moved = true;
	} else if (n == TLS_FAIL) {
		*failed = true;
	}
	if (!make_room(l, &l->out, LOOP_SCRATCH) ||
	    !make_room(l, &l->in, LOOP_SCRATCH)) {
		*failed = true;
		(void)error_set(error, "no memory for the connection");
		return false;
	}
	n = *failed
	    ? 0
	    : tls_read(l->tls, l->in.at + l->in.size, l->in.room - l->in.size, error);
	if (n > 0) {
		l->in.size += (size_t)n;
		moved = true;
	} else if (n == TLS_FAIL) {
		*failed = true;
	} else if (n == TLS_END) {
		(void)error_set(error, "%s", "");
		*failed = true;
	}
	/* Last, since both others make cipher bytes. */
	while ((n = tls_give(
		    l->tls, l->out.at + l->out.size, l->out.room - l->out.size)) > 0) {
		l->out.size += (size_t)n;
		moved = true;
		if (l->out.room == l->out.size)
			break;
	}
	return moved;
}

/* Once for all bytes that come while it is told. */
static void
tell_bytes(struct link *l)
{
	if (l->telling || l->closing)
		return;
	l->telling = true;
	l->events->bytes(l);
	l->telling = false;
}

/* Move what can be moved between plain and cipher bytes. */
static void
pump(struct link *l)
{
	struct error error;
	bool failed = false;
	size_t before = l->in.size;

	while (!l->closing && !l->broken && !failed && pump_once(l, &error, &failed))
		;
	/* An alert says why, so it goes out first. */
	write_out(l);
	if (l->in.size > before)
		tell_bytes(l);
	if (failed)
		end(l, error.text);
}

static void
take_cipher(struct link *l, struct slice cipher)
{
	long n;

	while (cipher.size > 0 && !l->over) {
		n = tls_take(l->tls, cipher);
		cipher = slice_from(cipher, (size_t)n);
		pump(l);
		if (n == 0)
			break;
	}
	write_out(l);
}

/* --- Reading -------------------------------------------------------------------- */

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *to)
{
	struct link *l = handle->data;

	(void)suggested;
	if (l->tls != NULL) {
		*to = uv_buf_init((char *)l->loop->scratch, LOOP_SCRATCH);
		return;
	}
	compact(l);
	if (!make_room(l, &l->in, READ_BYTES)) {
		*to = uv_buf_init(NULL, 0);
		return;
	}
	*to = uv_buf_init((char *)l->in.at + l->in.size, READ_BYTES);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct link *l = stream->data;

	if (n == 0)
		return;
	l->loop->events++;
	if (n < 0) {
		end(l,
		    n == UV_EOF           ? ""
			: n == UV_ENOBUFS ? "no memory for what it sends"
					  : uv_strerror((int)n));
		return;
	}
	l->moved_ms = uv_now(&l->loop->uv);
	if (l->tls != NULL) {
		compact(l);
		take_cipher(l, slice_of(buffer->base, (size_t)n));
	} else {
		l->in.size += (size_t)n;
		tell_bytes(l);
	}
}

struct slice
link_bytes(const struct link *l)
{
	return slice_from(buffer_slice(&l->in), l->at);
}

void
link_use(struct link *l, size_t size)
{
	assert(size <= l->in.size - l->at);
	l->at += size;
	if (l->at == l->in.size)
		compact(l);
}

void
link_pause(struct link *l)
{
	if (l->reading && !l->closing)
		(void)uv_read_stop(&l->u.stream);
	l->reading = false;
}

void
link_resume(struct link *l)
{
	if (l->reading || l->closing || l->over)
		return;
	l->reading = true;
	l->loop->events++;
	(void)uv_read_start(&l->u.stream, on_alloc, on_read);
}

/* --- Beginnings ----------------------------------------------------------------- */

static void
on_connect(uv_connect_t *connect, int status)
{
	struct link *l = connect->data;

	l->loop->events++;
	if (l->closing)
		return;
	if (status != 0) {
		end(l, uv_strerror(status));
		return;
	}
	if (l->u.handle.type == UV_TCP)
		(void)uv_tcp_nodelay(&l->u.tcp, 1);
	l->moved_ms = uv_now(&l->loop->uv);
	link_resume(l);
	if (l->tls != NULL)
		pump(l);
	if (!l->over)
		l->events->opened(l);
}

static struct link *
link_new(struct loop *loop, bool local, struct tls *tls,
    const struct link_events *events, void *owner, struct error *error)
{
	struct link *l = calloc(1, sizeof *l);
	int status = UV_ENOMEM;

	if (l != NULL)
		status = local ? uv_pipe_init(&loop->uv, &l->u.pipe, 0)
			       : uv_tcp_init(&loop->uv, &l->u.tcp);
	if (status != 0) {
		(void)error_set(error, "no socket: %s", uv_strerror(status));
		tls_free(tls);
		free(l);
		return NULL;
	}
	l->loop = loop;
	l->events = events;
	l->owner = owner;
	l->tls = tls;
	l->u.handle.data = l;
	l->moved_ms = uv_now(&loop->uv);
	return l;
}

struct link *
link_connect(struct loop *loop, const struct sockaddr *to, struct tls *tls,
    const struct link_events *events, void *owner, struct error *error)
{
	bool local = to->sa_family == AF_UNIX;
	struct link *l = link_new(loop, local, tls, events, owner, error);
	int status = 0;

	if (l == NULL)
		return NULL;
	address_format(to, l->peer);
	l->connect.data = l;
	if (local)
		uv_pipe_connect(&l->connect, &l->u.pipe,
		    ((const struct sockaddr_un *)to)->sun_path, on_connect);
	else
		status = uv_tcp_connect(&l->connect, &l->u.tcp, to, on_connect);
	if (status == 0)
		return l;
	(void)error_set(error, "%s: %s", l->peer, uv_strerror(status));
	link_close(l);
	return NULL;
}

struct link *
link_accept(uv_stream_t *listener, struct tls *tls, const struct link_events *events,
    void *owner, struct error *error)
{
	bool local = listener->type == UV_NAMED_PIPE;
	struct loop *loop = (struct loop *)listener->loop;
	struct link *l = link_new(loop, local, tls, events, owner, error);
	struct sockaddr_storage peer;
	int size = sizeof peer, status;

	if (l == NULL)
		return NULL;
	status = uv_accept(listener, &l->u.stream);
	if (status != 0) {
		(void)error_set(error, "cannot accept: %s", uv_strerror(status));
		link_close(l);
		return NULL;
	}
	(void)strcpy(l->peer, "a local peer");
	if (!local) {
		(void)uv_tcp_nodelay(&l->u.tcp, 1);
		(void)uv_tcp_keepalive(&l->u.tcp, 1, KEEPALIVE_S);
		if (uv_tcp_getpeername(&l->u.tcp, (struct sockaddr *)&peer, &size) == 0)
			address_format((struct sockaddr *)&peer, l->peer);
	}
	link_resume(l);
	return l;
}
