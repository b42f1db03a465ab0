/* SPDX-License-Identifier: MIT
 *
 * keep: put what a server takes into the durable log, with the mark of a numbered stream
 * in the same append as the records that it covers.
 */
#ifndef BANNERPIPE_NET_KEEP_H
#define BANNERPIPE_NET_KEEP_H

#include "lib/log.h"
#include "lib/net/server.h"

struct keeper_events {
	void (*kept)(void *context, uint64_t records);
	/* One that breaks a rule of records is left out. */
	void (*rejected)(void *context, struct slice value, const char *reason);
	/* The end of the batch's stream came: like watermarks it is not kept, since a log
	 * has many streams. */
	void (*ended)(void *context, const uint8_t stream[FORWARD_STREAM_SIZE]);
	void *context;
};

struct keeper;

/* Borrows the log. NULL when there is no memory. */
struct keeper *keeper_new(struct log *log, const struct keeper_events *events);
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
