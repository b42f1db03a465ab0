/* SPDX-License-Identifier: MIT
 *
 * judge: what a model thinks of the candidates of one record, after the features that the
 * record has (slate.h) or those of a specification (portrait.h).
 */
#ifndef BANNERPIPE_RANK_JUDGE_H
#define BANNERPIPE_RANK_JUDGE_H

#include "lib/model/parts.h"
#include "lib/model/policy.h"
#include "lib/model/predictor.h"
#include "lib/rank/decision.h"
#include "lib/rank/portrait.h"
#include "lib/rank/slate.h"

/* What a candidate is worth is its p x value: of who bids in micros of an impression. */
struct judge {
	struct predictor predictor; /* its model owned; NULL: knows nothing */
	enum model_target reward;   /* what is to be had */
	uint64_t version;           /* of the model, when it said something last */
	struct portrait *portrait;  /* owned; NULL: features are those of the record */
	bool
	    compares; /* variances are of differences: what candidates share is no doubt
			* about which one is the best */
	bool keep;    /* gather the features of all candidates */
	struct key shown_at;

	const struct record *record; /* borrowed, as read */
	struct slate slate;
	struct policy_candidate candidates[POLICY_MAX]; /* of the slate */
	struct build kept_keys, kept_values; /* msgpack lists, one item a candidate */

	struct parts *parts;        /* owned */
	uint16_t place[POLICY_MAX]; /* in what was estimated, of those that are left */

	/* The features that all candidates so far have, in their order. */
	unsigned shared;
	uint64_t shared_keys[FEATURES_MAX];
	uint32_t
	    shared_values[FEATURES_MAX]; /* bits of a float32; little-endian, both */
};

/* -1: no memory. The reward and the portrait are the caller's to set. */
int judge_init(struct judge *j, struct reader *reader);
void judge_fini(struct judge *j);

/* Take this model file, or live one, within `bytes`. 0; or -1 with the error and the
 * trouble, STATE_OTHER when it does not know the reward; the model is then that of before. */
int judge_attach(struct judge *j, const struct os *os, const char *path, uint64_t bytes,
    enum state_trouble *trouble, struct error *error);

/* Whether it can be said what such a bid is worth: always, when there is no model. */
bool judge_knows(const struct judge *j, enum bid_type type);
/* The version that the model has now; 0: there is none. Cost: a load. */
static inline uint64_t
judge_version(const struct judge *j)
{
	const struct model *m = j->predictor.model;

	return m == NULL ? 0
			 : __atomic_load_n(&model_state(m)->examples, __ATOMIC_RELAXED);
}

/* Read the candidates of a record. NULL, or what is wrong with it: "without ...". */
const char *judge_read(struct judge *j, const struct record *r, enum kind kind,
    const struct decision_request *q);
/* Whether who is worth more also depends on how many look at the position: where money is
 * compared, and the model has learned that (lib/model/examination.h). */
bool judge_weighs_places(const struct judge *j);
/* Estimate all that are left, as if shown at the position; likewise. */
const char *judge_estimate(struct judge *j, int64_t position);
/* The features of a candidate, as estimated; borrowed until the next call. */
struct features judge_features(struct judge *j, unsigned i);
/* Take out those that do not stay; the estimates of the others do. */
void judge_retain(struct judge *j, const bool stays[POLICY_MAX]);
/* The gathered lists, when they take at most `room` bytes; else false. */
bool judge_kept(
    const struct judge *j, size_t room, struct slice *keys, struct slice *values);

#endif
