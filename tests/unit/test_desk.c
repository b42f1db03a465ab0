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

/* A bid of the one user in the one slot; whether there is one, and its id. */
static bool
bid(struct books *b, char id[DECISION_ID_MAX])
{
	struct desk_ask ask = { .consents = true, .now = b->now, .sold = true };
	struct desk_answer answer;
	uint8_t bytes[256];
	struct build map;

	build_init(&map, bytes, sizeof bytes - RECORD_PADDING);
	build_map(&map, 3);
	build_text(&map, "user_id");
	build_text(&map, "u");
	build_text(&map, "slot_id");
	build_text(&map, "s");
	build_text(&map, "candidates");
	build_array(&map, 1);
	build_uint(&map, 0);
	ask.map = build_slice(&map);
	assert_null(desk_decide(&b->desk, &ask, &answer));
	if (answer.n > 0)
		(void)snprintf(id, DECISION_ID_MAX, "%.*s",
		    (int)answer.banner[0].id.size,
		    (const char *)answer.banner[0].id.at);
	return answer.n > 0;
}

/* Whatever was told of it before. */
static void
a_loss_takes_back_what_counted_when_it_was_decided(void **state)
{
	struct books *b = books_new(seeded().state, true);
	struct desk_notice win = { DESK_WIN, -1, -1, -1, -1 },
			   loss = { DESK_LOSS, -1, -1, -1, -1 };
	char id[DECISION_ID_MAX], other[DECISION_ID_MAX];

	(void)state;
	b->desk.currency = "USD";
	b->desk.pays = DESK_BILLING;
	b->desk.preset[CAPS_SLOT] = books_cap(0, 1);
	assert_true(bid(b, id));
	assert_false(bid(b, other));
	b->now += 40 * WHEN_MINUTE;
	desk_notice(&b->desk, &win, slice_text(id), b->now);
	b->now += 10 * WHEN_MINUTE;
	desk_notice(&b->desk, &loss, slice_text(id), b->now);
	b->now += 20 * WHEN_MINUTE;
	assert_true(bid(b, other));
	assert_false(bid(b, other));
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
		cmocka_unit_test(a_loss_takes_back_what_counted_when_it_was_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
