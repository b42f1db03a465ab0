/* SPDX-License-Identifier: MIT
 *
 * follow: keep a model file, and a live one, up to date with a stream of deltas.
 */
#ifndef BANNERPIPE_MODELTOOL_FOLLOW_H
#define BANNERPIPE_MODELTOOL_FOLLOW_H

#include <signal.h>

#include "lib/base/error.h"
#include "lib/os.h"

struct follow_options {
	const char *
	    model; /* the file, written at pauses of a second, every 10 s, at the end */
	const char *live; /* for others to map; NULL: none */
	uint64_t memory;
	const volatile sig_atomic_t
	    *stop; /* set by a signal: end as if the input had */
};

/* From standard input to its end. 0; or -1 and the error: a delta is missing or damaged (then
 * the file keeps the last version that was whole), or the system failed. */
int follow_run(
    const struct os *os, const struct follow_options *options, struct error *error);

#endif
