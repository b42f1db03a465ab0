/* SPDX-License-Identifier: MIT */
#include "lib/stream/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"

enum { STREAMS = 37, ITEMS = 20000 };

static void
heads_come_in_the_order_of_time_and_then_of_stream(void **state)
{
	struct heap_entry entries[STREAMS];
	struct heap heap = { .entries = entries };
	struct random random = seeded();
	instant at[STREAMS];
	bool in[STREAMS] = { false };

	(void)state;
	for (int i = 0; i < ITEMS; i++) {
		unsigned stream = (unsigned)(random_next(&random) % STREAMS);
		struct heap_entry first;

		if (!in[stream]) {
			at[stream] = (instant)(random_next(&random) % 50) - 25;
			in[stream] = true;
			heap_put(&heap, at[stream], stream);
			continue;
		}
		first = heap_first(&heap);
		assert_true(in[first.stream]);
		assert_int_equal(first.at, at[first.stream]);
		for (unsigned s = 0; s < STREAMS; s++)
			assert_true(!in[s] || at[s] > first.at ||
			    (at[s] == first.at && s >= first.stream));
		if (random_next(&random) % 2 == 0) {
			heap_take_first(&heap);
			in[first.stream] = false;
		} else {
			at[first.stream] = (instant)(random_next(&random) % 50) - 25;
			heap_set_first(&heap, at[first.stream]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_come_in_the_order_of_time_and_then_of_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
