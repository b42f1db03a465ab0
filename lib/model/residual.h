/* SPDX-License-Identifier: MIT
 *
 * residual: what taking back by an update of the opposite weight leaves of an example, guessed
 * as it happens, at a small cost. Of one example in RESIDUAL_SHARE, chosen by its identity,
 * it is kept by how much learning it moved the log-odds of the very example; taking it back
 * moves them again, and the residual is what the two do not cancel:
 *
 *	|(z after learning - before) + (z after taking back - before)|
 *
 * As others that are like it have been learned since, which has undone part of the first move,
 * this is rather too large. Of amounts z is the logarithm.
 */
#ifndef BANNERPIPE_MODEL_RESIDUAL_H
#define BANNERPIPE_MODEL_RESIDUAL_H

#include "lib/model/model.h"

enum { RESIDUAL_SHARE = 32, RESIDUAL_KEPT = 4096 };

struct residual {
	uint64_t measured;
	double sum, max;
	struct residual_move {
		uint64_t identity; /* 0: none */
		double move;
	} of[RESIDUAL_KEPT]; /* by identity; a later one takes the place of another */
};

/* model_learn, and a look at what it did: twice the cost of a prediction for those that are
 * chosen. */
enum features_fault residual_learn(struct residual *r, struct model *m,
    const struct features *f, const struct model_example *e, uint64_t identity,
    struct model_estimates *to);

void residual_save(const struct residual *r, struct state_writer *to);
int residual_load(struct residual *r, struct state_reader *from);

#endif
