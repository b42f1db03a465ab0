/* SPDX-License-Identifier: MIT
 *
 * explain: why a model says what it says: the features of an example that move it most.
 * What a feature moves is its weight times its value, added to the linear predictor (for a
 * probability, to its log-odds) of the lane that is believed most, or of the one model that
 * other algorithms have. Of counts it is what the feature says alone, against the base rate; of
 * linear it is on the scale of the label. Where the model has factors, each of a pair of features has half of
 * what the two add together (factors_effect).
 */
#ifndef BANNERPIPE_MODEL_EXPLAIN_H
#define BANNERPIPE_MODEL_EXPLAIN_H

#include "lib/model/model.h"
#include "lib/model/names.h"
#include "lib/record/build.h"

/* Features of an explanation; the part of the memory that their names may have. */
enum { EXPLAIN_MAX = 64, EXPLAIN_SHARE = 8 };

/* A weight as it is believed: its mean and standard deviation, NaN where the algorithm knows
 * none. */
struct explain_weight {
	double mean, sd;
};

/* Of a feature's cell in one head. `head` is what the model knows of the target. */
struct explain_weight explain_weight(
    const struct model *m, const struct head *head, const void *cell, unsigned which);

struct explain_part {
	uint64_t key;
	double effect, sd; /* of the weight */
	double pairs;      /* of the factors; 0 without */
};

struct explain {
	unsigned most; /* features wanted of each target; 0: nothing is explained */
	struct names names; /* owned */
	bool named;
	unsigned count[MODEL_TARGETS];
	struct explain_part part[MODEL_TARGETS][EXPLAIN_MAX];
};

/* `names` is a file or NULL; what its names may take is taken from *bytes. 0, or -1 and the
 * error. */
int explain_init(struct explain *e, uint64_t most, const char *names, uint64_t *bytes,
    const struct os *os, struct error *error);
void explain_fini(struct explain *e);

/* Note what moves the model now, before it learns the example. The features must be without
 * fault. Cost: as much as a prediction, and more. */
void explain_note(struct explain *e, const struct model *m, const struct features *f);

/* Append a pair of a map, `explanation`, of what was noted: an array of maps {feature: its
 * name or its key as 16 hex digits, effect, sd, of models with factors pairs, and where the
 * model has several targets, target}, the largest |effect + pairs| first. sd is left out where
 * none is known. */
void explain_build(const struct explain *e, const struct model *m, struct build *to);

#endif
