/* SPDX-License-Identifier: MIT */
#include "lib/window.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"

enum { EVENTS = 3000, HOUR_SLICES = 12 };

struct event {
	instant when;
	double amount;
};

static const struct window_rule hour = { WINDOW_SLIDING, { WHEN_HOUR }, HOUR_SLICES };
static const struct window_rule fading = { WINDOW_DECAYED, { WHEN_HOUR }, 0 };
static const struct window_rule visit = { WINDOW_SESSION, { 30 * WHEN_MINUTE }, 0 };
static const struct window_rule since = { WINDOW_SINCE, { 0 }, 0 };

static double
sum_within(const struct event *e, unsigned n, instant after, instant until)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++)
		if (e[i].when > after && e[i].when <= until)
			sum += e[i].amount;
	return sum;
}

static void
sliding_sum_lies_between_those_of_a_slice_less_and_the_window(void **state)
{
	static struct event e[EVENTS];
	struct random random = seeded();
	double cell[1 + HOUR_SLICES] = { 0 };
	instant now = -3 * WHEN_DAY; /* across the epoch */

	(void)state;
	assert_int_equal(window_cell_size(hour), sizeof cell);
	for (unsigned i = 0; i < EVENTS; i++) {
		double sum;

		now += (instant)(random_next(&random) % (uint64_t)(4 * WHEN_MINUTE));
		e[i] = (struct event){ now, 1 + (double)(random_next(&random) % 5) };
		assert_true(window_cell_add(hour, cell, now, e[i].amount));
		sum = window_cell_read(hour, cell, now);
		assert_true(sum <= sum_within(e, i + 1, now - WHEN_HOUR, now));
		assert_true(
		    sum >= sum_within(e, i + 1, now - WHEN_HOUR * 11 / 12, now));
	}
	assert_true(window_cell_read(hour, cell, now + 2 * WHEN_HOUR) == 0);
}

static void
sliding_sum_does_not_depend_on_the_order_within_the_window(void **state)
{
	struct random random = seeded();
	double sorted[1 + HOUR_SLICES] = { 0 }, mixed[1 + HOUR_SLICES] = { 0 };
	instant when[60];

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		when[i] = (instant)i * WHEN_MINUTE - 30 * WHEN_MINUTE;
		assert_true(window_cell_add(hour, sorted, when[i], i));
	}
	for (unsigned i = 60; i > 0; i--) {
		unsigned pick = (unsigned)(random_next(&random) % i);
		instant chosen = when[pick];

		when[pick] = when[i - 1];
		assert_true(window_cell_add(hour, mixed, chosen,
		    (double)((chosen + 30 * WHEN_MINUTE) / WHEN_MINUTE)));
	}
	assert_memory_equal(sorted, mixed, sizeof sorted);
}

static void
sliding_window_refuses_what_lies_before_it(void **state)
{
	double cell[1 + HOUR_SLICES] = { 0 };

	(void)state;
	assert_true(window_cell_add(hour, cell, 10 * WHEN_HOUR, 1));
	assert_false(window_cell_add(hour, cell, 9 * WHEN_HOUR, 1));
	assert_true(window_cell_add(hour, cell, 9 * WHEN_HOUR + 5 * WHEN_MINUTE, 1));
	assert_true(window_cell_read(hour, cell, 10 * WHEN_HOUR) == 2);
	/* Of an instant in the past: without what came after it. */
	assert_true(
	    window_cell_read(hour, cell, 9 * WHEN_HOUR + 30 * WHEN_MINUTE) == 1);
	assert_true(window_cell_read(hour, cell, 8 * WHEN_HOUR) == 0);
}

static void
a_retraction_leaves_no_trace_in_a_sliding_window(void **state)
{
	struct random random = seeded();
	double cell[1 + HOUR_SLICES] = { 0 };
	struct event e[200];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		e[i].when =
		    (instant)(random_next(&random) % (uint64_t)(50 * WHEN_MINUTE));
		e[i].amount = (double)(random_next(&random) % 100);
		assert_true(window_cell_add(hour, cell, e[i].when, e[i].amount));
	}
	for (unsigned i = 0; i < 200; i++)
		assert_true(window_cell_add(hour, cell, e[i].when, -e[i].amount));
	for (unsigned i = 1; i <= HOUR_SLICES; i++)
		assert_true(cell[i] == 0);
}

static void
decayed_sum_equals_the_definition_in_any_order(void **state)
{
	struct random random = seeded();
	struct event e[300];
	double cell[2] = { 0 }, truth = 0;
	instant now = 0;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		e[i].when =
		    (instant)(random_next(&random) % (uint64_t)WHEN_DAY) - WHEN_HOUR;
		e[i].amount = (double)(random_next(&random) % 100) - 20;
		assert_true(window_cell_add(fading, cell, e[i].when, e[i].amount));
		now = e[i].when > now ? e[i].when : now;
	}
	now += WHEN_HOUR;
	for (unsigned i = 0; i < 300; i++)
		truth += e[i].amount *
		    pow(0.5, (double)(now - e[i].when) / (double)WHEN_HOUR);
	assert_true(fabs(window_cell_read(fading, cell, now) - truth) < 1e-9);
	for (unsigned i = 0; i < 300; i++)
		assert_true(window_cell_add(fading, cell, e[i].when, -e[i].amount));
	assert_true(fabs(window_cell_read(fading, cell, now)) < 1e-9);
}

static void
a_session_ends_with_its_pause(void **state)
{
	struct window_session s;
	uint64_t cell[4] = { 0 };

	(void)state;
	assert_int_equal(window_cell_size(visit), sizeof cell);
	assert_false(window_cell_session(visit, cell, &s));
	assert_true(window_cell_add(visit, cell, 100 * WHEN_MINUTE, 1));
	assert_true(window_cell_add(visit, cell, 130 * WHEN_MINUTE, 2));
	assert_true(
	    window_cell_add(visit, cell, 70 * WHEN_MINUTE, 4)); /* joins at its front */
	assert_true(window_cell_session(visit, cell, &s));
	assert_int_equal(s.first, 70 * WHEN_MINUTE);
	assert_int_equal(s.last, 130 * WHEN_MINUTE);
	assert_int_equal(s.number, 1);
	assert_true(window_cell_read(visit, cell, 160 * WHEN_MINUTE) == 7);
	assert_true(window_cell_read(visit, cell, 160 * WHEN_MINUTE + 1) == 0);
	assert_true(window_cell_add(visit, cell, 161 * WHEN_MINUTE, 8));
	assert_true(window_cell_session(visit, cell, &s));
	assert_int_equal(s.number, 2);
	assert_true(s.sum == 8);
	assert_false(
	    window_cell_add(visit, cell, 130 * WHEN_MINUTE, -2)); /* the old one */
	assert_true(window_cell_add(visit, cell, 161 * WHEN_MINUTE, -8));
	assert_true(window_cell_read(visit, cell, 162 * WHEN_MINUTE) == 0);
}

static void
time_since_the_last_event_ignores_older_ones(void **state)
{
	uint64_t cell[1] = { 0 };

	(void)state;
	assert_true(isinf(window_cell_read(since, cell, 5)));
	assert_true(window_cell_add(since, cell, -7, 1));
	assert_true(window_cell_read(since, cell, 5) == 12);
	assert_true(window_cell_add(since, cell, -9, 1));
	assert_true(window_cell_read(since, cell, 5) == 12);
	assert_true(window_cell_read(since, cell, -8) == 0);
}

static void
keys_have_counters_of_their_own(void **state)
{
	struct window *w = window_new(hour, 1 << 20);

	(void)state;
	for (uint64_t key = 0; key < 1000; key++) {
		window_prefetch(w, key);
		assert_true(window_read(w, key, 50) == 0);
		assert_true(window_add(w, key, 40, (double)key) == (double)key);
		assert_true(window_add(w, key, 50, 1) == (double)key + 1);
	}
	for (uint64_t key = 0; key < 1000; key++)
		assert_true(window_read(w, key, 50) == (double)key + 1);
	window_add(w, 7, 40 - 2 * WHEN_HOUR, 1);
	assert_int_equal(window_late(w), 1);
	assert_int_equal(table_counts(window_table(w)).cells, 1000);
	window_free(w);
	assert_null(window_new(hour, 100));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    sliding_sum_lies_between_those_of_a_slice_less_and_the_window),
		cmocka_unit_test(
		    sliding_sum_does_not_depend_on_the_order_within_the_window),
		cmocka_unit_test(sliding_window_refuses_what_lies_before_it),
		cmocka_unit_test(a_retraction_leaves_no_trace_in_a_sliding_window),
		cmocka_unit_test(decayed_sum_equals_the_definition_in_any_order),
		cmocka_unit_test(a_session_ends_with_its_pause),
		cmocka_unit_test(time_since_the_last_event_ignores_older_ones),
		cmocka_unit_test(keys_have_counters_of_their_own),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
