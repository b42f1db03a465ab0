/* SPDX-License-Identifier: MIT
 *
 * offers: what the candidates of a request are worth by the catalogue, as pairs of its
 * record (lib/rank/slate.h).
 *
 * Of a campaign that bids it is the bid. Of others it is the reward's value: the creative's
 * own value_micros; where the reward is a conversion, the price of the first of its items
 * that has one; what the shop says that all of these are worth. Who has none of it is a house
 * banner: it fills what nobody pays for.
 */
#ifndef BANNERPIPE_DELIVERY_OFFERS_H
#define BANNERPIPE_DELIVERY_OFFERS_H

#include "lib/delivery/catalogue.h"
#include "lib/record/build.h"

struct offer_rules {
	bool sells; /* the reward is a conversion: it is worth the item's price */
	int64_t house_micros; /* of who says nothing of it; -1: it has no value */
};

struct worth {
	enum bid_type type;
	int64_t micros; /* of the bid, or of the reward; -1: none */
};

/* Of a row that there is. Cost: 10 ns, 50 more for an item. */
struct worth offer_worth(
    const struct catalogue *c, uint32_t row, const struct offer_rules *rules);
/* The hash of the creative's category, or of that of its first item that has one; 0: none. */
uint64_t offer_category(const struct catalogue *c, uint32_t row);
/* Append the item of a candidate in the lists candidate_values and candidate_bid_types. */
void worth_build_value(struct worth w, struct build *to);
void worth_build_type(struct worth w, struct build *to);
/* Append candidate_values and candidate_bid_types of n rows, as far as one has them; how
 * many pairs. */
unsigned offers_build(const struct catalogue *c, const struct offer_rules *rules,
    const uint32_t *rows, uint32_t n, struct build *to);

#endif
