/* SPDX-License-Identifier: MIT
 *
 * command: what the pipeline of a folder is, in DIR/command: a line for each argument,
 * in which '%' and control characters are written as %XX.
 */
#ifndef BANNERPIPE_RUNNER_COMMAND_H
#define BANNERPIPE_RUNNER_COMMAND_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/os.h"

enum command_result {
	COMMAND_FAILED = -1, /* the system; error is set */
	COMMAND_GOOD,        /* it is the one of the folder, or the folder had none */
	COMMAND_OTHER,       /* another one, or damaged; error says what differs */
};

/* `argv` ends with NULL. With `anew` it becomes the command of the folder whatever it was.
 */
enum command_result command_settle(const struct os *os, const char *dir,
    char *const *argv, bool anew, struct error *error);

/* Decode one line of the file in place: "argument TEXT". NULL when it is none. */
char *command_argument(char *line);

#endif
