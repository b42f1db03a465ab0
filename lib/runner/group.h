/* SPDX-License-Identifier: MIT
 *
 * group: the processes of one generation: started as one process group, ended together.
 *
 * The runner is their subreaper: whoever loses its parent becomes its child, so nothing
 * gets away unseen, and the group has ended when the runner has no child left.
 */
#ifndef BANNERPIPE_RUNNER_GROUP_H
#define BANNERPIPE_RUNNER_GROUP_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"

/* A file of the folder that names a program which the shell did not find. */
#define GROUP_NOT_FOUND "not-found"

struct group {
	pid_t leader;      /* the shell, or the program; 0 before a start */
	bool leader_ended; /* then: */
	int status;        /* as the shell tells it: 128 + N for signal N */
	bool ended;        /* no process is left */
};

/* Once in the life of the runner, before the first start. */
int group_prepare(struct error *error);

/* Start it: one argument is a command of bash with pipefail, several are a program and
 * its arguments. It gets BP_DIR=dir, the descriptors of the runner that are open over exec,
 * signals as they are by default, and is killed when the runner dies. -1 with error when
 * it cannot be executed; *wrong_use is set when that is the command's fault. */
int group_start(struct group *g, char *const *argv, const char *dir, bool *wrong_use,
    struct error *error);

/* Take notice of the ends of processes; does not wait. */
void group_reap(struct group *g);

/* Kill all of it and wait until nothing is left. */
void group_kill(struct group *g);

#endif
