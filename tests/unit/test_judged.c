/* SPDX-License-Identifier: MIT */
#include "lib/pending/judged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/seed.h"

enum { ENTRIES = 60000, ROUNDS = 3 * ENTRIES, KEYS = 7 };

static const struct judgement out = { .version = 1, .out = true, .score = 1 };

/* An entry that was added: an event, or a judgement. */
struct added {
	uint64_t key;
	bool event;
};

static struct judged piece;

/* The events of a key that have not gone, newest first; how many entries are passed. */
static size_t
check_key(const struct recent *x, const struct added *added, size_t n, uint64_t key)
{
	const struct recent_entry *e = recent_find(x, key);
	size_t passed = 0;

	for (size_t i = n; i-- > x->gone;) {
		if (added[i].key != key || !added[i].event)
			continue;
		for (; e != NULL && (e->flags & JUDGED_EVENT) == 0; passed++)
			e = recent_older(x, e);
		assert_non_null(e);
		assert_int_equal(e->number, i);
		e = recent_older(x, e);
		passed++;
	}
	while (e != NULL) {
		assert_int_equal(e->flags & JUDGED_EVENT, 0);
		e = recent_older(x, e);
		passed++;
	}
	return passed;
}

static void
the_events_of_an_id_are_found_behind_any_judgements(void **state)
{
	static struct added added[ROUNDS];
	static const uint8_t event[100];
	struct random random = seeded();
	struct recent x;

	(void)state;
	assert_int_equal(recent_init(&x, RECENT_MEMORY_MIN), 0);
	for (size_t n = 0; n < ROUNDS; n++) {
		struct added *a = &added[n];

		a->key = 1 + random_next(&random) % KEYS;
		a->event = random_next(&random) % 8 == 0;
		if (a->event) {
			struct recent_entry *e = recent_add(
			    &x, a->key, (instant)n, slice_of(event, sizeof event));

			e->number = (int64_t)n;
			e->flags = JUDGED_EVENT;
		} else {
			judged_keep(&x, a->key, (instant)n, &out, 0, &piece);
		}
		/* So that it wraps around before it grows. */
		if (n < ENTRIES && n % 1000 == 0)
			recent_expire(&x, (instant)n - 2500);
		if (n % 500 == 0)
			(void)check_key(&x, added, n + 1, a->key);
	}
	assert_true(x.evicted > 0);
	recent_fini(&x);
}

static void
many_judgements_of_an_event_are_not_passed_one_by_one(void **state)
{
	static struct added added[ENTRIES];
	struct recent x;

	(void)state;
	assert_int_equal(recent_init(&x, RECENT_MEMORY_MIN), 0);
	added[0] = (struct added){ 1, true };
	recent_add(&x, 1, 0, slice_text("event"))->flags = JUDGED_EVENT;
	for (size_t n = 1; n < ENTRIES; n++) {
		added[n] = (struct added){ 1, false };
		judged_keep(&x, 1, (instant)n, &out, 0, &piece);
	}
	assert_in_range(check_key(&x, added, ENTRIES, 1), 1, 2);
	recent_fini(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_events_of_an_id_are_found_behind_any_judgements),
		cmocka_unit_test(many_judgements_of_an_event_are_not_passed_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
