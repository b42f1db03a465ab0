/* SPDX-License-Identifier: MIT */
#include "lib/model/logistic.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* The prior of an unknown base rate: one positive in a hundred examples. */
static const double prior_positive = 1, prior_seen = 100;

int
logistic_check(const struct logistic_options *options, struct error *error)
{
	if (optimiser_check(&options->optimiser, error) < 0)
		return -1;
	if (!(options->base_rate >= 0 && options->base_rate < 1))
		return error_set(
		    error, "the base rate must be 0 (estimate it) or between 0 and 1");
	return 0;
}

struct logistic *
logistic_new(
    const struct logistic_options *options, uint64_t bytes, struct error *error)
{
	struct logistic *m;

	if (logistic_check(options, error) < 0)
		return NULL;
	if (bytes < WEIGHTS_BYTES_MIN) {
		error_set(error, "the memory for the weights must be at least 16K");
		return NULL;
	}
	m = calloc(1, sizeof *m);
	if (m == NULL || weights_init(&m->weights, bytes) < 0) {
		free(m);
		error_set(error, "no memory for the weights (%llu bytes)",
		    (unsigned long long)bytes);
		return NULL;
	}
	m->options = *options;
	m->logit = vec_logit(options->base_rate);
	return m;
}

void
logistic_free(struct logistic *m)
{
	if (m == NULL)
		return;
	weights_fini(&m->weights);
	free(m);
}

static double
offset(const struct logistic *m)
{
	double positive, negative;

	if (m->options.base_rate > 0)
		return m->logit;
	positive = fmax(m->positive, 0) + prior_positive;
	negative = fmax(m->seen - m->positive, 0) + prior_seen - prior_positive;
	return vec_log(positive / negative);
}

/* Ask for all cells at once, then add; m->touched[i] is the weight or NULL. */
static double
score(struct logistic *m, const struct features *f, const float *x, unsigned n,
    uint64_t now)
{
	double z = offset(m) + (double)m->bias.value;

	for (unsigned i = 0; i < n; i++)
		m->homes[i] = weights_home(&m->weights, features_key(f, i));
	for (unsigned i = 0; i < n; i++) {
		struct weights_cell *cell =
		    weights_find(m->homes[i], features_key(f, i));

		m->touched[i] = NULL;
		if (cell == NULL)
			continue;
		if (now > 0)
			weights_touch(&m->weights, cell, now);
		m->touched[i] = &cell->weight;
		z += (double)cell->weight.value * (x == NULL ? 1.0 : (double)x[i]);
	}
	return z;
}

/* Give cells to the features that are new, and close the gaps that remain. Returns how
 * many have a weight. */
static unsigned
admit(struct logistic *m, const struct features *f, float *x, unsigned n, uint64_t now)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		struct weight *w = m->touched[i];

		if (w == NULL) {
			struct weights_cell *cell = weights_take(
			    &m->weights, m->homes[i], features_key(f, i), now);

			if (cell == NULL) {
				m->crowded++;
				continue;
			}
			weights_touch(&m->weights, cell, now);
			w = &cell->weight;
		}
		m->touched[kept] = w;
		if (x != NULL)
			x[kept] = x[i];
		kept++;
	}
	return kept;
}

enum features_fault
logistic_predict(struct logistic *m, const struct features *f, double *p)
{
	enum features_fault fault = features_check(f);

	if (fault != FEATURES_FINE)
		return fault;
	*p = vec_sigmoid(
	    score(m, f, features_values(f, m->values), features_count(f), 0));
	return FEATURES_FINE;
}

enum features_fault
logistic_learn(struct logistic *m, const struct features *f, double label,
    double weight, double *p)
{
	enum features_fault fault = features_check(f);
	struct optimiser free_of_penalty = m->options.optimiser;
	uint64_t now = m->examples + 1;
	unsigned n = features_count(f);
	float *x;

	if (fault != FEATURES_FINE)
		return fault;
	if (!(label >= 0 && label <= 1))
		return FEATURES_LABEL;
	if (!(fabs(weight) <= FEATURES_VALUE_MAX))
		return FEATURES_WEIGHT;
	x = features_values(f, m->values) == NULL ? NULL : m->values;
	weights_reserve(&m->weights, n, now);
	*p = vec_sigmoid(score(m, f, x, n, now));
	n = admit(m, f, x, n, now);
	optimiser_step_each(&m->options.optimiser, m->touched, x, n,
	    (float)(*p - label), (float)weight);
	free_of_penalty.l1 = free_of_penalty.l2 = 0;
	optimiser_step(&free_of_penalty, &m->bias, (float)(*p - label), (float)weight);
	m->seen += weight;
	m->positive += weight * label;
	m->examples = now;
	return FEATURES_FINE;
}

void
logistic_save(struct logistic *m, struct state_writer *to)
{
	state_put_u64(to, m->examples);
	state_put_u64(to, m->crowded);
	state_put_double(to, m->seen);
	state_put_double(to, m->positive);
	weight_save(&m->bias, to);
	weights_save(&m->weights, to);
}

int
logistic_load(struct logistic *m, struct state_reader *from, struct error *error)
{
	assert(m->examples == 0);
	if (state_get_u64(from, &m->examples) < 0 ||
	    state_get_u64(from, &m->crowded) < 0 ||
	    state_get_double(from, &m->seen) < 0 ||
	    state_get_double(from, &m->positive) < 0 || !isfinite(m->seen) ||
	    !isfinite(m->positive) || weight_load(&m->bias, from) < 0)
		return error_set(error, "what it holds is not a logistic model");
	return weights_load(&m->weights, from, m->examples, error);
}
