/* SPDX-License-Identifier: MIT
 *
 * body: what the snapshot of every stage begins with, before what its filter saves: its
 * counters, how far its files were written, where its input was read up to.
 */
#ifndef BANNERPIPE_EPOCH_BODY_H
#define BANNERPIPE_EPOCH_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/state.h"

enum {
	BODY_FORMAT = 1,
	BODY_WITHOUT_OWN = 2, /* what the filter saves is left out, in an audit */
	BODY_COUNTERS =
	    8, /* in, out, dropped, rejected, held, late, emitted, control */
	BODY_OUTPUTS_MAX = 16,
	BODY_NAME_MAX = 4096,
};

struct body_output {
	char
	    name[BODY_NAME_MAX]; /* the stage's own for it: "standard output", a path */
	uint64_t size;
	uint64_t last_hash; /* of its last min(size, 4096) bytes */
};

struct body {
	uint64_t counter[BODY_COUNTERS];
	bool own; /* what the filter saves follows */
	unsigned outputs;
	struct body_output output[BODY_OUTPUTS_MAX];
	uint64_t
	    file; /* which of its files it read, from 1; 0: it reads from a stage, or
			  the filter keeps the position */
	uint64_t number, offset;
	uint64_t seek, head_hash, last_hash; /* with a file */
	char input[BODY_NAME_MAX];           /* its name; "" without a file */
};

/* Read it from the beginning of a body; what is left is the filter's. -1 when the bytes
 * are none. */
int body_read(struct state_reader *r, struct body *to);

#endif
