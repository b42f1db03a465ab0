/* SPDX-License-Identifier: MIT
 *
 * thompson: how probable it is that each of several uncertain candidates is the best.
 *
 * The candidates' logits are independent normal variables, and they are ranked by
 * sigmoid(logit) x value. Thompson sampling (Thompson 1933; Chapelle and Li, NIPS 2011)
 * shows each candidate with exactly this probability. It is computed, not sampled, so that
 * what is drawn from it has a propensity that is known.
 */
#ifndef BANNERPIPE_MODEL_THOMPSON_H
#define BANNERPIPE_MODEL_THOMPSON_H

#include <stdint.h>

#include "lib/vec/normal.h"

enum { THOMPSON_MAX = 1024 }; /* candidates, a multiple of VEC_BLOCK */

struct thompson_arm {
	double mean;     /* of the logit, within +-VEC_LOGIT_MAX */
	double variance; /* of the logit, 0 .. THOMPSON_VARIANCE_MAX; 0: it is known */
	double value;    /* >= 0, finite */
};

#define THOMPSON_VARIANCE_MAX 1e4

/* Scratch; whatever it holds between calls means nothing. */
struct thompson {
	double lower[THOMPSON_MAX], upper[THOMPSON_MAX], share[THOMPSON_MAX];
	/* Of those that can be the best, one after another. */
	unsigned arm[THOMPSON_MAX], place[THOMPSON_MAX];
	uint8_t step[THOMPSON_MAX];
	double mean[THOMPSON_MAX], precision[THOMPSON_MAX], end[THOMPSON_MAX];
	double ratio[THOMPSON_MAX], pole[THOMPSON_MAX], at[THOMPSON_MAX];
	float slope[THOMPSON_MAX], hazard[THOMPSON_MAX];
	float fine[THOMPSON_MAX], coarse[THOMPSON_MAX];
};

/* probability[i], which add up to 1, for n arms, 1 <= n <= THOMPSON_MAX. Of arms that are
 * equal and known the first is the better one. Returns a bound of how far one of them is
 * from its exact value: 0 where there is a closed form (two arms of one value), else what two
 * quadrature rules say of it, and what was left out. Where deviations are about the same that
 * is some 1e-5, 1e-4 for hundreds of arms, elsewhere 1e-4 to 3e-3; the true error is below
 * 5e-6. Cost: 3 us for n = 5, 6 us for n = 50, 20 us for n = 300 of similar variance, twice
 * as much when values differ; three times as much when variances differ by hundreds; arms
 * that cannot win cost next to nothing. */
double thompson_weigh(struct thompson *t, const struct thompson_arm *arms, unsigned n,
    double *probability);

#endif
