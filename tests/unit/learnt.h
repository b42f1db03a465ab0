/* SPDX-License-Identifier: MIT
 *
 * learnt: models that have learned from a stream that a seed determines, for tests of what
 * is made of models. Five fields of 200 values each; those of the first two decide about
 * the click; a click converts where the third says so.
 */
#ifndef BANNERPIPE_TESTS_LEARNT_H
#define BANNERPIPE_TESTS_LEARNT_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/hash.h"
#include "lib/model/model.h"
#include "lib/vec.h"

enum { LEARNT_FIELDS = 5, LEARNT_BYTES = 1 << 24 };

struct learnt_example {
	uint8_t keys[8 * LEARNT_FIELDS];
	struct model_example labels;
	double p; /* of the click */
};

static inline uint64_t
learnt_key(unsigned field, uint64_t value)
{
	return (uint64_t)field << 48 | (hash_mix(value * 8 + field) >> 16);
}

/* Of a value, from -1 to 1. */
static inline double
learnt_effect(unsigned field, uint64_t value)
{
	return 2 * hash_uniform(hash_mix(value * 16 + field)) - 1;
}

static inline struct features
learnt_next(struct random *r, unsigned values, struct learnt_example *to)
{
	uint64_t value[LEARNT_FIELDS];
	double u, z;

	for (unsigned f = 0; f < LEARNT_FIELDS; f++) {
		u = hash_uniform(random_next(r));
		value[f] = (uint64_t)(u * u * values);
		bytes_store_le64(to->keys + 8 * (size_t)f, learnt_key(f, value[f]));
	}
	z = 2 * learnt_effect(0, value[0]) + 2 * learnt_effect(1, value[1]) - 1.5;
	to->p = vec_sigmoid(z);
	to->labels = (struct model_example){ .weight = 1, .elapsed = -1 };
	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		to->labels.target[t].known = true;
		to->labels.target[t].weight = 1;
	}
	to->labels.target[MODEL_CLICK].label = hash_uniform(random_next(r)) < to->p;
	to->labels.target[MODEL_CONVERSION].label =
	    hash_uniform(random_next(r)) < vec_sigmoid(learnt_effect(2, value[2]));
	to->labels.target[MODEL_CONVERSION].weight =
	    to->labels.target[MODEL_CLICK].label;
	to->labels.target[MODEL_VALUE].label = 1e6 * (1 + hash_uniform(random_next(r)));
	to->labels.target[MODEL_VALUE].weight = to->labels.target[MODEL_CLICK].label *
	    to->labels.target[MODEL_CONVERSION].label;
	return (struct features){ slice_of(to->keys, sizeof to->keys), { 0 } };
}

static inline void
learnt_more(struct model *m, struct random *r, unsigned values, unsigned n)
{
	struct model_estimates said;
	struct learnt_example e;

	while (n-- > 0) {
		struct features f = learnt_next(r, values, &e);
		const uint8_t position[] = { (uint8_t)(n % 3) };
		struct slice value = slice_of(position, 1);
		struct examination_place place = { examination_key(0, value), 1,
			{ value } };

		if (m->options.examination[0] != '\0')
			model_place_at(m, &place);
		if (model_learn(m, &f, &e.labels, &said) != FEATURES_FINE)
			abort();
	}
}

/* The mean log loss over n examples that nobody learned. */
static inline double
learnt_loss(const struct model *m, uint64_t seed, unsigned values, unsigned n)
{
	struct random r = { seed };
	struct model_estimates said;
	struct learnt_example e;
	double loss = 0;

	for (unsigned i = 0; i < n; i++) {
		struct features f = learnt_next(&r, values, &e);

		if (model_predict(m, &f, &said) != FEATURES_FINE)
			abort();
		loss += vec_log_loss(
		    said.of[MODEL_CLICK].mean, e.labels.target[MODEL_CLICK].label);
	}
	return loss / n;
}

#endif
