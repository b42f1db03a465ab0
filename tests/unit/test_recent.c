/* SPDX-License-Identifier: MIT */
#include "lib/pending/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

enum { RECORDS = 200000, KEYS = 3000, SIZE_MAX_ = 700 };

/* What was added, in its order. */
struct added {
	uint64_t key;
	instant at;
	int64_t number;
	size_t size;
	uint8_t fill;
};

static struct added *added;

/* The chain of a key beside what was added and has not gone: newest first. */
static void
check_key(const struct recent *x, uint64_t key, size_t n)
{
	const struct recent_entry *e = recent_find(x, key);

	for (size_t i = n; i-- > x->gone;) {
		struct slice bytes;

		if (added[i].key != key)
			continue;
		assert_non_null(e);
		bytes = recent_bytes(e);
		assert_true(e->at == added[i].at && e->number == added[i].number);
		assert_true(bytes.size == added[i].size);
		for (size_t k = 0; k < bytes.size; k += 37)
			assert_true(bytes.at[k] == added[i].fill);
		e = recent_older(x, e);
	}
	assert_null(e);
}

static void
keep(struct recent *x, const struct added *a)
{
	static uint8_t bytes[SIZE_MAX_];

	memset(bytes, a->fill, a->size);
	recent_add(x, a->key, a->at, slice_of(bytes, a->size))->number = a->number;
}

static void
add(struct recent *x, size_t n, struct random *random, uint64_t keys)
{
	struct added *a = &added[n];

	a->key = hash_mix(random_next(random) % keys);
	a->at = (instant)n * 1000;
	a->number = (int64_t)(random_next(random) % 100);
	a->size = random_next(random) % SIZE_MAX_;
	a->fill = (uint8_t)random_next(random);
	keep(x, a);
}

static void
the_last_records_are_there_by_key_and_the_oldest_go_first(void **state)
{
	struct random random = seeded();
	uint64_t keys[] = { 1, 50, KEYS, RECORDS };
	struct recent x;

	(void)state;
	added = calloc(RECORDS, sizeof *added);
	assert_non_null(added);
	for (unsigned round = 0; round < 4; round++) {
		instant span = round % 2 == 0 ? 0 : 3000 * 1000;

		assert_int_equal(recent_init(&x, RECENT_MEMORY_MIN), 0);
		for (size_t n = 0; n < RECORDS; n++) {
			add(&x, n, &random, keys[round]);
			if (span > 0)
				recent_expire(&x, added[n].at - span);
			assert_true(x.gone + x.count == n + 1);
			if (n % 5000 == 0 && round > 0)
				check_key(&x,
				    hash_mix(random_next(&random) % keys[round]),
				    n + 1);
		}
		/* In time, and for want of memory only without it. */
		assert_true(span == 0 ? x.evicted > 0 && x.count > 5000
				      : x.evicted == 0 && x.count == 3001);
		assert_true(x.extent <= x.capacity);
		assert_null(recent_find(&x, 12345));
		recent_fini(&x);
	}
	free(added);
}

static void
what_is_changed_stays_changed_in_a_snapshot(void **state)
{
	struct random random = seeded();
	struct recent x, y;
	const struct recent_entry *e;

	(void)state;
	added = calloc(RECORDS, sizeof *added);
	assert_non_null(added);
	assert_int_equal(recent_init(&x, RECENT_MEMORY_MIN), 0);
	assert_int_equal(recent_init(&y, RECENT_MEMORY_MIN), 0);
	for (size_t n = 0; n < 30000; n++)
		add(&x, n, &random, KEYS);
	e = recent_find(&x, added[29999].key);
	recent_change(&x, e)->number = -7;
	added[29999].number = -7;
	for (size_t n = 30000; n < 60000; n += 15000) {
		struct snapshot snapshot;
		struct state_writer *w = snapshot_write(&snapshot);
		struct state_reader *from;
		struct error error;

		recent_save(&x, w);
		from = snapshot_read(&snapshot, w);
		if (recent_load(&y, from, &error) != 0)
			fail_msg("%s", error.text);
		state_close(from);
		/* Both go on alike. */
		for (size_t i = n; i < n + 15000; i++) {
			add(&x, i, &random, KEYS);
			keep(&y, &added[i]);
		}
		assert_true(x.gone == y.gone && x.evicted == y.evicted);
		assert_true(x.head == y.head && x.tail == y.tail);
		for (uint64_t k = 0; k < 100; k++)
			check_key(&y, hash_mix(k), n + 15000);
	}
	recent_fini(&x);
	recent_fini(&y);
	free(added);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_last_records_are_there_by_key_and_the_oldest_go_first),
		cmocka_unit_test(what_is_changed_stays_changed_in_a_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
