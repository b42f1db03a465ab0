/* SPDX-License-Identifier: MIT
 *
 * slate: the candidates of one request, decision or outcome, as the record has them:
 *
 *	k                          how many of them are wanted; absent: 1
 *	candidates                 [creative_id: str or int, ...]
 *	candidate_values           [what the reward of each is worth, ...]; absent: all 1
 *	candidate_features         [bin, ...], as the key features of each; or absent
 *	candidate_feature_values   [bin or nil, ...], as feature_values of each; or absent
 *	shared_features, shared_feature_values   put before those of each; or absent
 */
#ifndef BANNERPIPE_RANK_SLATE_H
#define BANNERPIPE_RANK_SLATE_H

#include "lib/model/features.h"
#include "lib/model/policy.h"
#include "lib/record/record.h"

struct slate {
	struct key k, candidates, weights, keys, values, shared_keys, shared_values;

	unsigned n;
	bool valued;    /* they are not all worth 1 */
	bool described; /* they have features of their own, or shared ones */
	struct slice id[POLICY_MAX]; /* msgpack; borrowed from the record, as all are */
	double value[POLICY_MAX];
	struct features own[POLICY_MAX], shared;

	/* Of the candidate that was asked for last. */
	uint8_t joined_keys[8 * FEATURES_MAX], joined_values[4 * FEATURES_MAX];
};

/* The keys to look records up with. */
void slate_init(struct slate *s, struct reader *reader);
/* Whether the record has candidates at all. */
bool slate_has(const struct slate *s, const struct record *r);
/* Read it; everything is checked. NULL, or what is wrong with it: a constant text. */
const char *slate_read(struct slate *s, const struct record *r);
/* How many positions there are for them: at most as many as candidates. 0: k is wrong. */
unsigned slate_positions(const struct slate *s, const struct record *r);
/* The features of a candidate: the shared ones and its own; borrowed until the next call.
 * No more than FEATURES_MAX: slate_read has seen to that. */
struct features slate_features(struct slate *s, unsigned i);
/* The candidate with that id; s->n when there is none. */
unsigned slate_find(const struct slate *s, struct slice id);
/* Take a candidate out; the others keep their order. */
void slate_remove(struct slate *s, unsigned i);

#endif
