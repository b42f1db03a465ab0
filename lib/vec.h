/* SPDX-License-Identifier: MIT
 *
 * vec: dense and sparse kernels. Beside each fast one stands its reference in plain
 * double precision (`_exact`); the tests hold them together.
 *
 * The fast kernels add in a fixed order (16 lanes, then pairwise) and never fuse a
 * multiplication with an addition, so that their results have the same bits on every
 * machine, with or without wide registers: a model learned again is the same model.
 */
#ifndef BANNERPIPE_VEC_H
#define BANNERPIPE_VEC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* The sum of a[i] b[i], i < n. Relative to the sum of |a[i] b[i]| the fast one errs by
 * less than (n / 16 + 5) 2^-24. Cost: about n / 12 ns in cache. */
float vec_dot(const float *a, const float *b, size_t n);
double vec_dot_exact(const float *a, const float *b, size_t n);

/* y[i] += a x[i], i < n. x and y do not overlap. Cost: about n / 10 ns in cache. */
void vec_axpy(float a, const float *x, float *y, size_t n);
void vec_axpy_exact(float a, const float *x, float *y, size_t n);

/* The sum of w[at[i]] x[i], i < n; x == NULL means all 1. The same bound as vec_dot.
 * Cost: one memory access for each i. */
float vec_dot_sparse(const float *w, const uint32_t *at, const float *x, size_t n);
double vec_dot_sparse_exact(
    const float *w, const uint32_t *at, const float *x, size_t n);

/* w[at[i]] += a x[i], in the order of i, so that an index may occur twice; x == NULL
 * means all 1. */
void vec_axpy_sparse(float a, const uint32_t *at, const float *x, float *w, size_t n);

/* Logits are held to +-VEC_LOGIT_MAX wherever a probability is made of one, so that it
 * stays in (0, 1) and its logarithm finite. */
#define VEC_LOGIT_MAX 30.0

static inline double
vec_clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

/* 1 / (1 + exp(-z)). The exact one is libm's, over the whole range; the fast one holds
 * z to +-VEC_LOGIT_MAX and is within 1e-11 of it, relatively. Cost: about 8 and 5 ns.
 */
double vec_sigmoid_exact(double z);
double vec_sigmoid(double z);
/* The same bits for z[0] .. z[7], which are finite. Cost: about 10 ns. */
void vec_sigmoid_eight(const double *z, double *p);

/* The natural logarithm of a positive normal number, within 4 units in the last place, and
 * of 1 + x for x > -1, within 2^-42 of it, relatively. Those of libm have other last bits on
 * other processors. Cost: about 8 ns. */
double vec_log(double x);
double vec_log1p(double x);

/* exp(x), x held to +-700, within 1e-11 of it, relatively. Cost: about 4 ns. */
double vec_exp(double x);

/* log(p / (1 - p)), p in (0, 1); p is held to where the result is +-VEC_LOGIT_MAX. */
double vec_logit(double p);

/* -y log p - (1 - y) log(1 - p), y in [0, 1]: from a probability, held off 0 and 1 as
 * above, and from a logit without any loss of digits (softplus(z) - y z). Nats. */
double vec_log_loss(double p, double y);
double vec_log_loss_exact(double z, double y);

/* -p log p - (1 - p) log(1 - p): the log loss of a constant p where the mean label is
 * p. p in [0, 1]; 0 at both ends. Nats. */
double vec_entropy(double p);

#endif
