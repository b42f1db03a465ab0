/* SPDX-License-Identifier: MIT */
#include "lib/delivery/offers.h"

#include "lib/delivery/price.h"

static const struct item *
item_of(const struct catalogue *c, const struct creative *k, unsigned i)
{
	uint32_t row = catalogue_find_item(c, k->items[i]);

	return row == CATALOGUE_NONE ? NULL : catalogue_item(c, row);
}

static int64_t
price_of(const struct catalogue *c, const struct creative *k)
{
	for (unsigned i = 0; i < k->item_count; i++) {
		const struct item *item = item_of(c, k, i);

		if (item != NULL && item->price_micros >= 0)
			return item->price_micros;
	}
	return -1;
}

struct worth
offer_worth(const struct catalogue *c, uint32_t row, const struct offer_rules *rules)
{
	const struct creative *k = catalogue_creative(c, row);
	const struct campaign *campaign =
	    k->campaign == CATALOGUE_NONE ? NULL : catalogue_campaign(c, k->campaign);
	int64_t price;

	if (campaign != NULL && campaign->bid_type != BID_NONE)
		return (struct worth){ campaign->bid_type, campaign->bid_micros };
	if (k->value_micros >= 0)
		return (struct worth){ BID_NONE, k->value_micros };
	price = rules->sells ? price_of(c, k) : -1;
	return (struct worth){ BID_NONE, price >= 0 ? price : rules->house_micros };
}

uint64_t
offer_category(const struct catalogue *c, uint32_t row)
{
	const struct creative *k = catalogue_creative(c, row);
	uint64_t category = k->category;

	for (unsigned i = 0; category == 0 && i < k->item_count; i++) {
		const struct item *item = item_of(c, k, i);

		category = item == NULL ? 0 : item->category;
	}
	return category;
}

void
worth_build_value(struct worth w, struct build *to)
{
	if (w.micros < 0)
		build_nil(to);
	else
		build_int(to, w.micros);
}

void
worth_build_type(struct worth w, struct build *to)
{
	if (w.type == BID_NONE)
		build_nil(to);
	else
		build_text(to, bid_type_name(w.type));
}

unsigned
offers_build(const struct catalogue *c, const struct offer_rules *rules,
    const uint32_t *rows, uint32_t n, struct build *to)
{
	bool valued = false, bids = false;

	for (uint32_t i = 0; i < n; i++) {
		struct worth w = offer_worth(c, rows[i], rules);

		valued = valued || w.micros >= 0;
		bids = bids || w.type != BID_NONE;
	}
	if (!valued)
		return 0;
	build_text(to, "candidate_values");
	build_array(to, n);
	for (uint32_t i = 0; i < n; i++)
		worth_build_value(offer_worth(c, rows[i], rules), to);
	if (!bids)
		return 1;
	build_text(to, "candidate_bid_types");
	build_array(to, n);
	for (uint32_t i = 0; i < n; i++)
		worth_build_type(offer_worth(c, rows[i], rules), to);
	return 2;
}
