/* SPDX-License-Identifier: MIT */
#include "lib/simulate/visit.h"

#include "lib/simulate/account.h"
#include "lib/simulate/inside.h"
#include "lib/simulate/raid.h"
#include "lib/simulate/show.h"

enum {
	PAGES_MAX = 500,            /* of a session */
	RESERVE = BOARD_SLOTS + 64, /* of the agenda, for what must not be lost */
};

/* Of each page. */
#define SEARCHES 0.1
#define VIEWS 0.4
#define CARTS 0.2           /* of views */
#define CHECKOUTS 0.5       /* of sessions with something in the cart */
#define PAYMENTS 0.6        /* of those */
#define VALUE_DEVIATION 0.4 /* of what is paid, around the price, log-normal */
#define LARGE 0.02          /* of orders, three to ten times as much */
#define SECOND_CARD 0.15    /* of orders */

/* Banner impressions of ZOZOTOWN by hour (UTC) and by weekday (Monday first), in 20,000 of
 * a week of November 2019 (Open Bandit Dataset, men, both policies; CC BY 4.0). */
static const unsigned by_hour[24] = { 666, 775, 789, 1048, 790, 781, 784, 784, 868, 963,
	1044, 1354, 1648, 1726, 1560, 1360, 629, 411, 238, 166, 214, 314, 527, 561 };
static const unsigned by_day[7] = { 2522, 2595, 2885, 2959, 2741, 2774, 3524 };
#define OF_ALL 20000.0

static double
part(unsigned hour, unsigned day)
{
	return by_hour[hour] * (24 / OF_ALL) * (by_day[day] * (7 / OF_ALL));
}

static unsigned
weekday(int64_t days)
{
	return (unsigned)(((days + 3) % 7 + 7) % 7);
}

double
visit_profile(instant at)
{
	int64_t hours = at / WHEN_HOUR - (at % WHEN_HOUR < 0);
	int64_t days = at / WHEN_DAY - (at % WHEN_DAY < 0);

	return part((unsigned)(hours - 24 * days), weekday(days));
}

double
visit_profile_day(instant at)
{
	return by_day[weekday(at / WHEN_DAY - (at % WHEN_DAY < 0))] * (7 / OF_ALL);
}

double
visit_profile_max(void)
{
	double max = 0;

	for (unsigned h = 0; h < 24; h++)
		for (unsigned d = 0; d < 7; d++)
			max = part(h, d) > max ? part(h, d) : max;
	return max;
}

/* --- Helpers ---------------------------------------------------------------------- */

bool
visit_plan(struct market *s, const struct happening *h, bool must)
{
	bool fits = (must || s->agenda.n + RESERVE < s->agenda.room) &&
	    agenda_add(&s->agenda, *h);

	s->counts.crowded += !fits;
	return fits;
}

/* --- Sessions --------------------------------------------------------------------- */

/* Poisson by thinning (Lewis and Shedler 1979). */
int
visit_arrival(struct market *s, const struct happening *h)
{
	const struct who_habits *habits = &who_habits[h->who];
	struct random r = luck(s, OF_ARRIVAL + ((uint64_t)h->who << 8), h->number);
	double rate = s->o.rate * who_per_human(s->o.attack, (enum who)h->who);
	double mean_us = (double)WHEN_DAY / (rate * s->busiest);
	double now = habits->by_day ? visit_profile(h->at) : visit_profile_day(h->at);
	bool comes = chance_uniform(&r) * s->busiest < now;
	struct happening next = *h;
	struct happening page = { .at = h->at, .kind = VISIT_PAGE, .who = h->who };

	next.number++;
	next.at = h->at + exponential(&r, mean_us);
	(void)visit_plan(s, &next, true);
	if (!comes)
		return 0;
	page.session = h->who == WHO_HUMAN ? s->counts.sessions++
					   : WHO_NUMBERS + s->counts.attacks++;
	r = luck(s, OF_SESSION, page.session);
	page.pages = (uint16_t)(1 + chance_geometric(&r, habits->more));
	if (page.pages > PAGES_MAX)
		page.pages = PAGES_MAX;
	if (h->who != WHO_HUMAN) {
		raid_enter(s, &page, &r);
		return 0;
	}
	page.visitor = world_visitor(&s->world, chance_uniform(&r));
	account_enter(s, &page);
	(void)visit_plan(s, &page, false);
	return 0;
}

/* What a human does on a page besides looking at banners. */
static int
browse(struct market *s, struct happening *h, const struct person *p, unsigned category,
    struct random *r)
{
	unsigned item = item_of(category, random_next(r));

	if (chance_uniform(r) < SEARCHES &&
	    tell(s, p, tell_search(&s->tell, h->at, p, category)) != 0)
		return -1;
	if (chance_uniform(r) >= VIEWS)
		return 0;
	if (tell(s, p, tell_act(&s->tell, "view_item", h->at, p, item)) != 0)
		return -1;
	if (chance_uniform(r) >= CARTS)
		return 0;
	h->cart = 1;
	h->number = item;
	return tell(s, p, tell_act(&s->tell, "add_to_cart", h->at, p, item));
}

/* The end of a session: what is in the cart is bought, or not. */
static int
check_out(struct market *s, const struct happening *h, const struct person *p,
    struct random *r)
{
	struct happening order = *h;

	if (h->cart == 0 || chance_uniform(r) >= CHECKOUTS)
		return 0;
	if (tell(s, p,
		tell_act(&s->tell, "begin_checkout", h->at, p, (unsigned)h->number)) !=
	    0)
		return -1;
	if (chance_uniform(r) >= PAYMENTS)
		return 0;
	order.kind = VISIT_PURCHASE;
	order.at += exponential(r, 2.0 * WHEN_MINUTE);
	(void)visit_plan(s, &order, false);
	return 0;
}

int
visit_page(struct market *s, const struct happening *h)
{
	struct random r = luck(s, OF_PAGE + ((uint64_t)h->step << 8), h->session);
	struct person p = whose(s, h);
	struct happening next = *h;
	unsigned category = h->who == WHO_HUMAN
	    ? world_category(&s->world, h->visitor, chance_uniform(&r))
	    : (unsigned)hash_bucket(random_next(&r), WORLD_CATEGORIES);
	double seconds = who_habits[h->who].seconds;

	if (tell(s, &p, tell_page(&s->tell, h->at, &p, category, h->step)) != 0 ||
	    (h->who == WHO_HUMAN && browse(s, &next, &p, category, &r) != 0) ||
	    show_request(s, h, &p, category) != 0)
		return -1;
	if (next.step + 1 >= next.pages && h->who != WHO_HUMAN)
		raid_check_out(s, &next, &r);
	else if (next.step + 1 >= next.pages)
		return check_out(s, &next, &p, &r);
	if (next.step + 1 >= next.pages)
		return 0;
	next.step++;
	next.at += exponential(&r, seconds * (double)WHEN_SECOND);
	(void)visit_plan(s, &next, false);
	return 0;
}

/* --- Orders ----------------------------------------------------------------------- */

/* What was paid: of the price, in whole cents; and with which card. */
static void
pay(const struct market *s, const struct happening *h, struct tell_order *order)
{
	struct random r = luck(s, OF_ORDER, order->number);
	double price = (double)s->tell.price[order->item], micros;

	if (h->who == WHO_HUMAN) {
		micros = price * vec_exp(VALUE_DEVIATION * chance_normal(&r));
		if (chance_uniform(&r) < LARGE)
			micros *= 3 + 7 * chance_uniform(&r);
	} else {
		micros = raid_value(h, price, &r);
	}
	order->micros = (int64_t)(micros / 1e4) * 10000 + 10000;
	order->card = h->who == WHO_STOLEN_CARD
	    ? raid_card(h)
	    : hash_pair(person_name(WHO_HUMAN, h->visitor),
		  h->who == WHO_HUMAN && chance_uniform(&r) < SECOND_CARD);
}

static int
tell_of_order(struct market *s, const char *event, const struct happening *h,
    uint64_t number, struct slice decision)
{
	struct person p = whose(s, h);
	struct tell_order order = {
		.number = number, .item = (unsigned)h->number, .decision = decision
	};

	pay(s, h, &order);
	return tell(s, &p, tell_order(&s->tell, event, h->at, &p, &order));
}

int
visit_purchase(struct market *s, const struct happening *h)
{
	uint64_t order =
	    who_numbers((enum who)h->who) + s->orders[h->who != WHO_HUMAN]++;
	struct random r = luck(s, OF_BACK, order);
	struct happening back = *h;
	int status;

	s->counts.purchases++;
	status = tell_of_order(s, "purchase", h, order, show_cause(s, h));
	show_done(s, h);
	if (status != 0)
		return -1;
	raid_order(s, h, order);
	if (h->who != WHO_HUMAN || chance_uniform(&r) >= s->o.refunds ||
	    order > UINT32_MAX)
		return 0;
	back.kind = VISIT_REFUND;
	back.slot = (uint32_t)order;
	back.at += exponential(&r, (double)s->o.refund_delay.us);
	(void)visit_plan(s, &back, false);
	return 0;
}

int
visit_refund(struct market *s, const struct happening *h)
{
	s->counts.refunds++;
	return tell_of_order(s, "refund", h, h->slot, (struct slice){ NULL, 0 });
}
