/* SPDX-License-Identifier: MIT
 *
 * result: the experiment_result record of a race.
 */
#ifndef BANNERPIPE_TUNE_RESULT_H
#define BANNERPIPE_TUNE_RESULT_H

#include "lib/record/build.h"
#include "lib/trial/race.h"
#include "lib/when.h"

enum { RESULT_SIZE_MAX = 2048 };

struct result {
	const char *champion, *challenger;
	const char *target;
	const char *decision; /* "open", "promoted", "dropped"; at the end "final" */
	double alpha;         /* of this challenger in this reign */
	uint64_t examples;    /* that the champion had learned */
	instant when;         /* WHEN_NEVER: nobody has said */
	const struct race *race;
};

/* estimate: by how many nats an example the challenger's log loss is lower, se its standard
 * error, cs its confidence sequence at level alpha, e_value that it is better. What is not
 * defined is left out. */
void result_build(const struct result *r, struct build *to);

#endif
