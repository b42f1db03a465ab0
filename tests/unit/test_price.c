/* SPDX-License-Identifier: MIT
 *
 * What a winner pays, by hand and as the least that would have won.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/delivery/price.h"
#include "tests/unit/seed.h"

enum { ROUNDS = 20000 };

static void
a_bid_has_a_name(void **state)
{
	(void)state;
	for (enum bid_type type = BID_CPM; type <= BID_CPA; type++)
		assert_int_equal(bid_type_of(slice_text(bid_type_name(type))), type);
	assert_int_equal(bid_type_of(slice_text("cpx")), BID_NONE);
	assert_null(bid_type_name(BID_NONE));
}

static void
the_second_price_is_what_was_needed_to_win(void **state)
{
	static const struct {
		struct offer offer;
		double needed;
		int64_t pays;
	} cases[] = {
		{ { .pctr = 0.02, .bid_micros = 400000, .type = BID_CPC }, 4000,
		    200000 },
		{ { .pctr = 0.01, .bid_micros = 400000, .type = BID_CPC }, 2500,
		    250000 },
		{ { .bid_micros = 2500000, .type = BID_CPM }, 1000, 1000000 },
		{ { .pctr = 0.02, .pcvr = 0.1, .bid_micros = 3000000, .type = BID_CPA },
		    4000, 2000000 },
		{ { .bid_micros = 9000, .type = BID_CPM }, 8.0001, 8001 },
		{ { .bid_micros = 9000, .type = BID_CPM }, 0, 1 },
		{ { .bid_micros = 9000, .type = BID_CPM }, 10, 9000 },
		{ { .bid_micros = 9000, .type = BID_CPM }, INFINITY, 9000 },
		{ { .pctr = NAN, .bid_micros = 9000, .type = BID_CPC }, 1, 9000 },
		{ { .pctr = 2, .bid_micros = 9000, .type = BID_CPC }, 1, 9000 },
		{ { .bid_micros = 0, .type = BID_CPM }, 0, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(
		    price_needed(&cases[i].offer, cases[i].needed), cases[i].pays);
}

static void
nobody_pays_more_than_the_least_that_wins(void **state)
{
	struct random r = seeded();

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct offer o = { .pctr = hash_uniform(random_next(&r)),
			.pcvr = hash_uniform(random_next(&r)),
			.bid_micros = 1 + (int64_t)hash_bucket(random_next(&r), 900000),
			.type = (enum bid_type)(
			    BID_CPM + hash_bucket(random_next(&r), 3)) };
		double rate = o.type == BID_CPM ? 1e-3
		    : o.type == BID_CPC         ? o.pctr
						: o.pctr * o.pcvr;
		double needed =
		    rate * (double)o.bid_micros * hash_uniform(random_next(&r));
		int64_t pays = price_needed(&o, needed);

		assert_true(pays >= 1 && pays <= o.bid_micros);
		assert_true((double)pays * rate >= needed * (1 - 1e-12));
		assert_true(
		    pays == 1 || (double)(pays - 1) * rate < needed * (1 + 1e-12));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bid_has_a_name),
		cmocka_unit_test(the_second_price_is_what_was_needed_to_win),
		cmocka_unit_test(nobody_pays_more_than_the_least_that_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
