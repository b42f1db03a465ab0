/* SPDX-License-Identifier: MIT
 *
 * inspect: what a folder says of its pipeline, whether that runs or not.
 */
#ifndef BANNERPIPE_RUNNER_INSPECT_H
#define BANNERPIPE_RUNNER_INSPECT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/error.h"
#include "lib/os.h"

/* Print what is committed, how far the stages are and how large, as a table or as one
 * JSON object. -1 and error when the folder cannot be read. */
int inspect_status(
    const struct os *os, const char *dir, bool json, FILE *to, struct error *error);

/* Read every file: checksums, snapshots that are missing, how the stages hang together,
 * the ledger, and the ends of what the stages wrote. A line for each fault. Returns how many there are; -1 and error when that
 * cannot be found out. */
int inspect_check(const struct os *os, const char *dir, FILE *to, struct error *error);

#endif
