/* SPDX-License-Identifier: MIT
 *
 * inside: the runner itself, shared by runner.c (from generation to generation),
 * watch.c (one generation), join.c (its start) and by nobody else.
 */
#ifndef BANNERPIPE_RUNNER_INSIDE_H
#define BANNERPIPE_RUNNER_INSIDE_H

#include "lib/runner/gather.h"
#include "lib/runner/group.h"
#include "lib/runner/members.h"
#include "lib/runner/quarantine.h"
#include "lib/runner/report.h"
#include "lib/runner/runner.h"

/* How a generation, or a step of it, ended. */
enum outcome {
	GO_ON,    /* it has not */
	FINISHED, /* END everywhere */
	STOPPED,  /* as asked by a signal */
	AGAIN,    /* it failed: another one */
	EXIT,     /* the runner ends; status is set */
};

struct runner {
	const struct os *os;
	const struct runner_options *options;
	char dir[EPOCH_PATH_MAX]; /* absolute */
	int lock, signals;        /* descriptors */
	struct report report;
	int status; /* of EXIT */

	struct topology topology;
	bool complete; /* topology is known */
	struct generation generation;
	uint64_t committed;
	int64_t committed_us; /* when that was seen, monotonic */

	bool stopping;       /* TERM or INT came */
	unsigned interrupts; /* how often INT did */
	uint64_t failures;   /* without progress between them */
	struct suspect suspect;
	bool said_waiting; /* for the first input */
	bool warned;       /* of programs that are no stages */
	bool suspects;     /* deaths are looked into: files `current` are there */

	/* of one generation */
	struct group group;
	struct members members;
	struct gather gather;
	char waits_for[512]; /* what gather said last */
	int changes;         /* inotify of the sinks' folders, -1 for none */
	bool ready;          /* all stages have joined */
	bool waiting;        /* some have read nothing yet, and nothing else is amiss */
	int64_t silence_us;  /* when that was asked last */
	bool progressed;     /* something was committed */
	int64_t progress_us; /* when anything went forward last, monotonic */
	uint64_t moved;      /* bytes, when it was asked last */
	int64_t moved_us;
	int64_t stop_us, stop_again_us; /* when it was told to; 0: not yet */
	int64_t left_us;                /* when the last stage ended, 0: not yet */
};

/* runner.c: take signals in. */
void runner_signals(struct runner *r);

/* watch.c: see a generation through, from the start of its group to the end of the last
 * process. */
enum outcome watch_generation(struct runner *r);
int64_t watch_now(const struct runner *r);
/* Say why, and start again, or end with a status. */
enum outcome watch_fail(struct runner *r, const struct error *error);
enum outcome watch_leave(struct runner *r, int status, const struct error *error);
/* Whether a stage refuses to run; error says why. */
bool watch_refused(struct runner *r, struct error *error);
/* Count what came to be committed; says so to stages, reports and the ledger. */
enum outcome watch_commits(struct runner *r);

/* join.c: look who has joined; `ready` when all have. The first time find the topology. */
enum outcome join_look(struct runner *r);
/* Whether all that holds up the start is that stages have read nothing yet. */
bool join_silent(struct runner *r);

#endif
