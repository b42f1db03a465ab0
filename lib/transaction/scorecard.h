/* SPDX-License-Identifier: MIT
 *
 * scorecard: the log-odds that a transaction is fraud, as a sum of weights, one for the
 * bucket of each trait, learned online: a head of lib/model (lanes: Bayesian logistic
 * regressions side by side) on a dense table of cells, without a look-up.
 */
#ifndef BANNERPIPE_TRANSACTION_SCORECARD_H
#define BANNERPIPE_TRANSACTION_SCORECARD_H

#include "lib/model/head.h"
#include "lib/state.h"
#include "lib/transaction/traits.h"

enum { SCORECARD_REASONS = 3 };

struct scorecard {
	const struct traits *traits; /* borrowed */
	struct head_options options;
	struct head head;
	struct lanes_cell *cells;      /* owned; one a bucket */
	float usual[TRAITS_PARTS_MAX]; /* what each part says of most */
};

/* Why: what a part says more than it usually does, the most first. */
struct scorecard_reason {
	unsigned part; /* of traits_word */
	float share;   /* of the log-odds, positive */
};

struct scorecard_answer {
	double score; /* log-odds, calibrated */
	double probability;
	unsigned reasons;
	struct scorecard_reason reason[SCORECARD_REASONS];
};

/* 0, or -1 when there is no memory. */
int scorecard_init(struct scorecard *s, const struct traits *traits);
void scorecard_fini(struct scorecard *s);
uint64_t scorecard_bytes(const struct traits *traits);

/* What it says of these traits; what is usual follows. Cost: about 300 ns. */
void scorecard_ask(
    struct scorecard *s, const uint8_t *traits, struct scorecard_answer *to);
/* Learn whether it was fraud; a negative weight takes that back. */
void scorecard_learn(
    struct scorecard *s, const uint8_t *traits, bool fraud, double weight);

void scorecard_save(const struct scorecard *s, struct state_writer *to);
int scorecard_load(struct scorecard *s, struct state_reader *from, struct error *error);

#endif
