/* SPDX-License-Identifier: MIT
 *
 * predictor: a model between records and files: what bp-learn, bp-score and those that
 * decide share.
 *
 * It reads `features` and `feature_values` of a record, `rewards` and what says when they
 * came (bp-join), and writes `prediction`. A model file is a snapshot (lib/state.h,
 * state.5) named "model" that stores every option; a live one is the memory of the process
 * that learns (lib/model/region.h).
 */
#ifndef BANNERPIPE_MODEL_PREDICTOR_H
#define BANNERPIPE_MODEL_PREDICTOR_H

#include <stdbool.h>

#include "lib/model/model.h"
#include "lib/os.h"
#include "lib/record/build.h"
#include "lib/record/record.h"

struct explain; /* lib/model/explain.h */

struct predictor {
	struct model *model; /* owned */
	const char *live;    /* borrowed; the model is one that another process keeps */
	struct key features, values, rewards, prediction;
	struct key shown_at, delay_us, complete, revision, cause;
	struct slice by; /* the key of the slices, where the model has some; its text */
	/* Those of the places, where the model has some; which is the position, or -1. */
	struct slice where[EXAMINATION_KEYS];
	unsigned wheres;
	int position;
	const struct explain
	    *explain;      /* borrowed; NULL: predictions are not explained */
	int64_t window_us; /* how long after a showing its first outcome came */
};

/* The keys to look records up with. */
void predictor_keys(struct predictor *p, struct reader *reader);
void predictor_free(struct predictor *p);
/* From now on it is this model, which is taken over; the one of before is freed. live: the
 * file that another process keeps it in, borrowed; NULL: none. */
void predictor_take(struct predictor *p, struct model *model, const char *live);

/* The model file at `path`, verified, for one to learn on, live at `live` or NULL. Its
 * options must be these, else an error names the one that differs. 0; or -1 with the error
 * and the trouble. On failure p->model is what it was before, else the old one is freed. */
int predictor_open(struct predictor *p, const struct os *os, const char *path,
    const struct model_options *options, uint64_t bytes, const char *live,
    enum state_trouble *trouble, struct error *error);
/* The same of any options, to predict with: within `bytes`, and no more than it needs. The
 * file may be a live model. */
int predictor_attach(struct predictor *p, const struct os *os, const char *path,
    uint64_t bytes, enum state_trouble *trouble, struct error *error);
/* Whether the model is live and whoever learns has begun a new file, to be attached. Cost: a
 * load. */
static inline bool
predictor_is_over(const struct predictor *p)
{
	return p->live != NULL && model_is_over(p->model);
}
/* Write the model file: durable, and old or new at every instant. */
int predictor_commit(const struct predictor *p, const struct os *os, const char *path,
    struct error *error);

/* Set the record's slice and its place, for all that is asked of the model until the next one. */
void predictor_slice(const struct predictor *p, const struct record *r);

/* How probably one looks at this position: of the record's slot, where the model tells slots
 * apart; in (0, 1]. 1 where there is no model, it knows nothing of places, or the record does
 * not say which. The probability of a click there is this times what the model says of the
 * click, which is of those who look. Cost: some 10 ns; safe with a live model. */
double predictor_examination(
    const struct predictor *p, const struct record *r, int64_t position);

/* The record's features, borrowed from it; false when it has none. A value of another
 * type than bin comes back as a fault. */
bool predictor_features(const struct predictor *p, const struct record *r,
    struct features *to, enum features_fault *fault);

/* What there is to learn. */
enum predictor_label {
	PREDICTOR_UNKNOWN, /* the record does not say, or is void: nothing to learn */
	PREDICTOR_KNOWN,
	PREDICTOR_UNCHANGED, /* a revision of something else than the targets */
	PREDICTOR_WRONG, /* neither a bool nor a finite number that is not negative */
};

/* The record's labels in `rewards`: true is 1, more than 1 (two purchases) is 1. *wrong is
 * the target that is. Of a revision by bp-join, an outcome taken back and given anew, only
 * what is not the same in both: learning that twice would teach nothing but noise. A weight
 * of 0 is that of a banner that was itself taken out: a model must not know that it was. */
enum predictor_label predictor_example(struct predictor *p, const struct record *r,
    double weight, struct model_example *to, enum model_target *wrong);

/* Append the value of `prediction`: what the record said there already (another
 * model's), and ours.
 *
 *	NAME          mean of click, conversion (of a showing where it is shown, not of one
 *	              that is looked at, nor of a click), value_micros
 *	NAME_sd       standard deviation, where the algorithm is lanes
 *	NAME_low, NAME_high  95 % of the posterior lie between
 *	examination   how probably one looks at its place, where the model knows of places;
 *	              divided by it, the above are of those who look
 *	version       examples that the model had learned
 *	explanation   what was noted before, with p->explain (lib/model/explain.h)
 */
void predictor_build(const struct predictor *p, const struct record *r,
    const struct model_estimates *said, struct build *to);

#endif
