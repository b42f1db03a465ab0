/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/sketch/countmin.h"
#include "lib/sketch/heavy.h"
#include "tests/unit/marks.h"
#include "tests/unit/seed.h"

enum { KEYS = 50000, EVENTS = 1000000 };

static int64_t truth[KEYS];

/* Zipf-like with exponent 1: key i has a share of about 1 / i. */
static size_t
zipf(struct random *random)
{
	return (size_t)(exp(hash_uniform(random_next(random)) * log(KEYS)) - 1);
}

static void
answers_keep_the_published_bounds(void **state)
{
	static const double epsilon[] = { 0.01, 0.001, 0.0001 };
	static const double delta[] = { 0.5, 0.1, 0.01 };
	struct random random = seeded();

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		struct countmin_shape shape = { epsilon[i / 3], delta[i % 3],
			random_next(&random) };
		struct countmin *c = countmin_new(shape);
		uint64_t beyond = 0;

		assert_true(countmin_bytes(c).size < countmin_memory(shape));
		memset(truth, 0, sizeof truth);
		for (unsigned n = 0; n < EVENTS / 4; n++) {
			size_t key =
			    n % 2 == 0 ? zipf(&random) : random_next(&random) % KEYS;

			truth[key]++;
			assert_true(countmin_add(c, key, 1) >= truth[key]);
		}
		assert_int_equal(countmin_total(c), EVENTS / 4);
		for (size_t key = 0; key < KEYS; key++) {
			int64_t read = countmin_read(c, key);

			assert_true(read >= truth[key]);
			beyond += (double)(read - truth[key]) > countmin_bound(c);
		}
		print_message("epsilon %g delta %g: %.5f beyond\n", shape.epsilon,
		    shape.delta, (double)beyond / KEYS);
		assert_true((double)beyond <= shape.delta * KEYS);
		countmin_free(c);
	}
}

static void
what_is_taken_back_leaves_no_trace_and_parts_add_up(void **state)
{
	struct countmin_shape shape = { 0.001, 0.01, 5 };
	struct countmin *all = countmin_new(shape), *one = countmin_new(shape),
			*two = countmin_new(shape);
	struct random random = seeded(), again;
	uint8_t *copy = marks_begin(countmin_bytes(all), countmin_dirty(all));

	(void)state;
	for (unsigned n = 0; n < 100; n++)
		countmin_add(all, n, 1);
	assert_marked(copy, countmin_bytes(all), countmin_dirty(all));
	for (unsigned n = 0; n < 100; n++)
		countmin_add(all, n, -1);
	assert_true(slice_equal(countmin_bytes(all), countmin_bytes(one)));
	again = random;
	for (unsigned n = 0; n < EVENTS / 10; n++) {
		size_t key = zipf(&random);

		countmin_add(all, key, n);
		countmin_add(n % 3 == 0 ? one : two, key, n);
	}
	countmin_merge(one, two);
	assert_true(slice_equal(countmin_bytes(all), countmin_bytes(one)));
	for (unsigned n = 0; n < EVENTS / 10; n++)
		countmin_add(all, zipf(&again), -(int64_t)n);
	countmin_clear(two);
	assert_true(slice_equal(countmin_bytes(all), countmin_bytes(two)));
	countmin_free(all);
	countmin_free(one);
	countmin_free(two);
}

static void
a_sketch_survives_a_snapshot_and_refuses_another(void **state)
{
	struct countmin_shape shape = { 0.01, 0.01, 5 };
	struct countmin *one = countmin_new(shape), *two = countmin_new(shape);
	struct countmin *other = countmin_new((struct countmin_shape){ 0.01, 0.01, 6 });
	struct error error;
	uint8_t *copy;
	size_t size = countmin_bytes(one).size;

	(void)state;
	for (unsigned n = 0; n < 1000; n++)
		countmin_add(one, n % 77, n);
	assert_int_equal(countmin_load(two, countmin_bytes(one), &error), 0);
	assert_true(slice_equal(countmin_bytes(one), countmin_bytes(two)));
	assert_int_equal(countmin_load(other, countmin_bytes(one), &error), -1);
	copy = malloc(size);
	memcpy(copy, countmin_bytes(one).at, size);
	copy[size - 5] ^= 1;
	assert_int_equal(countmin_load(two, slice_of(copy, size), &error), -1);
	assert_int_equal(countmin_total(two), 0);
	assert_int_equal(countmin_load(two, slice_of(copy, size - 8), &error), -1);
	free(copy);
	countmin_free(one);
	countmin_free(two);
	countmin_free(other);
}

static int
descending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x < y) - (x > y);
}

/* How many of the listed are among the k largest of the truth. */
static unsigned
right(const struct heavy_key *list, size_t n, size_t k)
{
	static int64_t sorted[KEYS];
	unsigned count = 0;

	memcpy(sorted, truth, sizeof sorted);
	qsort(sorted, KEYS, sizeof sorted[0], descending);
	for (size_t i = 0; i < n; i++)
		count += truth[list[i].key] >= sorted[k - 1];
	return count;
}

static void
the_most_frequent_are_found_also_when_others_are_taken_back(void **state)
{
	enum { K = 50, FARM = 10 };
	struct countmin_shape shape = { 0.0001, 0.01, 5 };
	struct heavy *h = heavy_new(K, shape);
	struct heavy_key list[K];
	struct random random = seeded();
	unsigned found;

	(void)state;
	memset(truth, 0, sizeof truth);
	for (unsigned n = 0; n < EVENTS; n++) {
		/* Every fourth event is of a farm of ten rare keys. */
		size_t key = n % 4 == 0 ? KEYS - 1 - n / 4 % FARM : zipf(&random);

		heavy_add(h, key, 1);
		truth[key]++;
	}
	assert_int_equal(heavy_list(h, list), K);
	found = right(list, K, K);
	print_message("%u of %u found\n", found, K);
	assert_true(found >= K - 2);
	for (size_t i = 0; i < K; i++)
		assert_true(list[i].count >= truth[list[i].key] &&
		    (i == 0 || list[i].count <= list[i - 1].count));
	for (unsigned n = 0; n < EVENTS; n += 4) {
		heavy_add(h, KEYS - 1 - n / 4 % FARM, -1);
		truth[KEYS - 1 - n / 4 % FARM]--;
	}
	assert_int_equal(heavy_list(h, list), K);
	found = right(list, K, K);
	print_message("%u of %u found without the farm\n", found, K);
	assert_true(found >= K - 2);
	for (size_t i = 0; i < K; i++)
		assert_true(list[i].key < KEYS - FARM || truth[list[i].key] > 0);
	heavy_free(h);
}

static void
heavy_lists_merge_and_survive_a_snapshot(void **state)
{
	enum { K = 20 };
	struct countmin_shape shape = { 0.0001, 0.01, 5 };
	struct heavy *all = heavy_new(K, shape), *one = heavy_new(K, shape),
		     *two = heavy_new(K, shape);
	struct heavy_key of_all[K], of_parts[K], loaded[K];
	struct random random = seeded();
	struct error error;
	uint8_t *copy;

	(void)state;
	for (unsigned n = 0; n < EVENTS / 4; n++) {
		size_t key = zipf(&random);

		heavy_add(all, key, 1);
		heavy_add(n % 2 == 0 ? one : two, key, 1);
	}
	heavy_merge(one, two);
	assert_int_equal(heavy_list(all, of_all), K);
	assert_int_equal(heavy_list(one, of_parts), K);
	assert_memory_equal(of_all, of_parts, sizeof of_all);
	assert_int_equal(heavy_load(two, countmin_bytes(heavy_counts(one)),
			     heavy_bytes(one), &error),
	    0);
	assert_int_equal(heavy_list(two, loaded), K);
	assert_memory_equal(loaded, of_parts, sizeof loaded);
	copy = malloc(heavy_bytes(one).size);
	memcpy(copy, heavy_bytes(one).at, heavy_bytes(one).size);
	memset(copy + 128, 7, 16);
	assert_int_equal(heavy_load(two, countmin_bytes(heavy_counts(one)),
			     slice_of(copy, heavy_bytes(one).size), &error),
	    -1);
	assert_int_equal(heavy_list(two, loaded), 0);
	free(copy);
	heavy_free(all);
	heavy_free(one);
	heavy_free(two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_keep_the_published_bounds),
		cmocka_unit_test(what_is_taken_back_leaves_no_trace_and_parts_add_up),
		cmocka_unit_test(a_sketch_survives_a_snapshot_and_refuses_another),
		cmocka_unit_test(
		    the_most_frequent_are_found_also_when_others_are_taken_back),
		cmocka_unit_test(heavy_lists_merge_and_survive_a_snapshot),
	};

	return cmocka_run_group_tests_name("countmin", tests, NULL, NULL);
}
