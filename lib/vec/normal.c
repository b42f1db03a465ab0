/* SPDX-License-Identifier: MIT */
#include "lib/vec/normal.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/vec/wide.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

typedef double wide __attribute__((vector_size(VEC_WIDTH * sizeof(double))));
typedef int64_t mask __attribute__((vector_size(VEC_WIDTH * sizeof(double))));

/* Twice as many of half the size. */
typedef float floats __attribute__((vector_size(VEC_BLOCK * sizeof(float))));
typedef int32_t marks __attribute__((vector_size(VEC_BLOCK * sizeof(float))));
typedef double doubles __attribute__((vector_size(VEC_BLOCK * sizeof(double))));

#define INLINE static inline __attribute__((always_inline))

/* Vectors travel by address: how they are passed by value depends on the machine. Masks are
 * made of signs: a comparison is made one by one where registers are narrower. */

/* Where the mask is all ones take a, else b. */
INLINE void
pick(wide *to, const mask *m, const wide *a, const wide *b)
{
	*to = (wide)((*m & (mask)*a) | (~*m & (mask)*b));
}

INLINE void
hold(wide *x, double low, double high)
{
	const wide l = low - (wide){ 0 }, h = high - (wide){ 0 };
	mask m = (mask)(*x - l) >> 63;

	pick(x, &m, &l, x);
	m = (mask)(h - *x) >> 63;
	pick(x, &m, &h, x);
}

/* 2^k e^r with |r| <= ln 2 / 2, and the Taylor polynomial of degree 13, whose remainder is
 * below 5e-18; k is read from the last bits of x / ln 2 + 1.5 2^52. */
INLINE void
exp_wide(wide *x)
{
	const double round = 0x1.8p52;
	wide shifted, k, r, r2, even, odd;
	mask scale;

	hold(x, -708, 708);
	shifted = *x * 0x1.71547652b82fep0 + round;
	k = shifted - round;
	r = *x - k * 0x1.62e42fefa3800p-1;
	r -= k * 0x1.ef35793c76730p-45;
	r2 = r * r;
	even = r2 * (1.0 / 479001600) + 1.0 / 3628800;
	even = even * r2 + 1.0 / 40320;
	even = even * r2 + 1.0 / 720;
	even = even * r2 + 1.0 / 24;
	even = even * r2 + 1.0 / 2;
	even = even * r2 + 1.0;
	odd = r2 * (1.0 / 6227020800) + 1.0 / 39916800;
	odd = odd * r2 + 1.0 / 362880;
	odd = odd * r2 + 1.0 / 5040;
	odd = odd * r2 + 1.0 / 120;
	odd = odd * r2 + 1.0 / 6;
	odd = odd * r2 + 1.0;
	scale = ((mask)shifted << 52) + (INT64_C(1023) << 52);
	*x = (even + odd * r) * (wide)scale;
}

/* As vec_log: x = 2^k m, log m = 2 artanh((m - 1) / (m + 1)), m in [sqrt 1/2, sqrt 2). */
INLINE void
log_wide(wide *x)
{
	mask bits, exponent;
	wide m, k, s, square, sum;

	/* The exponent counts from sqrt 1/2 instead of from 1. */
	bits = (mask)*x - INT64_C(0x3FE6A09E667F3BCD);
	exponent = bits >> 52;
	m = (wide)((mask)*x - (exponent << 52));
	k = (wide)(exponent + INT64_C(0x4338000000000000)) - 0x1.8p52;
	s = (m - 1) / (m + 1);
	square = s * s;
	sum = square * (1.0 / 23) + 1.0 / 21;
	sum = sum * square + 1.0 / 19;
	sum = sum * square + 1.0 / 17;
	sum = sum * square + 1.0 / 15;
	sum = sum * square + 1.0 / 13;
	sum = sum * square + 1.0 / 11;
	sum = sum * square + 1.0 / 9;
	sum = sum * square + 1.0 / 7;
	sum = sum * square + 1.0 / 5;
	sum = sum * square + 1.0 / 3;
	*x = k * 0x1.62e42fefa3800p-1 +
	    (2 * s + (2 * s * (square * sum) + k * 0x1.ef35793c76730p-45));
}

/* y becomes phi(y), and *cdf Phi(y). Mills' ratio Phi(-y) / phi(y), y >= 0, is a
 * polynomial in t = (y - 4) / (y + 4), which maps [0, oo) to [-1, 1), over y + 1.25, after
 * Shepherd and Laframboise, Math. Comp. 36 (1981); the coefficients are our own, from the
 * Chebyshev series computed with 40 digits, cut where its terms fall below 1e-13. */
INLINE void
normal_wide(wide *y, wide *cdf)
{
	const mask sign = INT64_MIN - (mask){ 0 };
	wide x, inverse, t, square, even, odd, density, below, above;
	mask negative;

	hold(y, -37, 37);
	negative = (mask)*y >> 63;
	x = (wide)((mask)*y & ~sign);
	inverse = 1 / ((x + 4) * (x + 1.25));
	t = (x - 4) * (x + 1.25) * inverse;
	square = t * t;
	even = square * 0x1.8a11db838fca6p-26 - 0x1.e033ba7375763p-23;
	even = even * square + 0x1.52fabfb5ac09dp-20;
	even = even * square - 0x1.987ff2d02fa78p-18;
	even = even * square + 0x1.07b6f5f4529e6p-15;
	even = even * square - 0x1.a8290f4412d69p-13;
	even = even * square + 0x1.a9dd822cb3b71p-10;
	even = even * square - 0x1.90757b3be7c3ap-7;
	even = even * square - 0x1.f6b696be537fbp-5;
	even = even * square + 0x1.cefdcf14a52dfp-4;
	even = even * square + 0x1.3e0f90c2f461ap+0;
	odd = square * 0x1.a369c2ca0828bp-29 - 0x1.d3d4f8bcaf2b7p-24;
	odd = odd * square + 0x1.49d4aa34a4a1fp-20;
	odd = odd * square - 0x1.341e5e217f902p-17;
	odd = odd * square + 0x1.d766b8de4c2dap-15;
	odd = odd * square - 0x1.16244c9a44520p-12;
	odd = odd * square - 0x1.4af6e8729d771p-12;
	odd = odd * square + 0x1.44b5db5081533p-5;
	odd = odd * square + 0x1.b6589f2f279dap-6;
	odd = odd * square - 0x1.658f99e184197p-2;
	density = x * x * -0.5;
	exp_wide(&density);
	density *= 0x1.9884533d43651p-2; /* 1 / sqrt(2 pi) */
	below = density * (even + odd * t) * ((x + 4) * inverse);
	above = 1 - below;
	pick(cdf, &negative, &below, &above);
	*y = density;
}

/* --- Arrays ----------------------------------------------------------------------- */

VEC_WIDE void
vec_exp_all(const double *x, double *to, size_t n)
{
	for (size_t i = 0; i < n; i += VEC_WIDTH) {
		size_t left = n - i < VEC_WIDTH ? n - i : VEC_WIDTH;
		wide v = { 0 };

		memcpy(&v, x + i, left * sizeof *x);
		exp_wide(&v);
		memcpy(to + i, &v, left * sizeof *x);
	}
}

VEC_WIDE void
vec_log_all(const double *x, double *to, size_t n)
{
	for (size_t i = 0; i < n; i += VEC_WIDTH) {
		size_t left = n - i < VEC_WIDTH ? n - i : VEC_WIDTH;
		wide v = 1 - (wide){ 0 };

		memcpy(&v, x + i, left * sizeof *x);
		log_wide(&v);
		memcpy(to + i, &v, left * sizeof *x);
	}
}

/* As normal_wide, with a polynomial of degree 9 in (y - 2.5) / (y + 2.5), within 1e-7, and
 * e^x by a Taylor polynomial of degree 7. */
INLINE void
normal_floats(floats *y, floats *cdf)
{
	const marks sign = INT32_MIN - (marks){ 0 };
	const float round = 0x1.8p23f;
	floats x, inverse, t, square, even, odd, density, shifted, k, below, above;
	marks negative = (marks)*y >> 31, far, scale;

	x = (floats)((marks)*y & ~sign);
	far = (marks)(12.0f - x) >> 31;
	x = (floats)((far & (marks)(12.0f - (floats){ 0 })) | (~far & (marks)x));
	inverse = 1 / ((x + 2.5f) * (x + 1.5f));
	t = (x - 2.5f) * (x + 1.5f) * inverse;
	square = t * t;
	even = square * -0.000431994384f + 0.0043576397f;
	even = even * square - 0.0282560624f;
	even = even * square + 0.047255598f;
	even = even * square + 1.41706038f;
	odd = square * -0.000428394123f + 0.00257213274f;
	odd = odd * square - 0.0113970721f;
	odd = odd * square + 0.084686242f;
	odd = odd * square - 0.515418708f;
	below = (even + odd * t) * ((x + 2.5f) * inverse);

	x = x * x * -0.5f;
	shifted = x * 0x1.715476p0f + round;
	k = shifted - round;
	x -= k * 0x1.63p-1f;
	x += k * 0x1.bd0106p-13f;
	square = x * x;
	even = square * (1.0f / 720) + 1.0f / 24;
	even = even * square + 1.0f / 2;
	even = even * square + 1.0f;
	odd = square * (1.0f / 5040) + 1.0f / 120;
	odd = odd * square + 1.0f / 6;
	odd = odd * square + 1.0f;
	scale = ((marks)shifted << 23) + (127 << 23);
	density = (even + odd * x) * (floats)scale * 0.398942280f; /* 1 / sqrt(2 pi) */
	below *= density;
	above = 1 - below;
	*cdf = (floats)((negative & (marks)below) | (~negative & (marks)above));
	*y = density;
}

VEC_WIDE double
vec_normal_hazards(const double *x, const double *mean, const double *precision,
    float *hazard, size_t n)
{
	floats product = 1 - (floats){ 0 };
	float last[VEC_BLOCK];

	assert(n % VEC_BLOCK == 0);
	for (size_t i = 0; i < n; i += VEC_BLOCK) {
		doubles at, m, s;
		floats y, cdf;

		memcpy(&at, x + i, sizeof at);
		memcpy(&m, mean + i, sizeof m);
		memcpy(&s, precision + i, sizeof s);
		y = __builtin_convertvector((at - m) * s, floats);
		normal_floats(&y, &cdf);
		product *= cdf;
		y = y / cdf * __builtin_convertvector(s, floats);
		memcpy(hazard + i, &y, sizeof y);
	}
	memcpy(last, &product, sizeof last);
	for (unsigned half = VEC_BLOCK / 2; half > 0; half /= 2)
		for (unsigned i = 0; i < half; i++)
			last[i] *= last[i + half];
	return (double)last[0];
}

/* --- One number ------------------------------------------------------------------- */

VEC_WIDE double
vec_normal_cdf(double x)
{
	wide y = x - (wide){ 0 }, cdf;

	assert(x == x);
	normal_wide(&y, &cdf);
	return cdf[0];
}
