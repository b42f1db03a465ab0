/* SPDX-License-Identifier: MIT
 *
 * Budgets: what is held, paid, let go and taken back, by hand; zero over-delivery in a
 * simulation (REQUESTS=10000000 for the long one); spending that keeps to the plan.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/delivery/budget.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

#define T0 (INT64_C(1700000000) * WHEN_SECOND)
#define MICROS(n) ((int64_t)(n)*BUDGET_MILLI)

enum { MEMORY = 8 << 20 };

static const struct budget_rules rules = {
	.wait = { { 5 * WHEN_MINUTE }, { 30 * WHEN_MINUTE }, { WHEN_DAY } },
	.share = 1,
	.unpaced = true,
};

static struct budget_of
of_type(enum bid_type type, int64_t bid, int64_t total, int64_t daily)
{
	struct campaign c = { .id = 7,
		.budget_micros = total,
		.daily_budget_micros = daily,
		.bid_micros = bid,
		.bid_type = type,
		.starts_at = -WHEN_MAX,
		.ends_at = WHEN_MAX };

	return budget_of(&c);
}

static void
an_impression_costs_a_thousandth_of_its_bid(void **state)
{
	(void)state;
	assert_int_equal(of_type(BID_CPM, 1500, -1, -1).price, 1500);
	assert_int_equal(of_type(BID_CPC, 1500, -1, -1).price, MICROS(1500));
}

static void
what_is_held_and_paid_never_exceeds_the_budget(void **state)
{
	struct budgets *b = budgets_new(rules, MEMORY);
	struct budget_of of = of_type(BID_CPC, 10, 25, -1);

	(void)state;
	assert_int_equal(budgets_reserve(b, &of, 1, T0), BUDGET_FREE);
	assert_int_equal(budgets_reserve(b, &of, 2, T0), BUDGET_FREE);
	assert_int_equal(budgets_reserve(b, &of, 3, T0), BUDGET_TOTAL);
	assert_int_equal(budgets_ask(b, &of, 0, T0), BUDGET_TOTAL);
	assert_int_equal(budgets_state(b, 7).reserved, MICROS(20));
	/* An impression prolongs it, a click pays it, once. */
	assert_int_equal(
	    budgets_commit(b, &of, 1, BUDGET_IMPRESSION, T0), BUDGET_NOTHING);
	assert_int_equal(
	    budgets_commit(b, NULL, 1, BUDGET_CLICK, T0 + WHEN_SECOND), BUDGET_PAID);
	assert_int_equal(
	    budgets_commit(b, NULL, 1, BUDGET_CLICK, T0 + WHEN_SECOND), BUDGET_AGAIN);
	budgets_reach(b, T0 + 5 * WHEN_MINUTE);
	assert_int_equal(budgets_state(b, 7).reserved, MICROS(10));
	budgets_reach(b, T0 + 5 * WHEN_MINUTE + 1);
	assert_int_equal(budgets_state(b, 7).reserved, 0);
	assert_int_equal(budgets_state(b, 7).spent, MICROS(10));
	assert_int_equal(budgets_reserve(b, &of, 3, T0 + WHEN_HOUR), BUDGET_FREE);
	/* What comes too late is owed all the same. */
	assert_int_equal(
	    budgets_commit(b, NULL, 2, BUDGET_CLICK, T0 + WHEN_HOUR), BUDGET_PAID);
	assert_int_equal(budgets_state(b, 7).exceeded, MICROS(10));
	assert_int_equal(budgets_commit(b, NULL, 9, BUDGET_CLICK, T0), BUDGET_UNKNOWN);
	/* What is taken back makes room. */
	assert_false(budgets_return(b, 1, BUDGET_IMPRESSION));
	assert_false(budgets_return(b, 1, BUDGET_CLICK)); /* the second one pays now */
	assert_int_equal(budgets_state(b, 7).spent, MICROS(20));
	assert_true(budgets_return(b, 1, BUDGET_CLICK));
	assert_false(budgets_return(b, 1, BUDGET_CLICK));
	assert_int_equal(budgets_state(b, 7).spent, MICROS(10));
	assert_int_equal(budgets_state(b, 7).reserved, MICROS(10));
	budgets_free(b);
}

/* As if it had never come, and as if it had never been taken back. */
static void
what_is_given_back_and_paid_again_leaves_nothing(void **state)
{
	struct budgets *b = budgets_new(rules, MEMORY);
	struct budget_of of = of_type(BID_CPM, 3, 1000, 500);
	struct budget_state before, paid;

	(void)state;
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(budgets_reserve(b, &of, i, T0), BUDGET_FREE);
		if (i < 3)
			(void)budgets_commit(b, NULL, i, BUDGET_IMPRESSION, T0);
	}
	/* The third was let go, so what it pays was not covered. */
	budgets_reach(b, T0 + WHEN_HOUR);
	before = budgets_state(b, 7);
	(void)budgets_commit(b, NULL, 3, BUDGET_IMPRESSION, T0 + WHEN_HOUR);
	paid = budgets_state(b, 7);
	assert_int_equal(paid.exceeded, 3);
	assert_true(budgets_return(b, 3, BUDGET_IMPRESSION));
	assert_int_equal(budgets_state(b, 7).spent, before.spent);
	assert_int_equal(budgets_state(b, 7).day_spent, before.day_spent);
	assert_int_equal(budgets_state(b, 7).exceeded, 0);
	assert_int_equal(
	    budgets_commit(b, NULL, 3, BUDGET_IMPRESSION, T0 + 2 * WHEN_HOUR),
	    BUDGET_PAID);
	assert_int_equal(budgets_state(b, 7).spent, paid.spent);
	assert_int_equal(budgets_state(b, 7).exceeded, paid.exceeded);
	assert_int_equal(budgets_state(b, 7).day_spent, paid.day_spent);
	/* Covered is covered. */
	assert_true(budgets_return(b, 1, BUDGET_IMPRESSION));
	(void)budgets_commit(b, NULL, 1, BUDGET_IMPRESSION, T0 + 2 * WHEN_HOUR);
	assert_int_equal(budgets_state(b, 7).exceeded, paid.exceeded);
	assert_int_equal(budgets_counts(b).returned, 2);
	budgets_free(b);
}

static void
of_a_day_that_is_over_the_total_is_given_back(void **state)
{
	struct budgets *b = budgets_new(rules, MEMORY);
	struct budget_of of = of_type(BID_CPC, 10, 25, 20);

	(void)state;
	(void)budgets_reserve(b, &of, 1, T0);
	(void)budgets_commit(b, NULL, 1, BUDGET_CLICK, T0);
	assert_int_equal(budgets_reserve(b, &of, 2, T0 + WHEN_DAY), BUDGET_FREE);
	(void)budgets_commit(b, NULL, 2, BUDGET_CLICK, T0 + WHEN_DAY);
	assert_int_equal(budgets_reserve(b, &of, 3, T0 + WHEN_DAY), BUDGET_TOTAL);
	assert_true(budgets_return(b, 1, BUDGET_CLICK));
	assert_int_equal(budgets_state(b, 7).spent, MICROS(10));
	assert_int_equal(budgets_state(b, 7).day_spent, MICROS(10));
	assert_int_equal(budgets_reserve(b, &of, 3, T0 + WHEN_DAY), BUDGET_FREE);
	/* However often it is said, nothing falls below nothing. */
	assert_true(budgets_return(b, 2, BUDGET_CLICK));
	for (uint64_t i = 0; i < 10; i++)
		assert_false(budgets_return(b, 1 + i % 3, BUDGET_CLICK));
	assert_int_equal(budgets_state(b, 7).spent, 0);
	assert_int_equal(budgets_state(b, 7).day_spent, 0);
	budgets_free(b);
}

/* As many as there is room for can be reserved, and no more. */
static void
parts_of_a_budget_are_never_more_than_it(void **state)
{
	struct budget_of of = of_type(BID_CPC, 10, 119, 70);
	unsigned reserved = 0;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct budget_rules part = rules;
		struct budgets *b;

		part.parts = 3;
		b = budgets_new(part, MEMORY);
		assert_int_equal(budgets_room(b, &of, T0), 2);
		while (budgets_reserve(b, &of, ++reserved, T0) == BUDGET_FREE)
			;
		reserved--;
		budgets_free(b);
	}
	assert_int_equal(reserved, 6);
}

static void
the_room_is_what_can_be_reserved(void **state)
{
	struct random random = seeded();

	(void)state;
	for (uint64_t round = 0; round < 200; round++) {
		struct budgets *b = budgets_new(rules, MEMORY);
		struct budget_of of = of_type(BID_CPC,
		    1 + (int64_t)hash_bucket(random_next(&random), 30),
		    round % 3 == 0 ? -1
				   : (int64_t)hash_bucket(random_next(&random), 300),
		    (int64_t)hash_bucket(random_next(&random), 200));
		int64_t room;
		uint64_t n = 0;

		(void)budgets_reserve(b, &of, 999, T0);
		room = budgets_room(b, &of, T0);
		while (budgets_reserve(b, &of, ++n, T0) == BUDGET_FREE)
			assert_int_equal(budgets_room(b, &of, T0), room - (int64_t)n);
		assert_int_equal(n - 1, room);
		budgets_free(b);
	}
}

/* What is known of a decision is its price, not the bid; and none is above the bid. */
static void
a_lower_price_is_held_and_paid(void **state)
{
	struct budgets *b = budgets_new(rules, MEMORY);
	struct budget_of of = of_type(BID_CPC, 10, 25, -1);

	(void)state;
	assert_int_equal(budgets_room(b, &of, T0), 2);
	budget_lower(&of, BID_CPM, 1);
	budget_lower(&of, BID_CPC, 11);
	budget_lower(&of, BID_CPC, -1);
	assert_int_equal(of.price, MICROS(10));
	budget_lower(&of, BID_CPC, 4);
	assert_int_equal(of.price, MICROS(4));
	assert_int_equal(budgets_reserve(b, &of, 1, T0), BUDGET_FREE);
	assert_int_equal(budgets_state(b, 7).reserved, MICROS(4));
	of.price = MICROS(10);
	assert_int_equal(budgets_commit(b, &of, 1, BUDGET_CLICK, T0), BUDGET_PAID);
	assert_int_equal(budgets_state(b, 7).spent, MICROS(4));
	budgets_free(b);
}

static void
a_day_pays_what_was_decided_in_it(void **state)
{
	struct budgets *b = budgets_new(rules, MEMORY);
	struct budget_of of = of_type(BID_CPC, 10, -1, 10);
	instant evening = T0 - T0 % WHEN_DAY + 24 * WHEN_HOUR - WHEN_MINUTE;
	instant morning = evening + 2 * WHEN_MINUTE;

	(void)state;
	assert_int_equal(budgets_reserve(b, &of, 1, evening), BUDGET_FREE);
	assert_int_equal(budgets_reserve(b, &of, 2, evening), BUDGET_DAY);
	assert_int_equal(budgets_reserve(b, &of, 3, morning), BUDGET_FREE);
	assert_int_equal(budgets_commit(b, &of, 1, BUDGET_CLICK, morning), BUDGET_PAID);
	assert_int_equal(budgets_state(b, 7).day_spent, 0);
	assert_int_equal(budgets_state(b, 7).day_reserved, MICROS(10));
	assert_int_equal(budgets_state(b, 7).spent, MICROS(10));
	budgets_free(b);
}

static void
an_auction_pays_what_it_cleared_at(void **state)
{
	struct budgets *b = budgets_new(rules, MEMORY);
	struct budget_of of = of_type(BID_CPM, 1000, 3, -1);

	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(budgets_reserve(b, &of, i, T0), BUDGET_FREE);
	assert_false(budgets_clear(b, 1, 1001)); /* never more than was reserved */
	assert_false(budgets_clear(b, 1, -1));
	assert_false(budgets_clear(b, 9, 1));
	assert_true(budgets_clear(b, 1, 400));
	assert_int_equal(budgets_state(b, 7).reserved, 3000);
	assert_int_equal(
	    budgets_commit(b, NULL, 1, BUDGET_IMPRESSION, T0), BUDGET_PAID);
	assert_int_equal(budgets_state(b, 7).spent, 400);
	assert_int_equal(budgets_state(b, 7).reserved, 2000);
	assert_int_equal(budgets_state(b, 7).exceeded, 0);
	assert_false(budgets_clear(b, 1, 1));
	/* One that was lost makes room at once, once. */
	assert_true(budgets_release(b, 2));
	assert_false(budgets_release(b, 2));
	assert_false(budgets_release(b, 1));
	assert_false(budgets_release(b, 9));
	assert_int_equal(budgets_state(b, 7).reserved, 1000);
	/* It is owed all the same when it is billed after all. */
	assert_int_equal(
	    budgets_commit(b, NULL, 2, BUDGET_IMPRESSION, T0), BUDGET_PAID);
	assert_int_equal(budgets_state(b, 7).spent, 1400);
	assert_int_equal(budgets_state(b, 7).exceeded, 1000);
	/* What is returned is what was paid. */
	assert_true(budgets_return(b, 1, BUDGET_IMPRESSION));
	assert_int_equal(budgets_state(b, 7).spent, 1000);
	budgets_free(b);
}

static void
alerts_come_once(void **state)
{
	struct budgets *b = budgets_new(rules, MEMORY);
	struct budget_of of = of_type(BID_CPC, 10, 20, -1);
	struct budget_alert a;

	(void)state;
	for (uint64_t i = 1; i <= 5; i++) {
		(void)budgets_commit(b, &of, i, BUDGET_CLICK, T0);
		assert_int_equal(budgets_alert(b, &a), i == 2 || i == 3);
		if (i == 2 || i == 3) {
			assert_int_equal(a.over, i == 3);
			assert_true(a.spent == (double)i / 2);
			assert_false(budgets_alert(b, &a));
		}
	}
	budgets_free(b);
}

/* --- The simulation ---------------------------------------------------------------- */

enum { CAMPAIGNS = 64, DELAYED = 1 << 16 };

struct delayed {
	uint64_t decision;
	instant at;
	unsigned campaign;
};

static uint64_t
requests(void)
{
	const char *text = getenv("REQUESTS");

	return text == NULL ? 1000000 : strtoull(text, NULL, 10);
}

static void
campaigns_of(struct budget_of *of, struct random *r)
{
	for (unsigned i = 0; i < CAMPAIGNS; i++) {
		of[i] = of_type((enum bid_type)(1 + i % 3), /* all types, all budgets */
		    1000 + (int64_t)hash_bucket(random_next(r), 9000),
		    i % 2 ? 40000000 : -1,
		    i % 4 < 2 ? 500000 + (int64_t)hash_bucket(random_next(r), 90000)
			      : -1);
		of[i].campaign = i + 1;
	}
}

/* Requests of many days, whose events come after a while, or never; nothing comes after
 * its time. Whatever happens, no budget is exceeded by anything. */
static void
nothing_is_over_delivered(void **state)
{
	static struct delayed waiting[DELAYED];
	struct random r = seeded();
	struct budget_rules own = rules;
	struct budgets *b;
	struct budget_of of[CAMPAIGNS];
	uint64_t n = requests(), shown = 0, refused = 0, paid = 0, decision = 0;
	instant when = T0;

	(void)state;
	own.wait[BUDGET_IMPRESSION].us = WHEN_HOUR;
	own.unpaced = false;
	b = budgets_new(own, UINT64_C(64) << 20);
	campaigns_of(of, &r);
	for (uint64_t i = 0; i < n; i++) {
		unsigned c = (unsigned)hash_bucket(random_next(&r), CAMPAIGNS);
		struct delayed *d = &waiting[i % DELAYED];
		struct budget_state s;

		when += (instant)hash_bucket(random_next(&r), 80000); /* 25 a second */
		budgets_reach(b, when);
		budgets_traffic(b, when);
		/* What was shown 65,536 requests (44 minutes) ago, if it came to be. */
		if (d->decision != 0 && hash_uniform(random_next(&r)) < 0.7)
			paid += budgets_commit(b, NULL, d->decision,
				    (enum budget_event)(of[d->campaign].type - BID_CPM),
				    when) == BUDGET_PAID;
		d->decision = 0;
		if (budgets_ask(b, &of[c], random_next(&r), when) == BUDGET_FREE &&
		    budgets_reserve(b, &of[c], ++decision, when) == BUDGET_FREE) {
			*d = (struct delayed){ decision, when, c };
			shown++;
		} else {
			refused++;
		}
		s = budgets_state(b, of[c].campaign);
		assert_true(s.spent >= 0 && s.reserved >= 0 && s.exceeded == 0);
		assert_true(
		    of[c].total < 0 || s.spent + s.reserved <= MICROS(of[c].total));
		assert_true(of[c].daily < 0 ||
		    s.day_spent + s.day_reserved <= MICROS(of[c].daily));
	}
	print_message("# %llu requests, %llu shown, %llu paid, %llu not shown\n",
	    (unsigned long long)n, (unsigned long long)shown, (unsigned long long)paid,
	    (unsigned long long)refused);
	assert_true(shown > n / 10 && refused > n / 10 && paid > shown / 3);
	assert_int_equal(budgets_counts(b).late, 0);
	assert_int_equal(budgets_counts(b).evicted, 0);
	budgets_free(b);
}

/* The same, but half of the events come after their price was let go: what is over the
 * budget is never more than what these have cost. */
static void
what_is_over_a_budget_came_too_late(void **state)
{
	static struct delayed waiting[DELAYED];
	struct random r = seeded();
	struct budgets *b = budgets_new(rules, UINT64_C(64) << 20);
	struct budget_of of[CAMPAIGNS];
	instant when = T0;
	uint64_t over = 0;

	(void)state;
	campaigns_of(of, &r);
	for (uint64_t i = 0; i < 300000; i++) {
		unsigned c = (unsigned)hash_bucket(random_next(&r), CAMPAIGNS);
		struct delayed *d = &waiting[hash_bucket(random_next(&r), 4096)];
		struct budget_state s;

		when += (instant)hash_bucket(random_next(&r), 300000);
		budgets_reach(b, when);
		if (d->decision != 0) {
			unsigned paying = of[d->campaign].type - BID_CPM;

			c = d->campaign;
			(void)budgets_commit(
			    b, NULL, d->decision, (enum budget_event)paying, when);
			d->decision = 0;
		} else if (budgets_reserve(b, &of[c], i + 1, when) == BUDGET_FREE) {
			*d = (struct delayed){ i + 1, when, c };
		}
		s = budgets_state(b, of[c].campaign);
		assert_true(of[c].total < 0 ||
		    s.spent + s.reserved <= MICROS(of[c].total) + s.exceeded);
		assert_true(of[c].daily < 0 ||
		    s.day_spent + s.day_reserved <=
			MICROS(of[c].daily) + s.day_exceeded);
		over += of[c].daily >= 0 && s.day_spent > MICROS(of[c].daily);
	}
	assert_true(over > 0);
	assert_true(budgets_counts(b).late > 10000);
	assert_true(budgets_counts(b).paid > 2 * budgets_counts(b).late / 3);
	budgets_free(b);
}

/* --- Pacing ------------------------------------------------------------------------ */

/* Twice as many at noon as at midnight. */
static double
traffic(instant when)
{
	double hour = (double)(when % WHEN_DAY) / (double)WHEN_HOUR;

	return 1 + 0.5 * (1 - fabs(hour - 12) / 6);
}

/* One day; the largest deviation from the plan between 2:00 and 24:00 as a part of the
 * budget, and what was spent of it. */
static double
day(struct budgets *b, const struct budget_of *of, struct random *r, instant from,
    uint64_t *decision, double *spent)
{
	double worst = 0, due = 0, whole = 0, off;

	for (instant t = 0; t < WHEN_DAY; t += WHEN_SECOND)
		whole += traffic(t);
	for (instant t = 0; t < WHEN_DAY; t += WHEN_SECOND) {
		instant when = from + t;

		due += traffic(t) / whole;
		for (unsigned i = 0; i < 4; i++) {
			if (hash_uniform(random_next(r)) > traffic(t) / 2)
				continue;
			budgets_traffic(b, when);
			if (budgets_ask(b, of, random_next(r), when) != BUDGET_FREE ||
			    budgets_reserve(b, of, ++*decision, when) != BUDGET_FREE)
				continue;
			(void)budgets_commit(b, NULL, *decision,
			    (enum budget_event)(of->type - BID_CPM), when);
		}
		*spent = (double)budgets_state(b, of->campaign).day_spent /
		    (double)MICROS(of->daily);
		off = fabs(*spent - due);
		if (t >= 2 * WHEN_HOUR && off > worst)
			worst = off;
	}
	return worst;
}

static void
spending_follows_the_traffic_of_the_day(void **state)
{
	struct random r = seeded();
	struct budget_rules own = rules;
	struct budgets *b;
	/* A tenth of what all requests would cost. */
	struct budget_of of = of_type(BID_CPM, 2000000, -1, 2000 * 17280);
	instant from = T0 - T0 % WHEN_DAY;
	uint64_t decision = 0;
	double worst = 1, spent = 0;

	(void)state;
	own.unpaced = false;
	b = budgets_new(own, MEMORY);
	for (unsigned i = 0; i < 15; i++)
		worst = day(b, &of, &r, from + i * WHEN_DAY, &decision, &spent);
	print_message(
	    "# off the plan by %.4f of the budget, %.4f spent\n", worst, spent);
	assert_true(worst < 0.01);
	assert_true(spent > 0.99 && spent <= 1);
	budgets_free(b);
}

static void
the_forecast_is_what_was_seen(void **state)
{
	struct forecast f;
	instant monday = when_days(2024, 1, 1) * WHEN_DAY;

	(void)state;
	forecast_init(&f);
	assert_true(fabs(forecast_between(&f, T0, T0 + 90 * WHEN_MINUTE) - 1.5) < 1e-9);
	for (int64_t hour = -1; hour < 2 * FORECAST_HOURS + 1; hour++)
		for (int64_t i = 0; i <= (hour + 24) % 24; i++)
			forecast_see(&f, monday + hour * WHEN_HOUR + i);
	for (int64_t hour = 0; hour < 24; hour++)
		assert_true(fabs(forecast_between(&f, monday + hour * WHEN_HOUR,
				     monday + (hour + 1) * WHEN_HOUR) -
				(double)(hour + 1)) < 1e-9);
	/* A week has seven days of 1 + 2 + ... + 24. */
	assert_true(
	    fabs(forecast_between(&f, T0, T0 + 21 * WHEN_DAY) - 21 * 300) < 1e-6);
	assert_true(forecast_between(&f, T0, T0 - 1) == 0);
	assert_true(
	    fabs(forecast_between(&f, -5 * WHEN_DAY, 2 * WHEN_DAY) - 7 * 300) < 1e-6);
}

static void
a_snapshot_goes_on_where_it_was(void **state)
{
	struct random r = seeded();
	struct budget_rules own = rules;
	struct budgets *a, *b;
	struct budget_of of = of_type(BID_CPM, 2000000, 90000000, 3000000);
	struct snapshot snapshot;
	struct state_writer *w;
	struct state_reader *reader;
	struct error error;

	(void)state;
	own.unpaced = false;
	a = budgets_new(own, MEMORY);
	b = budgets_new(own, MEMORY);
	for (uint64_t i = 1; i < 3000; i++) {
		instant when = T0 + (instant)i * WHEN_SECOND;
		struct budgets *both[] = { a, b };
		uint64_t draw = random_next(&r);

		if (i == 1500) {
			w = snapshot_write(&snapshot);
			budgets_save(a, w);
			reader = snapshot_read(&snapshot, w);
			budgets_free(b);
			b = both[1] = budgets_new(own, MEMORY);
			assert_int_equal(budgets_load(b, reader, &error), 0);
			state_close(reader);
		}
		for (unsigned k = 0; k < 2; k++) {
			budgets_reach(both[k], when);
			budgets_traffic(both[k], when);
			if (budgets_ask(both[k], &of, draw, when) == BUDGET_FREE)
				(void)budgets_reserve(both[k], &of, i, when);
			(void)budgets_commit(
			    both[k], NULL, i - 200, BUDGET_IMPRESSION, when);
		}
		assert_true(budgets_state(a, 7).spent == budgets_state(b, 7).spent);
		assert_true(
		    budgets_state(a, 7).reserved == budgets_state(b, 7).reserved);
		assert_true(budgets_state(a, 7).pace == budgets_state(b, 7).pace);
	}
	assert_true(budgets_state(a, 7).spent > 0 && budgets_state(a, 7).reserved > 0);
	assert_true(budgets_counts(a).released == budgets_counts(b).released);
	budgets_free(a);
	budgets_free(b);
}

static void
what_does_not_fit_in_the_memory_is_released(void **state)
{
	uint64_t least = budgets_memory_min();
	struct budgets *b = budgets_new(rules, least);
	struct budget_of of = of_type(BID_CPM, 1000, 1000000, -1);
	struct budget_counts c;

	(void)state;
	assert_non_null(b);
	for (uint64_t i = 1; i <= 5000; i++)
		assert_int_equal(
		    budgets_reserve(b, &of, i, T0 + (instant)i), BUDGET_FREE);
	c = budgets_counts(b);
	assert_true(c.evicted > 0 && c.open + c.evicted == 5000);
	assert_int_equal(budgets_state(b, 7).reserved, (int64_t)c.open * 1000);
	budgets_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_impression_costs_a_thousandth_of_its_bid),
		cmocka_unit_test(what_is_held_and_paid_never_exceeds_the_budget),
		cmocka_unit_test(what_is_given_back_and_paid_again_leaves_nothing),
		cmocka_unit_test(of_a_day_that_is_over_the_total_is_given_back),
		cmocka_unit_test(parts_of_a_budget_are_never_more_than_it),
		cmocka_unit_test(the_room_is_what_can_be_reserved),
		cmocka_unit_test(a_lower_price_is_held_and_paid),
		cmocka_unit_test(a_day_pays_what_was_decided_in_it),
		cmocka_unit_test(an_auction_pays_what_it_cleared_at),
		cmocka_unit_test(alerts_come_once),
		cmocka_unit_test(nothing_is_over_delivered),
		cmocka_unit_test(what_is_over_a_budget_came_too_late),
		cmocka_unit_test(spending_follows_the_traffic_of_the_day),
		cmocka_unit_test(the_forecast_is_what_was_seen),
		cmocka_unit_test(a_snapshot_goes_on_where_it_was),
		cmocka_unit_test(what_does_not_fit_in_the_memory_is_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
