/* SPDX-License-Identifier: MIT
 *
 * keep: put what a server takes into the durable log, with the mark of a numbered stream
 * in the same append as the records that it covers.
 */
#ifndef BANNERPIPE_NET_KEEP_H
#define BANNERPIPE_NET_KEEP_H

#include "lib/log.h"
#include "lib/net/server.h"
#include "lib/net/streams.h"

struct keeper_events {
	void (*kept)(void *context, uint64_t records);
	/* One that breaks a rule of records is left out. */
	void (*rejected)(void *context, struct slice value, const char *reason);
	/* The end of a stream came, which is not kept, since a log has many of them. So
	 * many have ended. */
	void (*ended)(void *context, uint64_t streams);
	void *context;
};

struct keeper;

/* Borrows log and streams, which are told what the log's marks say. Of watermarks that of
 * all streams is kept, once `least` streams have one. NULL when there is no memory. */
struct keeper *keeper_new(struct log *log, struct streams *streams, uint64_t least,
    const struct keeper_events *events);
void keeper_free(struct keeper *k);

/* Whether a batch waits for room, and has to be appended before another one begins. */
bool keeper_waits(const struct keeper *k);
/* Begin with a batch, whose bytes stay until it is appended. */
void keeper_begin(struct keeper *k, const struct server_batch *batch);
/* Append it, or what is left of it. LOG_FULL: try again later. */
enum log_result keeper_append(struct keeper *k, struct error *error);

/* How far the log has a stream; false when it knows nothing of it. */
bool keeper_known(const struct keeper *k, const uint8_t stream[FORWARD_STREAM_SIZE],
    struct forward_mark *mark);

#endif
