/* SPDX-License-Identifier: MIT
 *
 * The desk against books that are kept beside it: no impression beyond a cap, no micro
 * beyond a budget but of what came too late, and both agree on what is owed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/books.h"
#include "tests/unit/seed.h"

enum { CLIENTS = 30000 };

static void
agree(const struct books *b)
{
	const struct desk_counts *c = &b->desk.counts;

	assert_int_equal(b->over_cap, 0);
	assert_int_equal(b->over_budget, 0);
	assert_int_equal(b->twins, 0);
	assert_int_equal(b->shown, c->decisions);
	assert_int_equal(caps_counts(b->desk.caps).evicted, 0);
	assert_int_equal(budgets_counts(b->desk.budgets).evicted, 0);
	for (unsigned i = 0; i < BOOKS_CAMPAIGNS; i++) {
		uint64_t id = catalogue_campaign(b->desk.catalogue, i)->id;
		struct budget_state s = budgets_state(b->desk.budgets, id);

		assert_int_equal(s.spent, b->account[i].owed);
		assert_int_equal(s.exceeded, b->account[i].late);
	}
}

/* Visitors who come often, so that caps and budgets are what decides. */
static void
no_cap_and_no_budget_is_ever_exceeded(void **state)
{
	struct books *b = books_new(seeded().state, true);

	(void)state;
	for (unsigned i = 0; i < CLIENTS; i++)
		books_client(b);
	agree(b);
	assert_true(b->desk.counts.capped > CLIENTS);
	assert_true(b->desk.counts.unfunded > CLIENTS / 10);
	assert_true(b->late_events > 100 && b->cheaper > 100 && b->full > 10);
	books_free(b);
}

/* Where impressions count, nobody is over his caps who saw what he was given before: one
 * answer, and all slots of a client, are within them. */
static void
an_answer_is_within_the_caps_that_impressions_count_for(void **state)
{
	struct books *b = books_new(seeded().state, true);

	(void)state;
	b->prompt = true;
	b->desk.count_decisions = false;
	for (unsigned i = 0; i < CLIENTS / 3; i++)
		books_client(b);
	agree(b);
	assert_true(b->desk.counts.capped > CLIENTS / 3);
	books_free(b);
}

/* At most one banner of a campaign and of a category in each answer. */
static void
wishes_for_variety_are_kept(void **state)
{
	struct books *b = books_new(seeded().state, false);
	uint64_t beside = 0;

	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		b->desk.rules.one_of_campaign = (round & 1) != 0;
		b->desk.rules.one_of_category = (round & 2) != 0;
		b->twin_campaigns = b->twin_categories = 0;
		for (unsigned i = 0; i < CLIENTS / 30; i++)
			books_client(b);
		assert_true((b->twin_campaigns == 0) == ((round & 1) != 0));
		assert_true((b->twin_categories == 0) == ((round & 2) != 0));
		beside += b->shown;
	}
	assert_true(beside > CLIENTS / 30);
	agree(b);
	books_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_cap_and_no_budget_is_ever_exceeded),
		cmocka_unit_test(
		    an_answer_is_within_the_caps_that_impressions_count_for),
		cmocka_unit_test(wishes_for_variety_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
