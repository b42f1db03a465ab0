/* SPDX-License-Identifier: MIT */
#include "lib/model/likelihood.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/vec.h"
#include "tests/unit/seed.h"

static void
near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
}

static double
between(struct random *r, double low, double high)
{
	return low + (high - low) * hash_uniform(random_next(r));
}

static double
how_likely(const struct likelihood_example *e, double mean)
{
	double p;

	likelihood_of(e, &mean, 1, &p);
	return p;
}

static void
step_one(
    const struct likelihood_example *e, double z, double v, double *gain, double *loss)
{
	struct lanes zs, vs, gains, losses;
	double means[LANES];

	for (unsigned k = 0; k < LANES; k++) {
		zs.of[k] = (float)z;
		vs.of[k] = (float)v;
	}
	likelihood_means(e->of, &zs, means);
	likelihood_step(e, &zs, means, &vs, &gains, &losses);
	*gain = (double)gains.of[3];
	*loss = (double)losses.of[3];
}

static void
a_gamma_step_goes_to_the_mode_of_the_posterior(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		double z = (double)(float)between(&r, 0, 25);
		double v = (double)(float)exp(between(&r, -12, 3));
		struct likelihood_example e = { LIKELIHOOD_GAMMA,
			exp(z + between(&r, -14, 9)), exp(between(&r, -2, 4)),
			exp(between(&r, -4.6, 3)) };
		double gain, loss, low, high, w = e.weight / e.dispersion, h;

		if (i % 3 == 0)
			e = (struct likelihood_example){ LIKELIHOOD_EXPONENTIAL,
				e.label, 1, 1 };
		w = e.weight / e.dispersion;
		/* d = v w (y exp(-z - d) - 1), by halving. */
		low = -v * w;
		high = fmax(0, log(e.label) - z) + 1e-9;
		for (unsigned n = 0; n < 200; n++) {
			double d = (low + high) / 2;

			*(d < v * w * (e.label * exp(-z - d) - 1) ? &low : &high) = d;
		}
		step_one(&e, z, v, &gain, &loss);
		near(gain * v, low, 1e-5 * (1 + fabs(low)));
		h = w * e.label * exp(-z - low);
		near(loss, h / (1 + h * v), 1e-5 * (h / (1 + h * v)) + 1e-30);
		assert_true(loss * v < 1.000001);
	}
}

static void
a_bernoulli_step_is_that_of_the_extended_kalman_filter(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		double z = (double)(float)between(&r, -20, 20);
		double v = (double)(float)exp(between(&r, -8, 2));
		struct likelihood_example e = { LIKELIHOOD_BERNOULLI,
			i % 3 == 2 ? between(&r, 0, 1) : i % 3, exp(between(&r, -2, 2)),
			1 };
		double gain, loss, p = 1 / (1 + exp(-z)), h = e.weight * p * (1 - p);

		step_one(&e, z, v, &gain, &loss);
		near(gain, e.weight * (e.label - p) / (1 + h * v), 1e-6 * e.weight);
		near(loss, h / (1 + h * v), 1e-6 * h);
	}
}

static void
means_links_and_probabilities_belong_together(void **state)
{
	struct likelihood_example e = { LIKELIHOOD_BERNOULLI, 1, 1, 1 };
	double p[2];

	(void)state;
	for (double z = -29; z <= 29; z += 0.5)
		for (unsigned of = 0; of < 3; of++) {
			double mean = likelihood_mean((enum likelihood)of, z);

			/* Of a probability near 1 few digits are left. */
			near(likelihood_link((enum likelihood)of, mean), z,
			    1e-9 + 1e-15 * exp(fabs(z)));
		}
	near(likelihood_mean(LIKELIHOOD_GAMMA, 1000), exp(VEC_LOGIT_MAX), 1e5);
	near(likelihood_link(LIKELIHOOD_GAMMA, 0), -VEC_LOGIT_MAX, 0);
	near(how_likely(&e, 0.3), 0.3, 1e-15);
	e.label = 0;
	near(how_likely(&e, 0.3), 0.7, 1e-15);
	e.weight = 2;
	near(how_likely(&e, 0.3), 0.49, 1e-9);
	e.weight = 1000;
	near(how_likely(&e, 0.9), 1e-30, 0);
	/* Gamma of shape 1 / dispersion: the ratio of densities at two means. */
	e = (struct likelihood_example){ LIKELIHOOD_GAMMA, 3, 1, 0.5 };
	for (unsigned i = 0; i < 2; i++)
		p[i] = how_likely(&e, i == 0 ? 2.0 : 5.0);
	near(p[0] / p[1],
	    exp(-2 * log(2.0) - 2 * 3 / 2.0) / exp(-2 * log(5.0) - 2 * 3 / 5.0), 1e-9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gamma_step_goes_to_the_mode_of_the_posterior),
		cmocka_unit_test(
		    a_bernoulli_step_is_that_of_the_extended_kalman_filter),
		cmocka_unit_test(means_links_and_probabilities_belong_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
