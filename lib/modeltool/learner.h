/* SPDX-License-Identifier: MIT
 *
 * learner: a model as it is learned: its file, the live one, what travels of it, and how it takes
 * back what it was taught (lib/model/unlearn.h). Those follow each other: a model that is
 * settled takes the place of the one before in all of them.
 */
#ifndef BANNERPIPE_MODELTOOL_LEARNER_H
#define BANNERPIPE_MODELTOOL_LEARNER_H

#include "lib/model/predictor.h"
#include "lib/model/unlearn.h"
#include "lib/modeltool/delta.h"

struct learner {
	const struct os *os;
	const char *path, *live; /* borrowed; live may be NULL */
	struct model_options options;
	uint64_t bytes;             /* for all of it */
	int64_t exact_us, every_us; /* the journal's; 0: none, an eighth of it */
	struct hash_key key;        /* for what names an example from outside */
	struct deltas *deltas;      /* borrowed, begun; NULL: nobody wants them */
	struct predictor predictor;
	struct unlearn unlearn;
	struct key decision_id;
};

/* The model of the file, or a new one where there is none. -1 and error; *wrong_use: the file,
 * or what is wanted, is another's. */
int learner_open(struct learner *l, bool *wrong_use, struct error *error);
void learner_fini(struct learner *l);
/* The keys to look records up with. */
void learner_keys(struct learner *l, struct reader *reader);

/* Learn what a record says, or take it back. */
enum features_fault learner_learn(struct learner *l, const struct record *r,
    const struct features *f, const struct model_example *e,
    struct model_estimates *to);

/* Whether something was taken back that is not settled, and whether it is time to. */
bool learner_is_pending(const struct learner *l);
bool learner_is_due(const struct learner *l);
/* The model without what was taken back takes the place of the one that was corrected. Who
 * reads it live sees the one or the other. Deltas begin anew. -1 and error. */
int learner_settle(struct learner *l, struct error *error);

/* Write the model file: settled, also while the model is not yet. */
int learner_commit(const struct learner *l, struct error *error);

/* All but the deltas, whose beginning is the caller's. */
void learner_save(const struct learner *l, struct state_writer *to);
int learner_load(struct learner *l, struct state_reader *from, struct error *error);

#endif
