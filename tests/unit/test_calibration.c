/* SPDX-License-Identifier: MIT */
#include "lib/model/calibration.h"

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

/* Of probabilities instead of log-odds. */
static double
apply(const struct calibration *c, enum calibration_method m, double p)
{
	return vec_sigmoid(calibration_apply(c, m, vec_logit(p)));
}

static void
teach(struct calibration *c, enum calibration_method m, double p, double label,
    double weight)
{
	calibration_learn(c, m, vec_logit(p), label, weight);
}

static double
uniform(struct random *r)
{
	return hash_uniform(random_next(r));
}

static void
it_does_nothing_until_examples_say_so(void **state)
{
	struct calibration c;

	(void)state;
	calibration_init(&c);
	assert_true(calibration_is_sound(&c));
	for (double p = 0.0001; p < 1; p += 0.01)
		for (unsigned m = 0; m < 3; m++)
			near(apply(&c, (enum calibration_method)m, p), p, 1e-9);
}

static void
platt_recovers_a_known_slope_and_shift(void **state)
{
	struct random r = seeded();
	struct calibration c;

	(void)state;
	calibration_init(&c);
	for (int i = 0; i < 200000; i++) {
		double z = -3 + 3 * (uniform(&r) + uniform(&r) - 1);
		bool y = uniform(&r) < vec_sigmoid_exact(0.7 * z - 0.4);

		teach(&c, CALIBRATION_PLATT, vec_sigmoid(z), y, 1);
	}
	print_message("# slope %.4f, shift %.4f\n", c.slope, c.shift);
	/* Standard errors are 0.007 and 0.02. */
	near(c.slope, 0.7, 0.03);
	near(c.shift, -0.4, 0.08);
}

static void
isotonic_is_monotone_and_mends_what_no_slope_does(void **state)
{
	struct random r = seeded();
	double error[3] = { 0 }, last = 0;
	struct calibration c;

	(void)state;
	calibration_init(&c);
	for (int i = 0; i < 400000; i++) {
		double z = -5 + 8 * uniform(&r);
		/* Too high below -2, too low above. */
		double truth = vec_sigmoid_exact(z < -2 ? 2 * z + 2 : z + 1);
		bool y = uniform(&r) < truth;
		double p = vec_sigmoid(z);

		if (i > 300000)
			for (unsigned m = 0; m < 3; m++)
				error[m] +=
				    fabs(truth -
					apply(&c, (enum calibration_method)m, p)) /
				    1e5;
		teach(&c, CALIBRATION_ISOTONIC, p, y, 1);
	}
	print_message("# mean error: platt %.4f, isotonic %.4f, none %.4f\n", error[0],
	    error[1], error[2]);
	assert_true(error[CALIBRATION_ISOTONIC] < 0.25 * error[CALIBRATION_NONE]);
	assert_true(error[CALIBRATION_ISOTONIC] < 0.6 * error[CALIBRATION_PLATT]);
	for (double z = -20; z < 20; z += 0.01) {
		double p = apply(&c, CALIBRATION_ISOTONIC, vec_sigmoid(z));

		assert_true(p >= last && p > 0 && p < 1);
		last = p;
	}
}

static void
the_last_example_is_taken_back(void **state)
{
	struct random r = seeded();
	double worst = 0;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		struct calibration c, before;
		double p, weight = exp(3 * uniform(&r) - 2);
		bool y;

		calibration_init(&c);
		for (unsigned i = 0; i < round % 300; i++) {
			p = vec_sigmoid(-4 + 6 * uniform(&r));
			teach(&c, CALIBRATION_ISOTONIC, p, uniform(&r) < p / 2, 1);
		}
		before = c;
		p = vec_sigmoid(-6 + 10 * uniform(&r));
		y = uniform(&r) < 0.5;
		teach(&c, CALIBRATION_ISOTONIC, p, y, weight);
		teach(&c, CALIBRATION_ISOTONIC, p, y, -weight);
		worst = fmax(worst, fabs(c.slope - before.slope));
		worst = fmax(worst, fabs(c.shift - before.shift));
		for (unsigned i = 0; i < CALIBRATION_BINS; i++)
			worst = fmax(worst, fabs(c.seen[i] - before.seen[i]));
		assert_true(calibration_is_sound(&c));
	}
	print_message("# %g at most\n", worst);
	assert_true(worst < 1e-6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_does_nothing_until_examples_say_so),
		cmocka_unit_test(platt_recovers_a_known_slope_and_shift),
		cmocka_unit_test(isotonic_is_monotone_and_mends_what_no_slope_does),
		cmocka_unit_test(the_last_example_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
