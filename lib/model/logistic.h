/* SPDX-License-Identifier: MIT
 *
 * logistic: online logistic regression on sparse features.
 *
 *	p = sigmoid(offset + bias + sum over i of w[key i] value i)
 *
 * The offset is the logit of the base rate, known or estimated as the examples come, so
 * that a cold model predicts the base rate and rare features are judged against it; the
 * bias is a weight of its own without l1 and l2. Weights live in a bounded map
 *(weights.h).
 *
 * A model is a function of its options, its budget and its examples in their order.
 */
#ifndef BANNERPIPE_MODEL_LOGISTIC_H
#define BANNERPIPE_MODEL_LOGISTIC_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/model/features.h"
#include "lib/model/optimiser.h"
#include "lib/model/weights.h"
#include "lib/state.h"

struct logistic_options {
	struct optimiser optimiser;
	/* The mean label where it is known, in (0, 1); 0: estimate it, starting from
	 * one positive in a hundred, with the weight of a hundred examples. */
	double base_rate;
};

struct logistic {
	struct logistic_options options;
	struct weights weights;
	struct weight bias;
	double logit;          /* of a known base rate */
	double seen, positive; /* sums of weight and of weight times label */
	uint64_t examples;     /* learned, those of negative weight too */
	uint64_t crowded;      /* features of an example that found no cell */
	/* Scratch of the example at hand. */
	struct weights_cell *homes[FEATURES_MAX];
	struct weight *touched[FEATURES_MAX];
	float values[FEATURES_MAX];
};

/* 0, or -1 and the first option that is out of its range. */
int logistic_check(const struct logistic_options *options, struct error *error);

/* A model within `bytes` for its weights. NULL and the error when an option is out of
 * its range or there is no memory. */
struct logistic *logistic_new(
    const struct logistic_options *options, uint64_t bytes, struct error *error);
void logistic_free(struct logistic *m);

/* *p is the probability of the label, in (0, 1). The model does not change. Cost: one
 * cache miss a feature, about ten at a time. */
enum features_fault logistic_predict(
    struct logistic *m, const struct features *f, double *p);

/* The same, and then learn the label (in [0, 1]) with the weight of the example; a
 * negative weight takes back an example learned before. *p is the prediction before the
 * update. On a fault nothing has changed. Cost: about 10 ns a feature in cache. */
enum features_fault logistic_learn(struct logistic *m, const struct features *f,
    double label, double weight, double *p);

/* The model as the body of a snapshot, 40 bytes a weight: all but its options. */
void logistic_save(struct logistic *m, struct state_writer *to);
/* Into a new model of the same options. With the budget that it was saved with, the
 * model goes on exactly as it would have; with another, the weights are placed afresh,
 * and those that do not fit are evicted. 0, or -1 and the error when the body is not
 * that of a model. */
int logistic_load(struct logistic *m, struct state_reader *from, struct error *error);

#endif
