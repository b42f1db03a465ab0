/* SPDX-License-Identifier: MIT */
#include "lib/model/policy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/vec.h"
#include "tests/unit/seed.h"

static struct policy_weights weights, others;

static void
near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
}

static struct policy
policy(enum policy_kind kind)
{
	return (struct policy){ kind, 1, 0.1, 1, 1000, 0 };
}

static struct policy_candidate
candidate(double z, double variance, double value)
{
	return (struct policy_candidate){ vec_sigmoid(z), z, variance, value };
}

static double
uniform(struct random *r, double low, double high)
{
	return low + (high - low) * hash_uniform(random_next(r));
}

/* Marsaglia's polar method. */
static double
normal(struct random *r)
{
	double x, y, s;

	do {
		x = uniform(r, -1, 1);
		y = uniform(r, -1, 1);
		s = x * x + y * y;
	} while (s >= 1 || s == 0);
	return x * sqrt(-2 * log(s) / s);
}

static void
weigh(const struct policy *p, const struct policy_candidate *c, unsigned n)
{
	double sum = 0;

	assert_int_equal(policy_candidates_check(c, n), POLICY_FINE);
	memset(&weights, 0x55, sizeof weights);
	policy_weigh(p, c, n, &weights);
	for (unsigned i = 0; i < n; i++) {
		assert_true(weights.probability[i] >= 0 && weights.probability[i] <= 1);
		sum += weights.probability[i];
	}
	near(sum, 1, 1e-13 * n);
}

/* --- Against the reference in Python ---------------------------------------------- */

static enum policy_kind
kind_of_word(const char *word)
{
	for (unsigned i = 0; i < POLICY_KINDS; i++)
		if (strcmp(word, policy_name((enum policy_kind)i)) == 0)
			return (enum policy_kind)i;
	fail_msg("no policy %s", word);
	return POLICY_KINDS;
}

static void
every_policy_has_the_probabilities_of_the_reference_in_python(void **state)
{
	static struct policy_candidate c[POLICY_MAX];
	static double expected[POLICY_MAX];
	FILE *file = fopen("tests/data/policy-reference.txt", "r");
	unsigned n, cases = 0;
	char word[16];
	struct policy p;

	(void)state;
	assert_non_null(file);
	while (fscanf(file, "%15s %u %lf %lf %lf %lf %lf", word, &n, &p.alpha,
		   &p.epsilon, &p.temperature, &p.gamma, &p.floor) == 7) {
		p.kind = kind_of_word(word);
		assert_true(n <= POLICY_MAX);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(
			    fscanf(file, "%lf %lf %lf %lf %lf", &c[i].p, &c[i].z,
				&c[i].variance, &c[i].value, &expected[i]),
			    5);
		weigh(&p, c, n);
		for (unsigned i = 0; i < n; i++)
			near(weights.probability[i], expected[i],
			    p.kind == POLICY_THOMPSON ? 5e-6 : 1e-14);
		cases++;
	}
	fclose(file);
	assert_int_equal(cases, 110);
}

/* --- Thompson --------------------------------------------------------------------- */

static void
thompson_of_two_arms_is_the_closed_form(void **state)
{
	const struct policy_candidate c[] = { candidate(-3, 0.09, 2),
		candidate(-3.5, 0.16, 2) };
	struct policy p = policy(POLICY_THOMPSON);

	(void)state;
	weigh(&p, c, 2);
	near(weights.probability[0], 0.5 * erfc(-(0.5 / 0.5) / sqrt(2)), 1e-14);
	assert_true(weights.error == 0);
}

/* With values that differ by nothing that matters, two arms go through the quadrature. */
static void
thompson_of_two_arms_by_quadrature_meets_the_closed_form(void **state)
{
	struct random r = seeded();
	struct policy p = policy(POLICY_THOMPSON);

	(void)state;
	for (int i = 0; i < 3000; i++) {
		double narrow = exp(uniform(&r, -12, 1)),
		       wide = exp(uniform(&r, -3, 2));
		struct policy_candidate c[] = { candidate(
						    uniform(&r, -6, 0), narrow, 1),
			candidate(uniform(&r, -6, 0), wide, 1) };
		double exact = 0.5 *
		    erfc(
			-(c[0].z - c[1].z) / sqrt(2 * (c[0].variance + c[1].variance)));

		c[1].value = 1 - 1e-13;
		weigh(&p, c, 2);
		near(weights.probability[0], exact, weights.error);
		near(weights.probability[0], exact, 5e-6);
	}
}

/* One million samples: each share is within 5 standard deviations of what is stated, which
 * a right one fails once in 1.7 million times, and which one that is off by 0.0025 passes
 * once in a thousand at most. */
static void
thompson_probabilities_are_those_of_a_million_samples(void **state)
{
	enum { N = 7, DRAWS = 1000000 };
	struct random r = seeded();
	struct policy p = policy(POLICY_THOMPSON);

	(void)state;
	for (int values = 0; values < 2; values++) {
		unsigned won[N] = { 0 };
		struct policy_candidate c[N];

		for (unsigned i = 0; i < N; i++)
			c[i] = candidate(uniform(&r, -3, 0), uniform(&r, 0, 1),
			    values ? uniform(&r, 0.5, 2) : 1);
		c[3].variance = 0;
		weigh(&p, c, N);
		for (int draw = 0; draw < DRAWS; draw++) {
			double most = -1;
			unsigned best = 0;

			for (unsigned i = 0; i < N; i++) {
				double z = c[i].z + sqrt(c[i].variance) * normal(&r);
				double score = c[i].value / (1 + exp(-z));

				best = score > most ? i : best;
				most = score > most ? score : most;
			}
			won[best]++;
		}
		for (unsigned i = 0; i < N; i++) {
			double w = weights.probability[i];

			near((double)won[i] / DRAWS, w,
			    5 * sqrt(w * (1 - w) / DRAWS) + 1e-6);
		}
	}
}

/* The bound against a grid a hundred times as fine, on arms of every kind. */
static double
best_by_brute_force(const struct policy_candidate *c, unsigned n, unsigned i)
{
	enum { STEPS = 20000 };
	double sum = 0, s = sqrt(c[i].variance);

	for (int k = 0; k <= STEPS; k++) {
		double y = -8 + 16.0 * k / STEPS, x = c[i].z + s * y, product = 1;
		double score = c[i].value / (1 + exp(-x));

		for (unsigned j = 0; j < n && product > 0; j++) {
			double at = c[j].value == c[i].value ? x
			    : score >= c[j].value            ? INFINITY
						  : log(score / (c[j].value - score));

			if (j != i)
				product *= 0.5 *
				    erfc(-(at - c[j].z) / sqrt(2 * c[j].variance));
		}
		sum += exp(-y * y / 2) * product;
	}
	return sum * 16 / STEPS / sqrt(2 * acos(-1));
}

static void
thompson_errs_less_than_its_bound(void **state)
{
	struct random r = seeded();
	struct policy p = policy(POLICY_THOMPSON);

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct policy_candidate c[12];
		unsigned n = 2 + (unsigned)hash_bucket(random_next(&r), 11);

		for (unsigned j = 0; j < n; j++)
			c[j] = candidate(uniform(&r, -5, i % 3 ? -3 : 4),
			    exp(uniform(&r, i % 2 ? -6 : -1, 1)),
			    i % 4 < 2 ? 1 : uniform(&r, 0.3, 1));
		weigh(&p, c, n);
		assert_true(weights.error < 2e-3);
		for (unsigned j = 0; j < n; j += 3)
			near(weights.probability[j], best_by_brute_force(c, n, j),
			    weights.error + 1e-9);
	}
}

/* Steps that are equal, where the last digits are those of single precision. */
static void
thompson_of_hundreds_that_are_known_alike_is_close_to_the_integral(void **state)
{
	enum { N = 200 };
	struct random r = seeded();
	struct policy p = policy(POLICY_THOMPSON);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct policy_candidate c[N];

		for (unsigned j = 0; j < N; j++)
			c[j] = candidate(uniform(&r, -5, -4), uniform(&r, 0.15, 0.25),
			    i == 0 ? 1 : uniform(&r, 0.7, 1));
		weigh(&p, c, N);
		assert_true(weights.error < 2e-4);
		for (unsigned j = 0; j < N; j += 67)
			near(
			    weights.probability[j], best_by_brute_force(c, N, j), 5e-6);
	}
}

static void
thompson_of_candidates_without_variance_is_greedy(void **state)
{
	struct random r = seeded();
	struct policy p = policy(POLICY_THOMPSON), greedy = policy(POLICY_GREEDY);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct policy_candidate c[9];

		for (unsigned j = 0; j < 9; j++)
			c[j] = candidate(
			    uniform(&r, -4, -1), 0, i % 2 ? 1 : uniform(&r, 0.1, 5));
		weigh(&p, c, 9);
		assert_true(weights.error == 0);
		policy_weigh(&greedy, c, 9, &others);
		assert_memory_equal(
		    weights.probability, others.probability, 9 * sizeof(double));
	}
}

static void
thompson_shares_alike_among_candidates_that_are_alike(void **state)
{
	static struct policy_candidate c[POLICY_MAX];
	struct policy p = policy(POLICY_THOMPSON);

	(void)state;
	for (unsigned n = 1; n <= POLICY_MAX; n = n * 3 - (n > 1)) {
		for (unsigned i = 0; i < n; i++)
			c[i] = candidate(-4.6, 0.7, 1);
		weigh(&p, c, n);
		for (unsigned i = 0; i < n; i++)
			near(weights.probability[i], 1.0 / n, 1e-12);
	}
}

static void
thompson_takes_the_extremes(void **state)
{
	struct policy p = policy(POLICY_THOMPSON);
	struct policy_candidate c[] = { candidate(30, 0, 1), candidate(-30, 1e4, 1),
		candidate(-30, 1e300, 1e-300), candidate(30, 1e-300, 1),
		candidate(0, 1e4, 1e300), candidate(-1e300, 0, 0) };

	(void)state;
	for (unsigned n = 1; n <= 6; n++)
		weigh(&p, c, n);
	weigh(&p, c + 5, 1);
	assert_true(weights.probability[0] == 1);
	/* Two that are the same and known: the first. One that is worth nothing: never. */
	c[1] = c[0];
	weigh(&p, c, 2);
	assert_true(weights.probability[0] == 1);
	c[1] = candidate(30, 4, 0);
	weigh(&p, c, 2);
	assert_true(weights.probability[0] == 1);
	/* All worth nothing: by what they are. */
	c[0].value = 0;
	weigh(&p, c, 2);
	near(weights.probability[0], 0.5, 1e-12);
}

/* Deviations from 1e-9 to 100 about one floor: panels grow with the distance from it. */
static void
thompson_takes_variances_of_all_sizes_at_once(void **state)
{
	static struct policy_candidate c[POLICY_MAX];
	struct policy p = policy(POLICY_THOMPSON);
	double half = 1;

	(void)state;
	for (unsigned i = 0; i < POLICY_MAX; i++) {
		double s = pow(10, -9 + 11.0 * i / (POLICY_MAX - 1));

		c[i] = candidate(-2 + s, s * s, 1);
	}
	weigh(&p, c, POLICY_MAX);
	/* Two of them: one sharp, one wide, about the same place. */
	c[0] = candidate(-2, 1e-14, 1);
	c[1] = candidate(-2, 4, 1);
	c[2] = candidate(-2 - 1e-7, 1e-14, 1);
	weigh(&p, c, 3);
	near(weights.probability[1], 0.5, weights.error + 1e-6);
	half =
	    weights.probability[0] / (weights.probability[0] + weights.probability[2]);
	near(half, 0.5 * erfc(-1 / sqrt(2) / sqrt(2)), 1e-5);
}

/* --- The others ------------------------------------------------------------------- */

static void
epsilon_softmax_and_squarecb_have_their_formulas(void **state)
{
	const struct policy_candidate c[] = { { 0.01, 0, 0, 1 }, { 0.04, 0, 0, 1 },
		{ 0.02, 0, 0, 2 }, { 0.03, 0, 0, 1 } };
	struct policy p = policy(POLICY_EPSILON);

	(void)state;
	weigh(&p, c, 4);
	near(weights.probability[1], 0.925, 1e-15); /* of equals the first */
	near(weights.probability[2], 0.025, 1e-15);
	p.kind = POLICY_SOFTMAX;
	weigh(&p, c, 4);
	near(weights.probability[0], 1.0 / 12, 1e-15);
	near(weights.probability[2], 4.0 / 12, 1e-15);
	p.temperature = 0.5;
	weigh(&p, c, 4);
	near(weights.probability[3], 9.0 / 42, 1e-15);
	p.kind = POLICY_SQUARECB;
	weigh(&p, c, 4);
	near(weights.probability[0], 1 / (4 + 1000 * 0.015), 1e-15);
	near(weights.probability[3], 1 / (4 + 1000 * 0.005), 1e-15);
	near(weights.probability[1], 1 - 1.0 / 19 - 1.0 / 9 - 1.0 / 4, 1e-15);
}

static void
linucb_takes_the_largest_upper_end(void **state)
{
	const struct policy_candidate c[] = { candidate(-3, 0.01, 1),
		candidate(-4, 0.81, 1), candidate(-4, 1, 1) };
	struct policy p = policy(POLICY_LINUCB);

	(void)state;
	weigh(&p, c, 3);
	assert_true(weights.probability[0] == 1);
	p.alpha = 2;
	weigh(&p, c, 3);
	assert_true(weights.probability[2] == 1);
	near(weights.score[1], vec_sigmoid_exact(-4 + 2 * 0.9), 1e-10);
}

static void
the_floor_is_under_every_probability(void **state)
{
	const struct policy_candidate c[] = { candidate(-3, 0.01, 1),
		candidate(-4, 0.81, 1), candidate(-4, 1, 1) };

	(void)state;
	for (unsigned kind = 0; kind < POLICY_KINDS; kind++) {
		struct policy p = policy((enum policy_kind)kind);
		double bare[3];

		weigh(&p, c, 3);
		memcpy(bare, weights.probability, sizeof bare);
		p.floor = 0.02;
		weigh(&p, c, 3);
		for (unsigned i = 0; i < 3; i++)
			near(weights.probability[i], 0.02 + 0.94 * bare[i], 1e-15);
		p.floor = 0.9;
		weigh(&p, c, 3);
		for (unsigned i = 0; i < 3; i++)
			near(weights.probability[i], 1.0 / 3, 1e-15);
	}
}

static void
what_is_no_prediction_is_refused(void **state)
{
	const struct policy_candidate wrong[] = { { NAN, 0, 0, 1 }, { 1.5, 0, 0, 1 },
		{ -0.1, 0, 0, 1 }, { 0.5, NAN, 0, 1 }, { 0.5, INFINITY, 0, 1 },
		{ 0.5, 0, NAN, 1 }, { 0.5, 0, -1, 1 }, { 0.5, 0, INFINITY, 1 } };
	struct policy_candidate c[2] = { { 0.5, 0, 0, 1 }, { 0.5, 0, 0, 1 } };
	struct policy p = policy(POLICY_THOMPSON);
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		c[1] = wrong[i];
		assert_int_equal(policy_candidates_check(c, 2), POLICY_ESTIMATE);
	}
	c[1] = (struct policy_candidate){ 0.5, 0, 0, -1 };
	assert_int_equal(policy_candidates_check(c, 2), POLICY_VALUE);
	c[1].value = NAN;
	assert_int_equal(policy_candidates_check(c, 2), POLICY_VALUE);
	assert_int_equal(policy_candidates_check(c, 0), POLICY_NONE);
	assert_int_equal(policy_candidates_check(c, POLICY_MAX + 1), POLICY_MANY);
	assert_int_equal(policy_check(&p, &error), 0);
	p.temperature = 0;
	assert_int_equal(policy_check(&p, &error), -1);
	p = policy(POLICY_EPSILON);
	p.epsilon = NAN;
	assert_int_equal(policy_check(&p, &error), -1);
}

/* --- Draws ------------------------------------------------------------------------ */

/* Pearson's statistic of 20,000 draws over 6 cells: 5 degrees of freedom, beyond 30 once in
 * 67,000 times when the draws are right; a cell that is 0.12 instead of 0.1 adds about 90. */
static void
draws_have_the_stated_probabilities(void **state)
{
	enum { N = 6, DRAWS = 20000 };
	struct policy p = policy(POLICY_THOMPSON);
	struct policy_candidate c[N];
	unsigned drawn[N] = { 0 };
	double chi = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		c[i] = candidate(-4 + 0.1 * i, 0.2, 1);
	p.floor = 0.01;
	weigh(&p, c, N);
	for (unsigned i = 0; i < DRAWS; i++)
		drawn[policy_draw(&weights, N, hash_mix(i), i % 3)]++;
	for (unsigned i = 0; i < N; i++) {
		double expected = weights.probability[i] * DRAWS;

		chi += (drawn[i] - expected) * (drawn[i] - expected) / expected;
	}
	print_message("# chi-square %.2f of 5\n", chi);
	assert_true(chi < 30);
}

static void
a_draw_depends_on_its_key_and_position_only_and_skips_what_is_impossible(void **state)
{
	struct policy p = policy(POLICY_GREEDY);
	const struct policy_candidate c[] = { { 0.1, 0, 0, 1 }, { 0.3, 0, 0, 1 },
		{ 0.2, 0, 0, 1 } };
	unsigned differ = 0;

	(void)state;
	weigh(&p, c, 3);
	for (uint64_t key = 0; key < 1000; key++)
		assert_int_equal(policy_draw(&weights, 3, key, 0), 1);
	p.kind = POLICY_UNIFORM;
	weigh(&p, c, 3);
	for (uint64_t key = 0; key < 1000; key++) {
		unsigned first = policy_draw(&weights, 3, key, 0);

		assert_int_equal(policy_draw(&weights, 3, key, 0), first);
		differ += policy_draw(&weights, 3, key, 1) != first;
	}
	assert_in_range(differ, 590, 740); /* 667 +- 5 standard deviations */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_policy_has_the_probabilities_of_the_reference_in_python),
		cmocka_unit_test(thompson_of_two_arms_is_the_closed_form),
		cmocka_unit_test(
		    thompson_of_two_arms_by_quadrature_meets_the_closed_form),
		cmocka_unit_test(thompson_probabilities_are_those_of_a_million_samples),
		cmocka_unit_test(thompson_errs_less_than_its_bound),
		cmocka_unit_test(
		    thompson_of_hundreds_that_are_known_alike_is_close_to_the_integral),
		cmocka_unit_test(thompson_of_candidates_without_variance_is_greedy),
		cmocka_unit_test(thompson_shares_alike_among_candidates_that_are_alike),
		cmocka_unit_test(thompson_takes_the_extremes),
		cmocka_unit_test(thompson_takes_variances_of_all_sizes_at_once),
		cmocka_unit_test(epsilon_softmax_and_squarecb_have_their_formulas),
		cmocka_unit_test(linucb_takes_the_largest_upper_end),
		cmocka_unit_test(the_floor_is_under_every_probability),
		cmocka_unit_test(what_is_no_prediction_is_refused),
		cmocka_unit_test(draws_have_the_stated_probabilities),
		cmocka_unit_test(
		    a_draw_depends_on_its_key_and_position_only_and_skips_what_is_impossible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
