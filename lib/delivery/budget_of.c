/* SPDX-License-Identifier: MIT */
#include "lib/delivery/budget.h"

int64_t
budget_price(enum bid_type type, int64_t micros)
{
	return micros < 0 ? 0 : type == BID_CPM ? micros : micros * BUDGET_MILLI;
}

struct budget_of
budget_of(const struct campaign *c)
{
	return (struct budget_of){ .campaign = c->id,
		.price = budget_price(c->bid_type, c->bid_micros),
		.type = c->bid_type,
		.total = c->budget_micros,
		.daily = c->daily_budget_micros,
		.starts_at = c->starts_at,
		.ends_at = c->ends_at };
}

void
budget_lower(struct budget_of *of, enum bid_type type, int64_t micros)
{
	int64_t price;

	if (type != of->type || micros < 0 || micros > CATALOGUE_MICROS_MAX)
		return;
	price = budget_price(type, micros);
	of->price = price < of->price ? price : of->price;
}

bool
budget_find(const struct catalogue *c, uint64_t campaign, struct budget_of *of)
{
	uint32_t row =
	    campaign == 0 ? CATALOGUE_NONE : catalogue_find_campaign(c, campaign);

	if (row == CATALOGUE_NONE)
		return false;
	*of = budget_of(catalogue_campaign(c, row));
	return of->price > 0;
}
