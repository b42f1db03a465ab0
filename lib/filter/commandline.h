/* SPDX-License-Identifier: MIT
 *
 * commandline: programs joined by "|", as POSIX shells split it (XCU 2.2 and
 * 2.3), as far as that needs no shell: quotes and backslashes, "<", ">" and ">>".
 */
#ifndef BANNERPIPE_FILTER_COMMANDLINE_H
#define BANNERPIPE_FILTER_COMMANDLINE_H

#include <stdbool.h>

#include "lib/base/error.h"

enum {
	COMMANDLINE_PROGRAMS_MAX = 32,
	COMMANDLINE_ARGUMENTS_MAX = 256,
	COMMANDLINE_TEXT_MAX = 64 * 1024
};

struct commandline {
	unsigned programs;
	struct {
		int argc;
		char **argv; /* ended by NULL; in `words` */
	} program[COMMANDLINE_PROGRAMS_MAX];
	char *input, *output; /* NULL for none */
	bool append;
	char *words[COMMANDLINE_ARGUMENTS_MAX + COMMANDLINE_PROGRAMS_MAX];
	char text[COMMANDLINE_TEXT_MAX];
};

/* -1 and error when it is no such line. */
int commandline_split(struct commandline *to, const char *command, struct error *error);

#endif
