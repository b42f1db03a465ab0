/* SPDX-License-Identifier: MIT
 *
 * audit: does what a pipeline has written and remembers equal what its command makes of
 * the same input from the beginning? Nothing of the pipeline is changed; it may run
 * meanwhile.
 *
 * The command runs once more, in a folder of its own, from the snapshots of the
 * beginning. Sources stop after as many records as the committed snapshots have, outputs
 * are compared with the files there are, up to the committed position, and the states
 * with the committed snapshots.
 */
#ifndef BANNERPIPE_RUNNER_AUDIT_H
#define BANNERPIPE_RUNNER_AUDIT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/runner/inside.h"

struct audit_options {
	const char *scratch; /* where its folder is made and kept; NULL: beside DIR, and
				it is removed */
	bool fuse;
	int64_t stall_us; /* give up when nothing has moved for so long */
};

/* Print a line for each difference, or that there is none. Returns how many there are; -1
 * and error when that cannot be found out. */
int audit_run(const struct os *os, const char *dir, const struct audit_options *options,
    FILE *to, struct error *error);

/* --- Shared by audit.c, scratch.c, again.c and compare.c, and by nobody else ------- */

struct audit {
	const struct os *os;
	const struct audit_options *options;
	FILE *to;
	char dir[EPOCH_PATH_MAX], scratch[EPOCH_PATH_MAX];
	struct generation generation; /* of the pipeline */
	struct topology topology;
	uint64_t committed;
	uint64_t standing[EPOCH_STAGES_MAX]; /* the epoch of each stage's snapshot */
	bool uneven; /* a source came to its END before the others */
	int differences;
	uint64_t records, bytes;
	unsigned equal, skipped; /* states */
};

/* audit.c */
void audit_differs(struct audit *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* scratch.c: make the folder and take what is committed into it, before it is forgotten.
 * 1: nothing is committed. */
int scratch_make(struct audit *a, struct error *error);
/* SCRATCH/committed/ID, a folder of snapshots. */
int scratch_committed(const struct audit *a, const char *id, char to[EPOCH_PATH_MAX],
    struct error *error);
/* Make all as it was at the beginning: origins, the topology, where sources stop. */
int scratch_prepare(struct audit *a, struct error *error);
void scratch_remove(struct audit *a);

/* again.c: from now on this process and its children write nowhere but to the scratch
 * folder and to devices, if the system knows how to forbid it. What the stages write they
 * may open, but not empty. */
int again_confine(const struct audit *a, struct error *error);
/* Run the command there, to its end. */
int again_run(struct audit *a, char *const *argv, struct error *error);

/* compare.c: what came of it with what is committed. */
int compare_stage(struct audit *a, unsigned stage, struct error *error);

#endif
