/* SPDX-License-Identifier: MIT
 *
 * unlearn: how a learner takes back what it was taught, and what it says of that. Every algorithm
 * takes an example back by an update of the opposite weight: counts and linear without a
 * trace, the others nearly (residual.h). With a journal (journal.h) what came of late is
 * taken back exactly, too, a little later.
 */
#ifndef BANNERPIPE_MODEL_UNLEARN_H
#define BANNERPIPE_MODEL_UNLEARN_H

#include "lib/model/journal.h"
#include "lib/model/residual.h"
#include "lib/record/build.h"

struct unlearn {
	struct journal *journal;   /* owned; NULL: none */
	struct residual *residual; /* owned; NULL: there is none to measure */
	struct hash_key key;       /* of identities */
	uint64_t unlearned;        /* examples of negative weight */
};

/* For this model, with a journal of that span where it is not 0: model_bytes and ring_bytes as
 * in journal_new. What is saved is found again with the same key only. -1 and error. */
int unlearn_init(struct unlearn *f, const struct model *m, struct hash_key key,
    int64_t span_us, int64_t every_us, uint64_t model_bytes, uint64_t ring_bytes,
    struct error *error);
void unlearn_fini(struct unlearn *f);

/* Learn an example of that time and id, or take it back. */
enum features_fault unlearn_learn(struct unlearn *f, struct model *m,
    const struct features *features, const struct model_example *e, struct slice id,
    instant at, struct model_estimates *to);

/* Keys of a metric record, when anything was unlearned: how many pairs.
 *
 *	unlearnt               examples taken back
 *	unlearn_residual_mean, unlearn_residual_max  as in residual.h
 *	unlearnt_exactly       of them, through the journal
 *	unlearn_error_mean, unlearn_error_max  as in struct journal_counts */
unsigned unlearn_build(const struct unlearn *f, struct build *to);

void unlearn_save(const struct unlearn *f, struct state_writer *to);
/* After unlearn_init. */
int unlearn_load(struct unlearn *f, struct state_reader *from, struct error *error);

#endif
