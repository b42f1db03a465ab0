/* SPDX-License-Identifier: MIT */
#include "lib/vec/normal.h"

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

static void
near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.17g is not within %g of %.17g", value, tolerance, expected);
}

static double
exp_alone(double x)
{
	double to;

	vec_exp_all(&x, &to, 1);
	return to;
}

static void
exp_is_within_its_bound_of_the_exact_one(void **state)
{
	(void)state;
	for (double x = -708; x <= 708; x += 0.00917) {
		double bound = fabs(x) < 600 ? 1e-15 : 2e-13;

		near(exp_alone(x) / exp(x), 1, bound);
	}
	assert_true(exp_alone(0) == 1);
	assert_true(exp_alone(-1e300) == exp_alone(-708) && exp_alone(-708) > 0);
	assert_true(exp_alone(INFINITY) == exp_alone(708) && isfinite(exp_alone(708)));
}

static void
log_is_within_its_bound_of_the_exact_one(void **state)
{
	struct random r = seeded();

	(void)state;
	for (int i = 0; i < 200000; i++) {
		double x =
		    ldexp(hash_uniform(random_next(&r)) + 0x1p-53, i % 200 - 100);
		double y = 1 + (hash_uniform(random_next(&r)) - 0.5) * 2e-3, to[2];

		vec_log_all((double[]){ x, y }, to, 2);
		near(to[0], log(x), fabs(log(x)) > 1e-3 ? 4e-15 * fabs(log(x)) : 1e-17);
		near(to[1], log(y), 1e-15 * fabs(y - 1) + 1e-300);
	}
}

/* The first 20 digits, computed with 40. */
static void
normal_cdf_has_known_digits(void **state)
{
	static const struct {
		double x, cdf;
	} known[] = {
		{ 0, 0.5 },
		{ 1, 0.84134474606854294859 },
		{ -1, 0.15865525393145705141 },
		{ 1.959963984540054, 0.97499999999999998912 },
		{ -3, 0.0013498980316300945267 },
		{ -6, 9.865876450376981407e-10 },
		{ -10, 7.619853024160526066e-24 },
		{ -37, 5.7255712225245768227e-300 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		near(vec_normal_cdf(known[i].x) / known[i].cdf, 1, 3e-13);
}

static void
normal_cdf_is_within_its_bound_of_libm_everywhere(void **state)
{
	(void)state;
	for (double x = -37; x <= 37; x += 0.000713) {
		double expected = 0.5 * erfc(-x * 0x1.6a09e667f3bcdp-1);

		/* The argument's own rounding is part of it. */
		near(vec_normal_cdf(x) / expected, 1, 1e-13 + 3e-16 * x * x);
		near(vec_normal_cdf(x) + vec_normal_cdf(-x), 1, 3e-16);
	}
	assert_true(vec_normal_cdf(INFINITY) == 1 && vec_normal_cdf(9) == 1);
	assert_true(vec_normal_cdf(-INFINITY) == vec_normal_cdf(-37));
}

static void
a_number_has_the_same_bits_alone_and_in_any_place_of_an_array(void **state)
{
	struct random r = seeded();
	double x[29], to[29];

	(void)state;
	for (unsigned i = 0; i < 29; i++)
		x[i] = hash_uniform(random_next(&r)) * 40 - 20;
	for (size_t n = 0; n <= 29; n++) {
		memset(to, 0, sizeof to);
		vec_exp_all(x, to, n);
		for (size_t i = 0; i < 29; i++) {
			double alone = i < n ? exp_alone(x[i]) : 0;

			assert_memory_equal(&alone, &to[i], sizeof alone);
		}
	}
}

/* One way to write it for one machine is another's test: plain C, no vector. */
static double
exp_plainly(double x)
{
	const double inverse[] = { 1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800,
		1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
		1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1, 1 };
	volatile double shifted = x * 0x1.71547652b82fep0 + 0x1.8p52;
	double k = shifted - 0x1.8p52, even = inverse[1], odd = inverse[0];
	volatile double r = x - k * 0x1.62e42fefa3800p-1;

	r = r - k * 0x1.ef35793c76730p-45;
	for (unsigned i = 2; i < 14; i += 2) {
		volatile double square = r * r, o = odd * square, e = even * square;

		odd = o + inverse[i];
		even = e + inverse[i + 1];
	}
	return ldexp(even + odd * r, (int)k);
}

static void
exp_has_the_bits_of_its_formula_without_vectors(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		double x = hash_uniform(random_next(&r)) * 1400 - 700;
		double fast = exp_alone(x), slow = exp_plainly(x);

		assert_memory_equal(&fast, &slow, sizeof fast);
	}
}

static void
hazards_are_densities_over_probabilities(void **state)
{
	struct random r = seeded();
	double x[16], mean[16], precision[16], product, expected = 1;
	float hazard[16];

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		x[i] = hash_uniform(random_next(&r)) * 4 - 2;
		mean[i] = i < 13 ? hash_uniform(random_next(&r)) * 4 - 2 : -1e9;
		precision[i] = i < 13 ? 0.5 + hash_uniform(random_next(&r)) : 1;
	}
	product = vec_normal_hazards(x, mean, precision, hazard, 16);
	for (unsigned i = 0; i < 16; i++) {
		double y = (x[i] - mean[i]) * precision[i];
		double cdf = 0.5 * erfc(-y / sqrt(2));
		double density = exp(-y * y / 2) / sqrt(2 * acos(-1)) * precision[i];

		expected *= cdf;
		near((double)hazard[i], density / cdf, 4e-6 * (density / cdf) + 1e-30);
	}
	near(product / expected, 1, 4e-6);
}

static void
hazards_are_within_their_bound_from_end_to_end(void **state)
{
	double x[16], mean[16], precision[16];
	float hazard[16];

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		mean[i] = i == 0 ? 0 : -1e9;
		precision[i] = 1;
	}
	for (double y = -6; y <= 6; y += 0.00317) {
		double cdf = 0.5 * erfc(-y / sqrt(2));
		double density = exp(-y * y / 2) / sqrt(2 * acos(-1));

		for (unsigned i = 0; i < 16; i++)
			x[i] = y;
		near(vec_normal_hazards(x, mean, precision, hazard, 16) / cdf, 1, 3e-6);
		near((double)hazard[0] / (density / cdf), 1, 6e-6);
		assert_true(hazard[1] < 1e-30f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exp_is_within_its_bound_of_the_exact_one),
		cmocka_unit_test(log_is_within_its_bound_of_the_exact_one),
		cmocka_unit_test(normal_cdf_has_known_digits),
		cmocka_unit_test(normal_cdf_is_within_its_bound_of_libm_everywhere),
		cmocka_unit_test(
		    a_number_has_the_same_bits_alone_and_in_any_place_of_an_array),
		cmocka_unit_test(exp_has_the_bits_of_its_formula_without_vectors),
		cmocka_unit_test(hazards_are_densities_over_probabilities),
		cmocka_unit_test(hazards_are_within_their_bound_from_end_to_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
