/* SPDX-License-Identifier: MIT */
#include "lib/trial/offpolicy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/seed.h"

static const struct offpolicy_rule rule = { .clip = 1.5,
	.threshold = 1.5,
	.shrink = 4,
	.reward_max = 1,
	.ess_min = 0,
	.share_max = 1 };

static void
near(double value, double expected)
{
	if (!(fabs(value - expected) <= 1e-14 * fmax(1, fabs(expected))))
		fail_msg("%.17g is not %.17g", value, expected);
}

/* Four outcomes whose figures can be worked out by hand, M = tau = 1.5, lambda = 4:
 *
 *	p     pi   w  r  q     e     d = r - q   w d    o = 4 w / (w^2 + 4)   o d
 *	0.25  0.5  2  1  0.5   0.5   0.5         1      1                     0.5
 *	0.5   0.5  1  0  0.25  0.25  -0.25       -0.25  0.8                   -0.2
 *	0.5   0.5  1  1  0.5   0.25  0.5         0.5    0.8                   0.4
 *	0.5   0    0  0  0.25  0.5   -0.25       0      0                     0
 */
static const struct offpolicy_event four[] = {
	{ 1, 0.25, 0.5, 1, 0.5, 0.5, true, 0, 0 },
	{ 1, 0.5, 0.5, 0, 0.25, 0.25, true, 0, 0 },
	{ 1, 0.5, 0.5, 1, 0.5, 0.25, true, 0, 0 },
	{ 1, 0.5, 0, 0, 0.25, 0.5, true, 0, 0 },
};

static void
the_figures_are_those_worked_out_by_hand(void **state)
{
	/* The variance of a mean of x is (sum of x^2 - 4 mean^2) / 3 / 4.
	 * ips: w r = 2 0 1 0, mean 0.75: 5 - 2.25 = 2.75; / 12 = 11/48.
	 * snips: 3 / 4; residuals w (r - 0.75) = 0.5 -0.75 0.25 0, squares 0.875; 4/3 of
	 *     that by (sum w)^2 = 16: 7/96.
	 * clipped_ips: 1.5 0 1 0, mean 0.625: 3.25 - 1.5625 = 1.6875; / 12 = 0.140625.
	 * direct: 0.5 0.25 0.25 0.5, mean 0.375: 4 0.125^2; / 12 = 1/192.
	 * dr: 1.5 0 0.75 0.5, mean 0.6875: 3.0625 - 1.890625 = 1.171875; / 12.
	 * sndr: 0.375 + 1.25 / 4; phi = e + w (d - 0.3125) = 0.875 -0.3125 0.4375 0.5, mean
	 *     0.375: 1.3046875 - 0.5625 = 0.7421875; / 12.
	 * switch_dr: 0.5 0 0.75 0.5, mean 0.4375: 1.0625 - 0.765625 = 0.296875; / 12.
	 * dros: 1 0.05 0.65 0.5, mean 0.55: 1.675 - 1.21 = 0.465; / 12. */
	const struct {
		enum offpolicy_estimator estimator;
		double value, variance;
	} hand[] = {
		{ OFFPOLICY_IPS, 0.75, 11.0 / 48 },
		{ OFFPOLICY_SNIPS, 0.75, 7.0 / 96 },
		{ OFFPOLICY_CLIPPED_IPS, 0.625, 0.140625 },
		{ OFFPOLICY_DIRECT, 0.375, 1.0 / 192 },
		{ OFFPOLICY_DR, 0.6875, 1.171875 / 12 },
		{ OFFPOLICY_SNDR, 0.6875, 0.7421875 / 12 },
		{ OFFPOLICY_SWITCH_DR, 0.4375, 0.296875 / 12 },
		{ OFFPOLICY_DROS, 0.55, 0.465 / 12 },
	};
	struct offpolicy o = { 0 };
	struct offpolicy_diagnosis d;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		offpolicy_add(&o, &rule, &four[i]);
	for (unsigned i = 0; i < sizeof hand / sizeof *hand; i++) {
		struct offpolicy_estimate e =
		    offpolicy_estimate(&o, &rule, hand[i].estimator);
		double half = TRIAL_Z95 * sqrt(hand[i].variance);

		assert_null(e.reason);
		near(e.n, 4);
		near(e.value, hand[i].value);
		near(e.se, sqrt(hand[i].variance));
		near(e.interval.low, fmax(hand[i].value - half, 0));
		near(e.interval.high, fmin(hand[i].value + half, 1));
	}
	d = offpolicy_diagnose(&o);
	near(d.mean_weight, 1);
	near(d.mean_weight_z, 0);
	near(d.ess, 16.0 / 6);
	near(d.largest, 2);
	near(d.largest_share, 0.5);
	near(d.zero_share, 0.25);
	near(d.clipped_share, 0.25);
	near(offpolicy_logged(&o, &rule).value, 0.5);
}

static void
replay_is_the_mean_reward_of_what_both_choose(void **state)
{
	struct offpolicy_event e = { .v = 1, .logged = 0.25 };
	struct offpolicy o = { 0 };
	struct offpolicy_estimate replay;

	(void)state;
	/* Two of four clicked where both choose the same, which is every fourth. */
	for (unsigned i = 0; i < 16; i++) {
		e.target = i % 4 == 0;
		e.reward = i < 8;
		offpolicy_add(&o, &rule, &e);
	}
	replay = offpolicy_estimate(&o, &rule, OFFPOLICY_REPLAY);
	assert_null(replay.reason);
	near(replay.n, 4);
	near(replay.value, 0.5);
	near(replay.se, sqrt(4 * 0.25 / 3 / 4));
	e.logged = 0.3;
	offpolicy_add(&o, &rule, &e);
	assert_string_equal(offpolicy_estimate(&o, &rule, OFFPOLICY_REPLAY).reason,
	    "the log is not of uniform choices");
	e.v = -1;
	offpolicy_add(&o, &rule, &e);
	assert_null(offpolicy_estimate(&o, &rule, OFFPOLICY_REPLAY).reason);
	e = (struct offpolicy_event){ .v = 1, .logged = 0.25, .target = 0.5 };
	offpolicy_add(&o, &rule, &e);
	assert_string_equal(offpolicy_estimate(&o, &rule, OFFPOLICY_REPLAY).reason,
	    "the policy is not deterministic");
}

static void
draw(struct random *r, struct offpolicy_event *e)
{
	e->v = 1;
	e->logged = 0.01 + 0.99 * hash_uniform(random_next(r));
	e->target = hash_uniform(random_next(r)) / 2;
	e->reward = hash_uniform(random_next(r)) < 0.1;
	e->predicted = hash_uniform(random_next(r));
	e->expected = hash_uniform(random_next(r));
	e->modelled = true;
}

enum { MANY = 1000 };

static void
what_is_taken_back_is_as_if_it_had_not_come(void **state)
{
	static struct offpolicy_event events[2 * MANY];
	static struct offpolicy all, half;
	struct random r = seeded();

	(void)state;
	all = half = (struct offpolicy){ 0 };
	for (unsigned i = 0; i < 2 * MANY; i++)
		draw(&r, &events[i]);
	for (unsigned i = 0; i < MANY; i++)
		offpolicy_add(&half, &rule, &events[i]);
	/* In another order, with others between them that go again. */
	for (unsigned i = 2 * MANY; i-- > 0;)
		offpolicy_add(&all, &rule, &events[i]);
	for (unsigned i = MANY; i < 2 * MANY; i++) {
		events[i].v = -1;
		offpolicy_add(&all, &rule, &events[i]);
	}
	for (unsigned i = 0; i < OFFPOLICY_SUMS; i++)
		assert_true(sum_value(&all.sums[i]) == sum_value(&half.sums[i]));
	for (unsigned i = 0; i < OFFPOLICY_ESTIMATORS; i++) {
		struct offpolicy_estimate a = offpolicy_estimate(&all, &rule, i);
		struct offpolicy_estimate b = offpolicy_estimate(&half, &rule, i);

		assert_true(a.value == b.value && a.se == b.se);
		assert_true(
		    a.interval.low == b.interval.low && a.always.high == b.always.high);
	}
	for (unsigned i = 0; i < MANY; i++) {
		events[i].v = -1;
		offpolicy_add(&all, &rule, &events[i]);
	}
	for (unsigned i = 0; i < OFFPOLICY_SUMS; i++)
		assert_true(fabs(sum_value(&all.sums[i])) < 1e-24);
	assert_true(offpolicy_diagnose(&all).largest == 0);
}

static void
parts_merge_into_the_whole(void **state)
{
	static struct offpolicy whole, part[2];
	struct random r = seeded();
	struct offpolicy_event e;

	(void)state;
	whole = part[0] = part[1] = (struct offpolicy){ 0 };
	for (unsigned i = 0; i < MANY; i++) {
		memset(&e, 0, sizeof e);
		draw(&r, &e);
		offpolicy_add(&whole, &rule, &e);
		offpolicy_add(&part[i % 2], &rule, &e);
	}
	offpolicy_merge(&part[0], &part[1]);
	for (unsigned i = 0; i < OFFPOLICY_SUMS; i++)
		assert_true(sum_value(&part[0].sums[i]) == sum_value(&whole.sums[i]));
	near(offpolicy_diagnose(&part[0]).largest, offpolicy_diagnose(&whole).largest);
}

/* Outcomes of one weight and one reward. */
static void
add_many(struct offpolicy *o, unsigned n, double logged, double target, double reward)
{
	struct offpolicy_event e = {
		.v = 1, .logged = logged, .target = target, .reward = reward
	};

	for (unsigned i = 0; i < n; i++)
		offpolicy_add(o, &rule, &e);
}

static void
worthless_figures_are_called_so(void **state)
{
	static const struct offpolicy_rule strict = { .clip = 10,
		.threshold = 10,
		.shrink = 100,
		.reward_max = 1,
		.ess_min = 100,
		.share_max = 0.1 };
	struct offpolicy o = { 0 };
	struct offpolicy_diagnosis d = offpolicy_diagnose(&o);
	struct offpolicy_verdict v;

	(void)state;
	offpolicy_judge(&d, &strict, &v);
	assert_string_equal(
	    v.text[0], "there are less than two outcomes to judge from");
	/* The log always shows one banner; the policy would do so one time in two. */
	add_many(&o, 1000, 1, 0.5, 0);
	d = offpolicy_diagnose(&o);
	offpolicy_judge(&d, &strict, &v);
	assert_int_equal(v.reasons, 1);
	assert_string_equal(v.text[0],
	    "the mean weight is 0.5, not 1: the policy does what was never shown, or "
	    "probabilities are wrong");
	/* The policy is none: weights of 2 throughout. */
	o = (struct offpolicy){ 0 };
	add_many(&o, 1000, 0.25, 0.5, 0);
	d = offpolicy_diagnose(&o);
	offpolicy_judge(&d, &strict, &v);
	assert_string_equal(v.text[0],
	    "the mean weight is 2, not 1: the policy is none that adds up to 1, or "
	    "probabilities are wrong");
	/* It does nothing that was shown. */
	o = (struct offpolicy){ 0 };
	add_many(&o, 1000, 0.25, 0, 1);
	d = offpolicy_diagnose(&o);
	offpolicy_judge(&d, &strict, &v);
	assert_string_equal(v.text[0], "nothing that the policy does was shown");
	/* One click at a probability of 1/1000 among a thousand that cannot be compared. */
	o = (struct offpolicy){ 0 };
	add_many(&o, 999, 0.5, 0, 0);
	add_many(&o, 1, 0.001, 1, 1);
	for (unsigned i = 0; i < 20; i++)
		offpolicy_miss(&o, 1);
	d = offpolicy_diagnose(&o);
	offpolicy_judge(&d, &strict, &v);
	assert_int_equal(v.reasons, 3);
	assert_string_equal(
	    v.text[0], "2.0% of outcomes have no probability in (0, 1]");
	assert_string_equal(
	    v.text[1], "the outcomes weigh as much as 1.0, less than 100");
	assert_string_equal(v.text[2], "one outcome carries 100.0% of all weight");
}

static void
what_does_not_vary_is_no_figure(void **state)
{
	struct offpolicy o = { 0 };

	(void)state;
	/* No click of a thousand is not a rate of 0 for sure. */
	add_many(&o, 500, 0.5, 0.25, 0);
	add_many(&o, 500, 0.5, 0.75, 0);
	for (unsigned i = 0; i <= OFFPOLICY_CRESSIE_READ; i++)
		assert_string_equal(offpolicy_estimate(&o, &rule, i).reason,
		    "its error cannot be told: nothing varies");
	assert_non_null(offpolicy_logged(&o, &rule).reason);
}

/* A model that promises too much must not make a click rate of less than 0. */
static void
an_estimate_beyond_all_rewards_is_no_figure(void **state)
{
	struct offpolicy_event e = { .v = 1,
		.logged = 0.1,
		.target = 0.5,
		.predicted = 0.9,
		.expected = 0.01,
		.modelled = true };
	struct offpolicy o = { 0 };

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		e.expected = 0.01 + 0.0001 * i;
		offpolicy_add(&o, &rule, &e);
	}
	assert_null(offpolicy_estimate(&o, &rule, OFFPOLICY_DIRECT).reason);
	assert_string_equal(offpolicy_estimate(&o, &rule, OFFPOLICY_DR).reason,
	    "the estimate lies outside of the rewards");
	e.modelled = false;
	offpolicy_add(&o, &rule, &e);
	assert_string_equal(offpolicy_estimate(&o, &rule, OFFPOLICY_DIRECT).reason,
	    "some outcomes have no prediction");
}

/* A log of uniform choices among 4, a policy that prefers one: with a bound of weights the
 * interval at all times is narrower, and holds the truth. */
static void
intervals_at_all_times_hold_the_value(void **state)
{
	static const struct offpolicy_rule bound = { .clip = 10,
		.threshold = 10,
		.shrink = 100,
		.reward_max = 1,
		.weight_max = 2.8 };
	static const double policy[] = { 0.7, 0.1, 0.1, 0.1 };
	static const double rates[] = { 0.3, 0.1, 0.2, 0.4 };
	double value = 0.7 * 0.3 + 0.1 * (0.1 + 0.2 + 0.4);
	struct random r = seeded();
	unsigned misses = 0;

	(void)state;
	for (unsigned run = 0; run < 100; run++) {
		struct offpolicy o = { 0 };

		for (unsigned i = 1; i <= 2000; i++) {
			unsigned a = (unsigned)hash_bucket(random_next(&r), 4);
			struct offpolicy_event e = { .v = 1,
				.logged = 0.25,
				.target = policy[a],
				.predicted = 0.2,
				.expected = 0.2,
				.modelled = true };
			struct offpolicy_estimate loose, ips, dr;

			e.reward = hash_uniform(random_next(&r)) < rates[a];
			offpolicy_add(&o, &bound, &e);
			if (i % 500 != 0)
				continue;
			loose = offpolicy_estimate(&o, &rule, OFFPOLICY_IPS);
			ips = offpolicy_estimate(&o, &bound, OFFPOLICY_IPS);
			dr = offpolicy_estimate(&o, &bound, OFFPOLICY_DR);
			assert_true(loose.anytime && ips.anytime && dr.anytime);
			assert_true(ips.always.low <= ips.value &&
			    ips.value <= ips.always.high);
			misses += loose.always.low > value || loose.always.high < value;
			misses += ips.always.low > value || ips.always.high < value;
			misses += dr.always.low > value || dr.always.high < value;
			if (i == 2000)
				assert_true(dr.always.high - dr.always.low < 0.35);
		}
	}
	print_message("# %u of 1200 intervals missed\n", misses);
	assert_true(misses <= 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_figures_are_those_worked_out_by_hand),
		cmocka_unit_test(replay_is_the_mean_reward_of_what_both_choose),
		cmocka_unit_test(what_is_taken_back_is_as_if_it_had_not_come),
		cmocka_unit_test(parts_merge_into_the_whole),
		cmocka_unit_test(worthless_figures_are_called_so),
		cmocka_unit_test(what_does_not_vary_is_no_figure),
		cmocka_unit_test(an_estimate_beyond_all_rewards_is_no_figure),
		cmocka_unit_test(intervals_at_all_times_hold_the_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
