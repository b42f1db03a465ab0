/* SPDX-License-Identifier: MIT */
#include "lib/delivery/counted.h"

#include <math.h>

#include "lib/delivery/price.h"

struct counted_keys
counted_keys(struct reader *reader)
{
	return (struct counted_keys){
		.rewards = reader_key(reader, "rewards"),
		.viewable = reader_key(reader, "viewable"),
		.price = reader_key(reader, "price_micros"),
		.bid_type = reader_key(reader, "bid_type"),
		.value = reader_key(reader, "value_micros"),
		.taken_out = reader_key(reader, "void"),
		.judgement = judgement_keys(reader),
	};
}

/* A finite number, 0 when absent. False when it is something else. */
static bool
number_of(const struct record *r, struct key key, double *to)
{
	struct slice value;

	*to = 0;
	return !record_value(r, key, &value) ||
	    (value_number(value, to) && isfinite(*to));
}

/* A reward: a number or a bool. */
static bool
reward_of(struct slice value, double *to)
{
	bool happened;

	if (value_bool(value, &happened)) {
		*to = happened;
		return true;
	}
	return value_number(value, to) && isfinite(*to);
}

/* --- Costs ----------------------------------------------------------------------- */

struct price {
	double micros;
	enum bid_type type; /* BID_NONE: what it has cost */
};

static const char *
read_price(const struct counted_keys *keys, const struct record *r, struct price *to)
{
	struct slice word;

	*to = (struct price){ .type = BID_NONE };
	if (!number_of(r, keys->price, &to->micros))
		return "price_micros is no finite number";
	if (!record_str(r, keys->bid_type, &word))
		return NULL;
	to->type = bid_type_of(word);
	return to->type != BID_NONE ? NULL : "bid_type is none of cpm, cpc, cpa";
}

static double
once(double times)
{
	return times < 1 ? times : 1;
}

/* A bid is for 1,000 impressions, or is paid for the first click or conversion only. */
static double
cost_of(const struct price *p, double impression, double click, double conversion)
{
	switch (p->type) {
	case BID_CPM:
		return p->micros * impression * 1e-3;
	case BID_CPC:
		return p->micros * once(click);
	case BID_CPA:
		return p->micros * once(conversion);
	default:
		return p->micros;
	}
}

/* --- Plain events ---------------------------------------------------------------- */

/* An event that flows once more moves between what counts and what is invalid. */
static bool
read_again(const struct counted_keys *keys, const struct record *r,
    const struct tally_event *e, struct tally_void *out)
{
	struct judgement j;
	double w = e->weight;

	if (!judgement_of_again(&keys->judgement, r, &j))
		return false;
	*out = (struct tally_void){ .events = -w,
		.impressions = e->hidden ? 0 : -(w * e->impression),
		.clicks = -(w * e->click),
		.conversions = -(w * e->conversion),
		.cost = -(w * e->cost),
		.revenue = -(w * e->revenue),
		.count = 1 };
	out->reasons[0].word = judgement_reason(&j);
	out->reasons[0].n = -w;
	return true;
}

static const char *
read_event(const struct counted_keys *keys, const struct record *r, enum kind kind,
    struct tally_event *to)
{
	struct price price;
	const char *wrong;

	to->impression = kind == KIND_IMPRESSION;
	to->click = kind == KIND_CLICK;
	to->conversion = kind == KIND_PURCHASE;
	if (kind == KIND_PURCHASE || kind == KIND_REFUND) {
		if (!number_of(r, keys->value, &to->revenue))
			return "value_micros is no finite number";
		if (kind == KIND_REFUND)
			to->revenue = -to->revenue;
		/* Only of a bid its price is a cost: else it is that of the goods. */
		if (record_index(r, keys->bid_type) < 0)
			return NULL;
	}
	wrong = read_price(keys, r, &price);
	to->cost = cost_of(&price, to->impression, to->click, to->conversion);
	return wrong;
}

/* --- Outcomes -------------------------------------------------------------------- */

static void
read_reasons(struct slice map, struct tally_void *out)
{
	struct slice key, value, word;
	struct value_walk walk;
	double n;

	for (value_open(map, &walk); value_next(&walk, &key, &value);) {
		if (!value_str(key, &word) || !value_number(value, &n) || !isfinite(n))
			continue;
		if (out->count < TALLY_REASONS) {
			out->reasons[out->count].word = word;
			out->reasons[out->count++].n = n;
		} else {
			out->reasons[TALLY_REASONS - 1].word = slice_text("other");
			out->reasons[TALLY_REASONS - 1].n += n;
		}
	}
}

/* The key `void` of an outcome, which is multiplied by the weight already. What it has cost
 * is what it would have with that, less what it has without. */
static const char *
read_void(struct slice map, const struct price *price, const struct tally_event *e,
    struct tally_void *out)
{
	double w = e->weight, gross;
	struct slice key, value, name;
	struct value_walk walk;

	*out = (struct tally_void){ 0 };
	if (value_type(map) != VALUE_MAP)
		return "void is no map";
	for (value_open(map, &walk); value_next(&walk, &key, &value);) {
		double *to;

		if (!value_str(key, &name))
			continue;
		to = slice_is(name, "impression")    ? &out->events
		    : slice_is(name, "click")        ? &out->clicks
		    : slice_is(name, "conversion")   ? &out->conversions
		    : slice_is(name, "value_micros") ? &out->revenue
						     : NULL;
		if (to != NULL && !reward_of(value, to))
			return "what is void is no finite number";
		if (slice_is(name, "reasons"))
			read_reasons(value, out);
	}
	out->impressions = e->hidden ? 0 : out->events;
	gross = w + out->events;
	if (gross != 0)
		out->cost = gross *
			cost_of(price, 1, (w * e->click + out->clicks) / gross,
			    (w * e->conversion + out->conversions) / gross) -
		    w * e->cost;
	return NULL;
}

static const char *
read_outcome(const struct counted_keys *keys, const struct record *r,
    struct tally_event *to, bool *any, struct tally_void *out)
{
	struct slice map, key, value, name;
	struct value_walk walk;
	struct price price;
	const char *wrong;

	to->impression = 1;
	if (!record_value(r, keys->rewards, &map) || value_type(map) != VALUE_MAP)
		return "an outcome without rewards";
	for (value_open(map, &walk); value_next(&walk, &key, &value);) {
		double *sum;

		if (!value_str(key, &name))
			continue;
		sum = slice_is(name, "click")        ? &to->click
		    : slice_is(name, "conversion")   ? &to->conversion
		    : slice_is(name, "value_micros") ? &to->revenue
						     : NULL;
		if (sum != NULL && !reward_of(value, sum))
			return "a reward that is no finite number";
	}
	wrong = read_price(keys, r, &price);
	if (wrong != NULL)
		return wrong;
	to->cost = cost_of(&price, 1, to->click, to->conversion);
	*any = record_value(r, keys->taken_out, &map);
	return *any ? read_void(map, &price, to, out) : NULL;
}

const char *
counted_read(const struct counted_keys *keys, const struct record *r, enum kind kind,
    struct tally_event *to, bool *any, struct tally_void *out)
{
	const char *wrong;
	bool viewable;

	*to = (struct tally_event){ 0 };
	*any = false;
	if (!record_weight(r, &to->weight))
		return "weight is no finite number";
	to->hidden = record_bool(r, keys->viewable, &viewable) && !viewable;
	if (kind == KIND_OUTCOME)
		return read_outcome(keys, r, to, any, out);
	wrong = read_event(keys, r, kind, to);
	if (wrong == NULL)
		*any = read_again(keys, r, to, out);
	return wrong;
}
