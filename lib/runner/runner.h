/* SPDX-License-Identifier: MIT
 *
 * runner: keep a pipeline running: start the group of its processes, watch what they
 * commit, and when anything fails kill all of it and start it again from the last
 * committed epoch (bannerpipe-checkpoint(7)).
 */
#ifndef BANNERPIPE_RUNNER_RUNNER_H
#define BANNERPIPE_RUNNER_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/os.h"

enum {
	RUNNER_DONE = 0,
	RUNNER_REJECTED = 1,
	RUNNER_WRONG_USE = 100,
	RUNNER_FAILED = 111,
	RUNNER_INT = 130
};

struct runner_options {
	const char *dir;   /* made when it is not there */
	char *const *argv; /* the command, at least one argument, ends with NULL */
	bool fuse;         /* all filters in one process, without a shell */
	bool new_command;  /* take it though the folder knows another one */
	bool ledger_warns; /* go on when the ledger does not balance */
	bool quiet;        /* no progress line */
	int64_t every_us;  /* a source cuts so often */
	int64_t stall_us;  /* without progress for so long: start again */
	int64_t stop_us;   /* a planned stop that takes longer is cut short */
	uint64_t restarts; /* without progress between them: give up; 0: never */
	uint64_t quarantine_after; /* deaths at one record; 0: never */
};

/* Runs until the pipeline is finished, stopped by a signal, or refused. Says what happens on
 * standard error; returns the exit status: 0, or 1 when more was rejected than allowed; 100
 * wrong use; 111 given up; 130 after a second INT. Once in a process: it takes over
 * signals and children. */
int runner_run(const struct os *os, const struct runner_options *options);

#endif
