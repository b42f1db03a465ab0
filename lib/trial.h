/* SPDX-License-Identifier: MIT
 *
 * trial: what counts and sums say about rates and ratios, with intervals. Counts may be
 * weighted. Where a figure is not defined (nothing was shown, nothing was spent) the
 * function returns false and sets nothing.
 */
#ifndef BANNERPIPE_TRIAL_H
#define BANNERPIPE_TRIAL_H

#include <stdbool.h>

struct trial_interval {
	double low, high;
};

/* The two-sided normal quantile of 95 %. */
#define TRIAL_Z95 1.959963984540054

/* The Wilson score interval of a proportion, without continuity correction (Wilson,
 * JASA 1927): successes of n, 0 <= successes <= n, n > 0; z is the normal quantile. */
bool trial_wilson(double successes, double n, double z, struct trial_interval *to);

/* The same for weighted counts: the sums of weight of the successes, of all, and of the
 * squared weights of all. Stands for Kish's effective size n = (sum w)^2 / sum w^2
 * (Kish, Survey Sampling, 1965), at which equal weights are plain counts. Counts from
 * which more was taken than was added are not defined. */
bool trial_wilson_weighted(double successes, double weight, double weight_squared,
    double z, struct trial_interval *to);

/* Sums over n units (users, impressions) of a numerator y and a denominator x. */
struct trial_sums {
	double n, x, y, xx, xy, yy;
};

void trial_add(struct trial_sums *s, double x, double y, double weight);

/* The ratio sum y / sum x and its interval by the delta method (Deng et al., KDD 2018;
 * Cochran, Sampling Techniques, 6.4): n >= 2, sum x > 0. */
bool trial_ratio(
    const struct trial_sums *s, double z, double *ratio, struct trial_interval *to);

/* What shops call their ratios; money in micros. */
bool trial_ctr(double clicks, double impressions, double *to);
bool trial_cvr(double conversions, double clicks, double *to);
bool trial_ecpm(double cost_micros, double impressions, double *micros);
bool trial_roi(double revenue, double cost, double *to);  /* (revenue - cost) / cost */
bool trial_roas(double revenue, double cost, double *to); /* revenue / cost */

#endif
