/* SPDX-License-Identifier: MIT
 *
 * predictor: a model between records and a model file: what bp-learn and bp-score
 * share.
 *
 * It reads `features` and `feature_values` of a record, and writes `prediction`:
 * {click | conversion: probability, version: examples the model has learned}. A model
 * file is a snapshot (lib/state.h, state.5) named "logistic" that stores every option.
 */
#ifndef BANNERPIPE_MODEL_PREDICTOR_H
#define BANNERPIPE_MODEL_PREDICTOR_H

#include <stdbool.h>

#include "lib/model/logistic.h"
#include "lib/os.h"
#include "lib/record/build.h"
#include "lib/record/record.h"

/* What is predicted: the key under `rewards` that holds the label. */
enum predictor_target { PREDICTOR_CLICK, PREDICTOR_CONVERSION, PREDICTOR_TARGETS };

#define PREDICTOR_TARGET_WORDS "click|conversion"
const char *predictor_target_name(enum predictor_target target);

struct predictor {
	enum predictor_target target;
	struct logistic *model; /* owned */
	struct key features, values, rewards, prediction;
};

/* The keys to look records up with. */
void predictor_keys(struct predictor *p, struct reader *reader);
void predictor_free(struct predictor *p);

/* The model file at `path`, verified. With `options`, those of the file must be the
 * same, else an error names the one that differs; without, they are taken from the
 * file, and so is the target. `bytes` is the budget of the weights; without options at
 * most that, and no more than the file's weights need. 0; or -1 with the error
 * and the trouble. On failure p->model is what it
 * was before, else the old one is freed. */
int predictor_open(struct predictor *p, const struct os *os, const char *path,
    const struct logistic_options *options, uint64_t bytes, enum state_trouble *trouble,
    struct error *error);
/* Write the model file: durable, and old or new at every instant. */
int predictor_commit(const struct predictor *p, const struct os *os, const char *path,
    struct error *error);

/* The record's features, borrowed from it; false when it has none. A value of another
 * type than bin comes back as a fault. */
bool predictor_features(const struct predictor *p, const struct record *r,
    struct features *to, enum features_fault *fault);

/* What there is to learn. */
enum predictor_label {
	PREDICTOR_UNKNOWN, /* the record does not say: nothing to learn */
	PREDICTOR_KNOWN,
	PREDICTOR_WRONG, /* neither a bool nor a finite number that is not negative */
};

/* The target's label in `rewards`: true is 1, more than 1 (two purchases) is 1. */
enum predictor_label predictor_label(
    const struct predictor *p, const struct record *r, double *label);

/* Append the value of `prediction`: what the record said there already (another
 * target's prediction), and ours, made when the model had learned `version` examples.
 */
void predictor_build(const struct predictor *p, const struct record *r,
    double probability, uint64_t version, struct build *to);

#endif
