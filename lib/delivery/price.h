/* SPDX-License-Identifier: MIT
 *
 * price: the kinds of bids, and what a winner pays.
 *
 * The value of an impression is the bid's share of it (micros of the currency):
 *
 *	cpm  bid / 1000         cpc  pCTR x bid         cpa  pCTR x pCVR x bid
 *
 * Paying: the bid (first price), or what was needed to win (second price, Vickrey 1961; at
 * several positions the next one's value, the generalised second price of Edelman,
 * Ostrovsky and Schwarz, American Economic Review 2007): the value of the best who was not
 * chosen or the floor, in the winner's terms, a click's price from a value of an impression
 * by dividing by the winner's own pCTR. Who that is, lib/rank/decider.h says.
 */
#ifndef BANNERPIPE_DELIVERY_PRICE_H
#define BANNERPIPE_DELIVERY_PRICE_H

#include <stdint.h>

#include "lib/delivery/catalogue.h"

/* "cpm", "cpc", "cpa"; of another word BID_NONE, and of BID_NONE NULL. */
enum bid_type bid_type_of(struct slice word);
const char *bid_type_name(enum bid_type type);

struct offer {
	double pctr, pcvr;  /* [0, 1]; another number counts as 0 */
	int64_t bid_micros; /* for 1,000, a click, a conversion */
	enum bid_type type; /* not BID_NONE */
};

/* What the winner of a second-price auction pays for what `needed` (micros of an
 * impression) was needed; at most his bid, at least 1 of a positive bid. */
int64_t price_needed(const struct offer *o, double needed);

#endif
