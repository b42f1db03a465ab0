/* SPDX-License-Identifier: MIT
 *
 * lock: DIR/lock, so that no two groups of processes work in one folder.
 *
 * Two locks lie on the one file. flock belongs to the open file, which every process of
 * the group inherits: it is free only when the last one of them is dead, also when the
 * runner died first. A record lock of fcntl belongs to the runner alone: it tells a
 * living runner from what one has left behind.
 */
#ifndef BANNERPIPE_RUNNER_LOCK_H
#define BANNERPIPE_RUNNER_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/os.h"

enum lock_result {
	LOCK_FAILED = -1, /* error is set */
	LOCK_TAKEN,
	LOCK_BUSY, /* another runner lives; error says which */
};

/* Take both. Processes of an older group are killed and waited for; *killed is their
 * number. *fd is not closed by exec, and is not to be closed while the runner lives: with
 * any descriptor of the file the record lock would go. */
enum lock_result lock_take(const struct os *os, const char *dir, int *fd,
    unsigned *killed, struct error *error);

/* Write down who runs here, for people and for lock_take. `group` 0: not started. */
int lock_note(const struct os *os, int fd, pid_t group, struct error *error);

/* The runner that holds DIR, 0 for none; not to be called by a runner of DIR. */
pid_t lock_holder(const struct os *os, const char *dir);

#endif
