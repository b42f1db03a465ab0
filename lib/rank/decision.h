/* SPDX-License-Identifier: MIT
 *
 * decision: the record of what was decided: what the request had, and
 *
 *	event "decision", event_id, decision_id, request_id, position, creative_id,
 *	candidates, probability, probabilities, scores, policy, model_id, model_version,
 *	seed, features, feature_values, candidate_values, candidate_bid_types,
 *	candidate_features, candidate_feature_values
 *
 * and of who bids bid_type and price_micros: what is to be paid for 1,000 impressions (cpm),
 * for the click (cpc) or the conversion (cpa).
 */
#ifndef BANNERPIPE_RANK_DECISION_H
#define BANNERPIPE_RANK_DECISION_H

#include "lib/model/features.h"
#include "lib/model/policy.h"
#include "lib/rank/slate.h"
#include "lib/record/build.h"
#include "lib/record/record.h"

enum { DECISION_ID_MAX = 256 };

/* The pairs that decisions say themselves, or that were there only to decide. */
struct decision_keys {
	struct key own[32];
	unsigned count;
};

void decision_keys_init(struct decision_keys *k, struct reader *reader);

/* The request of some decisions; bit i of left_out: they do not take over pair i. */
struct decision_request {
	const struct record *record; /* borrowed */
	struct slice id;             /* msgpack */
	uint64_t left_out[RECORD_KEYS_MAX / 64];
};

void decision_request_init(struct decision_request *q, const struct decision_keys *k,
    const struct record *r, struct slice id);

/* One of them. What is borrowed is msgpack where it says so. */
struct decision {
	unsigned position;
	unsigned n;                     /* candidates that were left */
	const struct slice *candidates; /* their ids, msgpack */
	const double *values; /* what they are worth, and what else is of them */
	const struct slate_offer *offers;
	bool valued, bids;    /* whether the record says so */
	int64_t price_micros; /* of the chosen one, when it bids */
	unsigned chosen;
	const struct policy_weights *weights;
	struct features features;          /* of the one that was chosen */
	struct slice all_keys, all_values; /* msgpack; absent: not kept */
	const char *policy;
	const char *model; /* NULL: none, and so neither version nor scores */
	uint64_t version, seed;
};

/* Its id, with a 0 after it: "<request's id>-<position>" where that is a text of at most
 * 200 bytes, else a hash of both. */
struct slice decision_id(
    struct slice request_id, unsigned position, char to[DECISION_ID_MAX]);

/* Append the record. */
void decision_build(
    struct build *to, const struct decision_request *q, const struct decision *d);

#endif
