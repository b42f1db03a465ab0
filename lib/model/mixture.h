/* SPDX-License-Identifier: MIT
 *
 * mixture: which of several experts to believe, by Bayes' rule as the examples come, with a
 * share that lets another expert become the best (fixed share: Herbster and Warmuth, Machine
 * Learning 1998). The loss of the mixed prediction exceeds that of the best expert by
 * ln 2 of the constant, ln (2 LANES) of a lane, in total, and about ln(1 / MIXTURE_SHARE) for every change of the best.
 */
#ifndef BANNERPIPE_MODEL_MIXTURE_H
#define BANNERPIPE_MODEL_MIXTURE_H

#include "lib/model/lanes.h"

/* The lanes, and one that predicts the mean of all examples whatever it is shown. */
enum { MIXTURE_CONSTANT = LANES, MIXTURE_EXPERTS };

#define MIXTURE_SHARE 1e-5

struct mixture {
	double weight[MIXTURE_EXPERTS]; /* positive; the sum is 1 */
};

void mixture_init(struct mixture *m);
/* The mean of what the experts say. */
double mixture_mean(const struct mixture *m, const double said[MIXTURE_EXPERTS]);
/* The same of n examples, of which e[8 i + k] is exp(-z) of lane k and of which the constant
 * says the same: probabilities. Sums in another order, and so within rounding. */
void mixture_means(const struct mixture *m, double constant, const double *e,
    unsigned n, double *mean);
/* An example to which the experts gave these probabilities (densities up to a common
 * factor), all positive and finite; unlearn takes back the last one. */
void mixture_learn(struct mixture *m, const double likelihood[MIXTURE_EXPERTS]);
void mixture_unlearn(struct mixture *m, const double likelihood[MIXTURE_EXPERTS]);
/* Weights that are not negative, and add up. */
bool mixture_is_sound(const struct mixture *m);
/* The lane of the greatest weight, the constant left out. */
unsigned mixture_best(const struct mixture *m);

#endif
