/* SPDX-License-Identifier: MIT
 *
 * link: one connection, TCP or a unix socket, with or without TLS: bytes in and out. What
 * it holds is bounded by whoever reads and sends, and all links together by their loop.
 */
#ifndef BANNERPIPE_NET_LINK_H
#define BANNERPIPE_NET_LINK_H

#include "lib/net/buffer.h"
#include "lib/net/loop.h"
#include "lib/net/tls.h"

struct link;

struct link_events {
	/* It is connected: bytes can be sent. Not called for one that was accepted. */
	void (*opened)(struct link *l);
	/* There are more bytes than before. */
	void (*bytes)(struct link *l);
	/* Everything that was sent has left this process. */
	void (*drained)(struct link *l);
	/* It ended; "" when the peer closed it. The owner calls link_close. */
	void (*ended)(struct link *l, const char *reason);
};

struct link {
	struct loop *loop;
	const struct link_events *events;
	void *owner;
	struct buffer in;
	size_t at; /* bytes of `in` that were used */
	char peer[128];
	uint64_t moved_ms; /* when a byte came or left last, by the loop's clock */

	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} u;
	uv_connect_t connect;
	uv_write_t write;
	struct tls *tls;
	struct buffer plain, out, sending;
	size_t counted; /* of the loop's `held` */
	bool reading, writing, telling, closing;
	bool over, broken; /* nothing more comes; nothing can be sent either */
};

/* Each returns NULL, with error, when it cannot begin. `tls` is taken over in any case,
 * NULL for none. */
struct link *link_connect(struct loop *loop, const struct sockaddr *to, struct tls *tls,
    const struct link_events *events, void *owner, struct error *error);
struct link *link_accept(uv_stream_t *listener, struct tls *tls,
    const struct link_events *events, void *owner, struct error *error);

/* The bytes that came; BUFFER_PADDING readable ones follow. */
struct slice link_bytes(const struct link *l);
void link_use(struct link *l, size_t size);
/* Stop reading from the socket, so that the peer has to wait; go on. */
void link_pause(struct link *l);
void link_resume(struct link *l);

/* Queue bytes to be sent. False when memory is short, or it is closing. */
bool link_send(struct link *l, struct slice bytes);
/* Bytes that were queued and have not left. */
size_t link_queued(const struct link *l);
/* Close; what is queued is sent as far as that goes without waiting. The link is freed
 * later, and calls no events any more. */
void link_close(struct link *l);

#endif
