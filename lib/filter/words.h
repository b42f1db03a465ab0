/* SPDX-License-Identifier: MIT
 *
 * words: a command line of programs joined by "|", as POSIX shells split it (XCU 2.2 and
 * 2.3), as far as that needs no shell: quotes and backslashes, "<", ">" and ">>".
 */
#ifndef BANNERPIPE_FILTER_WORDS_H
#define BANNERPIPE_FILTER_WORDS_H

#include <stdbool.h>

#include "lib/base/error.h"

enum { WORDS_PROGRAMS_MAX = 32, WORDS_ARGUMENTS_MAX = 256, WORDS_TEXT_MAX = 64 * 1024 };

struct words {
	unsigned programs;
	struct {
		int argc;
		char **argv; /* ended by NULL; in `words` */
	} program[WORDS_PROGRAMS_MAX];
	char *input, *output; /* NULL for none */
	bool append;
	char *words[WORDS_ARGUMENTS_MAX + WORDS_PROGRAMS_MAX];
	char text[WORDS_TEXT_MAX];
};

/* -1 and error when it is no such line. */
int words_split(struct words *to, const char *command, struct error *error);

#endif
