/* SPDX-License-Identifier: MIT
 *
 * members: the stages of the generation that runs, as processes.
 */
#ifndef BANNERPIPE_RUNNER_MEMBERS_H
#define BANNERPIPE_RUNNER_MEMBERS_H

#include <poll.h>

#include "lib/epoch.h"

struct members {
	struct topology joined;
	int fd[EPOCH_STAGES_MAX];    /* pidfd of each; -1 when it is dead */
	bool done[EPOCH_STAGES_MAX]; /* dead, and it had reached END */
	bool dead[EPOCH_STAGES_MAX];
	bool rejecting; /* one that is done has rejected more than it is allowed */
};

void members_init(struct members *m);
void members_free(struct members *m);

/* Take in those that have joined since. -1 and error on failure. */
int members_update(struct members *m, const struct os *os, const char *dir,
    uint64_t generation, struct error *error);

/* Take notice of deaths. Returns how many are dead without having reached END, -1 and
 * error on failure. */
int members_look(struct members *m, const struct os *os, const char *dir,
    uint64_t generation, struct error *error);

/* How many live. */
unsigned members_alive(const struct members *m);
/* Whether every source has reached END or is dead. */
bool members_sources_ended(const struct members *m);
/* Send a signal to all or to the sources only. */
void members_signal(const struct members *m, int number, bool sources);
/* Bytes that all of them have read and written so far. */
uint64_t members_moved(const struct members *m);
/* Entries for poll; returns how many, at most EPOCH_STAGES_MAX. */
unsigned members_poll(const struct members *m, struct pollfd *to);

#endif
