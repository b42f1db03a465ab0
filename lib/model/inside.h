/* SPDX-License-Identifier: MIT
 *
 * inside: how a model looks up an example and sums it up (model_predict.c), for those who learn
 * (model_learn.c), explain and decide. Private to model.
 */
#ifndef BANNERPIPE_MODEL_INSIDE_H
#define BANNERPIPE_MODEL_INSIDE_H

#include "lib/model/model.h"

/* A reader whose cells change hands under it asks again, so often. */
enum { MODEL_TRIES = 4 };

struct model_scratch {
	uint64_t home[FEATURES_MAX];
	uint8_t *cell[FEATURES_MAX]; /* of all heads; NULL: none */
	/* Of one head, and its intercept. */
	union head_cell *of_head[FEATURES_MAX + 1];
	float x[FEATURES_MAX + 1];
	/* The features of a candidate and those that it shares. */
	uint64_t joined_key[FEATURES_MAX];
	float joined_value[FEATURES_MAX];
	double hidden; /* as in struct head_features, of the first target */
	/* What it learned, before that is completed for those who look. */
	double label, weight;
	struct crosses_example crosses;
};

/* Ask for the lines of the features' cells, and note where they are, in the scratch. */
void model_go_home(const struct model *m, const struct features *f, unsigned n);
/* The cells of the features as they are, into the scratch. */
void model_look_up(const struct model *m, const struct features *f, unsigned n);
/* Those of one head, with values in the scratch or without. */
struct head_features model_gather(
    const struct model *m, unsigned n, unsigned head, bool valued);
/* Whether the cells are still those of all features, and the rows those of the given. */
bool model_still_there(
    const struct model *m, const struct features *f, const struct features *all);

/* Begin the sums of an example's slice, and say what follows from them. */
void model_begin(const struct model *m, struct model_shared *to);
void model_conclude(
    const struct model *m, const struct model_shared *s, struct model_estimates *to);

/* The sums that a linear model is made of. */
struct linear_sums model_sums(const struct model *m);

#endif
