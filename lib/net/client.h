/* SPDX-License-Identifier: MIT
 *
 * client: send records to one server, in chunks that it acknowledges. Connects again when
 * the connection breaks, and sends again what was not acknowledged, in the same order.
 *
 * To a bp-recv the records are numbered, and a hash goes with them, so that it takes each
 * once whatever happens to connections and processes; and control records are sent. To
 * other servers a chunk is sent at least once. Which it is, an empty chunk finds out.
 */
#ifndef BANNERPIPE_NET_CLIENT_H
#define BANNERPIPE_NET_CLIENT_H

#include "lib/net/address.h"
#include "lib/net/forward.h"
#include "lib/net/handshake.h"
#include "lib/net/tls.h"
#include "lib/os.h"

enum client_peer { CLIENT_AUTO, CLIENT_BANNERPIPE, CLIENT_FORWARD };

struct client_config {
	const struct os *os;
	const struct address *address;
	struct tls_context *tls; /* NULL: none */
	struct handshake handshake;
	bool secured; /* the server asks for a shared key or a user */
	const char *tag;
	enum client_peer peer;
	enum forward_packing packing;         /* to a bp-recv */
	enum forward_packing foreign_packing; /* to others */
	size_t chunk_bytes;                   /* of records, before compression */
	size_t window_bytes;                  /* of records that are not acknowledged */
	int64_t timeout_ms;                   /* without an answer it connects again */
	void (*say)(void *context, const char *text);
	void *context;
};

/* What outlives the process. */
struct client_position {
	uint8_t stream[FORWARD_STREAM_SIZE];
	struct forward_mark mark; /* after all that was acknowledged */
};

struct client_counts {
	uint64_t connections, chunks, resent, acked; /* the last: records */
};

struct client;

/* Begins a new stream. NULL and error. */
struct client *client_new(const struct client_config *config, struct error *error);
void client_free(struct client *c);
const struct client_counts *client_counts(const struct client *c);

/* Go on with a stream; before the first record. */
void client_resume(struct client *c, const struct client_position *from);
/* Where all that was added ends; it is to be acknowledged. */
void client_tell(const struct client *c, struct client_position *to);

/* Whether it takes no more before some is acknowledged. */
bool client_full(const struct client *c);
/* Add a record, or a control record. False when memory is short. */
bool client_add(struct client *c, struct slice record);
/* Send what was added, though it fills no chunk. */
void client_flush(struct client *c);
/* Records that are not acknowledged. */
uint64_t client_unacknowledged(const struct client *c);

enum client_state {
	CLIENT_GOOD,
	CLIENT_REFUSED, /* the server will not have it: error is set, for a person */
};

/* Do what there is to do: without waiting, or waiting so long at most. */
enum client_state client_poll(struct client *c, struct error *error);
enum client_state client_wait(struct client *c, int ms, struct error *error);
int client_wait_fd(const struct client *c);
int client_wait_ms(const struct client *c);

#endif
