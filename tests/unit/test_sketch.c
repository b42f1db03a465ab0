/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/sketch/cuckoo.h"
#include "lib/sketch/distinct.h"
#include "lib/sketch/quantile.h"
#include "tests/unit/seed.h"

static void
distinct_counts_have_the_stated_error(void **state)
{
	enum { RUNS = 200, PRECISION = 10 };
	struct random random = seeded();

	(void)state;
	for (unsigned n = 1; n <= 100000; n *= 10) {
		double bias = 0, square = 0;

		for (unsigned run = 0; run < RUNS; run++) {
			uint8_t registers[1 << PRECISION] = { 0 };
			double off;

			for (unsigned i = 0; i < n; i++) {
				uint64_t h = random_next(&random);

				distinct_add(registers, PRECISION, h);
				distinct_add(registers, PRECISION, h);
			}
			off = distinct_count(registers, PRECISION) / n - 1;
			bias += off / RUNS;
			square += off * off / RUNS;
		}
		print_message("n %u: bias %+.4f, error %.4f\n", n, bias, sqrt(square));
		/* 3.25 %, with three standard errors of 200 runs on top */
		assert_true(sqrt(square) < 0.0325 * 1.15);
		assert_true(fabs(bias) < 3 * 0.0325 / sqrt(RUNS));
	}
}

/* The published standard error, 1.04 / sqrt(4096) = 1.625 %, over six decades: 10 to 10^7.
 * Sixteen sketches split the hashes of each run, so that merging is tried as well. */
static void
distinct_counts_of_4096_registers_are_off_by_1_6_percent(void **state)
{
	enum { PRECISION = 12, SIZE = 1 << PRECISION, PARTS = 16, WORK = 20000000 };
	static uint8_t part[PARTS][SIZE];
	struct random random = seeded();
	double pooled = 0;
	unsigned decades = 0;

	(void)state;
	for (unsigned n = 10; n <= 10000000; n *= 10) {
		unsigned runs = WORK / n < 400 ? WORK / n : 400;
		double bias = 0, square = 0, published = 1.04 / sqrt(SIZE);

		runs = runs < 4 ? 4 : runs;
		for (unsigned run = 0; run < runs; run++) {
			double off;

			memset(part, 0, sizeof part);
			for (unsigned i = 0; i < n; i++)
				distinct_add(
				    part[i % PARTS], PRECISION, random_next(&random));
			for (unsigned i = 1; i < PARTS; i++)
				distinct_merge(part[0], part[i], PRECISION);
			off = distinct_count(part[0], PRECISION) / n - 1;
			bias += off / runs;
			square += off * off / runs;
		}
		print_message("n %u: %u runs, bias %+.4f, error %.4f\n", n, runs, bias,
		    sqrt(square));
		assert_true(fabs(bias) < 4 * published / sqrt(runs));
		assert_true(sqrt(square) < published * (1 + 3 / sqrt(2.0 * runs)));
		pooled += square;
		decades++;
	}
	assert_true(sqrt(pooled / decades) < 1.04 / sqrt(SIZE));
}

static void
sliding_counts_merge_as_if_counted_together(void **state)
{
	struct distinct_rule rule = { { WHEN_HOUR }, 4, 10 };
	size_t size = distinct_cell_size(rule);
	uint8_t *all = calloc(1, size), *one = calloc(1, size), *two = calloc(1, size);
	struct random random = seeded();

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		instant when = (instant)(random_next(&random) % (3 * WHEN_HOUR));
		uint64_t h = random_next(&random);

		if (when < 2 * WHEN_HOUR + WHEN_HOUR / 4)
			continue; /* whether it is late depends on the order */
		distinct_cell_add(rule, all, when, h);
		distinct_cell_add(rule, i % 2 ? one : two, when, h);
	}
	distinct_cell_add(rule, one, 5 * WHEN_HOUR / 2, 1);
	distinct_cell_add(rule, all, 5 * WHEN_HOUR / 2, 1);
	distinct_cell_merge(rule, one, two);
	assert_memory_equal(one, all, size);
	memset(two, 0, size);
	distinct_cell_merge(rule, one, two);
	assert_memory_equal(one, all, size);
	distinct_cell_merge(rule, two, one);
	assert_memory_equal(two, all, size);
	free(all);
	free(one);
	free(two);
}

static void
an_empty_count_is_zero_and_merging_is_the_union(void **state)
{
	uint8_t a[256] = { 0 }, b[256] = { 0 }, both[256] = { 0 };
	struct random random = seeded();

	(void)state;
	assert_true(distinct_count(a, 8) == 0);
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t h = random_next(&random);

		distinct_add(i % 3 == 0 ? a : b, 8, h);
		distinct_add(both, 8, h);
	}
	distinct_merge(a, b, 8);
	assert_memory_equal(a, both, sizeof a);
}

static void
a_sliding_distinct_count_forgets_whole_slices(void **state)
{
	struct distinct_rule rule = { { WHEN_HOUR }, 6, 12 };
	uint8_t *cell = calloc(1, distinct_cell_size(rule));

	(void)state;
	for (uint64_t user = 0; user < 6000; user++) /* 1000 each ten minutes */
		assert_true(distinct_cell_add(rule, cell,
		    (instant)user * (WHEN_HOUR / 6000), hash_mix(user + 1)));
	assert_true(fabs(distinct_cell_count(rule, cell, WHEN_HOUR - 1) - 6000) < 300);
	assert_true(fabs(distinct_cell_count(rule, cell, WHEN_HOUR + 1) - 5000) < 250);
	assert_true(
	    fabs(distinct_cell_count(rule, cell, WHEN_HOUR / 2 - 1) - 3000) < 150);
	assert_false(distinct_cell_add(rule, cell, -1, 1));
	assert_true(distinct_cell_add(rule, cell, 3 * WHEN_HOUR, 99));
	assert_true(round(distinct_cell_count(rule, cell, 3 * WHEN_HOUR)) == 1);
	assert_true(distinct_cell_count(rule, cell, 5 * WHEN_HOUR) == 0);
	free(cell);
}

static void
a_cuckoo_filter_finds_all_and_keeps_its_false_positive_rate(void **state)
{
	struct cuckoo *c = cuckoo_new((struct span){ WHEN_HOUR }, 4, 1 << 19);
	struct random random = seeded(), again = random;
	uint64_t capacity = cuckoo_capacity(c), found = 0;
	uint64_t asked = 2000000;
	double expected;

	(void)state;
	for (uint64_t i = 0; i < 4 * capacity; i++)
		assert_true(cuckoo_add(
		    c, random_next(&random), (instant)(i / capacity) * WHEN_HOUR / 4));
	assert_int_equal(cuckoo_count(c), 4 * capacity);
	for (uint64_t i = 0; i < 4 * capacity; i++)
		assert_true(cuckoo_has(c, random_next(&again), WHEN_HOUR - 1));
	for (uint64_t i = 0; i < asked; i++)
		found += cuckoo_has(c, random_next(&random), WHEN_HOUR - 1);
	expected = cuckoo_false_positives(c) * (double)asked;
	print_message("%llu false positives, %.0f expected\n",
	    (unsigned long long)found, expected);
	assert_true(expected <= 4 * 8.0 / 65535 * (double)asked);
	assert_true(fabs((double)found - expected) < 5 * sqrt(expected));
	cuckoo_free(c);
}

static void
a_full_cuckoo_filter_refuses_and_loses_nothing(void **state)
{
	struct cuckoo *c = cuckoo_new((struct span){ WHEN_HOUR }, 1, 1 << 13);
	struct random random = seeded();
	uint64_t kept[6000], n = 0;

	(void)state;
	while (cuckoo_lost(c) < 50) {
		uint64_t h = random_next(&random);

		if (cuckoo_add(c, h, 5))
			kept[n++] = h;
	}
	assert_true(n >= cuckoo_capacity(c));
	for (uint64_t i = 0; i < n; i++)
		assert_true(cuckoo_has(c, kept[i], 5));
	for (uint64_t i = 0; i < n; i++)
		assert_true(cuckoo_erase(c, kept[i], 5));
	assert_int_equal(cuckoo_count(c), 0);
	for (uint64_t i = 0; i < n; i++)
		assert_false(cuckoo_has(c, kept[i], 5));
	cuckoo_free(c);
}

static void
a_cuckoo_filter_forgets_slices_and_refuses_what_is_too_old(void **state)
{
	struct cuckoo *c = cuckoo_new((struct span){ 4 * WHEN_HOUR }, 4, 1 << 13);

	(void)state;
	assert_true(cuckoo_add(c, 11, WHEN_HOUR / 2));
	assert_true(cuckoo_has(c, 11, 4 * WHEN_HOUR - 1));
	assert_false(cuckoo_has(c, 11, 4 * WHEN_HOUR));
	assert_true(cuckoo_add(c, 12, 4 * WHEN_HOUR));
	assert_false(cuckoo_add(c, 13, WHEN_HOUR / 2));
	assert_int_equal(cuckoo_lost(c), 1);
	assert_int_equal(cuckoo_count(c), 1);
	cuckoo_clear(c);
	assert_false(cuckoo_has(c, 12, 4 * WHEN_HOUR));
	assert_true(cuckoo_add(c, 13, WHEN_HOUR / 2));
	assert_int_equal(cuckoo_count(c), 1);
	cuckoo_free(c);
}

static void
a_cuckoo_filter_survives_a_snapshot(void **state)
{
	struct cuckoo *one = cuckoo_new((struct span){ WHEN_HOUR }, 2, 1 << 13);
	struct cuckoo *two = cuckoo_new((struct span){ WHEN_HOUR }, 2, 1 << 13);
	struct random random = seeded();
	struct error error;
	uint8_t *copy;

	(void)state;
	for (unsigned i = 0; i < 1800; i++)
		cuckoo_add(one, random_next(&random), 1);
	assert_int_equal(cuckoo_load(two, cuckoo_bytes(one), &error), 0);
	for (unsigned i = 0; i < 500; i++) {
		uint64_t h = random_next(&random);

		assert_int_equal(cuckoo_add(one, h, 1), cuckoo_add(two, h, 1));
	}
	assert_true(slice_equal(cuckoo_bytes(one), cuckoo_bytes(two)));
	copy = malloc(cuckoo_bytes(one).size);
	memcpy(copy, cuckoo_bytes(one).at, cuckoo_bytes(one).size);
	memset(copy + cuckoo_bytes(one).size - 64, 0xff, 64);
	assert_int_equal(
	    cuckoo_load(two, slice_of(copy, cuckoo_bytes(one).size), &error), -1);
	assert_int_equal(cuckoo_count(two), 0);
	free(copy);
	cuckoo_free(one);
	cuckoo_free(two);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
quantiles_are_within_their_relative_error(void **state)
{
	enum { N = 20001 };
	static double v[N];
	struct quantile *q = quantile_new((struct quantile_rule){ 0.01, 1e-6, 1e12 });
	struct random random = seeded();

	(void)state;
	/* A heavy tail, a third of it negative, and zeros. */
	for (unsigned i = 0; i < N; i++) {
		double size = pow(hash_uniform(random_next(&random)) + 1e-9, -1.5);

		v[i] = i % 7 == 0 ? 0 : i % 3 == 0 ? -size : size;
		quantile_add(q, v[i], 1);
	}
	qsort(v, N, sizeof v[0], by_value);
	for (unsigned i = 0; i < N - 1; i += 10) {
		double answer = quantile_at(q, (i + 0.25) / (N - 1));

		assert_true(fabs(answer - v[i]) <= 0.01 * fabs(v[i]) * (1 + 1e-9));
	}
	quantile_free(q);
}

static void
quantiles_can_be_subtracted_from_merged_and_saved(void **state)
{
	struct quantile_rule rule = { 0.01, 1, 1e6 };
	struct quantile *a = quantile_new(rule), *b = quantile_new(rule);
	struct error error;

	(void)state;
	for (int i = 1; i <= 1000; i++) {
		quantile_add(a, i, 1);
		quantile_add(b, i * 100, 1);
	}
	quantile_merge(a, b);
	assert_true(quantile_weight(a) == 2000);
	for (int i = 1; i <= 1000; i++)
		quantile_add(a, i, -1);
	assert_true(slice_equal(quantile_bytes(a), quantile_bytes(b)));
	assert_int_equal(quantile_load(a, quantile_bytes(b), &error), 0);
	assert_true(fabs(quantile_at(a, 0.5) - 50000) <= 600);
	quantile_add(a, 1e9, 5000); /* beyond the largest */
	assert_true(quantile_at(a, 1) <= 1e6 && quantile_at(a, 1) > 0.98e6);
	assert_int_equal(quantile_load(a, slice_of("12345678", 8), &error), -1);
	for (int i = 1; i <= 1000; i++)
		quantile_add(b, i * 100, -1);
	assert_true(quantile_at(b, 0.5) == 0);
	quantile_free(a);
	quantile_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distinct_counts_have_the_stated_error),
		cmocka_unit_test(
		    distinct_counts_of_4096_registers_are_off_by_1_6_percent),
		cmocka_unit_test(sliding_counts_merge_as_if_counted_together),
		cmocka_unit_test(an_empty_count_is_zero_and_merging_is_the_union),
		cmocka_unit_test(a_sliding_distinct_count_forgets_whole_slices),
		cmocka_unit_test(
		    a_cuckoo_filter_finds_all_and_keeps_its_false_positive_rate),
		cmocka_unit_test(a_full_cuckoo_filter_refuses_and_loses_nothing),
		cmocka_unit_test(
		    a_cuckoo_filter_forgets_slices_and_refuses_what_is_too_old),
		cmocka_unit_test(a_cuckoo_filter_survives_a_snapshot),
		cmocka_unit_test(quantiles_are_within_their_relative_error),
		cmocka_unit_test(quantiles_can_be_subtracted_from_merged_and_saved),
	};

	return cmocka_run_group_tests_name("sketch", tests, NULL, NULL);
}
