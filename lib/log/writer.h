/* SPDX-License-Identifier: MIT
 *
 * writer: the inside of struct log, shared by writer, recover and retain.
 */
#ifndef BANNERPIPE_LOG_WRITER_H
#define BANNERPIPE_LOG_WRITER_H

#include "lib/log/segment.h"

struct mark_slot {
	struct log_mark mark;
	uint64_t stamp; /* when it was set last; 0: the slot is free */
	bool fresh;     /* not yet in a batch of the live segment */
};

struct log {
	const struct os *os;
	const char *path;
	struct log_options options;
	int folder, lock; /* descriptors */

	/* What is written. */
	uint8_t uuid[LOG_UUID_SIZE];
	struct log_file live; /* fd -1: the next batch begins a segment */
	uint64_t offset;      /* behind the last batch in it */
	int64_t opened_us;    /* by the monotonic clock */
	uint64_t sealed_bytes;
	uint64_t next, written, durable; /* appended, in the file, on the disk */
	/* The same as numbers of appends, some of which have no record. */
	uint64_t appends, packed_appends, written_appends, durable_appends;
	uint8_t chain[LOG_HASH_SIZE]; /* of the last batch */
	uint8_t durable_chain[LOG_HASH_SIZE];
	uint64_t durable_offset;
	uint64_t epoch;
	struct log_entry *entries; /* LOG_BATCHES_MAX, of the live segment */
	uint32_t batches;          /* those with records */
	struct log_times times;    /* of the live segment */

	/* The batch that is gathered. */
	uint8_t *body;
	size_t used;
	uint32_t count;
	struct log_times body_times;
	int64_t waiting_us; /* since when something is not durable */

	/* The batch that is written next; size 0: none. It stays while the disk is full. */
	struct frame_packer *packer;
	uint8_t *packed; /* header and frame */
	size_t packed_size;
	struct log_header header;
	bool full;
	int64_t retry_us;

	struct mark_slot marks[LOG_SENDERS_MAX];
	uint64_t stamp;

	struct log_list list; /* for recovery and retention */
	struct log_buffers buffers;
	uint64_t guard;
	int64_t retain_us; /* when retention looks again */
};

void log_say(struct log *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void log_set_mark(struct log *l, const struct log_mark *mark, bool fresh);

/* recover.c: find the end of the log, mending it. Nothing is open afterwards but the live
 * segment, if there is one. */
int log_recover(struct log *l, struct error *error);

/* retain.c: remove what is too old or too much. */
int log_retain(struct log *l, struct error *error);

#endif
