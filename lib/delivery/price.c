/* SPDX-License-Identifier: MIT */
#include "lib/delivery/price.h"

static const char *const names[] = {
	[BID_CPM] = "cpm", [BID_CPC] = "cpc", [BID_CPA] = "cpa"
};

enum bid_type
bid_type_of(struct slice word)
{
	for (enum bid_type type = BID_CPM; type <= BID_CPA; type++)
		if (slice_is(word, names[type]))
			return type;
	return BID_NONE;
}

const char *
bid_type_name(enum bid_type type)
{
	return names[type];
}

static double
probability(double p)
{
	return p >= 0 && p <= 1 ? p : 0;
}

/* Of what is paid for, by impression. */
static double
rate(const struct offer *o)
{
	double clicks = probability(o->pctr);

	return o->type == BID_CPM ? 1e-3
	    : o->type == BID_CPC  ? clicks
				  : clicks * probability(o->pcvr);
}

int64_t
price_needed(const struct offer *o, double needed)
{
	double r = rate(o), price;
	int64_t bid = o->bid_micros > 0 ? o->bid_micros : 0, whole;

	if (!(r > 0) || bid == 0)
		return bid;
	price = needed / r;
	if (!(price < (double)bid))
		return bid;
	whole = (int64_t)price;
	whole += (double)whole < price;
	return whole < 1 ? 1 : whole;
}
