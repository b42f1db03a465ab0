/* SPDX-License-Identifier: MIT
 *
 * The simulation of VowpalWabbit's issue 1687, with policy and model together: two segments
 * of users, two banners; a banner is clicked by 4 % of its own segment and by 3 % of the
 * other. Always right is a rate of 4 %, by chance 3.5 %: the share of that half per cent
 * which is reached in 50,000 impressions, learning as they come, is the share of the
 * attainable uplift. There VowpalWabbit's best two of 18 settings reach 50 % and 41 %.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/model/model.h"
#include "lib/model/policy.h"

enum { IMPRESSIONS = 50000, SEEDS = 20, FEATURES = 3 };

static struct policy_weights weights;

/* The segment, the banner, and both. */
static struct features
describe(uint64_t segment, uint64_t banner, uint8_t keys[8 * FEATURES])
{
	bytes_store_le64(keys, UINT64_C(1) << 48 | segment);
	bytes_store_le64(keys + 8, UINT64_C(2) << 48 | banner);
	bytes_store_le64(keys + 16, UINT64_C(3) << 48 | (2 * segment + banner));
	return (struct features){ slice_of(keys, 8 * FEATURES), { NULL, 0 } };
}

/* As lib/rank/judge does: what the candidates share, here the segment, is no doubt about
 * which is the better one. */
static struct policy_candidate
estimate(const struct model *m, uint64_t segment, uint64_t banner)
{
	uint8_t keys[8 * FEATURES];
	struct features all = describe(segment, banner, keys);
	struct features shared = { slice_of(keys, 8), { NULL, 0 } };
	struct model_estimates said, of_shared;
	const struct estimate *e = &said.of[MODEL_CLICK];
	double common;

	assert_int_equal(model_predict(m, &all, &said), FEATURES_FINE);
	assert_int_equal(model_predict(m, &shared, &of_shared), FEATURES_FINE);
	common = of_shared.of[MODEL_CLICK].open_deviation;
	return (struct policy_candidate){ e->mean, e->open_z,
		e->open_deviation * e->open_deviation - common * common, 1 };
}

static void
learn(struct model *m, uint64_t segment, uint64_t banner, bool clicked)
{
	uint8_t keys[8 * FEATURES];
	struct features f = describe(segment, banner, keys);
	struct model_example example = { .weight = 1 };
	struct model_estimates said;

	example.target[MODEL_CLICK].known = true;
	example.target[MODEL_CLICK].label = clicked;
	example.target[MODEL_CLICK].weight = 1;
	assert_int_equal(model_learn(m, &f, &example, &said), FEATURES_FINE);
}

/* The share of the attainable uplift: in expectation, given the banners shown. */
static double
uplift(const struct policy *p, uint64_t seed)
{
	struct random users = { seed };
	struct model_options options = model_options_default(OPTIMISER_LANES);
	struct error error;
	struct model *m =
	    model_new(&options, (uint64_t)1 << 20, &os_system, NULL, &error);
	unsigned matched = 0;

	assert_non_null(m);
	for (unsigned i = 0; i < IMPRESSIONS; i++) {
		uint64_t segment = random_next(&users) >> 63;
		double u = hash_uniform(random_next(&users));
		const struct policy_candidate c[] = { estimate(m, segment, 0),
			estimate(m, segment, 1) };
		unsigned shown;

		assert_int_equal(policy_candidates_check(c, 2), POLICY_FINE);
		policy_weigh(p, c, 2, &weights);
		shown = policy_draw(&weights, 2, hash_pair(seed, i), 0);
		learn(m, segment, shown, u < (shown == segment ? 0.04 : 0.03));
		matched += shown == segment;
	}
	model_free(m);
	return 2.0 * matched / IMPRESSIONS - 1;
}

/* Over 80 other seeds the mean was 80.9 % with a standard deviation of 9.2 %. So the mean of
 * 20 falls below 74.5 % less than once in 700 times, and a policy that reaches 68 % in truth
 * passes less than once in 700 times. */
static void
thompson_reaches_about_four_fifths_of_the_attainable_uplift(void **state)
{
	const struct policy p = { POLICY_THOMPSON, 1, 0.05, 1, 1000, 0 };
	double sum = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		sum += uplift(&p, seed);
	print_message("# %.1f %% of the uplift\n", 100 * sum / SEEDS);
	assert_true(sum / SEEDS >= 0.745);
}

static void
chance_reaches_none_of_it(void **state)
{
	const struct policy p = { POLICY_UNIFORM, 1, 0.05, 1, 1000, 0 };
	double share = uplift(&p, 1);

	(void)state;
	/* 5 standard deviations of the mean of 50,000 signs. */
	assert_true(fabs(share) < 5 / sqrt(IMPRESSIONS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    thompson_reaches_about_four_fifths_of_the_attainable_uplift),
		cmocka_unit_test(chance_reaches_none_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
