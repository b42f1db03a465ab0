/* SPDX-License-Identifier: MIT
 *
 * stage: a run as a stage of a pipeline that bp-run keeps (bannerpipe-checkpoint(7)).
 * Shared by the files of this folder: stage.c joins, restore.c loads, barrier.c cuts,
 * outputs.c keeps the files, guard.c looks at single records.
 */
#ifndef BANNERPIPE_FILTER_STAGE_H
#define BANNERPIPE_FILTER_STAGE_H

#include "lib/epoch.h"
#include "lib/filter/run.h"
#include "lib/state/saver.h"

/* What a stage keeps back of each stream while a snapshot becomes durable. */
enum { STAGE_HOLD_MAX = 32 << 20 };

struct stage_run {
	char folder[EPOCH_PATH_MAX]; /* DIR/stage/ID */
	struct generation generation;
	struct stage self;
	char lineage[CONTROL_OWN_MAX]; /* of the input, "" for a source */
	struct identity *identity;     /* owned */
	struct saver *saver;           /* owned */
	int lock;                      /* held while the process lives */
	bool begun;                    /* DIR/topology was there */

	uint64_t epoch;     /* of the last CUT; at first the restored one */
	bool pending;       /* its snapshot is on its way, its CUT is kept back */
	bool ended, paused; /* END was sent */
	uint64_t forgotten; /* epochs before this one */
	int64_t published_us;

	/* of a source */
	bool keeps_position; /* of its input: the runtime does, not the filter */
	bool midway;         /* in a record that is too long to be held: no CUT here */
	uint64_t cuts;       /* of this generation */
	uint64_t cut_in;     /* counters.in at the last one */
	int64_t cut_us;
};

/* stage.c: become a stage: find the place in the pipeline, restore, say HELLO. After
 * start, before the sandbox. 0, or -1 when status is set. */
int stage_join(struct run *run);
/* Say that it takes part. */
int stage_announce(struct run *run);
void stage_leave(struct run *run);
/* A source goes on when all have joined. 1: it was told to stop before. */
int stage_await(struct run *run);
/* Tell the runner why this stage refuses to run. */
void stage_refuse(struct run *run, const char *text);

/* restore.c */
int stage_restore(struct run *run);
int stage_put(struct run *run, struct state_writer *w);

/* barrier.c */
int stage_cut(struct run *run, uint64_t epoch);
/* Wait until the last snapshot is durable, and let the output go. */
int stage_settle(struct run *run);
/* What the clock asks for, and how long until then in us, INT64_MAX for never. */
int stage_attend(struct run *run, int64_t now);
int64_t stage_patience(const struct run *run, int64_t now);
/* HELLO, CUT and END from the input. */
int stage_control(struct run *run, const struct control *c);
/* The input of a source is at its end, or it shall stop; that of an inner stage ended
 * without END. */
int stage_end(struct run *run);
/* Whether TERM means this stage, now. */
bool stage_stops(const struct run *run);

/* outputs.c */
unsigned stage_outputs(struct run *run, struct output *to[RUN_OUTPUTS_MAX]);
/* Whether HELLO, CUT and END go into this output. */
bool stage_carries(const struct run *run, const struct output *out);
int stage_watch_outputs(struct run *run);
/* Tell where the files lie. */
int stage_note_outputs(struct run *run);
int stage_seal_outputs(struct run *run);
/* At the end of an audit: leave what was compared in DIR/stage/ID/compared. */
int stage_report_outputs(struct run *run);
int stage_put_outputs(struct run *run, struct state_writer *w);
int stage_get_outputs(struct run *run, struct state_reader *r);
/* Write a control record to every stream, and flush when asked. */
int stage_tell(struct run *run, struct slice control, bool flush);
void stage_hold(struct run *run);
int stage_release(struct run *run);
int stage_output_failed(struct run *run, int status, const struct error *error);

/* guard.c */
enum guard_advice { GUARD_GO, GUARD_SKIP, GUARD_HALT };
int guard_open(struct run *run);
/* After the restore: keep no guard when there is nothing to watch for. */
void guard_settle(struct run *run);
enum guard_advice guard_before(struct run *run);
void guard_after(struct run *run);
/* All is read that an audit shall read. */
bool guard_halts(const struct run *run);
/* And that is the end of the input, not a pause. */
bool guard_completes(const struct run *run);
/* How far an audit shall compare an output; UINT64_MAX for its whole file. */
int guard_output(struct run *run, const char *name, uint64_t *until);
void guard_free(struct run *run);

#endif
