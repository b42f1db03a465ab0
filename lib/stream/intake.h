/* SPDX-License-Identifier: MIT
 *
 * intake: one input of a merge, read ahead record by record.
 */
#ifndef BANNERPIPE_STREAM_INTAKE_H
#define BANNERPIPE_STREAM_INTAKE_H

#include "lib/record/control.h"
#include "lib/record/record.h"
#include "lib/stream.h"
#include "lib/stream/backlog.h"

/* The kinds of items. */
enum intake_kind {
	INTAKE_RECORD, /* a record, or a control record that passes */
	INTAKE_PART, /* of a record that is too large to be held; more of it follows */
	INTAKE_TICK,
	INTAKE_CUT, /* `at` is the place in time of what is before it */
	INTAKE_END,
	INTAKE_PAUSE,
	INTAKE_FAULT, /* the stream is wrong from here on: see `fault` */
	INTAKE_KINDS
};

/* What the first value of an input is. */
enum intake_first { FIRST_UNKNOWN, FIRST_HELLO, FIRST_OTHER, FIRST_NONE };

struct intake {
	struct input *in;       /* owned */
	struct reader *reader;  /* shared */
	struct backlog backlog; /* what was read and has not gone out */
	bool stage;    /* it is the output of a stage: barriers count, END must come */
	bool ignored;  /* it was over at the restored epoch: nothing it says is news */
	bool closed;   /* nothing is read any more */
	bool stuck;    /* for want of room */
	size_t need;   /* bytes of the next value, at least */
	uint64_t read; /* records, for messages */
	instant at;    /* of the last that was read */
	uint64_t cuts; /* that were read */
	bool ended, paused; /* that was read */
	bool wrong;         /* it ended otherwise: */
	struct error fault;
	struct skipper skipper;
	bool large; /* within a record that is too large */

	/* of HELLO */
	enum intake_first first;
	uint32_t generation;
	uint64_t restore;
	char lineage[CONTROL_OWN_MAX];
};

/* `in` is taken over, also on failure. */
int intake_init(struct intake *t, const struct os *os, struct input *in,
    struct reader *reader, size_t memory, const char *folder, uint64_t file,
    struct error *error);
void intake_fini(struct intake *t);

/* Whether a read may be asked for. */
bool intake_wants(const struct intake *t);
/* Look at the first value, which is taken when it is HELLO. Reads one block at most.
 * FIRST_UNKNOWN: more is needed. -1 with error. */
int intake_begin(struct intake *t, struct error *error);
/* Read one block at most and put what is whole into the backlog. 1 when something came,
 * else 0; -1 with error. What is wrong with the stream is an item. */
int intake_read(struct intake *t, struct error *error);
/* It was over at the epoch that is restored: forget what was read, and all that comes. */
void intake_ignore(struct intake *t);
/* Put what was read but had no room into the backlog. */
int intake_frame(struct intake *t, struct error *error);

#endif
