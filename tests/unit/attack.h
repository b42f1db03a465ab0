/* SPDX-License-Identifier: MIT
 *
 * attack: a policy that learns by Thompson sampling, and bots that click only the worst of its
 * banners: what is left of the clicks of people, and what is restored when late and
 * imperfect verdicts take back what the bots have taught. Ten banners are clicked by 1 % to
 * 3 % of people; the model is of counts, an arm a banner.
 */
#ifndef BANNERPIPE_TESTS_UNIT_ATTACK_H
#define BANNERPIPE_TESTS_UNIT_ATTACK_H

#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/hash.h"
#include "lib/model/model.h"
#include "lib/model/policy.h"

enum { ATTACK_ARMS = 10 };

struct attack {
	unsigned decisions, delay;      /* of a verdict, in decisions */
	double bots;                    /* share of the requests */
	double recall, false_positives; /* recall < 0: no verdicts */
};

/* What came of a decision, until its verdict. */
struct attack_event {
	uint8_t arm, clicked, guilty;
};

static inline double
attack_rate(unsigned arm)
{
	return 0.01 + 0.02 * arm / (ATTACK_ARMS - 1);
}

static inline struct features
attack_features(unsigned arm, uint8_t key[8])
{
	bytes_store_le64(key, UINT64_C(1) << 48 | arm);
	return (struct features){ slice_of(key, 8), { NULL, 0 } };
}

static inline void
attack_learn(struct model *m, const struct attack_event *e, double weight)
{
	struct model_example example = { .weight = weight, .elapsed = -1 };
	struct model_estimates said;
	uint8_t key[8];
	struct features f = attack_features(e->arm, key);

	example.target[MODEL_CLICK].known = true;
	example.target[MODEL_CLICK].label = e->clicked;
	example.target[MODEL_CLICK].weight = 1;
	if (model_learn(m, &f, &example, &said) != FEATURES_FINE)
		abort();
}

static inline unsigned
attack_decide(
    const struct model *m, struct policy_weights *w, uint64_t seed, uint64_t number)
{
	const struct policy thompson = { POLICY_THOMPSON, 1, 0, 1, 1000, 0 };
	struct policy_candidate c[ATTACK_ARMS];

	for (unsigned i = 0; i < ATTACK_ARMS; i++) {
		struct model_estimates said;
		const struct estimate *e = &said.of[MODEL_CLICK];
		uint8_t key[8];
		struct features f = attack_features(i, key);

		if (model_predict(m, &f, &said) != FEATURES_FINE)
			abort();
		c[i] = (struct policy_candidate){ e->mean, e->open_z,
			e->open_deviation * e->open_deviation, 1 };
	}
	policy_weigh(&thompson, c, ATTACK_ARMS, w);
	return policy_draw(w, ATTACK_ARMS, hash_pair(seed, number), 0);
}

/* The rate at which people click, given what they were shown. */
static inline double
attack_run(const struct attack *a, uint64_t seed)
{
	struct model_options o = model_options_default(OPTIMISER_COUNTS);
	struct policy_weights *w = malloc(sizeof *w);
	struct attack_event *of = calloc(a->decisions, sizeof *of);
	struct random r = { hash_pair(seed, 1) };
	struct error error;
	struct model *m = model_new(&o, 1 << 20, &os_system, NULL, &error);
	double clicks = 0, people = 0;

	if (m == NULL || w == NULL || of == NULL)
		abort();
	for (unsigned i = 0; i < a->decisions; i++) {
		struct attack_event *e = &of[i];
		bool bot = hash_uniform(random_next(&r)) < a->bots;
		double rate;

		e->arm = (uint8_t)attack_decide(m, w, seed, i);
		rate = bot ? (double)(e->arm == 0) : attack_rate(e->arm);
		e->clicked = hash_uniform(random_next(&r)) < rate;
		e->guilty = hash_uniform(random_next(&r)) <
		    (bot                    ? a->recall
			    : a->recall < 0 ? 0
					    : a->false_positives);
		clicks += bot ? 0 : rate;
		people += !bot;
		attack_learn(m, e, 1);
		if (i >= a->delay && of[i - a->delay].guilty)
			attack_learn(m, &of[i - a->delay], -1);
	}
	model_free(m);
	free(of);
	free(w);
	return clicks / people;
}

#endif
