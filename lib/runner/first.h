/* SPDX-License-Identifier: MIT
 *
 * first: what holds only as long as a pipeline has never come to its beginning, that is,
 * as long as the folder has no topology: nothing was read, no output was written.
 */
#ifndef BANNERPIPE_RUNNER_FIRST_H
#define BANNERPIPE_RUNNER_FIRST_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/os.h"

/* Whether the command did not find a program, which no other start would mend; error then
 * names it. Reads what the handler of group_start has left. */
bool first_lacks_program(const struct os *os, const char *dir, struct error *error);

/* Remove what the stages of another command have left, snapshots of the beginning. */
int first_forget(const struct os *os, const char *dir, struct error *error);

#endif
