/* SPDX-License-Identifier: MIT */
#include "lib/model/newcomers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

static void
a_key_is_never_thought_to_be_newer_than_it_is(void **state)
{
	struct random r = seeded();
	static unsigned seen[1000];
	struct newcomers n;
	unsigned right = 0;

	(void)state;
	assert_int_equal(newcomers_init(&n, 1 << 16), 0);
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t key = hash_bucket(random_next(&r), 1000);
		unsigned said = newcomers_see(&n, key << 20);

		seen[key]++;
		assert_true(said >= seen[key]);
		right += said == seen[key];
	}
	/* Few share both of their counters with others. */
	assert_true(right > 9900);
	newcomers_fini(&n);
}

static void
counts_stop_at_their_most_and_halve_in_time(void **state)
{
	struct newcomers n;
	unsigned said = 0;

	(void)state;
	assert_int_equal(newcomers_init(&n, 1 << 16), 0);
	for (unsigned i = 0; i < 300; i++)
		said = newcomers_see(&n, 7);
	assert_int_equal(said, NEWCOMERS_COUNT_MAX);
	for (uint64_t i = 0; i < (1 << 16) / 4; i++)
		(void)newcomers_see(&n, 1000 + i);
	said = newcomers_see(&n, 7);
	assert_in_range(said, NEWCOMERS_COUNT_MAX / 2, NEWCOMERS_COUNT_MAX / 2 + 2);
	newcomers_fini(&n);
}

static void
counts_come_back_from_a_snapshot(void **state)
{
	struct newcomers n, again;
	struct state_reader *r;
	struct state_writer *w;
	struct snapshot s;
	struct error error;

	(void)state;
	assert_int_equal(newcomers_init(&n, NEWCOMERS_BYTES_MIN), 0);
	assert_int_equal(newcomers_init(&again, NEWCOMERS_BYTES_MIN), 0);
	for (uint64_t i = 0; i < 700; i++)
		(void)newcomers_see(&n, i % 100);
	w = snapshot_write(&s);
	newcomers_save(&n, w);
	r = snapshot_read(&s, w);
	assert_int_equal(newcomers_load(&again, r, &error), 0);
	assert_int_equal(state_left(r), 0);
	state_close(r);
	for (uint64_t i = 0; i < 2000; i++)
		assert_int_equal(
		    newcomers_see(&n, i % 150), newcomers_see(&again, i % 150));
	newcomers_fini(&n);
	newcomers_fini(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_never_thought_to_be_newer_than_it_is),
		cmocka_unit_test(counts_stop_at_their_most_and_halve_in_time),
		cmocka_unit_test(counts_come_back_from_a_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
