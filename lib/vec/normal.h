/* SPDX-License-Identifier: MIT
 *
 * normal: the exponential, the logarithm and the normal distribution over whole arrays,
 * with the same bits on every machine (vec.h).
 *
 * Arrays of `n` doubles, n any number unless it says otherwise; input and output may be
 * the same array. Costs are for one core with 256-bit registers and arrays in the cache.
 */
#ifndef BANNERPIPE_VEC_NORMAL_H
#define BANNERPIPE_VEC_NORMAL_H

#include <stddef.h>

/* Doubles, and floats, that are worked on together. */
enum { VEC_WIDTH = 8, VEC_BLOCK = 16 };

/* e^x, within 1e-15 relatively (2e-13 beyond +-600); x is held to +-708, where the result
 * is still a normal number. Cost: 4 ns a number. */
void vec_exp_all(const double *x, double *to, size_t n);

/* The natural logarithm of positive normal numbers, within 4e-15 relatively where it is
 * not within 1e-3 of 0, there within 1e-15 of |x - 1|. Cost: 6 ns a number. */
void vec_log_all(const double *x, double *to, size_t n);

/* The normal distribution function: the probability that a standard normal variable is
 * below x; within 3e-13 relatively for |x| < 37, held beyond. */
double vec_normal_cdf(double x);

/* For n variables with the given means and precisions (1 / standard deviation, at most
 * 1e30), n a multiple of VEC_BLOCK, at the points x[i]: the product of all
 * Phi(y), y = (x - mean) precision, which is returned, and hazard[i] = phi(y) / Phi(y)
 * precision, so that product * hazard[i] is the density of the i-th times the
 * probabilities of all others. In single precision: each Phi and phi within 3e-6
 * relatively for |y| < 6, held beyond 12. To fill up: a variable of mean -1e9 and precision
 * 1 changes nothing. Cost: 4 ns a variable with 256-bit registers. */
double vec_normal_hazards(const double *x, const double *mean, const double *precision,
    float *hazard, size_t n);

#endif
