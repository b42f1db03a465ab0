/* SPDX-License-Identifier: MIT
 *
 * Values, floors, auctions and diversity by hand and against a search; examination of
 * positions against clicks that were drawn with a known one.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/delivery/position.h"
#include "lib/delivery/price.h"
#include "tests/unit/seed.h"

enum { N = 12, ROUNDS = 2000 };

static const struct price_rules plain = { .floor_micros = 0 };

static void
a_bid_is_worth_its_part_of_an_impression(void **state)
{
	struct offer o = { .pctr = 0.02, .pcvr = 0.1, .bid_micros = 3000000 };

	(void)state;
	o.type = BID_CPM;
	assert_true(fabs(price_value(&o) - 3000) < 1e-9);
	o.type = BID_CPC;
	assert_true(fabs(price_value(&o) - 60000) < 1e-9);
	o.type = BID_CPA;
	assert_true(fabs(price_value(&o) - 6000) < 1e-9);
	o.type = BID_NONE;
	o.value_micros = 50000000;
	assert_true(fabs(price_value(&o) - 100000) < 1e-9);
	o.pctr = NAN;
	assert_true(price_value(&o) == 0);
}

static void
the_second_price_is_what_was_needed_to_win(void **state)
{
	static const struct offer offers[] = {
		{ .pctr = 0.01, .bid_micros = 400000, .type = BID_CPC }, /* 4000 */
		{ .pctr = 0.02, .bid_micros = 400000, .type = BID_CPC }, /* 8000 */
		{ .bid_micros = 2500000, .type = BID_CPM },              /* 2500 */
	};
	struct price_rules rules = { .second = true, .floor_micros = 1000 };
	struct placing to[3];
	double values[3];

	(void)state;
	assert_int_equal(price_choose(offers, 3, 3, &rules, values, to), 3);
	assert_int_equal(to[0].offer, 1);
	assert_int_equal(to[0].price_micros, 200000); /* x 0.02 = 4000 */
	assert_int_equal(to[1].offer, 0);
	assert_int_equal(to[1].price_micros, 250000); /* x 0.01 = 2500 */
	assert_int_equal(to[2].offer, 2);
	assert_int_equal(to[2].price_micros, 1000000); /* the floor, for 1,000 */
	rules.second = false;
	assert_int_equal(price_choose(offers, 3, 1, &rules, values, to), 1);
	assert_int_equal(to[0].price_micros, 400000);
	rules.floor_micros = 5000;
	assert_int_equal(price_choose(offers, 3, 3, &rules, values, to), 1);
}

/* x has the two best, and is up against y; who wants but one shoe is up against the other. */
static void
a_campaign_does_not_bid_against_itself(void **state)
{
	static const struct offer offers[] = {
		{ .bid_micros = 9000, .type = BID_CPM, .campaign = 1, .category = 5 },
		{ .bid_micros = 8000, .type = BID_CPM, .campaign = 1 },
		{ .bid_micros = 5000, .type = BID_CPM, .campaign = 2, .category = 5 },
		{ .bid_micros = 2000, .type = BID_CPM },
	};
	struct price_rules rules = { .second = true, .one_of_category = true };
	struct placing to[4];
	double values[4];

	(void)state;
	assert_int_equal(price_choose(offers, 4, 4, &rules, values, to), 3);
	assert_int_equal(to[0].price_micros, 5000);
	assert_int_equal(to[1].offer, 1);
	assert_int_equal(to[1].price_micros, 2000);
	assert_int_equal(to[2].price_micros, 1);
}

static struct offer
any_offer(struct random *r)
{
	return (struct offer){ .pctr = hash_uniform(random_next(r)),
		.pcvr = hash_uniform(random_next(r)),
		.bid_micros = (int64_t)hash_bucket(random_next(r), 9) * 100000,
		.type = (enum bid_type)hash_bucket(random_next(r), 4),
		.value_micros = (int64_t)hash_bucket(random_next(r), 900000),
		.campaign = hash_bucket(random_next(r), 5),
		.category = hash_bucket(random_next(r), 5) };
}

/* Whether the offer may stand where it was put: nobody better could have. */
static bool
right(const struct offer *offers, const struct placing *to, unsigned at,
    const struct price_rules *rules)
{
	for (uint32_t i = 0; i < N; i++) {
		bool out = price_value(&offers[i]) <= to[at].value;

		for (unsigned k = 0; k < at && !out; k++) {
			const struct offer *o = &offers[to[k].offer];

			out = to[k].offer == i ||
			    (rules->one_of_campaign && o->campaign != 0 &&
				o->campaign == offers[i].campaign) ||
			    (rules->one_of_category && o->category != 0 &&
				o->category == offers[i].category);
		}
		if (!out)
			return false;
	}
	return true;
}

static void
each_position_has_the_best_of_those_who_may_stand_there(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct price_rules rules = { .floor_micros = (double)(round % 3) * 9000,
			.second = round & 1,
			.one_of_campaign = round & 2,
			.one_of_category = round & 4 };
		struct offer offers[N];
		struct placing to[N];
		double values[N];
		unsigned n;

		for (unsigned i = 0; i < N; i++)
			offers[i] = any_offer(&r);
		n = price_choose(offers, N, N, &rules, values, to);
		for (unsigned k = 0; k < n; k++) {
			const struct offer *o = &offers[to[k].offer];
			int64_t most =
			    o->type == BID_NONE ? o->value_micros : o->bid_micros;

			assert_true(right(offers, to, k, &rules));
			assert_true(to[k].value >= rules.floor_micros);
			assert_true(
			    to[k].price_micros >= 0 && to[k].price_micros <= most);
		}
	}
	assert_int_equal(price_choose(NULL, 0, 4, &plain, NULL, NULL), 0);
}

/* Clicks at ten positions of banners of known attractiveness. */
static void
draw(struct position_model *m, struct random *r, unsigned n, bool random)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned k = (unsigned)hash_bucket(random_next(r), 10);
		double a = 0.05 + 0.4 * hash_uniform(random_next(r));
		double e = 1 / (1 + 0.3 * k);
		bool clicked = hash_uniform(random_next(r)) < e * a;

		position_see(m, k, clicked, random ? NAN : a / 2, random, 1);
	}
}

static void
examination_is_learned_from_clicks(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned random = 0; random < 2; random++) {
		struct position_model m;

		position_init(&m, 10);
		draw(&m, &r, 1000000, random);
		for (unsigned k = 0; k < 10; k++) {
			double e = 1 / (1 + 0.3 * k);

			/* Some 7,000 clicks at the least: 4 sigma of a ratio is 6 %. */
			assert_true(fabs(position_examination(&m, k) / e - 1) < 0.08);
		}
	}
}

static void
impressions_can_be_taken_back(void **state)
{
	struct position_model m, before;

	(void)state;
	position_init(&m, 10);
	before = m;
	position_see(&m, 3, true, 0.5, true, 2);
	position_see(&m, UINT64_MAX, false, 0, true, 1);
	assert_memory_not_equal(&m, &before, sizeof m);
	position_see(&m, 3, true, 0.5, true, -2);
	position_see(&m, 3, true, NAN, false, 1);
	position_see(&m, UINT64_MAX, false, 0, true, -1);
	assert_memory_equal(&m, &before, sizeof m);
	for (uint64_t k = 0; k < 100; k++)
		assert_true(position_examination(&m, k) > 0 &&
		    position_examination(&m, k) <= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bid_is_worth_its_part_of_an_impression),
		cmocka_unit_test(the_second_price_is_what_was_needed_to_win),
		cmocka_unit_test(a_campaign_does_not_bid_against_itself),
		cmocka_unit_test(
		    each_position_has_the_best_of_those_who_may_stand_there),
		cmocka_unit_test(examination_is_learned_from_clicks),
		cmocka_unit_test(impressions_can_be_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
