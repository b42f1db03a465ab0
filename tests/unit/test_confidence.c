/* SPDX-License-Identifier: MIT */
#include "lib/trial/confidence.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"

enum { RUNS = 1000, LENGTH = 1000 };

/* Of 1000 runs of a bound that misses 5 times in 100, more than 70 miss with probability
 * 0.2 %; of one that misses 10 times in 100, no more do with 0.06 %, 15 times: 10^-14. */
enum { MISSES_MAX = 70 };

static void
add(struct confidence_sums *s, double x)
{
	s->n += 1;
	s->x += x;
	s->xx += x * x;
}

/* A weighted click: weights 0.5 and 4.0 with mean 1, clicks at a rate. */
static double
draw(struct random *r, double rate)
{
	double w = hash_uniform(random_next(r)) < 1.0 / 7 ? 4 : 0.5;

	return hash_uniform(random_next(r)) < rate ? w : 0;
}

static void
at_no_time_is_the_bound_above_the_mean(void **state)
{
	static const double rates[] = { 0.01, 0.1, 0.5, 1.0 };
	struct random r = seeded();

	(void)state;
	for (unsigned k = 0; k < sizeof rates / sizeof *rates; k++) {
		unsigned misses = 0;

		for (unsigned run = 0; run < RUNS; run++) {
			struct confidence_sums s = { 0, 0, 0 };
			bool missed = false;

			for (unsigned i = 0; i < LENGTH && !missed; i++) {
				add(&s, draw(&r, rates[k]));
				missed = confidence_excludes(&s, rates[k], 0.05);
			}
			misses += missed;
		}
		print_message(
		    "# rate %g: %u of %d runs misled\n", rates[k], misses, RUNS);
		assert_true(misses <= MISSES_MAX);
	}
}

/* The test can fail: an interval for who looks once misleads who looks always. */
static void
the_same_runs_mislead_who_looks_at_a_normal_interval(void **state)
{
	struct random r = seeded();
	unsigned misses = 0;

	(void)state;
	for (unsigned run = 0; run < RUNS; run++) {
		struct confidence_sums s = { 0, 0, 0 };
		bool missed = false;

		for (unsigned i = 0; i < LENGTH && !missed; i++) {
			double se;

			add(&s, draw(&r, 0.5));
			se = sqrt((s.xx - s.x * s.x / s.n) / s.n / s.n);
			missed = i >= 30 && s.x / s.n - 1.645 * se > 0.5;
		}
		misses += missed;
	}
	print_message("# %u of %d runs misled\n", misses, RUNS);
	assert_true(misses > 2 * MISSES_MAX);
}

/* sqrt(log log n / n): a hundred times the data, a tenth of the width and a little more. */
static void
the_bound_comes_close_like_the_root_of_n(void **state)
{
	double before = 0;

	(void)state;
	for (double n = 1e3; n < 1e12; n *= 100) {
		struct confidence_sums s = { n, 0.1 * n, 0.1 * n };
		double width = 0.1 - confidence_lower(&s, 0.025);
		double normal = 1.959963984540054 * sqrt(0.09 / n);

		print_message(
		    "# n = %g: %.2f times the normal half-width\n", n, width / normal);
		assert_true(width > normal && width < 2.5 * normal);
		if (before > 0)
			assert_true(width / before > 0.09 && width / before < 0.115);
		before = width;
	}
}

static void
the_bound_is_where_exclusion_ends(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned run = 0; run < 50; run++) {
		struct confidence_sums s = { 0, 0, 0 };
		double low;

		for (unsigned i = 0; i < 500; i++)
			add(&s, draw(&r, 0.3));
		low = confidence_lower(&s, 0.05);
		assert_true(low > 0 && low < s.x / s.n);
		assert_true(confidence_excludes(&s, low * (1 - 1e-9), 0.05));
		assert_false(confidence_excludes(&s, low * (1 + 1e-9), 0.05));
	}
}

static void
nothing_known_is_no_bound(void **state)
{
	(void)state;
	assert_true(confidence_lower(&(struct confidence_sums){ 0, 0, 0 }, 0.05) == 0);
	assert_true(confidence_lower(&(struct confidence_sums){ 5, 0, 0 }, 0.05) == 0);
	assert_true(
	    confidence_lower(&(struct confidence_sums){ -3, -1, -1 }, 0.05) == 0);
	/* One weight of a million says nothing. */
	assert_true(
	    confidence_lower(&(struct confidence_sums){ 10, 1e6, 1e12 }, 0.05) == 0);
	assert_true(
	    confidence_lower(&(struct confidence_sums){ NAN, NAN, NAN }, 0.05) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_no_time_is_the_bound_above_the_mean),
		cmocka_unit_test(the_same_runs_mislead_who_looks_at_a_normal_interval),
		cmocka_unit_test(the_bound_comes_close_like_the_root_of_n),
		cmocka_unit_test(the_bound_is_where_exclusion_ends),
		cmocka_unit_test(nothing_known_is_no_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
