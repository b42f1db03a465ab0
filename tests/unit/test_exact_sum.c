/* SPDX-License-Identifier: MIT */
#include "lib/base/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/seed.h"

enum { N = 2000 };

static double
any_number(struct random *r)
{
	double x = hash_uniform(random_next(r)) - 0.5;

	switch (random_next(r) % 4) {
	case 0:
		return x;
	case 1:
		return (double)(int64_t)(x * 1e12);
	case 2:
		return ldexp(x, (int)(random_next(r) % 60));
	default:
		return x / 3e4;
	}
}

static void
what_is_taken_away_in_any_order_leaves_nothing(void **state)
{
	struct random r = seeded();
	double x[N];

	(void)state;
	for (unsigned scale = 0; scale <= 64; scale += 32) {
		exact sum = 0, part = 0;

		for (unsigned i = 0; i < N; i++) {
			x[i] = any_number(&r);
			sum = exact_plus(sum, exact_of(x[i], scale));
			if (i % 3 == 0)
				part = exact_plus(part, exact_of(x[i], scale));
		}
		for (unsigned i = N; i-- > 0;)
			if (i % 3 != 0)
				sum = exact_plus(sum, exact_of(-x[i], scale));
		assert_true(sum == part);
		assert_true(exact_value(sum, scale) == exact_value(part, scale));
	}
}

static void
numbers_of_ordinary_size_are_not_rounded(void **state)
{
	static const double numbers[] = { 0, 1, -1, 0.1, 1.0 / 3, 2.5, -1234567.89,
		0x1p53, 0x1.fffffffffffffp61, -0x1p62, 0x1p-12, 0x1.23456789abcdep-12 };

	(void)state;
	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
		assert_true(exact_value(exact_of(numbers[i], 64), 64) == numbers[i]);
	/* Three tenths, rounded once. */
	assert_true(
	    exact_value(3 * exact_of(0.1, 64), 64) == (double)(3 * (long double)0.1));
}

static void
what_is_too_large_stays_at_the_end(void **state)
{
	exact end = exact_of(1e300, 64);

	(void)state;
	assert_true(end == EXACT_MAX && exact_of(-1e300, 64) == -EXACT_MAX);
	assert_true(exact_plus(end, exact_of(1, 64)) == EXACT_MAX);
	assert_true(exact_plus(-end, exact_of(-5, 64)) == -EXACT_MAX);
	assert_true(exact_of(1e300, 0) == EXACT_MAX);
	assert_true(exact_value(exact_of(1e24, 32), 32) == 1e24);
	assert_true(exact_of(-(double)INFINITY, 64) == -EXACT_MAX);
	assert_true(exact_of(0 * (double)INFINITY, 64) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_away_in_any_order_leaves_nothing),
		cmocka_unit_test(numbers_of_ordinary_size_are_not_rounded),
		cmocka_unit_test(what_is_too_large_stays_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
