/* SPDX-License-Identifier: MIT
 *
 * A shop before a server that answers late, and out of order.
 */
#include "lib/simulate/show.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/record/record.h"

enum { BANNERS = 5, REQUESTS = 1 << 16, PENDING = 4096 };

static struct rates rates;
static struct error error;

/* What was decided for each request, by its number, of humans and of others: banners from
 * 1. */
static uint8_t chosen[REQUESTS][TELL_POSITIONS_MAX];

static struct {
	struct market shop;
	struct pending {
		unsigned page, lane;
		uint64_t request;
	} pending[PENDING];
	unsigned n;
	unsigned lane_of_page[BOARD_SLOTS];
	uint64_t requests, impressions, clicks, events, causes, others;
} world;

static uint64_t
number_of(struct slice record)
{
	struct slice value, id;
	uint64_t number = 0;

	assert_true(value_get(record, "request_id", &value) && value_str(value, &id) &&
	    tell_request_number(id, &number));
	if (number >= WHO_NUMBERS)
		number = number - WHO_NUMBERS + REQUESTS / 2;
	assert_true(number < REQUESTS);
	return number;
}

/* --- The log of a shop that decides itself ----------------------------------------- */

static int
note(void *context, struct slice record)
{
	struct slice value, id, name = { NULL, 0 };
	uint64_t position;

	(void)context;
	assert_true(value_get(record, "event", &value) && value_str(value, &name));
	if (!slice_is(name, "decision"))
		return 0;
	assert_true(value_get(record, "position", &value) &&
	    value_uint(value, &position) && position < TELL_POSITIONS_MAX);
	assert_true(value_get(record, "creative_id", &value) && value_str(value, &id));
	for (unsigned i = 0; i < BANNERS; i++)
		if (slice_is(id, rates.row[i].creative))
			chosen[number_of(record)][position] = (uint8_t)(i + 1);
	return 0;
}

static int
pass_time(void *context, instant watermark)
{
	(void)context;
	(void)watermark;
	return 0;
}

/* --- A server ---------------------------------------------------------------------- */

static int
count(void *context, struct slice record)
{
	struct slice value, name = { NULL, 0 };

	(void)context;
	assert_true(value_get(record, "event", &value) && value_str(value, &name));
	world.others += !slice_is(name, "metric");
	return 0;
}

static int
ask(void *context, unsigned page, unsigned lane, struct slice request)
{
	(void)context;
	assert_true(world.n < PENDING);
	world.pending[world.n++] = (struct pending){ page, lane, number_of(request) };
	world.lane_of_page[page] = lane;
	world.requests++;
	return 0;
}

static int
seen(void *context, unsigned page, unsigned position, unsigned lane, bool click)
{
	(void)context;
	assert_true(position < world.shop.o.positions);
	assert_int_equal(lane, world.lane_of_page[page]);
	*(click ? &world.clicks : &world.impressions) += 1;
	return 0;
}

static int
hear(void *context, unsigned lane, struct slice record)
{
	struct slice value;

	(void)context;
	(void)lane;
	world.events++;
	world.causes += value_get(record, "decision_id", &value);
	return 0;
}

/* All that waits, the last first, as was decided before. */
static void
answer_all(void)
{
	static const char *const ids[] = { "one", "two", "three" };

	while (world.n > 0) {
		const struct pending *p = &world.pending[--world.n];

		for (unsigned k = 0; k < world.shop.o.positions; k++)
			assert_null(market_answer(&world.shop, p->page, k,
			    slice_text(rates.row[chosen[p->request][k] - 1].creative),
			    slice_text(ids[k])));
		market_answered(&world.shop, p->page);
	}
}

/* --- Tests ------------------------------------------------------------------------- */

static struct market_options
small_shop(void)
{
	rates_make(&rates, BANNERS, 7);
	for (unsigned i = 0; i < BANNERS; i++)
		rates.row[i].rate = 0.1 * (i + 1);
	return (struct market_options){
		.world = { .seed = 5,
		    .visitors = 300,
		    .from = 20000 * WHEN_DAY,
		    .length = { 3 * WHEN_DAY },
		    .taste = 0.7,
		    .fatigue = 0.1,
		    .consent = 0.8,
		    .rates = &rates },
		.rate = 600,
		.positions = 3,
		.examination = { 1, 0.6, 0.4 },
		.conversion = 0.5,
		.refunds = 0.3,
		.attack = { [WHO_CRAWLER] = 0.05, [WHO_FARM] = 0.05 },
		.chargeback_delay = { WHEN_DAY },
		.latency = { WHEN_MINUTE },
		.click_delay = { 5 * WHEN_SECOND },
		.purchase_delay = { WHEN_HOUR },
		.refund_delay = { WHEN_DAY },
		.report = { WHEN_DAY },
	};
}

static void
decide_alone(struct market_options o, struct regret *total)
{
	const struct market_ends ends = { .record = note, .tick = pass_time };

	memset(chosen, 0, sizeof chosen);
	assert_int_equal(market_init(&world.shop, &o, &ends), 0);
	while (market_advance(&world.shop, 100) == MARKET_MORE)
		;
	*total = world.shop.total[0];
	market_fini(&world.shop);
}

/* Before a server that answers when the shop waits. */
static void
visit_server(struct market_options o, void (*answer)(void))
{
	const struct market_ends ends = { .record = count,
		.tick = pass_time,
		.ask = ask,
		.seen = seen,
		.event = hear };
	enum market_state now;

	memset(&world, 0, sizeof world);
	o.policy = MARKET_SERVER;
	assert_int_equal(market_init(&world.shop, &o, &ends), 0);
	while ((now = market_advance(&world.shop, 1000)) != MARKET_ENDED) {
		assert_int_not_equal(now, MARKET_FAILED);
		if (now == MARKET_WAITS) {
			assert_true(world.n > 0);
			answer();
		}
	}
	assert_int_equal(world.others, 0);
}

static void
a_server_that_decides_the_same_earns_the_same(void **state)
{
	struct market_options o = small_shop();
	struct regret alone;

	(void)state;
	decide_alone(o, &alone);
	visit_server(o, answer_all);
	assert_true(alone.impressions > 10000 && alone.clicks > 1000);
	assert_int_equal(world.shop.total[0].impressions, alone.impressions);
	assert_int_equal(world.shop.total[0].clicks, alone.clicks);
	assert_true(world.shop.total[0].policy == alone.policy &&
	    world.shop.total[0].oracle == alone.oracle);
	assert_int_equal(world.impressions, world.shop.counts.impressions);
	assert_int_equal(
	    world.clicks, world.shop.counts.clicks + world.shop.counts.twice);
	assert_true(world.shop.counts.twice > world.shop.counts.clicks / 100);
	assert_int_equal(world.requests, world.shop.counts.requests);
	assert_int_equal(world.shop.counts.crowded, 0);
	/* About half of the clicks of humans lead to an order that names its banner. */
	assert_true(
	    world.causes > alone.clicks * 2 / 5 && world.causes < alone.clicks * 3 / 5);
	market_fini(&world.shop);
}

static void
answer_nothing(void)
{
	while (world.n > 0)
		market_answered(&world.shop, world.pending[--world.n].page);
}

static void
pages_without_an_answer_stay_empty(void **state)
{
	(void)state;
	visit_server(small_shop(), answer_nothing);
	assert_int_equal(world.impressions + world.clicks + world.causes, 0);
	assert_true(world.shop.counts.unanswered > 10000);
	market_fini(&world.shop);
}

static void
what_is_wrong_with_an_answer_is_said(void **state)
{
	const struct market_ends ends = { .record = count,
		.tick = pass_time,
		.ask = ask,
		.seen = seen,
		.event = hear };
	struct market_options o = small_shop();
	struct slice id = slice_text("d"), known = slice_text(rates.row[0].creative);
	unsigned page;

	(void)state;
	memset(&world, 0, sizeof world);
	o.policy = MARKET_SERVER;
	assert_int_equal(market_init(&world.shop, &o, &ends), 0);
	while (world.n == 0)
		assert_int_equal(market_advance(&world.shop, 1), MARKET_MORE);
	page = world.pending[0].page;
	assert_non_null(
	    market_answer(&world.shop, page, 0, slice_text("nobody's"), id));
	assert_non_null(market_answer(&world.shop, page, 3, known, id));
	assert_non_null(market_answer(&world.shop, page, 0, known, slice_text("")));
	assert_null(market_answer(&world.shop, page, 0, known, id));
	assert_non_null(market_answer(&world.shop, page, 0, known, id));
	market_fini(&world.shop);
}

/* Who is in it does not depend on anything but the seed, and the server hears of none. */
static void
the_control_group_is_left_to_chance(void **state)
{
	struct market_options o = small_shop();
	struct regret alone, *control = &world.shop.total[1];
	double per_click, deviation;

	(void)state;
	decide_alone(o, &alone);
	o.control = 0.3;
	visit_server(o, answer_nothing);
	/* 300 visitors, of whom a few come often: 0.3 within a third of it. */
	assert_true(control->impressions > alone.impressions / 5 &&
	    control->impressions < alone.impressions * 2 / 5);
	assert_int_equal(world.impressions + world.clicks, 0);
	/* Chance is what it says: its expected clicks are those of uniform within five
	 * deviations; one impression's click probability is at most 0.9 off. */
	deviation = 5 * 0.9 * sqrt((double)control->impressions);
	per_click = fabs(control->policy - control->uniform);
	assert_true(per_click < deviation);
	/* And clicks are what was expected: a sum of Bernoulli variables. */
	assert_true(fabs((double)control->clicks - control->policy) <
	    5 * sqrt(control->policy));
	market_fini(&world.shop);
}

/* Where all visitors are alike and nothing tires, who knows the rates knows all; where they
 * differ, it knows less than the oracle and more than which banner is the best. */
static void
who_knows_the_rates_is_between_chance_and_the_oracle(void **state)
{
	struct market_options o = small_shop();
	struct regret alone;

	(void)state;
	o.world.fatigue = 0;
	o.world.taste = 0;
	decide_alone(o, &alone);
	assert_true(fabs(alone.informed - alone.oracle) < 1e-5 * alone.oracle);
	assert_true(alone.informed > 1.2 * alone.uniform);
	o.world.taste = 1;
	decide_alone(o, &alone);
	assert_true(alone.informed < 0.99 * alone.oracle);
	assert_true(alone.informed > 1.2 * alone.uniform);
}

static void
a_campaign_can_be_picked(void **state)
{
	static struct rates table;

	(void)state;
	assert_int_equal(
	    rates_read(&table,
		slice_text("creative_id,campaign_id,rate\na,x,0.1\nb,y,0.2\nc,x,0.3\n"),
		&error),
	    0);
	assert_int_equal(rates_keep(&table, "x", &error), 0);
	assert_int_equal(table.n, 2);
	assert_string_equal(table.row[1].creative, "c");
	assert_int_equal(rates_keep(&table, "z", &error), -1);
	assert_string_equal(error.text, "no row of campaign_id 'z'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_decides_the_same_earns_the_same),
		cmocka_unit_test(pages_without_an_answer_stay_empty),
		cmocka_unit_test(what_is_wrong_with_an_answer_is_said),
		cmocka_unit_test(the_control_group_is_left_to_chance),
		cmocka_unit_test(who_knows_the_rates_is_between_chance_and_the_oracle),
		cmocka_unit_test(a_campaign_can_be_picked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
