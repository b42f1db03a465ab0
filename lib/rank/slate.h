/* SPDX-License-Identifier: MIT
 *
 * slate: the candidates of one request, decision or outcome, as the record has them:
 *
 *	k                          how many of them are wanted; absent: 1
 *	candidates                 [creative_id: str or int, ...]
 *	candidate_values           [what each is worth, or nil, ...]; absent: all nil
 *	candidate_bid_types        ["cpm", "cpc", "cpa" or nil, ...]; absent: all nil
 *	candidate_campaigns        [whose it is: str, int or nil, ...]; absent: all nil
 *	candidate_limits           [how many of its campaign an answer may have, from 1 on,
 *	                           or nil, ...]; absent: all nil, any number
 *	candidate_groups           [str, int, a list of at most 4 of these, or nil, ...]: of
 *	                           a group at most one is shown in an answer; absent: all nil
 *	floor_micros               what an impression has to be worth; absent: 0
 *	auction                    "first" or "second" price; absent: first
 *	candidate_features         [bin, ...], as the key features of each; or absent
 *	candidate_feature_values   [bin or nil, ...], as feature_values of each; or absent
 *	shared_features, shared_feature_values   put before those of each; or absent
 *
 * The value of who bids is his bid, in micros: for 1,000 impressions (cpm), for a click
 * (cpc), for a conversion (cpa). Of others it is what the reward of them is worth, in micros
 * too where some bid; a value that is nil counts as 1, and no floor keeps it out: so who has
 * neither bid nor value fills what nobody pays for.
 */
#ifndef BANNERPIPE_RANK_SLATE_H
#define BANNERPIPE_RANK_SLATE_H

#include "lib/delivery/price.h"
#include "lib/model/features.h"
#include "lib/model/policy.h"
#include "lib/record/record.h"

enum { SLATE_GROUPS_MAX = 4, SLATE_UNLIMITED = UINT16_MAX };

struct slate_keys {
	struct key k, candidates, weights, types, campaigns, limits, groups, floor,
	    auction;
	struct key features, feature_values, shared, shared_values;
};

/* What one of them has to do with the others, and with money. */
struct slate_offer {
	uint8_t type;   /* enum bid_type */
	bool stated;    /* its value; else it is nil */
	uint16_t place; /* among those that the record has */
	uint16_t limit; /* of its campaign, that is left; SLATE_UNLIMITED: none */
	uint16_t group_count;
	uint64_t campaign; /* hashes; 0: none */
	uint64_t group[SLATE_GROUPS_MAX];
};

struct slate {
	struct slate_keys at;

	unsigned n;
	bool valued;    /* some have a value */
	bool bids;      /* some bid */
	bool described; /* they have features of their own, or shared ones */
	bool second;    /* the price is what was needed */
	double floor_micros;
	struct slice id[POLICY_MAX]; /* msgpack; borrowed from the record, as all are */
	double value[POLICY_MAX];
	struct slate_offer offer[POLICY_MAX];
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
/* A candidate is shown: of each whether it may still be in this answer, which he may not,
 * nor others of his groups, nor of his campaign once that has had its limit. */
void slate_show(struct slate *s, unsigned i, bool stays[POLICY_MAX]);
/* Take out those that do not stay; the others keep their order. */
void slate_retain(struct slate *s, const bool stays[POLICY_MAX]);

#endif
