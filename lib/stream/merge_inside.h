/* SPDX-License-Identifier: MIT
 *
 * merge_inside: the merge itself, shared by merge.c, which runs it, and merge_save.c, which
 * saves and loads it, and by nobody else.
 */
#ifndef BANNERPIPE_STREAM_MERGE_INSIDE_H
#define BANNERPIPE_STREAM_MERGE_INSIDE_H

#include "lib/stream/heap.h"
#include "lib/stream/intake.h"
#include "lib/stream/merge.h"

/* What the first item of an input is that has not gone out. */
enum head { HEAD_UNKNOWN, HEAD_TIMED, HEAD_CUT, HEAD_OVER };

struct branch {
	struct intake intake;
	struct backlog loaded; /* of a snapshot: goes out before what is read */
	instant begins;        /* the place of what has no time, before any has one */
	enum head head;
	instant watermark;
	uint64_t cuts; /* that went out of this input */
	bool covered;  /* all that is left of it belongs to the last CUT: it has none */
};

struct merge {
	struct source source; /* first: a source is cast back */
	const struct os *os;
	struct merge_room room;
	struct reader *reader;   /* owned */
	struct branch *branches; /* owned */
	unsigned n;
	struct heap heap; /* of the branches with HEAD_TIMED */
	unsigned unknown, at_cut, over;
	bool tick_due;  /* a branch is over: the smallest watermark may be another */
	int midway;     /* the branch that a large record goes out of; -1: none */
	uint64_t cuts;  /* that went out */
	instant ticked; /* the last watermark that went out */
	uint64_t spilled;

	uint8_t *out; /* owned; out[out_from..out_to) is ready */
	size_t out_from, out_to;
	bool begun;   /* the first values are known */
	bool stage;   /* the inputs are the outputs of stages */
	bool barrier; /* HELLO or CUT ends what is ready */
	bool pausing; /* END(pause) is said: the rest is read for nobody */
	bool ended;   /* END is said, or there is none to say */
	bool stopped;
	bool failed; /* `fault` comes when what is ready has gone out */
	struct error fault;
};

#endif
