/* SPDX-License-Identifier: MIT
 *
 * What exchanges tell of bids: a win, that it is to be paid, a loss.
 */
#include <stdio.h>

#include "lib/serve/events.h"
#include "lib/serve/forget.h"

/* What it is to pay: what it cleared at, or, where that is not told, what was bid. */
static int64_t
price_of(struct desk *k, const struct desk_notice *n, const struct shown *s)
{
	int64_t bid = s->sold > 0 ? s->sold : n->bid > 0 ? n->bid : 0;

	k->counts.overpriced += n->price > bid;
	return n->price < 0 || n->price > bid ? bid : n->price;
}

static void
pay(struct desk *k, const struct shown *s, uint64_t decision, int64_t price,
    instant now)
{
	struct budget_of of;
	bool pays = (s->came >> SHOWN_FOREIGN & 1) == 0 &&
	    budget_find(k->catalogue, s->id[CAPS_CAMPAIGN], &of);

	if (pays)
		shown_price(&of, price);
	budgets_reach(k->budgets, now);
	(void)budgets_clear(k->budgets, decision, price);
	(void)budgets_commit(
	    k->budgets, pays ? &of : NULL, decision, BUDGET_IMPRESSION, now);
}

/* It was not shown after all. */
static void
lose(struct desk *k, const struct shown *s, uint64_t decision)
{
	(void)budgets_release(k->budgets, decision);
	if (!k->count_decisions || (s->came >> SHOWN_FOREIGN & 1) != 0 ||
	    (s->came >> DESK_IMPRESSION & 1) != 0)
		return;
	shown_count(s, k->caps, s->decided, -1);
}

static unsigned
pair_price(struct build *b, const char *key, int64_t price)
{
	if (price < 0)
		return 0;
	build_text(b, key);
	build_int(b, (price + BUDGET_MILLI / 2) / BUDGET_MILLI);
	return 1;
}

static void
write(struct desk *k, const struct desk_notice *n, const struct shown *s,
    struct slice decision, int64_t price, instant now)
{
	static const char *const names[] = {
		[DESK_WIN] = "win", [DESK_BILLING] = "billing", [DESK_LOSS] = "loss"
	};
	char id[2 * DECISION_ID_MAX];
	int size = snprintf(id, sizeof id, "%.*s-%s", (int)decision.size,
	    (const char *)decision.at, names[n->event]);
	unsigned pairs = 5 + s->pairs;
	struct build b;
	size_t open;

	journal_open(k->journal, &b);
	open = build_open(&b);
	desk_build_head(&b, names[n->event], slice_of(id, (size_t)size), now);
	build_text(&b, "decision_id");
	build_str(&b, decision);
	build_text(&b, "currency");
	build_text(&b, k->currency);
	build_raw(&b, slice_of(s->about, s->size));
	pairs += pair_price(&b, "price_micros", price);
	pairs += pair_price(&b, "least_micros", n->least);
	if (n->reason >= 0) {
		build_text(&b, "reason");
		build_int(&b, n->reason);
		pairs++;
	}
	build_close_map(&b, open, pairs);
	desk_learn(k, build_slice(&b));
	journal_close(k->journal, &b);
}

int64_t
desk_settle(struct desk *k, const struct desk_notice *n, struct shown *s,
    uint64_t decision, instant now)
{
	int64_t price = n->price;

	if (n->event == DESK_LOSS)
		lose(k, s, decision);
	s->came = (uint8_t)(s->came | 1U << n->event);
	if (n->event == k->pays) {
		price = price_of(k, n, s);
		pay(k, s, decision, price, now);
	}
	*(n->event == DESK_WIN          ? &k->counts.wins
		: n->event == DESK_LOSS ? &k->counts.losses
					: &k->counts.billings) += 1;
	return price;
}

void
desk_notice(
    struct desk *k, const struct desk_notice *n, struct slice decision, instant now)
{
	uint64_t hash = hash_keyed(k->hash, decision);
	int64_t price;
	struct shown *s;
	bool fresh;

	s = table_touch(k->shown, hash, now, &fresh);
	forget_check(k, s);
	if ((s->came >> n->event & 1) != 0) {
		k->counts.repeated++;
		return;
	}
	k->counts.unknown += fresh;
	price = desk_settle(k, n, s, hash, now);
	write(k, n, s, decision, price, now);
}
