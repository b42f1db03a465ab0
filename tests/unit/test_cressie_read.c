/* SPDX-License-Identifier: MIT */
#include "lib/trial/cressie_read.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void
near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.17g is not within %g of %.17g", value, tolerance, expected);
}

/* Thompson sampling on the random log of Open Bandit, men (tests/data). */
static const struct cressie_read shop = { 10000, 9854.355450072748, 33844.19832115533,
	56.562667008354616, 195.6288459745499, 195.6288459745499, 46, INFINITY };

/* What VowpalWabbit/estimators 2b8bc182, bandits/cressieread, gives on these outcomes. */
static void
values_and_intervals_are_those_of_another_implementation(void **state)
{
	static const struct {
		double w_max, value, low, high;
	} theirs[] = {
		{ INFINITY, 0.005723263193801997, 0.002917101263390819,
		    0.05061590708009516 },
		{ 7.5, 0.005739764961560123, 0.003002699422220974,
		    0.009613238954006769 },
	};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct cressie_read l = shop;
		struct trial_interval to;
		double value, se;

		l.w_max = theirs[i].w_max;
		assert_true(cressie_read_value(&l, &value, &se, &to));
		near(value, theirs[i].value, 1e-15);
		near(to.low, theirs[i].low, 1e-14);
		near(to.high, theirs[i].high, 1e-14);
	}
}

/* Rewards r and 1 - r are one and the same question. */
static void
the_interval_mirrors_when_rewards_do(void **state)
{
	struct cressie_read l = shop, mirror = shop;
	struct trial_interval a, b;
	double value, se;

	(void)state;
	l.w_max = mirror.w_max = 8;
	mirror.wr = l.w - l.wr;
	mirror.wwr = l.ww - l.wwr;
	mirror.wwrr = l.ww - 2 * l.wwr + l.wwrr;
	mirror.r = l.n - l.r;
	assert_true(cressie_read_value(&l, &value, &se, &a));
	assert_true(cressie_read_value(&mirror, &value, &se, &b));
	near(a.low, 1 - b.high, 1e-12);
	near(a.high, 1 - b.low, 1e-12);
}

/* Without a policy to compare, it is the mean of rewards with the interval of Student. */
static void
weights_of_one_leave_the_mean(void **state)
{
	struct cressie_read l = { 100, 100, 100, 30, 30, 30, 30, 2 };
	struct trial_interval to;
	double value, se;

	(void)state;
	assert_true(cressie_read_value(&l, &value, &se, &to));
	near(value, 0.3, 1e-12);
	near(se, sqrt(0.3 * 0.7 / 99), 1e-12);
	assert_true(to.low < 0.3 - 1.8 * se && to.high > 0.3 + 1.8 * se);
}

static void
few_outcomes_are_no_likelihood(void **state)
{
	struct cressie_read l = { 29, 29, 60, 3, 5, 5, 3, INFINITY };
	struct trial_interval to;
	double value, se;

	(void)state;
	assert_false(cressie_read_value(&l, &value, &se, &to));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    values_and_intervals_are_those_of_another_implementation),
		cmocka_unit_test(the_interval_mirrors_when_rewards_do),
		cmocka_unit_test(weights_of_one_leave_the_mean),
		cmocka_unit_test(few_outcomes_are_no_likelihood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
