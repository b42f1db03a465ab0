/* SPDX-License-Identifier: MIT
 *
 * Which timestamps belong, against a search of all that were seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/pending/suspense.h"
#include "tests/unit/seed.h"

enum { N = 3000 };

enum fate { WAITS, BELONGS, REFUSED };

static struct suspense
of_an_hour(void)
{
	struct suspense s;

	suspense_init(&s, (struct span){ WHEN_HOUR });
	return s;
}

/* Add one and settle; how many belong now and how many are refused. */
static void
see(struct suspense *s, instant t, unsigned *in, unsigned *out)
{
	unsigned slot;
	bool belongs;

	(void)suspense_add(s, t);
	for (*in = *out = 0; suspense_next(s, &slot, &belongs);)
		++*(belongs ? in : out);
}

static void
the_first_ones_wait_until_eight_agree(void **state)
{
	struct suspense s = of_an_hour();
	unsigned in, out;

	(void)state;
	for (int i = 1; i <= 8; i++) {
		assert_int_equal(s.reached, WHEN_NEVER);
		see(&s, i * WHEN_MINUTE, &in, &out);
		assert_int_equal(in, i < 8 ? 0 : 8);
		assert_int_equal(out, 0);
	}
	assert_int_equal(s.reached, 8 * WHEN_MINUTE);
}

static void
what_runs_ahead_is_refused_by_the_eighth_that_disagrees(void **state)
{
	struct suspense s = of_an_hour();
	unsigned in, out;

	(void)state;
	see(&s, WHEN_DAY, &in, &out);
	for (int i = 1; i <= 8; i++) {
		see(&s, i, &in, &out);
		assert_int_equal(out, i == 8);
	}
	assert_int_equal(s.reached, 8);
	assert_int_equal(s.waiting, 0);
}

static void
a_pause_is_believed_from_its_eighth_on_and_nothing_is_refused(void **state)
{
	struct suspense s = of_an_hour();
	unsigned in, out;

	(void)state;
	for (int i = 0; i < 40; i++)
		see(&s, i, &in, &out);
	for (int i = 1; i <= 8; i++) {
		see(&s, WHEN_DAY - i, &in, &out);
		assert_int_equal(in, i < 8 ? 0 : 8);
		assert_int_equal(out, 0);
	}
	assert_int_equal(s.reached, WHEN_DAY - 1);
}

static void
what_the_stream_has_reached_need_not_wait(void **state)
{
	struct suspense s = of_an_hour();
	unsigned in, out;

	(void)state;
	see(&s, WHEN_DAY, &in, &out);
	assert_false(suspense_vouch(&s, 3 * WHEN_DAY, 2 * WHEN_DAY));
	assert_false(suspense_vouch(&s, 0, WHEN_MAX + 1));
	assert_int_equal(s.reached, WHEN_NEVER);
	assert_true(suspense_vouch(&s, WHEN_DAY, WHEN_DAY - WHEN_HOUR));
	see(&s, WHEN_DAY - 1, &in, &out);
	assert_int_equal(in, 2);
	suspense_reach(&s, 2 * WHEN_DAY);
	see(&s, 2 * WHEN_DAY, &in, &out);
	assert_int_equal(in, 1);
}

static void
what_waits_at_the_end_leaves_by_time(void **state)
{
	static const instant times[] = { 5, 3, 9, 3 };
	struct suspense s = of_an_hour();
	unsigned slot, in, out;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		see(&s, times[i], &in, &out);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(suspense_leave(&s, &slot));
		assert_int_equal(slot, ((const unsigned[]){ 1, 3, 0, 2 })[i]);
	}
	assert_false(suspense_leave(&s, &slot));
}

/* The majority of the 15 timestamps up to `last`: those missing at the start disagree.
 */
static bool
agreed(const instant *t, unsigned i, unsigned last)
{
	unsigned near = 0;

	for (unsigned k = 0; k <= last; k++)
		near += k + WHEN_RECENT > last && t[k] >= t[i] - WHEN_HOUR;
	return near > WHEN_RECENT / 2;
}

static void
each_is_decided_as_the_majority_of_fifteen_says(void **state)
{
	struct random r = seeded();
	struct suspense s = of_an_hour();
	instant t[N], clock = 0, reached = WHEN_NEVER;
	enum fate fate[N] = { WAITS };
	unsigned at[WHEN_RECENT], slot, in = 0, out = 0;
	bool belongs;

	(void)state;
	for (unsigned n = 0; n < N; n++) {
		clock += (instant)hash_bucket(random_next(&r), 10) * WHEN_MINUTE;
		clock += (random_next(&r) >> 10) % 50 == 0 ? WHEN_DAY : 0;
		t[n] = clock;
		t[n] += (random_next(&r) >> 10) % 4 == 0
		    ? (instant)hash_bucket(random_next(&r), 300) * WHEN_MINUTE
		    : 0;
		at[suspense_add(&s, t[n])] = n;
		for (unsigned again = 0; again < WHEN_RECENT; again++)
			for (unsigned i = n < 14 ? 0 : n - 14; i <= n; i++)
				if (fate[i] == WAITS &&
				    (t[i] <= reached || agreed(t, i, n))) {
					fate[i] = BELONGS;
					reached = t[i] > reached ? t[i] : reached;
				}
		while (suspense_next(&s, &slot, &belongs)) {
			assert_int_equal(fate[at[slot]], belongs ? BELONGS : WAITS);
			if (!belongs)
				fate[at[slot]] = REFUSED;
			++*(belongs ? &in : &out);
		}
		/* None is forgotten, and none waits longer than it may. */
		for (unsigned i = n < 14 ? 0 : n - 14; i <= n; i++)
			assert_int_equal(
			    fate[i] == WAITS, suspense_waits(&s, i % WHEN_RECENT));
		assert_true(n < 14 || fate[n - 14] != WAITS);
		assert_int_equal(s.reached, reached);
	}
	assert_true(in > N / 2 && out > N / 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_ones_wait_until_eight_agree),
		cmocka_unit_test(
		    what_runs_ahead_is_refused_by_the_eighth_that_disagrees),
		cmocka_unit_test(
		    a_pause_is_believed_from_its_eighth_on_and_nothing_is_refused),
		cmocka_unit_test(what_the_stream_has_reached_need_not_wait),
		cmocka_unit_test(what_waits_at_the_end_leaves_by_time),
		cmocka_unit_test(each_is_decided_as_the_majority_of_fifteen_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
