/* SPDX-License-Identifier: MIT */
#include "lib/model/mixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"

static void
near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
}

static double
uniform(struct random *r)
{
	return hash_uniform(random_next(r));
}

static void
the_loss_exceeds_that_of_the_best_expert_by_what_it_was_believed_at_first(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		unsigned best = (unsigned)hash_bucket(random_next(&r), MIXTURE_EXPERTS);
		double loss[MIXTURE_EXPERTS] = { 0 }, mixed = 0, least = INFINITY;
		struct mixture m;

		mixture_init(&m);
		for (unsigned i = 0; i < 2000; i++) {
			double said[MIXTURE_EXPERTS], likelihood[MIXTURE_EXPERTS];
			double truth = 0.05 + 0.9 * uniform(&r), mean;
			bool y = uniform(&r) < truth;

			for (unsigned k = 0; k < MIXTURE_EXPERTS; k++) {
				said[k] = k == best ? truth : 0.01 + 0.98 * uniform(&r);
				likelihood[k] = y ? said[k] : 1 - said[k];
				loss[k] -= log(likelihood[k]);
			}
			mean = mixture_mean(&m, said);
			mixed -= log(y ? mean : 1 - mean);
			mixture_learn(&m, likelihood);
		}
		for (unsigned k = 0; k < MIXTURE_EXPERTS; k++)
			least = fmin(least, loss[k]);
		/* The share costs another 2000 times itself. */
		assert_true(mixed <= least + log(2 * LANES) + 2001 * MIXTURE_SHARE);
		if (best < LANES)
			assert_int_equal(mixture_best(&m), best);
	}
}

static void
another_expert_becomes_the_best_within_ln_of_the_share(void **state)
{
	struct mixture m;
	double mixed = 0, best = 0;

	(void)state;
	mixture_init(&m);
	for (unsigned i = 0; i < 4000; i++) {
		double likelihood[MIXTURE_EXPERTS];

		for (unsigned k = 0; k < MIXTURE_EXPERTS; k++)
			likelihood[k] = k == (i < 2000 ? 1 : 6) ? 0.9 : 0.5;
		best -= log(0.9);
		mixed -= log(mixture_mean(&m, likelihood));
		mixture_learn(&m, likelihood);
	}
	assert_int_equal(mixture_best(&m), 6);
	assert_true(mixed <=
	    best + log(MIXTURE_EXPERTS) + log(MIXTURE_EXPERTS / MIXTURE_SHARE) + 0.1);
}

static void
weights_sum_to_1_whatever_comes_and_go_back(void **state)
{
	struct random r = seeded();
	struct mixture m;
	double worst = 0;

	(void)state;
	mixture_init(&m);
	for (unsigned i = 0; i < 20000; i++) {
		double likelihood[MIXTURE_EXPERTS], sum = 0;
		struct mixture before = m;

		for (unsigned k = 0; k < MIXTURE_EXPERTS; k++)
			likelihood[k] = i % 100 == 0 ? pow(10, -30 * uniform(&r))
						     : 0.01 + 0.99 * uniform(&r);
		mixture_learn(&m, likelihood);
		for (unsigned k = 0; k < MIXTURE_EXPERTS; k++) {
			assert_true(m.weight[k] > 0);
			sum += m.weight[k];
		}
		near(sum, 1, 1e-12);
		if (i % 100 != 0) {
			struct mixture back = m;

			mixture_unlearn(&back, likelihood);
			for (unsigned k = 0; k < MIXTURE_EXPERTS; k++)
				worst = fmax(
				    worst, fabs(back.weight[k] - before.weight[k]));
		}
	}
	print_message("# taken back to %g\n", worst);
	assert_true(worst < 1e-9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_loss_exceeds_that_of_the_best_expert_by_what_it_was_believed_at_first),
		cmocka_unit_test(
		    another_expert_becomes_the_best_within_ln_of_the_share),
		cmocka_unit_test(weights_sum_to_1_whatever_comes_and_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
