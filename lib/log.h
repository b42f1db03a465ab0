/* SPDX-License-Identifier: MIT
 *
 * log: the durable log. A folder of segments, each a file named after the number of its
 * first record; a segment is a run of batches, each a header in a skippable frame of zstd
 * and one frame with the records' bytes, so that zstdcat reads it (bannerpipe-log(5)).
 * Records are numbered from 0, batches are chained by a hash, a segment that is complete
 * is sealed with an index and made read-only. Control records count as records.
 *
 * The writer gathers a batch in memory. log_append closes it when it is full; a group
 * commit closes it, writes it and waits for the disk. What log_durable has passed
 * survives a power cut. One process writes, any number read.
 */
#ifndef BANNERPIPE_LOG_H
#define BANNERPIPE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/os.h"
#include "lib/when.h"

enum {
	LOG_BATCH_BYTES = 256 * 1024,     /* a batch is full when it has as many */
	LOG_APPEND_MAX = 4 * 1024 * 1024, /* bytes of one append, and so of a batch */
	LOG_SENDERS_MAX = 256,
	LOG_HASH_SIZE = 16,
	LOG_UUID_SIZE = 16,
	LOG_BATCHES_MAX = 1 << 17, /* of a segment */
};

/* A place between two records. */
struct log_position {
	uint64_t seq;     /* number of the record after it */
	uint64_t segment; /* which begins with that record */
	uint64_t
	    offset; /* in the segment's file, of the batch that has or will have it */
	uint8_t chain[LOG_HASH_SIZE]; /* of the batch before that one */
};

/* How far a sender's own stream has come: kept in the batch of the records it covers, so
 * that both are durable or neither is. The stalest of more than LOG_SENDERS_MAX senders
 * is forgotten. */
struct log_mark {
	uint8_t sender[LOG_UUID_SIZE];
	uint64_t next; /* what the sender sends next */
	uint8_t chain[LOG_HASH_SIZE];
};

/* Event time of some records; smallest > largest when none of them has one. */
struct log_times {
	instant smallest, largest;
};

#define LOG_NO_TIMES ((struct log_times){ INT64_MAX, INT64_MIN })

static inline void
log_times_add(struct log_times *times, instant t)
{
	if (t < times->smallest)
		times->smallest = t;
	if (t > times->largest)
		times->largest = t;
}

/* --- Writing -------------------------------------------------------------------- */

struct log_options {
	int64_t sync_us; /* a record waits that long for its group commit; >= 0 */
	uint64_t segment_bytes; /* a segment that has as many is sealed; > 0 */
	int64_t segment_us;     /* so is one of that age, by the clock; 0: at no age */
	uint64_t keep_bytes;    /* sealed segments beyond that are removed; 0: none */
	int64_t keep_us;        /* those sealed longer ago too; 0: none */
	bool fail_when_full;    /* a full disk is a failure, not LOG_FULL */
	/* Something a person should hear: a torn tail was cut off, the disk is full, has
	 * room again, a segment was removed. Lower case, no full stop. NULL: silent. */
	void (*say)(void *context, const char *text);
	void *context;
};

/* sync 5 ms, segments of 128 MiB, kept for ever. */
extern const struct log_options log_defaults;

enum log_result {
	LOG_DONE = 0,
	LOG_FULL = 1,  /* the disk has no room: nothing is lost, call again later */
	LOG_FAIL = -1, /* error is set; the writer is of no use any more: close it */
};

struct log;

/* Open a folder for appending; it is made when missing, and locked: a second writer is an
 * error. A torn tail (what a crash left of writes that were not yet durable) is cut off.
 * Damage of what was durable is an error that names segment and byte. `path` and the
 * options' context are borrowed. Allocates all memory that it will use (about 20 MiB),
 * opens files later too. NULL and error on failure. */
struct log *log_open(const struct os *os, const char *path,
    const struct log_options *options, struct error *error);

/* Append `count` whole records, at most LOG_APPEND_MAX bytes, with the range of their
 * event times; they come into one batch, with `mark` when it is not NULL. None only with a
 * mark: that of a sender whose records are left out. LOG_FULL:
 * nothing of it was taken. Does not wait for the disk unless a batch is full or a group
 * commit is due. Cost: a copy, and zstd -1 of each batch. */
enum log_result log_append(struct log *l, struct slice records, uint32_t count,
    struct log_times times, const struct log_mark *mark, struct error *error);

/* The mark of a sender, as appended last or found at opening; false when there is none. */
bool log_marked(
    const struct log *l, const uint8_t sender[LOG_UUID_SIZE], struct log_mark *to);

/* The marks one by one, in no order: *i is 0 before the first. False: there are no more. */
bool log_next_mark(const struct log *l, unsigned *i, struct log_mark *to);

/* Make everything appended durable. */
enum log_result log_sync(struct log *l, struct error *error);
/* When that is due by monotonic_us; INT64_MAX while there is nothing to do. While the disk
 * is full, when to try again. */
int64_t log_due(const struct log *l);
/* Do what is due now (sync, rotation by age, retention); cheap when nothing is. */
enum log_result log_tend(struct log *l, struct error *error);

/* The number of the record that is appended next, and of the first that is not yet
 * durable. */
uint64_t log_next(const struct log *l);
uint64_t log_durable(const struct log *l);
/* How many appends there were since the log was opened, those without records among them,
 * and how many of these, the first ones, are durable. */
uint64_t log_appends(const struct log *l);
uint64_t log_durable_appends(const struct log *l);
/* Bytes in all segments. */
uint64_t log_bytes(const struct log *l);
const uint8_t *log_uuid(const struct log *l);

/* What is written from now on is of that epoch; closes the batch. */
enum log_result log_epoch(struct log *l, uint64_t epoch, struct error *error);

/* The position after everything that is durable: for a snapshot; log_sync before. */
void log_tell(const struct log *l, struct log_position *to);
/* Remove what lies after a position that log_tell gave, durably; sealed segments are
 * opened again for that. Marks are as they were there. An error when the log does not
 * reach it, or is another one there. Before the first append. */
int log_truncate(struct log *l, const struct log_position *to, struct error *error);
/* Never remove by retention what a truncation to that record would need; UINT64_MAX at
 * first: anything may go. */
void log_guard(struct log *l, uint64_t seq);

/* Sync and close. The log is freed in any case. LOG_FULL: what was not yet durable is
 * lost. The last segment is not sealed: the next writer goes on in it. */
enum log_result log_close(struct log *l, struct error *error);
/* Free it as a crash would. NULL is fine. */
void log_abandon(struct log *l);

/* --- Reading -------------------------------------------------------------------- */

struct log_batch {
	struct slice body; /* the records, borrowed until the next call */
	uint64_t first;    /* number of its first record */
	uint32_t count;
	uint64_t epoch;
	struct log_times times;
	struct log_position at; /* of its first record */
};

/* Bytes that cannot be read. */
struct log_gap {
	uint64_t segment;
	uint64_t from, to; /* bytes of the segment's file */
	uint64_t seq,
	    next; /* records lost, next excluded; next == seq: none, or not known */
	char reason[160];
};

enum log_read {
	LOG_READ_BATCH = 1,
	LOG_READ_END = 0, /* no more now; a live log may have more later */
	LOG_READ_GAP = 2, /* gap is set; the next call goes on after it */
	LOG_READ_FAIL = -1,
};

struct log_reader;

/* Whether this is the folder of a log or the file of a segment. An empty folder is a log
 * that nobody has written to yet. */
bool log_is(const struct os *os, const char *path);

/* Read a folder, or the file of one segment, from its first record. Borrows path. */
struct log_reader *log_reader_new(
    const struct os *os, const char *path, struct error *error);
void log_reader_free(struct log_reader *r);

/* Only batches that may have records of these event times are read from now on; of the
 * others only headers, or, in a sealed segment, its index. */
void log_reader_between(struct log_reader *r, instant from, instant to);
/* Go on at a position: the next batch is the one that has the record `seq`, which may lie
 * within it. An error when the log is another one there. */
int log_reader_seek(
    struct log_reader *r, const struct log_position *to, struct error *error);

/* The next batch, whole and checked. */
enum log_read log_reader_next(struct log_reader *r, struct log_batch *to,
    struct log_gap *gap, struct error *error);

/* The position after the last batch that was given; log_reader_seek takes it. */
void log_reader_tell(const struct log_reader *r, struct log_position *to);

/* Bytes of all segments, and of those before the position of the next batch. */
void log_reader_progress(struct log_reader *r, uint64_t *done, uint64_t *total);

#endif
