/* SPDX-License-Identifier: MIT */
#include "lib/model/beta.h"

#include "lib/base/assert.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* From where on the series are exact enough. */
static const double far = 8;

void
beta_polygamma(double x, double *digamma, double *trigamma)
{
	double first = 0, second = 0, r, s;

	assert(x > 0);
	for (; x < far; x += 1) {
		r = 1 / x;
		first -= r;
		second += r * r;
	}
	r = 1 / x;
	s = r * r;
	*digamma = first + vec_log(x) - r / 2 -
	    s * (1. / 12 - s * (1. / 120 - s * (1. / 252 - s * (1. / 240 - s / 132))));
	*trigamma = second + r + s / 2 +
	    r * s *
		(1. / 6 -
		    s * (1. / 30 - s * (1. / 42 - s * (1. / 30 - s * (5. / 66)))));
}

void
beta_logit(double a, double b, double *mean, double *variance)
{
	double of_a, of_b, var_a, var_b;

	beta_polygamma(a, &of_a, &var_a);
	beta_polygamma(b, &of_b, &var_b);
	*mean = of_a - of_b;
	*variance = var_a + var_b;
}
