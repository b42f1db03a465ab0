/* SPDX-License-Identifier: MIT
 *
 * normal: the exponential, the logarithm and the normal distribution over whole arrays,
 * with the same bits on every machine (vec.h).
 *
 * Arrays of `n` doubles, n any number unless it says otherwise; input and output may be
 * the same array. Costs are for one core with 512-bit registers and arrays in the cache.
 */
#ifndef BANNERPIPE_VEC_NORMAL_H
#define BANNERPIPE_VEC_NORMAL_H

#include <stddef.h>

enum { VEC_WIDTH = 8 }; /* doubles that are worked on together */

/* e^x, within 1e-15 relatively (2e-13 beyond +-600); x is held to +-708, where the result
 * is still a normal number. Cost: 1 ns a number. */
void vec_exp_all(const double *x, double *to, size_t n);

/* The natural logarithm of positive normal numbers, within 4e-15 relatively where it is
 * not within 1e-3 of 0, there within 1e-15 of |x - 1|. Cost: 2 ns a number. */
void vec_log_all(const double *x, double *to, size_t n);

/* The normal distribution function: the probability that a standard normal variable is
 * below x; within 3e-13 relatively for |x| < 37, held beyond. */
double vec_normal_cdf(double x);

/* For n variables with the given means and precisions (1 / standard deviation), n a
 * multiple of VEC_WIDTH, at the points x[i]: the product of all Phi((x - mean) precision),
 * which is returned, and hazard[i] = phi(y) / Phi(y) precision, so that the product of all
 * but one and the density of that one are product * hazard[i]. Within 1e-12 (n + 1)
 * relatively. To fill up: a variable of mean -1e9 and precision 1 changes nothing. Cost: 2
 * ns a variable. */
double vec_normal_hazards(const double *x, const double *mean, const double *precision,
    double *hazard, size_t n);

/* y[i] += a x[i], n a multiple of VEC_WIDTH. */
void vec_add_scaled(double a, const double *x, double *y, size_t n);

#endif
