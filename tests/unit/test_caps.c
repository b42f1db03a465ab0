/* SPDX-License-Identifier: MIT
 *
 * Caps: how they are written, what nobody is counted for, what is forgotten. What is over
 * a cap is held against a second implementation by tests/pipe/cap-reference.t.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/delivery/caps.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

enum { MEMORY = 1 << 20, SUBJECT = 77, N = 400 };

static const struct span a_pause = { 30 * WHEN_MINUTE };
static const struct caps_user anna = { 1, 0 }, nobody = { 0, 0 };

static struct cap
cap_of(const char *text)
{
	struct error error;
	struct cap cap;

	assert_int_equal(cap_parse(&cap, text, &error), 0);
	return cap;
}

static void
a_cap_is_read_from_text(void **state)
{
	static const char *const wrong[] = { "x", "3/", "3/0s", "-1", "3/24x",
		"1000001", "3/400d" };
	struct cap cap = cap_of("20,2/session,3/24h");
	struct error error;

	(void)state;
	assert_int_equal(cap.total, 20);
	assert_int_equal(cap.session, 2);
	assert_int_equal(cap.window, 3);
	assert_true(cap.length.us == WHEN_DAY);
	assert_false(cap_limits(cap_of("")));
	assert_false(cap_limits(cap_of(NULL)));
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(cap_parse(&cap, wrong[i], &error), -1);
}

static enum caps_verdict
ask(const struct caps *c, struct caps_user who, struct cap cap, instant when)
{
	return caps_ask(c, who, CAPS_BANNER, SUBJECT, cap, when);
}

static void
show(struct caps *c, struct caps_user who, struct cap cap, instant when, double weight)
{
	caps_add(c, who, CAPS_BANNER, SUBJECT, cap, when, weight);
}

static void
each_limit_holds_and_gives_back(void **state)
{
	struct caps *c = caps_new(a_pause, MEMORY);
	struct cap cap = cap_of("3,2/session");

	(void)state;
	show(c, anna, cap, 0, 1);
	assert_int_equal(ask(c, anna, cap, 1), CAPS_FREE);
	show(c, anna, cap, 1, 1);
	assert_int_equal(ask(c, anna, cap, 2), CAPS_SESSION);
	assert_int_equal(ask(c, anna, cap, 1 + a_pause.us), CAPS_SESSION);
	assert_int_equal(ask(c, anna, cap, 2 + a_pause.us), CAPS_FREE);
	show(c, anna, cap, WHEN_HOUR, 1);
	assert_int_equal(ask(c, anna, cap, WHEN_DAY), CAPS_TOTAL);
	show(c, anna, cap, WHEN_HOUR, -1);
	assert_int_equal(ask(c, anna, cap, WHEN_DAY), CAPS_FREE);
	/* Another banner, a campaign of that id, another user are others. */
	assert_int_equal(
	    caps_ask(c, anna, CAPS_CAMPAIGN, SUBJECT, cap_of("1"), 2), CAPS_FREE);
	assert_int_equal(
	    caps_ask(c, anna, CAPS_BANNER, SUBJECT + 1, cap_of("1"), 2), CAPS_FREE);
	assert_int_equal(ask(c, (struct caps_user){ 2, 0 }, cap_of("1"), 2), CAPS_FREE);
	caps_free(c);
}

/* As often as there is room for can be added, and no more; weights are fractions, too. */
static void
the_room_is_how_often_it_may_be_shown(void **state)
{
	static const char *const texts[] = { "7", "3/session", "5/24h",
		"9,4/session,6/24h", "0", "2,8/24h" };
	struct random random = seeded();

	(void)state;
	for (unsigned round = 0; round < 600; round++) {
		struct caps *c = caps_new(a_pause, MEMORY);
		struct cap cap = cap_of(texts[round % 6]);
		int32_t room;
		double weight = (double)hash_bucket(random_next(&random), 12) / 4;

		caps_add(c, anna, CAPS_CAMPAIGN, SUBJECT, cap, 0, weight);
		room = caps_room(c, anna, CAPS_CAMPAIGN, SUBJECT, cap, 0);
		for (; caps_ask(c, anna, CAPS_CAMPAIGN, SUBJECT, cap, 0) == CAPS_FREE;
		     room--)
			caps_add(c, anna, CAPS_CAMPAIGN, SUBJECT, cap, 0, 1);
		assert_int_equal(room, 0);
		assert_int_equal(caps_room(c, nobody, CAPS_CAMPAIGN, SUBJECT, cap, 0),
		    cap.total == 0 ? 0 : INT32_MAX);
		assert_int_equal(
		    caps_room(c, anna, CAPS_CAMPAIGN, SUBJECT, CAP_NONE, 0), INT32_MAX);
		caps_free(c);
	}
}

static void
nobody_has_no_counters(void **state)
{
	struct caps *c = caps_new(a_pause, MEMORY);
	struct cap cap = cap_of("1,1/session,1/1h");

	(void)state;
	show(c, nobody, cap, 0, 1);
	assert_int_equal(caps_counts(c).counters, 0);
	assert_int_equal(ask(c, nobody, cap, 0), CAPS_FREE);
	assert_int_equal(ask(c, nobody, cap_of("0"), 0), CAPS_TOTAL);
	caps_free(c);
}

/* Whoever is shown what he may be shown never sees more than the cap, in any stretch of
 * time of that length; and he is not held back a twelfth longer. */
static void
no_window_ever_has_more_than_its_cap(void **state)
{
	struct random r = seeded();
	struct cap cap = cap_of("3/1h");

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		struct caps *c = caps_new(a_pause, MEMORY);
		instant shown[N], when = 0;
		unsigned n = 0;

		for (unsigned i = 0; i < N; i++) {
			when += (instant)hash_bucket(random_next(&r), WHEN_HOUR);
			if (ask(c, anna, cap, when) == CAPS_FREE) {
				assert_true(n < 3 || when - shown[n - 3] >= WHEN_HOUR);
				show(c, anna, cap, when, 1);
				shown[n++] = when;
			} else {
				assert_true(when - shown[n - 3] <=
				    WHEN_HOUR + WHEN_HOUR / CAPS_SLICES);
			}
		}
		assert_true(n > N / 3 && n < N);
		caps_free(c);
	}
}

static void
what_does_not_fit_is_forgotten_and_counted(void **state)
{
	struct caps *c = caps_new(a_pause, caps_memory_min());
	struct cap cap = cap_of("1,1/session,1/1h");

	(void)state;
	assert_non_null(c);
	for (uint64_t user = 1; user <= 1000; user++)
		show(c, (struct caps_user){ user, 0 }, cap, (instant)user, 1);
	assert_true(caps_counts(c).evicted > 0);
	assert_int_equal(caps_counts(c).evicted + caps_counts(c).counters, 3000);
	assert_int_equal(ask(c, (struct caps_user){ 1000, 0 }, cap, 1000), CAPS_TOTAL);
	caps_free(c);
}

static void
a_snapshot_counts_on(void **state)
{
	struct caps *c = caps_new(a_pause, MEMORY), *d = caps_new(a_pause, MEMORY);
	struct cap cap = cap_of("9,9/session,2/1h");
	struct snapshot snapshot;
	struct state_writer *w = snapshot_write(&snapshot);
	struct state_reader *r;
	struct error error;

	(void)state;
	show(c, anna, cap, 5, 1);
	caps_save(c, w);
	r = snapshot_read(&snapshot, w);
	assert_int_equal(caps_load(d, r, &error), 0);
	state_close(r);
	assert_int_equal(ask(d, anna, cap, 6), CAPS_FREE);
	show(d, anna, cap, 6, 1);
	assert_int_equal(ask(d, anna, cap, 7), CAPS_WINDOW);
	caps_free(c);
	caps_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cap_is_read_from_text),
		cmocka_unit_test(each_limit_holds_and_gives_back),
		cmocka_unit_test(the_room_is_how_often_it_may_be_shown),
		cmocka_unit_test(nobody_has_no_counters),
		cmocka_unit_test(no_window_ever_has_more_than_its_cap),
		cmocka_unit_test(what_does_not_fit_is_forgotten_and_counted),
		cmocka_unit_test(a_snapshot_counts_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
