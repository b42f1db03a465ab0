/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/bytes.h"
#include "lib/hash.h"
#include "lib/table.h"
#include "tests/unit/seed.h"

struct pair {
	uint64_t key;
	uint64_t value;
};

static void
answers_like_a_plain_array(void **state)
{
	enum { KEYS = 500, STEPS = 20000 };
	static uint64_t truth[KEYS];
	static bool known[KEYS];
	struct table *t = table_new(TABLE_KEY_64, sizeof(uint64_t), 1 << 16);
	struct random random = seeded();
	uint64_t count = 0;
	bool fresh;

	(void)state;
	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t r = random_next(&random), key = r % KEYS;
		const uint64_t *found = table_find(t, key);
		uint64_t *cell;

		assert_int_equal(found != NULL, known[key]);
		if (found != NULL)
			assert_int_equal(*found, truth[key]);
		if (r >> 62 == 0) {
			assert_int_equal(table_erase(t, key), known[key]);
			count -= known[key];
			known[key] = false;
			continue;
		}
		cell = table_touch(t, key, (instant)i, &fresh);
		assert_int_equal(fresh, !known[key]);
		if (fresh)
			assert_int_equal(*cell, 0);
		*cell = truth[key] = r;
		count += fresh;
		known[key] = true;
		assert_int_equal(table_counts(t).cells, count);
	}
	assert_int_equal(table_counts(t).evicted, 0);
	table_free(t);
}

static void
keeps_16_byte_keys_apart(void **state)
{
	struct table *t = table_new(TABLE_KEY_WIDE, sizeof(uint64_t), 1 << 16);
	uint8_t key[16] = { 0 }, back[16];
	bool fresh;

	(void)state;
	for (uint64_t i = 0; i < 800; i++) {
		bytes_store_le64(key + (i & 1) * 8, i / 2 + 1);
		bytes_store_le64(key + (~i & 1) * 8, 7777);
		*(uint64_t *)table_touch_wide(t, key, 1, &fresh) = i;
		assert_true(fresh);
	}
	for (uint64_t i = 0; i < 800; i++) {
		const uint64_t *cell;

		bytes_store_le64(key + (i & 1) * 8, i / 2 + 1);
		bytes_store_le64(key + (~i & 1) * 8, 7777);
		cell = table_find_wide(t, key);
		assert_non_null(cell);
		assert_int_equal(*cell, i);
		table_key_wide(t, table_slot(t, cell), back);
		assert_memory_equal(back, key, 16);
	}
	assert_true(table_erase_wide(t, key));
	assert_null(table_find_wide(t, key));
	table_free(t);
}

static void
stays_within_its_memory_and_uses_it(void **state)
{
	(void)state;
	for (uint64_t memory = 1000; memory < 3000000; memory = memory * 7 / 5) {
		struct table *t = table_new(TABLE_KEY_64, 20, memory);
		uint64_t min = table_memory_min(TABLE_KEY_64, 20), places;

		assert_int_equal(t != NULL, memory >= min);
		if (t == NULL)
			continue;
		places = (memory - min) / (8 * (8 + 8 + 24)) * 8 + 16;
		assert_int_equal(table_slots(t), places);
		assert_int_equal(table_bytes(t).size, 64 + places * (8 + 8 + 24));
		assert_in_range(table_bytes(t).size, memory - 8 * 40 - 256, memory);
		table_free(t);
	}
}

static void
evicts_little_until_it_is_nine_tenths_full(void **state)
{
	struct table *t = table_new(TABLE_KEY_64, 8, 1 << 20);
	struct random random = seeded();
	size_t slots = table_slots(t);
	bool fresh;

	(void)state;
	for (size_t n = 0; n < slots * 2 / 3; n++)
		table_touch(t, random_next(&random), 1, &fresh);
	assert_int_equal(table_counts(t).evicted, 0);
	for (size_t n = slots * 2 / 3; n < slots * 9 / 10; n++)
		table_touch(t, random_next(&random), 1, &fresh);
	print_message("%llu of %zu evicted at nine tenths\n",
	    (unsigned long long)table_counts(t).evicted, slots);
	assert_true(table_counts(t).evicted <= slots / 100);
	table_free(t);
}

static void
remember(void *context, const struct table *t, size_t slot)
{
	struct pair *last = context;

	last->key = table_key(t, slot);
	last->value = *(uint64_t *)table_cell(t, slot);
}

static void
evicts_the_stalest_and_tells_of_it(void **state)
{
	struct table *t = table_new(
	    TABLE_KEY_64, 8, table_memory_min(TABLE_KEY_64, 8)); /* two sets */
	struct pair last = { 0 };
	bool fresh;

	(void)state;
	assert_int_equal(table_slots(t), 16);
	table_on_evict(t, remember, &last);
	for (uint64_t key = 1; key <= 16; key++)
		*(uint64_t *)table_touch(t, key, (instant)(100 + key), &fresh) =
		    key * 10;
	table_touch(t, 1, 200, &fresh); /* now 2 is the stalest */
	table_touch(
	    t, 2, 50, &fresh); /* an old event makes it no fresher, nor staler */
	assert_int_equal(table_last(t, table_slot(t, table_find(t, 2))), 102);
	assert_int_equal(*(uint64_t *)table_touch(t, 17, 300, &fresh), 0);
	assert_int_equal(last.key, 2);
	assert_int_equal(last.value, 20);
	assert_null(table_find(t, 2));
	assert_int_equal(table_counts(t).evicted, 1);
	table_set_horizon(t, 104);
	table_touch(t, 18, 300, &fresh); /* 3, of 103, lies before the horizon */
	assert_int_equal(last.key, 3);
	assert_int_equal(table_counts(t).evicted, 1);
	assert_int_equal(table_counts(t).expired, 1);
	assert_int_equal(table_counts(t).cells, 16);
	table_free(t);
}

static void
is_not_slowed_by_keys_of_one_set(void **state)
{
	struct table *t = table_new(TABLE_KEY_64, 8, 1 << 14);
	struct table *scratch = table_new(TABLE_KEY_64, 8, 1 << 14);
	uint64_t found = 0, set = 0;
	bool fresh;

	(void)state;
	/* Keys whose first home is one set: a bare table tells where a key goes. */
	for (uint64_t key = 1; found < 100; key++) {
		size_t slot = table_slot(scratch, table_touch(scratch, key, 1, &fresh));

		table_clear(scratch);
		if (found == 0)
			set = slot / 8;
		if (slot / 8 != set)
			continue;
		table_touch(t, key, (instant)key, &fresh);
		found++;
		assert_non_null(table_find(t, key));
	}
	assert_int_equal(table_counts(t).cells + table_counts(t).evicted, found);
	table_free(t);
	table_free(scratch);
}

static void
visits_every_cell_once_also_while_erasing(void **state)
{
	struct table *t = table_new(TABLE_KEY_64, 8, 1 << 16);
	uint64_t sum = 0, visited = 0;
	bool fresh;

	(void)state;
	for (uint64_t key = 0; key < 1000; key++)
		table_touch(t, key, -5, &fresh);
	for (size_t s = table_next(t, 0); s != TABLE_NONE; s = table_next(t, s + 1)) {
		sum += table_key(t, s);
		visited++;
		assert_int_equal(table_last(t, s), -5);
		table_erase_slot(t, s);
	}
	assert_int_equal(visited, 1000);
	assert_int_equal(sum, 999 * 1000 / 2);
	assert_int_equal(table_counts(t).cells, 0);
	table_free(t);
}

static struct table *
filled(void)
{
	struct table *t = table_new(TABLE_KEY_64, 8, 1 << 14);
	bool fresh;

	for (uint64_t key = 0; key < 1000; key++)
		*(uint64_t *)table_touch(t, key, (instant)key, &fresh) = key;
	return t;
}

static void
goes_on_after_a_load_as_if_nothing_was(void **state)
{
	struct table *one = filled(), *two = table_new(TABLE_KEY_64, 8, 1 << 14);
	struct slice saved = table_bytes(one);
	uint8_t *copy = malloc(saved.size);
	struct error error;
	bool fresh;

	(void)state;
	memcpy(copy, saved.at, saved.size);
	assert_int_equal(table_load(two, slice_of(copy, saved.size), &error), 0);
	for (uint64_t key = 500; key < 3000; key++) {
		table_touch(one, key, (instant)key, &fresh);
		table_touch(two, key, (instant)key, &fresh);
	}
	assert_true(slice_equal(table_bytes(one), table_bytes(two)));
	free(copy);
	table_free(one);
	table_free(two);
}

static void
refuses_a_block_that_is_no_table(void **state)
{
	struct table *one = filled(), *two = table_new(TABLE_KEY_64, 8, 1 << 14);
	struct slice saved = table_bytes(one);
	uint8_t *copy = malloc(saved.size);
	struct random random = seeded();
	struct error error;
	size_t at;

	(void)state;
	assert_int_equal(
	    table_load(two, slice_of(saved.at, saved.size - 1), &error), -1);
	memcpy(copy, saved.at, saved.size);
	copy[8] = 16; /* keys of another size */
	assert_int_equal(table_load(two, slice_of(copy, saved.size), &error), -1);
	memcpy(copy, saved.at, saved.size);
	copy[32]++; /* one cell more than there are */
	assert_int_equal(table_load(two, slice_of(copy, saved.size), &error), -1);
	assert_int_equal(table_counts(two).cells, 0);
	for (unsigned i = 0; i < 2000; i++) { /* whatever is in it, nothing breaks */
		memcpy(copy, saved.at, saved.size);
		at = random_next(&random) % saved.size;
		copy[at] = (uint8_t)random_next(&random);
		if (table_load(two, slice_of(copy, saved.size), &error) == 0)
			assert_int_equal(
			    table_counts(two).cells, table_counts(one).cells);
		else
			assert_int_equal(table_next(two, 0), TABLE_NONE);
	}
	free(copy);
	table_free(one);
	table_free(two);
}

static void
serves_as_a_set_without_cells(void **state)
{
	struct table *t = table_new(TABLE_KEY_64, 0, 1 << 14);
	bool fresh;

	(void)state;
	for (uint64_t key = 0; key < 600; key++) {
		table_prefetch(t, key);
		table_touch(t, key, INT64_MIN, &fresh);
		assert_true(fresh);
	}
	for (uint64_t key = 0; key < 1200; key++) {
		instant last = 5;

		assert_int_equal(table_find(t, key) != NULL, key < 600);
		assert_int_equal(table_touched(t, key, &last), key < 600);
		assert_int_equal(last, key < 600 ? INT64_MIN + 1 : 5);
	}
	table_free(t);
}

static void
a_slot_that_was_found_spares_a_look_and_a_stale_one_does_no_harm(void **state)
{
	struct table *t = table_new(TABLE_KEY_64, sizeof(uint64_t), 1 << 16);
	bool fresh;
	size_t slot;

	(void)state;
	assert_non_null(t);
	assert_true(table_find_slot(t, 7) == TABLE_NONE);
	*(uint64_t *)table_touch_slot(t, TABLE_NONE, 7, 1, &fresh) = 70;
	assert_true(fresh);
	slot = table_find_slot(t, 7);
	assert_int_equal(*(const uint64_t *)table_cell(t, slot), 70);
	assert_int_equal(*(uint64_t *)table_touch_slot(t, slot, 7, 5, &fresh), 70);
	assert_false(fresh);
	assert_int_equal(table_last(t, slot), 5);
	assert_ptr_equal(table_find_at(t, slot, 7), table_find(t, 7));
	assert_ptr_equal(table_find_at(t, TABLE_NONE, 7), table_find(t, 7));
	assert_null(table_find_at(t, slot, 8));
	assert_null(table_find_at(t, slot, 0));
	/* Of another key, and of one that is gone: as if there were no slot. */
	assert_int_equal(*(uint64_t *)table_touch_slot(t, slot, 8, 6, &fresh), 0);
	assert_true(fresh);
	assert_int_equal(*(const uint64_t *)table_find(t, 7), 70);
	assert_true(table_erase(t, 7));
	assert_null(table_find_at(t, slot, 7));
	assert_int_equal(*(uint64_t *)table_touch_slot(t, slot, 7, 6, &fresh), 0);
	assert_true(fresh);
	assert_int_equal(table_counts(t).cells, 2);
	table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_slot_that_was_found_spares_a_look_and_a_stale_one_does_no_harm),
		cmocka_unit_test(answers_like_a_plain_array),
		cmocka_unit_test(keeps_16_byte_keys_apart),
		cmocka_unit_test(stays_within_its_memory_and_uses_it),
		cmocka_unit_test(evicts_little_until_it_is_nine_tenths_full),
		cmocka_unit_test(evicts_the_stalest_and_tells_of_it),
		cmocka_unit_test(is_not_slowed_by_keys_of_one_set),
		cmocka_unit_test(visits_every_cell_once_also_while_erasing),
		cmocka_unit_test(goes_on_after_a_load_as_if_nothing_was),
		cmocka_unit_test(refuses_a_block_that_is_no_table),
		cmocka_unit_test(serves_as_a_set_without_cells),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
