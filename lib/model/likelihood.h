/* SPDX-License-Identifier: MIT
 *
 * likelihood: what an example says, for labels of two kinds.
 *
 * Bernoulli: a label in [0, 1] of mean sigmoid(z); one that lies between is an example of
 * either outcome by that much (an expectation). Gamma: a positive label of mean exp(z) and
 * variance dispersion exp(2 z), such as an amount of money. Exponential: the same with a
 * dispersion of 1, such as a delay. An example of weight w counts as w of them.
 */
#ifndef BANNERPIPE_MODEL_LIKELIHOOD_H
#define BANNERPIPE_MODEL_LIKELIHOOD_H

#include "lib/model/lanes.h"

enum likelihood { LIKELIHOOD_BERNOULLI, LIKELIHOOD_GAMMA, LIKELIHOOD_EXPONENTIAL };

struct likelihood_example {
	enum likelihood of;
	double label, weight; /* weight > 0 */
	double dispersion;    /* of gamma; 1 of exponential */
};

/* The mean label where the linear predictor is z; z is held to +-VEC_LOGIT_MAX. */
double likelihood_mean(enum likelihood of, double z);
/* The inverse; held likewise. */
double likelihood_link(enum likelihood of, double mean);
/* The mean label of all lanes. */
void likelihood_means(enum likelihood of, const struct lanes *z, double mean[LANES]);
/* How the lanes follow an example of which they said z, its mean, and v
 * (lib/model/lanes.h). */
void likelihood_step(const struct likelihood_example *e, const struct lanes *z,
    const double mean[LANES], const struct lanes *v, struct lanes *gain,
    struct lanes *loss);

/* The same step where `z` is what the lanes say after it, and v what they said before: of
 * gamma only, whose step goes to where the pull of the label is in balance. */
void likelihood_step_to(const struct likelihood_example *e, const struct lanes *z,
    const struct lanes *v, struct lanes *gain, struct lanes *loss);

/* The probability of the example's label to the power of its weight where the mean is one of
 * these n (of gamma: its density up to a factor that does not depend on the mean), at least
 * 1e-30. */
void likelihood_of(
    const struct likelihood_example *e, const double *mean, unsigned n, double *to);

#endif
