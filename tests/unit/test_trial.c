/* SPDX-License-Identifier: MIT */
#include "lib/trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"

static void
near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
}

static void
wilson_gives_the_published_intervals(void **state)
{
	/* Newcombe, Statistics in Medicine 1998, Table I, method 3. */
	const struct {
		double successes, n, low, high;
	} published[] = {
		{ 81, 263, 0.2553, 0.3662 },
		{ 15, 148, 0.0624, 0.1605 },
		{ 0, 20, 0, 0.1611 },
		{ 1, 29, 0.0061, 0.1718 },
	};
	struct trial_interval i;

	(void)state;
	for (unsigned k = 0; k < sizeof published / sizeof *published; k++) {
		assert_true(trial_wilson(
		    published[k].successes, published[k].n, TRIAL_Z95, &i));
		near(i.low, published[k].low, 5e-5);
		near(i.high, published[k].high, 5e-5);
	}
}

static void
wilson_of_failures_mirrors_that_of_successes(void **state)
{
	struct trial_interval a, b;

	(void)state;
	for (double n = 1; n < 60; n += 7) {
		for (double s = 0; s <= n; s++) {
			assert_true(trial_wilson(s, n, TRIAL_Z95, &a));
			assert_true(trial_wilson(n - s, n, TRIAL_Z95, &b));
			near(a.low, 1 - b.high, 1e-12);
			assert_true(a.low >= 0 && a.low <= s / n && s / n <= a.high);
			assert_true(a.high <= 1);
		}
	}
}

static void
wilson_covers_the_truth_about_as_often_as_it_says(void **state)
{
	struct random r = seeded();
	int covered = 0;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		struct trial_interval i;
		double clicks = 0;

		for (int k = 0; k < 300; k++)
			clicks += hash_uniform(random_next(&r)) < 0.03;
		assert_true(trial_wilson(clicks, 300, TRIAL_Z95, &i));
		covered += i.low <= 0.03 && 0.03 <= i.high;
	}
	assert_in_range(covered, (int)(0.93 * 4000), (int)(0.98 * 4000));
}

static void
equal_weights_are_plain_counts_and_unequal_ones_widen(void **state)
{
	struct trial_interval plain, weighted;

	(void)state;
	assert_true(trial_wilson(15, 148, TRIAL_Z95, &plain));
	/* 148 units of weight 3: sum 444, squares 1332, of the successes 45. */
	assert_true(trial_wilson_weighted(45, 444, 1332, TRIAL_Z95, &weighted));
	near(weighted.low, plain.low, 1e-12);
	near(weighted.high, plain.high, 1e-12);
	/* The same rate, half the units of weight 1, half of weight 3. */
	assert_true(trial_wilson_weighted(
	    296 * 15 / 148.0, 296, 74 * 1 + 74 * 9, TRIAL_Z95, &weighted));
	assert_true(weighted.high - weighted.low > plain.high - plain.low);
}

static void
what_is_not_defined_is_not_answered(void **state)
{
	struct trial_sums few = { .n = 1, .x = 1, .y = 1, .xx = 1, .xy = 1, .yy = 1 };
	struct trial_interval i = { 7, 7 };
	double to = 7;

	(void)state;
	assert_false(trial_wilson(0, 0, TRIAL_Z95, &i));
	assert_false(trial_wilson(-1, 10, TRIAL_Z95, &i));
	assert_false(trial_wilson(11, 10, TRIAL_Z95, &i));
	assert_false(trial_wilson(NAN, 10, TRIAL_Z95, &i));
	assert_false(trial_wilson_weighted(1, -2, 4, TRIAL_Z95, &i));
	assert_false(trial_ratio(&few, TRIAL_Z95, &to, &i));
	assert_false(trial_ctr(0, 0, &to));
	assert_false(trial_roi(5, 0, &to));
	assert_true(to == 7 && i.low == 7 && i.high == 7);
}

static void
the_delta_method_agrees_with_the_residuals_themselves(void **state)
{
	struct random r = seeded();
	double x[200], y[200], sx = 0, sy = 0, squares = 0, ratio;
	struct trial_sums s = { 0 };
	struct trial_interval i;

	(void)state;
	for (int k = 0; k < 200; k++) {
		x[k] = 1 + floor(20 * hash_uniform(random_next(&r)));
		y[k] = floor(x[k] * hash_uniform(random_next(&r)));
		sx += x[k];
		sy += y[k];
		trial_add(&s, x[k], y[k], 1);
	}
	for (int k = 0; k < 200; k++)
		squares += pow(y[k] - sy / sx * x[k], 2);
	assert_true(trial_ratio(&s, 2, &ratio, &i));
	near(ratio, sy / sx, 1e-12);
	near((i.high - i.low) / 4, sqrt(squares / 199 / 200) / (sx / 200), 1e-12);
	trial_add(&s, 1e3, 1e6, 1);
	trial_add(&s, 1e3, 1e6, -1);
	assert_true(trial_ratio(&s, 2, &ratio, &i));
	near(ratio, sy / sx, 1e-9);
}

static void
ratios_follow_their_definitions(void **state)
{
	double to;

	(void)state;
	assert_true(trial_ctr(46, 10000, &to));
	near(to, 0.0046, 1e-15);
	assert_true(trial_cvr(2, 8, &to));
	near(to, 0.25, 1e-15);
	/* 12.50 spent on 5,000 impressions: 2.50 a thousand. */
	assert_true(trial_ecpm(12500000, 5000, &to));
	near(to, 2500000, 1e-6);
	assert_true(trial_roi(300, 200, &to));
	near(to, 0.5, 1e-15);
	assert_true(trial_roas(300, 200, &to));
	near(to, 1.5, 1e-15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wilson_gives_the_published_intervals),
		cmocka_unit_test(wilson_of_failures_mirrors_that_of_successes),
		cmocka_unit_test(wilson_covers_the_truth_about_as_often_as_it_says),
		cmocka_unit_test(equal_weights_are_plain_counts_and_unequal_ones_widen),
		cmocka_unit_test(what_is_not_defined_is_not_answered),
		cmocka_unit_test(the_delta_method_agrees_with_the_residuals_themselves),
		cmocka_unit_test(ratios_follow_their_definitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
