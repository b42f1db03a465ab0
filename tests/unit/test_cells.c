/* SPDX-License-Identifier: MIT */
#include "lib/model/weights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct weights_cell *
take(struct weights *w, uint64_t key, uint64_t now)
{
	struct weights_cell *cell;

	weights_reserve(w, 1, now);
	cell = weights_take(w, weights_home(w, key), key, now);
	if (cell != NULL)
		cell->touched = now;
	return cell;
}

static struct weights_cell *
find(const struct weights *w, uint64_t key)
{
	return weights_find(weights_home(w, key), key);
}

static void
every_key_keeps_its_own_weight_while_the_map_grows(void **state)
{
	enum { N = 400000 };
	struct weights w;
	uint64_t first_size, absent = 0;

	(void)state;
	assert_int_equal(weights_init(&w, (uint64_t)64 << 20), 0);
	first_size = w.cell_count;
	for (uint64_t i = 1; i <= N; i++) {
		struct weights_cell *cell = take(&w, i << 16, i);

		if (cell == NULL)
			cell = take(&w, i << 16, i);
		assert_non_null(cell);
		cell->weight.value = (float)i;
	}
	assert_true(w.cell_count > 15 * first_size);
	assert_int_equal(w.used, N);
	assert_int_equal(w.evicted, 0);
	for (uint64_t i = 1; i <= N; i++) {
		struct weights_cell *cell = find(&w, i << 16);

		assert_non_null(cell);
		assert_true(cell->weight.value == (float)i);
		absent += find(&w, (i << 16) + 1) == NULL;
	}
	assert_int_equal(absent, N);
	weights_fini(&w);
}

static void
a_full_map_gives_up_what_was_not_seen_for_longest(void **state)
{
	struct weights w;
	uint64_t kept = 0, old = 0;

	(void)state;
	assert_int_equal(weights_init(&w, WEIGHTS_BYTES_MIN), 0);
	for (uint64_t i = 1; i <= 100; i++)
		assert_non_null(take(&w, hash_mix(i), i));
	for (uint64_t i = 101; i <= 20000; i++) {
		assert_non_null(take(&w, hash_mix(i), i));
		/* These are seen again and again. */
		for (uint64_t k = 1; k <= 20; k++)
			take(&w, hash_mix(k), i)->touched = i;
	}
	assert_true(w.evicted > 10000);
	assert_true(w.used <= w.cell_count);
	for (uint64_t i = 1; i <= 20; i++)
		kept += find(&w, hash_mix(i)) != NULL;
	for (uint64_t i = 21; i <= 100; i++)
		old += find(&w, hash_mix(i)) != NULL;
	assert_int_equal(kept, 20);
	assert_int_equal(old, 0);
	weights_fini(&w);
}

static void
among_equally_stale_ones_the_smallest_weight_goes(void **state)
{
	struct weights w;
	uint64_t lost_small = 0, lost_large = 0;

	(void)state;
	assert_int_equal(weights_init(&w, WEIGHTS_BYTES_MIN), 0);
	for (uint64_t i = 1; i <= 300; i++) {
		struct weights_cell *cell = take(&w, hash_mix(i), 1000 + i);

		if (cell != NULL)
			cell->weight.value = i % 2 ? 0.01f : -3.0f;
	}
	for (uint64_t i = 301; i <= 500; i++)
		(void)take(&w, hash_mix(i), 10000);
	for (uint64_t i = 1; i <= 300; i++)
		*(i % 2 ? &lost_small : &lost_large) += find(&w, hash_mix(i)) == NULL;
	assert_true(w.evicted > 20);
	print_message("# of %llu evicted %llu had small weights\n",
	    (unsigned long long)w.evicted, (unsigned long long)lost_small);
	assert_true(lost_small > 4 * lost_large);
	weights_fini(&w);
}

static void
what_the_example_at_hand_has_is_never_replaced(void **state)
{
	struct weights w;
	uint64_t refused = 0;

	(void)state;
	assert_int_equal(weights_init(&w, WEIGHTS_BYTES_MIN), 0);
	for (uint64_t i = 1; i <= 2000; i++)
		refused += take(&w, hash_mix(i), 7) == NULL;
	assert_int_equal(w.evicted, 0);
	assert_int_equal(w.used + refused, 2000);
	weights_fini(&w);
}

static void
key_zero_is_a_key(void **state)
{
	struct weights w;

	(void)state;
	assert_int_equal(weights_init(&w, WEIGHTS_BYTES_MIN), 0);
	assert_null(find(&w, 0));
	assert_non_null(take(&w, 0, 1));
	assert_non_null(find(&w, 0));
	weights_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_keeps_its_own_weight_while_the_map_grows),
		cmocka_unit_test(a_full_map_gives_up_what_was_not_seen_for_longest),
		cmocka_unit_test(among_equally_stale_ones_the_smallest_weight_goes),
		cmocka_unit_test(what_the_example_at_hand_has_is_never_replaced),
		cmocka_unit_test(key_zero_is_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
