/* SPDX-License-Identifier: MIT
 *
 * chain: a pipeline of filters in one process. What one writes is handed to the next as a
 * block of bytes instead of through a pipe; everything else is as in processes of their
 * own: options, counters, states, barriers, and the bytes that come out.
 *
 * Only the first filter may read files or make its own input, and only it may read text.
 */
#ifndef BANNERPIPE_FILTER_CHAIN_H
#define BANNERPIPE_FILTER_CHAIN_H

#include "lib/filter.h"

/* A program as it is linked into another one: its main, which calls chain_add. */
struct chain_program {
	const char *name; /* "bp-join" */
	int (*main)(int argc, char **argv);
};

/* All of this build, ended by a NULL name. */
extern const struct chain_program chain_programs[];

/* Called by the main of a program in place of filter_main. */
int chain_add(const struct filter *filter, int argc, char **argv);

/* Run a command: programs and their arguments with "|" between them, quoted as for a
 * shell, with "< FILE" for the first and ">> FILE" or "> FILE" for the last. What needs a
 * shell is refused. Returns the exit status: that of the first filter that fails, else the
 * largest. Once in a process. */
int chain_run(const char *command);

#endif
