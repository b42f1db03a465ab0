/* SPDX-License-Identifier: MIT
 *
 * beta: the logarithms of what has a gamma or a beta distribution: their moments.
 *
 * Where x is gamma with shape a, log x has the mean digamma(a) - log rate and the variance
 * trigamma(a); where p is Beta(a, b), logit p is the difference of two such: mean
 * digamma(a) - digamma(b), variance trigamma(a) + trigamma(b). Source: Abramowitz and Stegun
 * 1964, 6.3.5, 6.3.18, 6.4.6, 6.4.12.
 */
#ifndef BANNERPIPE_MODEL_BETA_H
#define BANNERPIPE_MODEL_BETA_H

/* The first two derivatives of log gamma at x > 0, within 1e-10. Cost: about 30 ns, and 5 for
 * each whole number that x is below 8. */
void beta_polygamma(double x, double *digamma, double *trigamma);

/* The mean and the variance of logit p. */
void beta_logit(double a, double b, double *mean, double *variance);

#endif
