/* SPDX-License-Identifier: MIT
 *
 * server: listens, and takes messages of the Forward protocol (or lines of text) from any
 * number of connections, one message at a time. An ack goes out when whoever takes the
 * records says that they are safe, never before.
 *
 * Memory is bounded: a connection whose messages nobody takes is not read from, so that
 * its peer has to wait; one that wants more than its share is closed.
 */
#ifndef BANNERPIPE_NET_SERVER_H
#define BANNERPIPE_NET_SERVER_H

#include "lib/net/address.h"
#include "lib/net/forward.h"
#include "lib/net/handshake.h"
#include "lib/net/lines.h"
#include "lib/net/tls.h"
#include "lib/os.h"

enum { SERVER_LISTEN_MAX = 16, SERVER_STREAMS_MAX = 256, SERVER_PENDING_MAX = 8192 };

enum server_protocol { SERVER_FORWARD, SERVER_JSON, SERVER_SYSLOG };

/* Records that one message brought. */
struct server_batch {
	struct slice
	    bytes; /* records end to end, valid until the next one is asked for */
	uint64_t count, values; /* as in struct forward_records */
	bool numbered;
	uint8_t stream[FORWARD_STREAM_SIZE];
	struct forward_mark before, after;
};

struct server_config {
	const struct os *os;
	const struct address *listen;
	unsigned listen_count;
	enum server_protocol protocol;
	struct tls_context *tls;    /* NULL: none */
	struct handshake handshake; /* with a shared key or users: they are asked for */
	const char *tag_key;
	size_t message_bytes; /* of one message, as it comes */
	size_t unpacked_bytes;
	size_t memory_bytes; /* of all connections */
	unsigned connections;
	int64_t
	    timeout_ms; /* a peer in the middle of something may be silent so long */
	/* How far a numbered stream was taken by an earlier run; false: nothing is known.
	 * NULL: never. */
	bool (*known)(void *context, const uint8_t stream[FORWARD_STREAM_SIZE],
	    struct forward_mark *mark);
	/* Something a person should hear; lower case, no full stop. */
	void (*say)(void *context, const char *text);
	void *context;
};

struct server_counts {
	uint64_t connections, messages, refused, repeated, acks;
};

struct server;

/* Bind and listen; before the sandbox. The config is copied, what it points to borrowed.
 * NULL and error. */
struct server *server_new(const struct server_config *config, struct error *error);
void server_free(struct server *s);
const struct server_counts *server_counts(const struct server *s);
/* Where it listens, the port that the system chose included; terminated. */
const char *server_listens(const struct server *s, unsigned i); /* NULL: no more */

int server_wait_fd(const struct server *s);
int server_wait_ms(const struct server *s);

/* Do what there is to do, and take the next message. 1: *to is set; 0: there is none now.
 * The message is accepted with this: it will not be taken again from a numbered stream. */
int server_next(struct server *s, struct server_batch *to);
/* The last message's records are safe once `point` is reached: then its ack is sent. What
 * points are is the caller's business; they never go down. */
void server_took(struct server *s, uint64_t point);
/* Everything up to the point is safe. */
void server_settle(struct server *s, uint64_t point);
/* Messages taken that wait for their ack. */
unsigned server_unsettled(const struct server *s);
/* No new connections and messages from now on; acks still go out. */
void server_stop(struct server *s);

/* How far every numbered stream was taken, in no order; 0 <= i < their number. */
struct server_stream {
	uint8_t id[FORWARD_STREAM_SIZE];
	struct forward_mark mark;
	bool connected;
	uint64_t used; /* when it was used last, as a count of messages */
};
unsigned server_streams(const struct server *s, const struct server_stream **to);

#endif
