/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/sketch/entropy.h"
#include "lib/sketch/rhythm.h"
#include "tests/unit/seed.h"

static void
few_values_have_their_entropy_exactly(void **state)
{
	/* Shannon's example: 1/2, 1/4, 1/8, 1/8 are 1.75 bits. */
	static const int32_t count[] = { 4, 2, 1, 1 };
	struct entropy e = { 0 };

	(void)state;
	assert_true(entropy_read(&e) == 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(entropy_add(&e, hash_mix(i + 1), count[i]));
	assert_true(fabs(entropy_read(&e) - 1.75 * log(2)) < 1e-12);
	assert_true(entropy_error(&e) == 0);
	assert_true(entropy_add(&e, hash_mix(2), -2));
	assert_true(entropy_add(&e, hash_mix(3), -1));
	assert_true(entropy_add(&e, hash_mix(4), -1));
	assert_true(entropy_read(&e) == 0);
}

/* A million events of n values, of which value i has a share of (i + 1)^-s. */
static void
many(unsigned n, double s, struct random *random)
{
	enum { RUNS = 200 };
	double sum = 0, h = 0, bias = 0, square = 0;

	for (unsigned i = 0; i < n; i++)
		sum += pow(i + 1, -s);
	for (unsigned i = 0; i < n; i++) {
		double p = pow(i + 1, -s) / sum;

		h -= p * log(p);
	}
	for (unsigned run = 0; run < RUNS; run++) {
		struct entropy e = { 0 };
		double off;

		for (unsigned i = 0; i < n; i++)
			assert_true(entropy_add(&e, random_next(random),
			    (int32_t)lrint(pow(i + 1, -s) / sum * 1e6)));
		off = entropy_read(&e) - h;
		bias += off / RUNS;
		square += off * off / RUNS;
	}
	print_message("%u values, exponent %g: H %.3f, bias %+.3f, error %.3f (%.3f)\n",
	    n, s, h, bias, sqrt(square), sqrt(3.0 / ENTROPY_REGISTERS));
	assert_true(fabs(bias) < 0.1);
	assert_true(sqrt(square) < 1.15 * sqrt(3.0 / ENTROPY_REGISTERS));
}

static void
many_values_have_it_within_the_published_error(void **state)
{
	struct random random = seeded();

	(void)state;
	many(33, 0, &random);
	many(200, 1, &random);
	many(1000, 0, &random);
	many(1000, 2, &random);
}

static void
entropies_are_taken_back_to_the_last_bit_and_merge(void **state)
{
	struct entropy all = { 0 }, odd = { 0 }, even = { 0 }, empty = { .dense = 1 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(entropy_add(&all, hash_mix(i % 100 + 1), 3));
		assert_true(
		    entropy_add(i % 2 ? &odd : &even, hash_mix(i % 100 + 1), 3));
	}
	assert_true(entropy_merge(&odd, &even));
	assert_memory_equal(&odd, &all, sizeof all);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(entropy_add(&all, hash_mix(i % 100 + 1), -3));
	assert_memory_equal(&all, &empty, sizeof all);
	assert_false(entropy_add(&odd, 1, INT32_MAX) &&
	    entropy_add(&odd, 1, INT32_MAX) && entropy_add(&odd, 1, INT32_MAX));
}

/* Add events at these instants, or take them back. */
static void
add_all(struct rhythm *r, const instant *at, unsigned n, int32_t amount)
{
	for (unsigned i = 0; i < n; i++) {
		struct span gap = { i > 0 ? at[i] - at[i - 1] : 0 };
		struct span before = { i > 1 ? at[i - 1] - at[i - 2] : 0 };

		rhythm_add(r, at[i], gap, before, amount);
	}
}

enum { N = 500 };

static struct rhythm_answer
answer_of(const instant *at)
{
	struct rhythm r = { 0 }, empty = { 0 };
	struct rhythm_answer a;

	add_all(&r, at, N, 1);
	a = rhythm_read(&r);
	print_message("deviation %.3f correlation %+.3f phase %.3f of %.0f s\n",
	    a.deviation, a.correlation, a.phase,
	    (double)a.period.us / (double)WHEN_SECOND);
	add_all(&r, at, N, -1);
	assert_memory_equal(&r, &empty, sizeof r);
	return a;
}

static double
uniform(struct random *random)
{
	return 1 - hash_uniform(random_next(random));
}

static void
events_at_random_have_no_rhythm(void **state)
{
	struct random random = seeded();
	instant at[N] = { 0 };
	struct rhythm_answer a;

	(void)state;
	for (unsigned i = 1; i < N; i++)
		at[i] = at[i - 1] +
		    (instant)(-log(uniform(&random)) * 7e3 * WHEN_SECOND) + 1;
	a = answer_of(at);
	/* pi / sqrt(6) with a standard error of about 0.06; 1 / sqrt(500). */
	assert_true(fabs(a.deviation - 1.2825) < 0.24);
	assert_true(fabs(a.correlation) < 4 / sqrt(N));
	assert_true(a.rayleigh < 16);
	assert_int_equal(a.events, N);
	assert_int_equal(a.gaps, N - 1);
}

static void
visits_have_no_rhythm(void **state)
{
	struct random random = seeded();
	instant at[N] = { 0 };
	struct rhythm_answer a;

	(void)state;
	/* Ten pages in some minutes, then hours of nothing. */
	for (unsigned i = 1; i < N; i++)
		at[i] = at[i - 1] + 1 +
		    (instant)(-log(uniform(&random)) *
			(i % 10 == 0 ? 3 * (double)WHEN_HOUR
				     : 20 * (double)WHEN_SECOND));
	a = answer_of(at);
	assert_true(a.deviation > 1.28);
	assert_true(a.rayleigh < 16);
}

static void
timers_show(void **state)
{
	struct random random = seeded();
	instant at[N], skips[N], drifts[N] = { 0 };
	struct rhythm_answer a;
	unsigned tick = 0;

	(void)state;
	/* Each minute, up to six seconds late. */
	for (unsigned i = 0; i < N; i++)
		at[i] = i * WHEN_MINUTE + (instant)(uniform(&random) * 6e6);
	a = answer_of(at);
	assert_true(a.deviation < 0.1);
	assert_true(fabs(a.correlation + 0.5) < 0.15);
	assert_true(a.phase > 0.9);
	/* Each half minute, but nineteen times of twenty nothing. */
	for (unsigned i = 0; i < N; i++) {
		do
			tick++;
		while (uniform(&random) > 0.05);
		skips[i] = tick * 30 * WHEN_SECOND + (instant)(uniform(&random) * 2e6);
	}
	a = answer_of(skips);
	assert_true(a.deviation > 0.8);
	assert_true(a.rayleigh > 100);
	/* A sleep of 47 seconds between requests of up to two: no phase is kept. */
	for (unsigned i = 1; i < N; i++)
		drifts[i] = drifts[i - 1] + 47 * WHEN_SECOND +
		    (instant)(uniform(&random) * 2e6);
	a = answer_of(drifts);
	assert_true(a.deviation < 0.05);
	assert_true(fabs(a.correlation) < 4 / sqrt(N));
	assert_true(a.rayleigh < 16);
}

static void
a_perfect_timer_is_no_division_by_zero(void **state)
{
	struct rhythm r = { 0 }, half = { 0 };
	struct rhythm_answer a;
	instant at[N];

	(void)state;
	a = rhythm_read(&r);
	assert_true(isinf(a.deviation) && a.phase == 0 && a.correlation == 0);
	for (unsigned i = 0; i < N; i++)
		at[i] = -WHEN_DAY + i * 10 * WHEN_SECOND;
	add_all(&r, at, N, 1);
	add_all(&half, at, N / 2, 1);
	a = rhythm_read(&r);
	assert_true(a.deviation < 0.01 && a.correlation == 0 && a.phase > 0.999);
	rhythm_merge(&half, &r);
	assert_int_equal(half.events, N + N / 2);
	assert_true(rhythm_read(&half).deviation < 0.01);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_values_have_their_entropy_exactly),
		cmocka_unit_test(many_values_have_it_within_the_published_error),
		cmocka_unit_test(entropies_are_taken_back_to_the_last_bit_and_merge),
		cmocka_unit_test(events_at_random_have_no_rhythm),
		cmocka_unit_test(visits_have_no_rhythm),
		cmocka_unit_test(timers_show),
		cmocka_unit_test(a_perfect_timer_is_no_division_by_zero),
	};

	return cmocka_run_group_tests_name("regularity", tests, NULL, NULL);
}
