/* SPDX-License-Identifier: MIT
 *
 * A creative whose parts are chosen jointly: 120 combinations, whose click rates are known.
 * On the scale of the logit the parts add up, but for one headline that only works with one
 * picture. A model that is told the parts and a cross of two, by a specification, learns
 * from each impression about all combinations that have them; one that is told the
 * combination alone learns about that one.
 *
 * The figure is the share of the way from chance to the best combination, in expectation,
 * given what Thompson sampling shows within its first impressions, learning as they come.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/compose/composition.h"
#include "lib/model/model.h"
#include "lib/model/policy.h"
#include "lib/rank/portrait.h"
#include "lib/vec.h"
#include "tests/unit/json_record.h"

enum { COUNT = 120, FEATURES = 8, IMPRESSIONS = 3000, SEEDS = 10 };

static const char creative[] =
    "{\"event\":\"creative\",\"event_id\":\"e\",\"timestamp\":1,\"creative_id\":\"c\","
    "\"parts\":{\"headline\":[0,1,2,3,4],\"picture\":[0,1,2,3],\"call\":[0,1,2],"
    "\"colour\":[0,1]}}";

static const char by_parts[] = "headline = field parts.headline\n"
			       "picture = field parts.picture\n"
			       "call = field parts.call\n"
			       "colour = field parts.colour\n"
			       "pair = cross headline picture\n";
static const char by_id[] = "creative = field creative_id\n";

static struct policy_weights weights;

/* The combinations as a model is told of them, and as they are. */
struct world {
	uint8_t keys[COUNT][8 * FEATURES];
	struct features features[COUNT];
	unsigned part[COUNT][4]; /* headline, picture, call, colour */
	double rate[COUNT], best, mean;
};

static void
describe(struct world *w, const char *spec)
{
	static const char *const names[] = { "headline", "picture", "call", "colour" };
	static uint8_t bytes[COUNT][512 + RECORD_PADDING];
	static const uint64_t without[RECORD_KEYS_MAX / 64];
	struct reader *reader = reader_new();
	struct compositions c;
	struct record request;
	struct fault fault;
	struct error error;
	struct portrait *p = portrait_new(slice_text(spec), 64 << 20, 1, &error);
	struct slice ids[COUNT], parts, value;
	struct model_parts all;
	size_t need;
	int64_t number;

	assert_non_null(p);
	assert_int_equal(compositions_read(&c, json_record(creative), &error), 0);
	assert_int_equal(c.count, COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct build b;

		build_init(&b, bytes[i], 512);
		compositions_build(&c, i, &b);
		assert_false(build_full(&b));
		portrait_update(p, build_slice(&b));
		assert_true(value_get(build_slice(&b), "creative_id", &ids[i]));
		assert_true(value_get(build_slice(&b), "parts", &parts));
		for (unsigned n = 0; n < 4; n++) {
			assert_true(value_get(parts, names[n], &value));
			assert_true(value_int(value, &number));
			w->part[i][n] = (unsigned)number;
		}
	}
	assert_int_equal(
	    record_scan(reader, json_record("{\"event\":\"request\",\"timestamp\":2}"),
		&request, &fault, &need),
	    SCAN_RECORD);
	portrait_begin(p, &request, without, (struct count_times){ 2, 2 });
	assert_true(portrait_slate(p, ids, COUNT, 0, &all));
	for (uint32_t i = 0; i < COUNT; i++) {
		struct features f;

		assert_true(portrait_features(p, i, ids[i], &f));
		assert_true(f.keys.size <= sizeof w->keys[i] && f.values.at == NULL);
		memcpy(w->keys[i], f.keys.at, f.keys.size);
		w->features[i] =
		    (struct features){ slice_of(w->keys[i], f.keys.size), { NULL, 0 } };
	}
	portrait_free(p);
	reader_free(reader);
}

/* Effects from -0.6 to 0.6; headline 0 is poor, but with picture 0. */
static void
make_truth(struct world *w, uint64_t seed)
{
	w->best = w->mean = 0;
	for (unsigned i = 0; i < COUNT; i++) {
		double z = -2.5;

		for (unsigned n = 0; n < 4; n++)
			z += 1.2 *
				hash_uniform(
				    hash_pair(seed, hash_pair(n, w->part[i][n]))) -
			    0.6;
		if (w->part[i][0] == 0)
			z += w->part[i][1] == 0 ? 1.2 : -0.4;
		w->rate[i] = vec_sigmoid(z);
		w->mean += w->rate[i] / COUNT;
		w->best = w->rate[i] > w->best ? w->rate[i] : w->best;
	}
}

static unsigned
show(const struct model *m, const struct world *w, uint64_t draw)
{
	const struct policy p = { POLICY_THOMPSON, 1, 0.05, 1, 1000, 0 };
	struct policy_candidate c[COUNT];

	for (unsigned i = 0; i < COUNT; i++) {
		struct model_estimates said;
		const struct estimate *e = &said.of[MODEL_CLICK];

		assert_int_equal(
		    model_predict(m, &w->features[i], &said), FEATURES_FINE);
		c[i] = (struct policy_candidate){ e->mean, e->open_z,
			e->open_deviation * e->open_deviation, 1 };
	}
	policy_weigh(&p, c, COUNT, &weights);
	return policy_draw(&weights, COUNT, draw, 0);
}

/* The share of the way over the last quarter of the impressions. */
static double
reached(const struct world *w, unsigned impressions, uint64_t seed)
{
	struct random users = { hash_mix(seed) };
	struct model_options options = model_options_default(OPTIMISER_LANES);
	struct error error;
	struct model *m =
	    model_new(&options, (uint64_t)1 << 20, &os_system, NULL, &error);
	double sum = 0;
	unsigned last = impressions / 4;

	assert_non_null(m);
	for (unsigned i = 0; i < impressions; i++) {
		unsigned shown = show(m, w, hash_pair(seed, i));
		struct model_example example = { .weight = 1, .elapsed = -1 };
		struct model_estimates said;

		example.target[MODEL_CLICK].known = true;
		example.target[MODEL_CLICK].weight = 1;
		example.target[MODEL_CLICK].label =
		    hash_uniform(random_next(&users)) < w->rate[shown];
		assert_int_equal(model_learn(m, &w->features[shown], &example, &said),
		    FEATURES_FINE);
		if (i >= impressions - last)
			sum += w->rate[shown];
	}
	model_free(m);
	return (sum / last - w->mean) / (w->best - w->mean);
}

/* Parts against combinations that have seen twice as much. Over 40 other seeds parts came
 * 78.2 % of the way, 13.9 % further than combinations with twice as many impressions, with
 * a deviation of 10.1 %. So the mean difference of ten falls below 6 % once in 150 times,
 * and where there is none it passes once in 30 times. (4,000 impressions by parts came as
 * far as 16,000 by combinations, 83 % and 82 %.) */
static void
parts_learn_in_half_of_the_impressions_or_less(void **state)
{
	static struct world parts, ids;
	double sum = 0, difference = 0, squares = 0;

	(void)state;
	describe(&parts, by_parts);
	describe(&ids, by_id);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		double share, d;

		make_truth(&parts, seed);
		make_truth(&ids, seed);
		share = reached(&parts, IMPRESSIONS, seed);
		d = share - reached(&ids, 2 * IMPRESSIONS, seed);
		sum += share;
		difference += d;
		squares += d * d;
	}
	print_message("# %.3f of the way, %.3f more, deviation %.3f\n", sum / SEEDS,
	    difference / SEEDS,
	    sqrt((squares - difference * difference / SEEDS) / (SEEDS - 1)));
	assert_true(sum / SEEDS >= 0.7);
	assert_true(difference / SEEDS >= 0.06);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_learn_in_half_of_the_impressions_or_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
