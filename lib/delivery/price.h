/* SPDX-License-Identifier: MIT
 *
 * price: what showing a creative is worth, who is chosen for the positions of an answer,
 * and what he pays.
 *
 * The value of an impression is the bid's share of it (micros of the currency):
 *
 *	cpm  bid / 1000         cpc  pCTR x bid         cpa  pCTR x pCVR x bid
 *
 * and of a creative without a bid the expected revenue, pCTR x pCVR x its value. What is
 * below the slot's floor is not shown. Of equals the one before comes first.
 *
 * Paying: the bid (first price), or what was needed to win (second price, Vickrey 1961; at
 * several positions the next one's value, the generalised second price of Edelman,
 * Ostrovsky and Schwarz, American Economic Review 2007): the value of the best who was not
 * chosen or the floor, in the winner's terms, a click's price from a value of an impression
 * by dividing by the winner's own pCTR. A campaign does not bid against itself; a rival that
 * must not stand beside the winner is one all the same.
 */
#ifndef BANNERPIPE_DELIVERY_PRICE_H
#define BANNERPIPE_DELIVERY_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/delivery/catalogue.h"

enum { PRICE_POSITIONS_MAX = 64 };

/* "cpm", "cpc", "cpa"; of another word BID_NONE, and of BID_NONE NULL. */
enum bid_type bid_type_of(struct slice word);
const char *bid_type_name(enum bid_type type);

/* One who may be chosen. */
struct offer {
	double pctr, pcvr;  /* [0, 1]; another number counts as 0 */
	int64_t bid_micros; /* for 1,000, a click, a conversion */
	enum bid_type type; /* BID_NONE: what a conversion is worth is `value_micros` */
	int64_t value_micros;
	uint64_t campaign, category; /* 0: none, which is never the same as another's */
};

/* The value of one impression of it, in micros: finite, >= 0. */
double price_value(const struct offer *o);

struct price_rules {
	double floor_micros; /* of an impression in this slot; 0: none */
	bool second;         /* price */
	bool one_of_campaign, one_of_category; /* in an answer */
};

struct placing {
	uint32_t offer;       /* its index */
	double value;         /* micros, of an impression */
	int64_t price_micros; /* what is paid, in the terms of its bid */
};

/* Choose at most k of n offers, the largest value first; how many were chosen. values:
 * scratch for n. k is held to PRICE_POSITIONS_MAX. Cost: n x k comparisons. */
unsigned price_choose(const struct offer *offers, uint32_t n, unsigned k,
    const struct price_rules *rules, double *values, struct placing *to);

/* What the winner of a second-price auction pays for what `needed` (micros of an
 * impression) was needed; at most his bid, at least 1 of a positive bid. */
int64_t price_needed(const struct offer *o, double needed);

#endif
