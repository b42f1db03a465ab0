/* SPDX-License-Identifier: MIT
 *
 * calibration: makes predicted probabilities mean what they say, as the outcomes come.
 *
 * Platt: logit p' = slope logit p + shift (Platt 1999), both with a normal posterior around
 * 1 and 0 that follows the examples, so that it does nothing until they say otherwise.
 * Isotonic: a nondecreasing step function of p, by pooling adjacent violators (Ayer et al.,
 * Annals of Mathematical Statistics 1955) over bins of equal width in log-odds, each of
 * which begins with what Platt says of it.
 */
#ifndef BANNERPIPE_MODEL_CALIBRATION_H
#define BANNERPIPE_MODEL_CALIBRATION_H

#include <stdbool.h>

enum calibration_method { CALIBRATION_PLATT, CALIBRATION_ISOTONIC, CALIBRATION_NONE };
#define CALIBRATION_WORDS "platt|isotonic|none"

enum { CALIBRATION_BINS = 64 }; /* of log-odds from -16 to 16, half of one each */

/* Plain data, without pointers. */
struct calibration {
	double slope, shift;
	double precision
	    [3]; /* of slope, both, shift: the posterior's inverse covariance */
	double seen[CALIBRATION_BINS], positive[CALIBRATION_BINS]; /* isotonic only */
	double
	    step[CALIBRATION_BINS]; /* calibrated log-odds in the middle of the bin */
	double since;               /* examples since the steps were made */
};

void calibration_init(struct calibration *c);
/* The calibrated log-odds of log-odds. */
double calibration_apply(
    const struct calibration *c, enum calibration_method method, double z);
/* What became of it; a negative weight takes back. z is the uncalibrated one. */
void calibration_learn(struct calibration *c, enum calibration_method method, double z,
    double label, double weight);
/* As if `to` had seen what `from` has seen too: the posteriors' product over the prior. */
void calibration_merge(struct calibration *to, const struct calibration *from,
    enum calibration_method method);
bool calibration_is_sound(const struct calibration *c);

#endif
