/* SPDX-License-Identifier: MIT */
#include "lib/delivery/price.h"

#include "lib/base/assert.h"

/* What does not take part: no value is below 0. */
#define OUT (-1.0)

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

static int64_t
worth(const struct offer *o)
{
	int64_t micros = o->type == BID_NONE ? o->value_micros : o->bid_micros;

	return micros > 0 ? micros : 0;
}

double
price_value(const struct offer *o)
{
	return rate(o) * (double)worth(o);
}

int64_t
price_needed(const struct offer *o, double needed)
{
	double r = rate(o), price;
	int64_t bid = worth(o), whole;

	if (!(r > 0) || bid == 0)
		return bid;
	price = needed / r;
	if (!(price < (double)bid))
		return bid;
	whole = (int64_t)price;
	whole += (double)whole < price;
	return whole < 1 ? 1 : whole;
}

static uint32_t
largest(const double *values, uint32_t n)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < n; i++)
		if (values[i] > values[best])
			best = i;
	return best;
}

/* The chosen one, and those who must not stand beside him, leave. */
static void
leave(const struct offer *offers, uint32_t n, uint32_t chosen,
    const struct price_rules *rules, double *values)
{
	const struct offer *o = &offers[chosen];

	values[chosen] = OUT;
	for (uint32_t i = 0; i < n; i++)
		if ((rules->one_of_campaign && o->campaign != 0 &&
			offers[i].campaign == o->campaign) ||
		    (rules->one_of_category && o->category != 0 &&
			offers[i].category == o->category))
			values[i] = OUT;
}

/* The largest value among those who bid against him, at least the floor. */
static double
rival(const struct offer *offers, uint32_t n, uint32_t chosen, double floor,
    const double *values)
{
	uint64_t own = offers[chosen].campaign;
	double most = floor;

	for (uint32_t i = 0; i < n; i++)
		if (i != chosen && (own == 0 || offers[i].campaign != own) &&
		    values[i] > most)
			most = values[i];
	return most;
}

unsigned
price_choose(const struct offer *offers, uint32_t n, unsigned k,
    const struct price_rules *rules, double *values, struct placing *to)
{
	double floor = rules->floor_micros > 0 ? rules->floor_micros : 0;
	unsigned chosen = 0;

	k = k > PRICE_POSITIONS_MAX ? PRICE_POSITIONS_MAX : k;
	for (uint32_t i = 0; i < n; i++) {
		values[i] = price_value(&offers[i]);
		values[i] = values[i] >= floor ? values[i] : OUT;
	}
	for (; chosen < k && n > 0; chosen++) {
		uint32_t best = largest(values, n);

		if (!(values[best] >= 0))
			break;
		to[chosen] =
		    (struct placing){ best, values[best], worth(&offers[best]) };
		if (rules->second)
			to[chosen].price_micros = price_needed(
			    &offers[best], rival(offers, n, best, floor, values));
		leave(offers, n, best, rules, values);
	}
	return chosen;
}
