/* SPDX-License-Identifier: MIT
 *
 * track: one input of a replay, record by record with its event time: a log, a file of
 * records, or a text log in a format that bp-parse knows; files may be zstd.
 */
#ifndef BANNERPIPE_LOG_TRACK_H
#define BANNERPIPE_LOG_TRACK_H

#include "lib/log.h"
#include "lib/stream.h"

enum track_kind {
	TRACK_UNKNOWN, /* a file of which nothing was read yet */
	TRACK_LOG,
	TRACK_RECORDS,
	TRACK_TEXT,
};

struct track_options {
	const char *format; /* as of bp-parse; NULL: found out */
	struct slice map;   /* text of a map; size 0: none */
	const char *map_name;
	bool bounded; /* logs are read between these only */
	instant from, to;
	bool follow;         /* a log goes on */
	bool step_over_gaps; /* else damage is a failure */
	bool input_goes_on;  /* standard input is resumed where it is */
	/* Something a person should hear. */
	void (*say)(void *context, const char *text);
	void *context;
};

/* Where a track was read up to. format, header and ids are borrowed; they matter for text
 * (format.h). */
struct track_position {
	enum track_kind kind;
	struct log_position batch;
	uint64_t used; /* bytes of the batch that were taken */
	struct input_position input;
	instant time; /* of the last record that had one */
	struct slice
	    peeked; /* what comes before the position, and was not taken; borrowed */
	const char *format;
	struct slice header, ids;
};

enum track_state {
	TRACK_RECORD,
	TRACK_END,
	TRACK_NOTHING, /* none now: of a followed log, or of somebody who writes slowly */
	TRACK_FAIL = -1,
};

struct track;

/* Borrows path and options. "-" is standard input. NULL and error on failure. */
struct track *track_new(const struct os *os, const char *path,
    const struct track_options *options, struct error *error);
void track_free(struct track *t);

/* The next record or control record, with its event time (one without has that of the
 * record before it); it stays until track_take. The records that a map makes of one line
 * come together. Bytes that are no records come as they are: who reads on finds out. */
enum track_state track_peek(
    struct track *t, struct slice *record, instant *time, struct error *error);
void track_take(struct track *t);
/* Many bytes of the stream in one piece, which need not end with a record, and take at
 * most `limit` of them. Not for text. */
enum track_state track_bulk(
    struct track *t, size_t limit, struct slice *bytes, struct error *error);
/* Whether it is text, or not yet known. */
bool track_is_text(struct track *t);

/* Where it stands, after what was taken. */
int track_tell(struct track *t, struct track_position *to, struct error *error);
/* Go there, before the first record. */
int track_resume(
    struct track *t, const struct track_position *from, struct error *error);

/* What becomes readable when there is more; -1: nothing does. */
int track_wait_fd(const struct track *t);
/* Bytes done and all there are; total 0: not known. */
void track_progress(struct track *t, uint64_t *done, uint64_t *total);
/* Lines that were malformed, gaps that were stepped over. */
uint64_t track_faults(const struct track *t);

#endif
