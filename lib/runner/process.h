/* SPDX-License-Identifier: MIT
 *
 * process: what /proc tells of processes.
 */
#ifndef BANNERPIPE_RUNNER_PROCESS_H
#define BANNERPIPE_RUNNER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid, parent, group;
	char state;    /* 'R', 'S', 'Z' ... of its main thread */
	char name[32]; /* cut to 15 bytes by the kernel */
	uint64_t
	    started; /* clock ticks since boot; with the pid it is one process only */
};

/* False when there is no such process. */
bool process_look(pid_t pid, struct process *to);

/* The processes of a pipeline. */
struct family {
	unsigned n, capacity;
	struct process *at; /* owned */
};

/* Those that descend from `ancestor` (without it) or are in the process group (0: none),
 * in the order of their pids; without zombies. -1 with errno when /proc cannot be read
 * or there is no memory. */
int family_look(struct family *f, pid_t ancestor, pid_t group);
void family_free(struct family *f);

/* Bytes that the process has read and written so far; 0 when that cannot be known. */
uint64_t process_moved(pid_t pid);

/* Whether the process holds this file open, and whether NAME=value stands in its
 * environment as it was started. False also when we may not know. */
bool process_holds(pid_t pid, dev_t device, ino_t inode);
bool process_has(pid_t pid, const char *assignment);

/* The pipes that a process has open, FIFOs with a name as well. */
struct pipe_end {
	dev_t device;
	ino_t inode;
	bool reads, writes;
};
/* Call `each` with every one. */
void process_pipes(
    pid_t pid, void (*each)(void *context, const struct pipe_end *end), void *context);

#endif
