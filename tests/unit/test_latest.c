/* SPDX-License-Identifier: MIT */
#include "lib/feature/latest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/feature/variety.h"
#include "tests/unit/seed.h"

enum { PAUSE = 100, EVENTS = 12, VALUES = 6 };

/* What came and was not taken back, by a plain list. */
struct event {
	instant at;
	uint64_t value;
	double amount;
	bool taken;
};

static uint64_t
below(struct random *r, uint64_t n)
{
	return random_next(r) % n;
}

/* No two at one instant, in the order of time. */
static unsigned
make(struct random *r, struct event *e)
{
	unsigned n = 1 + (unsigned)below(r, EVENTS);
	instant at = (instant)below(r, 50) - 25;

	for (unsigned i = 0; i < n; i++) {
		at += 1 + (instant)below(r, below(r, 3) == 0 ? 2 * PAUSE : PAUSE);
		e[i] = (struct event){ at, below(r, VALUES), (double)below(r, 9) - 4,
			false };
	}
	return n;
}

/* --- Since ------------------------------------------------------------------------ */

static void
since_comes_back_unless_all_that_is_kept_is_taken(void **state)
{
	struct random r = seeded();

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct latest cell[LATEST_SINCE] = { { .moment = 0 } };
		struct event e[EVENTS];
		unsigned n = make(&r, e), taken = 0;
		instant last = WHEN_NEVER, now;

		for (unsigned i = 0; i < n; i++)
			latest_since_add(cell, e[i].at, 1);
		for (unsigned i = 0; i < n && taken + 1 < LATEST_SINCE; i++) {
			unsigned k = (unsigned)below(&r, n);

			taken += !e[k].taken;
			if (!e[k].taken)
				latest_since_add(cell, e[k].at, -1);
			e[k].taken = true;
		}
		now = e[n - 1].at + (instant)below(&r, PAUSE);
		for (unsigned i = 0; i < n; i++)
			last = e[i].taken ? last : e[i].at;
		if (last == WHEN_NEVER)
			assert_true(isinf(latest_since(cell, now)));
		else
			assert_true(latest_since(cell, now) == (double)(now - last));
	}
}

static void
one_instant_counts_as_often_as_it_comes(void **state)
{
	struct latest cell[LATEST_SINCE] = { { .moment = 0 } };

	(void)state;
	latest_since_add(cell, -WHEN_MAX, 1);
	latest_since_add(cell, 5, 1);
	latest_since_add(cell, 5, 1);
	latest_since_add(cell, 5, -1);
	assert_true(latest_since(cell, 7) == 2);
	latest_since_add(cell, 5, -1);
	assert_true(latest_since(cell, -WHEN_MAX + 3) == 3);
	latest_since_add(cell, 5, -1); /* it is not there */
	latest_since_add(cell, -WHEN_MAX, -1);
	assert_true(isinf(latest_since(cell, 7)));
	for (int i = 0; i < 2 * LATEST_OFTEN; i++)
		latest_since_add(cell, WHEN_MAX, 1);
	for (int i = 0; i < 2 * LATEST_OFTEN; i++)
		latest_since_add(cell, WHEN_MAX, -1);
	assert_true(latest_since(cell, WHEN_MAX) == 0); /* more than can be counted */
}

/* --- Sessions --------------------------------------------------------------------- */

static double
session_of(const struct event *e, unsigned n, instant now)
{
	double sum = 0;
	instant last = WHEN_NEVER;

	for (unsigned i = 0; i < n; i++) {
		if (e[i].taken)
			continue;
		sum = last == WHEN_NEVER || e[i].at - last > PAUSE ? e[i].amount
								   : sum + e[i].amount;
		last = e[i].at;
	}
	return last == WHEN_NEVER || now - last > PAUSE ? 0 : sum;
}

static void
the_latest_of_a_session_can_be_taken_back_and_come_again(void **state)
{
	struct random r = seeded();

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct latest_session cell = { .n = 0 };
		struct event e[EVENTS];
		unsigned n = make(&r, e),
			 latest = n < LATEST_SESSION ? n : LATEST_SESSION;
		instant now = e[n - 1].at + (instant)below(&r, 2 * PAUSE);

		for (unsigned i = 0; i < n; i++)
			assert_true(
			    latest_session_add(&cell, PAUSE, e[i].at, e[i].amount, 1));
		for (unsigned i = 0; i < 2 * latest; i++) {
			struct event *one = &e[n - 1 - below(&r, latest)];

			assert_true(latest_session_add(&cell, PAUSE, one->at,
			    one->taken ? one->amount : -one->amount,
			    one->taken ? 1 : -1));
			one->taken = !one->taken;
			assert_true(
			    latest_session(&cell, PAUSE, now) == session_of(e, n, now));
		}
	}
}

/* Where it is one session whatever is taken back, all are exact, however many. */
static void
of_one_session_every_amount_can_be_taken_back(void **state)
{
	struct random r = seeded();

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct latest_session cell = { .n = 0 };
		struct event e[EVENTS];
		unsigned n = make(&r, e);
		instant now = e[n - 1].at;

		for (unsigned i = 0; i < n; i++) {
			e[i].at = (instant)(7 * i);
			(void)latest_session_add(&cell, PAUSE, e[i].at, e[i].amount, 1);
		}
		for (unsigned i = 0; i < n; i++) {
			struct event *one = &e[below(&r, n)];

			if (!one->taken)
				assert_true(latest_session_add(
				    &cell, PAUSE, one->at, -one->amount, -1));
			one->taken = true;
		}
		now = 7 * (instant)n;
		assert_true(latest_session(&cell, PAUSE, now) == session_of(e, n, now));
	}
}

static void
a_session_that_is_over_takes_nothing_from_the_next(void **state)
{
	struct latest_session cell = { .n = 0 };

	(void)state;
	for (instant at = 0; at < 6; at++)
		(void)latest_session_add(&cell, PAUSE, at, 1, 1);
	for (instant at = 1000; at < 1006; at++)
		(void)latest_session_add(&cell, PAUSE, at, 1, 1);
	assert_false(latest_session_add(&cell, PAUSE, 3, -1, -1));
	assert_true(latest_session(&cell, PAUSE, 1006) == 6);
}

/* --- Values ----------------------------------------------------------------------- */

static unsigned
last_of(const struct event *e, unsigned n, unsigned most, uint64_t *to)
{
	unsigned found = 0;

	for (unsigned i = n; i-- > 0 && found < most;) {
		bool known = e[i].taken;

		for (unsigned k = 0; k < found; k++)
			known |= to[k] == e[i].value;
		if (!known)
			to[found++] = e[i].value;
	}
	return found;
}

static void
the_last_values_are_those_of_a_plain_list(void **state)
{
	struct random r = seeded();

	(void)state;
	for (int round = 0; round < 5000; round++) {
		enum { MOST = 3 };
		struct latest cell[LATEST_REPEATS * MOST] = { { .moment = 0 } };
		uint64_t got[MOST], wanted[MOST];
		struct event e[EVENTS];
		unsigned n = make(&r, e), found;

		for (unsigned i = 0; i < n; i++)
			latest_value_add(cell, MOST, e[i].at, e[i].value, 1);
		/* The last event of all goes, if there was no value more than twice. */
		e[n - 1].taken = n <= LATEST_REPEATS;
		if (e[n - 1].taken)
			latest_value_add(cell, MOST, e[n - 1].at, e[n - 1].value, -1);
		found = latest_values(cell, MOST, e[n - 1].at, 0, false, got);
		assert_int_equal(found, last_of(e, n, MOST, wanted));
		assert_memory_equal(got, wanted, found * sizeof *got);
	}
}

static void
a_value_goes_back_to_when_it_came_before(void **state)
{
	struct latest cell[LATEST_REPEATS * 3] = { { .moment = 0 } };
	uint64_t got[3];

	(void)state;
	latest_value_add(cell, 3, 10, 1, 1);
	latest_value_add(cell, 3, 20, 2, 1);
	latest_value_add(cell, 3, 30, 1, 1);
	latest_value_add(cell, 3, 30, 1, -1);
	assert_int_equal(latest_values(cell, 3, 40, 0, false, got), 2);
	assert_int_equal(got[0], 2);
	latest_value_add(cell, 3, 30, 1, 1); /* an appeal */
	latest_value_add(cell, 3, 10, 1, -1);
	assert_int_equal(latest_values(cell, 3, 40, 0, false, got), 2);
	assert_int_equal(got[0], 1);
	assert_int_equal(latest_values(cell, 3, 40, 15, false, got), 1);
	latest_value_add(cell, 3, 20, 1, -1); /* not then */
	latest_value_add(cell, 3, 30, 1, -1);
	latest_value_add(cell, 3, 20, 2, -1);
	assert_int_equal(latest_values(cell, 3, 40, 0, false, got), 0);
}

/* --- Variety ---------------------------------------------------------------------- */

static void
few_values_are_counted_exactly_and_taken_back(void **state)
{
	enum { SLICE = 10, LENGTH = SLICE * VARIETY_SLICES, MOST = 200 };
	const struct span length = { LENGTH };
	struct random r = seeded();

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct variety cell = { .values = 0 };
		struct event e[MOST];
		instant at = -50;
		unsigned n = 1 + (unsigned)below(&r, MOST);

		for (unsigned i = 0; i < n; i++) {
			unsigned back = (unsigned)below(&r, i + 1), count = 0;
			bool seen[VARIETY_FEW] = { false };

			at += (instant)below(&r, SLICE / 2);
			e[i] = (struct event){ at, below(&r, VARIETY_FEW), 1, false };
			assert_true(variety_add(
			    &cell, length, at, hash_mix(e[i].value + 1), 1));
			if (below(&r, 3) == 0 && !e[back].taken) {
				(void)variety_add(&cell, length, e[back].at,
				    hash_mix(e[back].value + 1), -1);
				e[back].taken = true;
			}
			for (unsigned k = 0; k <= i; k++)
				if (!e[k].taken &&
				    (e[k].at + 1000) / SLICE >
					(at + 1000) / SLICE - VARIETY_SLICES)
					seen[e[k].value] = true;
			for (unsigned k = 0; k < VARIETY_FEW; k++)
				count += seen[k];
			assert_true(variety_count(&cell, length, at) == count);
			assert_true(variety_is_exact(&cell));
		}
	}
}

static void
many_are_estimated_until_the_window_has_passed(void **state)
{
	const struct span length = { 6 * WHEN_HOUR };
	struct variety cell = { .values = 0 };
	double estimate;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_true(variety_add(
		    &cell, length, (instant)i * WHEN_SECOND, hash_mix(i + 1), 1));
	assert_false(variety_is_exact(&cell));
	estimate = variety_count(&cell, length, WHEN_HOUR);
	assert_true(fabs(estimate - 1000) < 3 * 130);
	/* What was told apart before is in it. */
	assert_true(variety_count(&cell, length, 0) >= VARIETY_FEW);
	assert_false(variety_add(&cell, length, -7 * WHEN_HOUR, 1, 1));
	assert_true(variety_add(&cell, length, 7 * WHEN_HOUR, 1, 1));
	assert_true(variety_is_exact(&cell));
	assert_true(variety_count(&cell, length, 7 * WHEN_HOUR) == 1);
	assert_true(variety_add(&cell, length, 7 * WHEN_HOUR, 1, -1));
	assert_true(variety_count(&cell, length, 7 * WHEN_HOUR) == 0);
}

static void
what_came_more_often_than_can_be_counted_stays(void **state)
{
	const struct span length = { 6 * WHEN_HOUR };
	struct variety cell = { .values = 0 };

	(void)state;
	for (int i = 0; i <= VARIETY_OFTEN; i++)
		(void)variety_add(&cell, length, 0, 7, 1);
	for (int i = 0; i <= VARIETY_OFTEN; i++)
		(void)variety_add(&cell, length, 0, 7, -1);
	assert_true(variety_count(&cell, length, 0) == 1);
	assert_false(variety_add(&cell, length, 9 * WHEN_HOUR, 7, -1));
	assert_true(variety_count(&cell, length, 0) == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(since_comes_back_unless_all_that_is_kept_is_taken),
		cmocka_unit_test(one_instant_counts_as_often_as_it_comes),
		cmocka_unit_test(
		    the_latest_of_a_session_can_be_taken_back_and_come_again),
		cmocka_unit_test(of_one_session_every_amount_can_be_taken_back),
		cmocka_unit_test(a_session_that_is_over_takes_nothing_from_the_next),
		cmocka_unit_test(the_last_values_are_those_of_a_plain_list),
		cmocka_unit_test(a_value_goes_back_to_when_it_came_before),
		cmocka_unit_test(few_values_are_counted_exactly_and_taken_back),
		cmocka_unit_test(many_are_estimated_until_the_window_has_passed),
		cmocka_unit_test(what_came_more_often_than_can_be_counted_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
