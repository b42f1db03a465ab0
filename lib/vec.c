/* SPDX-License-Identifier: MIT */
#include "lib/vec.h"

#include <string.h>

#include "lib/base/assert.h"
#include "lib/vec/wide.h"

/* ISO mode keeps gcc from contracting a * b + c; clang has to be told. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { LANES = 16 };

/* Vectors of the compiler: 16 floats, in as many registers as the machine needs. */
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

static float
sum_pairwise(float *v)
{
	for (unsigned half = LANES / 2; half > 0; half /= 2)
		for (unsigned i = 0; i < half; i++)
			v[i] += v[i + half];
	return v[0];
}

VEC_WIDE float
vec_dot(const float *a, const float *b, size_t n)
{
	lanes sum = { 0 };
	float last[LANES];
	size_t i = 0;

	for (; i + LANES <= n; i += LANES) {
		lanes x, y;

		memcpy(&x, a + i, sizeof x);
		memcpy(&y, b + i, sizeof y);
		sum += x * y;
	}
	memcpy(last, &sum, sizeof last);
	for (unsigned k = 0; i < n; i++, k++)
		last[k] += a[i] * b[i];
	return sum_pairwise(last);
}

double
vec_dot_exact(const float *a, const float *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)a[i] * (double)b[i];
	return sum;
}

VEC_WIDE void
vec_axpy(float a, const float *x, float *y, size_t n)
{
	size_t i = 0;

	for (; i + LANES <= n; i += LANES) {
		lanes u, v;

		memcpy(&u, x + i, sizeof u);
		memcpy(&v, y + i, sizeof v);
		v += a * u;
		memcpy(y + i, &v, sizeof v);
	}
	for (; i < n; i++)
		y[i] += a * x[i];
}

void
vec_axpy_exact(float a, const float *x, float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = (float)((double)y[i] + (double)a * (double)x[i]);
}

float
vec_dot_sparse(const float *w, const uint32_t *at, const float *x, size_t n)
{
	float sum[LANES] = { 0 };

	for (size_t i = 0; i < n; i++)
		sum[i % LANES] += x == NULL ? w[at[i]] : w[at[i]] * x[i];
	return sum_pairwise(sum);
}

double
vec_dot_sparse_exact(const float *w, const uint32_t *at, const float *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)w[at[i]] * (x == NULL ? 1.0 : (double)x[i]);
	return sum;
}

void
vec_axpy_sparse(float a, const uint32_t *at, const float *x, float *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		w[at[i]] += x == NULL ? a : a * x[i];
}

double
vec_sigmoid_exact(double z)
{
	double e = exp(-fabs(z));

	return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* exp(x) for |x| <= 700: 2^k exp(r) with |r| <= ln 2 / 2, and the Taylor
 * polynomial of degree 9 (its remainder is below 8e-12) in Estrin's order. */
static double
exp_held(double x)
{
	const double round = 0x1.8p52; /* adding it rounds to an integer */
	double k = (x * 0x1.71547652b82fep0 + round) - round;
	double r = x - k * 0x1.62e42fefa3800p-1 - k * 0x1.ef35793c76730p-45;
	double r2 = r * r, r4 = r2 * r2;
	double low = (1 + r) + r2 * (1.0 / 2 + r * (1.0 / 6));
	double high =
	    (1.0 / 24 + r * (1.0 / 120)) + r2 * (1.0 / 720 + r * (1.0 / 5040));
	double p = low + r4 * (high + r4 * (1.0 / 40320 + r * (1.0 / 362880)));
	uint64_t bits = (uint64_t)((int64_t)k + 1023) << 52;
	double scale;

	memcpy(&scale, &bits, sizeof scale);
	return p * scale;
}

double
vec_exp(double x)
{
	assert(!isnan(x));
	return exp_held(vec_clamp(x, -700, 700));
}

/* The same eight at once, step by step, so that the bits are the same. */
typedef double wide __attribute__((vector_size(8 * sizeof(double)), may_alias));
typedef int64_t wide_bits __attribute__((vector_size(8 * sizeof(int64_t)), may_alias));

VEC_WIDE void
vec_sigmoid_eight(const double *z, double *p)
{
	const wide round = (wide){ 0 } + 0x1.8p52, zero = { 0 };
	const wide low = zero - VEC_LOGIT_MAX;
	wide x, shifted, k, r, r2, r4, lower, higher, e;
	wide_bits negative, less, scale;

	memcpy(&x, z, sizeof x);
	/* Of the signs: a comparison is made one by one where registers are half as wide. */
	negative = (wide_bits)x >> 63;
	/* -|z|, held */
	x = (wide)((wide_bits)x | INT64_MIN);
	less = (wide_bits)(x - low) >> 63;
	x = (wide)(((wide_bits)low & less) | ((wide_bits)x & ~less));
	shifted = x * 0x1.71547652b82fep0 + round;
	k = shifted - round;
	r = x - k * 0x1.62e42fefa3800p-1 - k * 0x1.ef35793c76730p-45;
	r2 = r * r;
	r4 = r2 * r2;
	lower = (1 + r) + r2 * (1.0 / 2 + r * (1.0 / 6));
	higher = (1.0 / 24 + r * (1.0 / 120)) + r2 * (1.0 / 720 + r * (1.0 / 5040));
	e = lower + r4 * (higher + r4 * (1.0 / 40320 + r * (1.0 / 362880)));
	/* The integer is in the last bits of what it was rounded by. */
	scale = ((wide_bits)shifted - (wide_bits)round + 1023) << 52;
	e *= (wide)scale;
	r = 1 / (1 + e);
	e = e / (1 + e);
	x = (wide)(((wide_bits)e & negative) | ((wide_bits)r & ~negative));
	memcpy(p, &x, sizeof x);
}

double
vec_sigmoid(double z)
{
	double e;

	assert(!isnan(z));
	z = vec_clamp(z, -VEC_LOGIT_MAX, VEC_LOGIT_MAX);
	e = exp_held(-fabs(z));
	return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* x = 2^k m with m about 1; log m = 2 artanh((m - 1) / (m + 1)), whose series ends where
 * its terms fall below the last bit. */
double
vec_log(double x)
{
	double m, k, s, t, t2, t4, low, high, sum;
	uint64_t bits;

	assert(x > 0);
	/* The exponent, such that m lies between sqrt(1/2) and sqrt(2). */
	memcpy(&bits, &x, sizeof bits);
	bits -= UINT64_C(0x3fe6a09e667f3bcd);
	k = (double)((int64_t)bits >> 52);
	bits = (bits & UINT64_C(0x000fffffffffffff)) + UINT64_C(0x3fe6a09e667f3bcd);
	memcpy(&m, &bits, sizeof m);
	s = (m - 1) / (m + 1);
	t = s * s;
	t2 = t * t;
	t4 = t2 * t2;
	/* 1/3 + t/5 + t^2/7 + ... in Estrin's order. */
	low = (1.0 / 3 + t * (1.0 / 5)) + t2 * (1.0 / 7 + t * (1.0 / 9));
	high = (1.0 / 11 + t * (1.0 / 13)) + t2 * (1.0 / 15 + t * (1.0 / 17));
	sum = low + t4 * (high + t4 * ((1.0 / 19 + t * (1.0 / 21)) + t2 * (1.0 / 23)));
	return k * 0x1.62e42fefa3800p-1 +
	    (2 * s + (2 * s * (t * sum) + k * 0x1.ef35793c76730p-45));
}

double
vec_log1p(double x)
{
	if (fabs(x) > 1e-3)
		return vec_log(1 + x);
	return x -
	    x * x *
	    (1.0 / 2 - x * (1.0 / 3 - x * (1.0 / 4 - x * (1.0 / 5 - x * (1.0 / 6)))));
}

double
vec_logit(double p)
{
	const double least = 9.357622968839299e-14; /* sigmoid(-VEC_LOGIT_MAX) */

	assert(!isnan(p));
	if (p <= least)
		return -VEC_LOGIT_MAX;
	if (p >= 1 - least)
		return VEC_LOGIT_MAX;
	return vec_log(p / (1 - p));
}

double
vec_log_loss(double p, double y)
{
	const double least = 9.357622968839299e-14; /* sigmoid(-VEC_LOGIT_MAX) */

	assert(!isnan(p));
	p = vec_clamp(p, least, 1 - least);
	if (y == 0)
		return -vec_log1p(-p);
	if (y == 1)
		return -vec_log(p);
	return -y * vec_log(p) - (1 - y) * vec_log1p(-p);
}

double
vec_log_loss_exact(double z, double y)
{
	return log1p(exp(-fabs(z))) + (z > 0 ? z : 0) - y * z;
}

double
vec_entropy(double p)
{
	return p <= 0 || p >= 1 ? 0 : -p * vec_log(p) - (1 - p) * vec_log1p(-p);
}
