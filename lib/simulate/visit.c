/* SPDX-License-Identifier: MIT */
#include "lib/simulate/visit.h"

#include <string.h>

#include "lib/base/assert.h"
#include "lib/simulate/chance.h"

enum {
	PAGES_MAX = 500,            /* of a session */
	RESERVE = BOARD_SLOTS + 16, /* of the agenda, for what must not be lost */
	CRAWLERS = 20,
	ACCOUNTS = 50, /* of farms */
};

/* What is drawn of the seed. */
enum {
	OF_ARRIVAL = 40,
	OF_SESSION,
	OF_PAGE,
	OF_CHOICE,
	OF_LOOK,
	OF_CLICK,
	OF_ORDER,
	OF_BACK
};

/* Mean seconds on a page; how probable another one is; and of each page. */
static const struct {
	double seconds, more;
} pace[] = { [TELL_HUMAN] = { 40, 0.75 },
	[TELL_CRAWLER] = { 1.5, 0.97 },
	[TELL_FARM] = { 6, 0.9 } };

#define SEARCHES 0.1
#define VIEWS 0.4
#define CARTS 0.2     /* of views */
#define CHECKOUTS 0.5 /* of sessions with something in the cart */
#define PAYMENTS 0.6  /* of those */
#define CRAWLER_CLICKS 0.01
#define FARM_CLICKS 0.8
#define VALUE_DEVIATION 0.4 /* of what is paid, around the price, log-normal */

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

double
visit_profile(instant at)
{
	int64_t hours = at / WHEN_HOUR - (at % WHEN_HOUR < 0);
	int64_t days = at / WHEN_DAY - (at % WHEN_DAY < 0);

	return part(
	    (unsigned)(hours - 24 * days), (unsigned)(((days + 3) % 7 + 7) % 7));
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

void
visit_plan(struct market *s, const struct happening *h, bool must)
{
	if ((!must && s->agenda.n + RESERVE >= s->agenda.room) ||
	    !agenda_add(&s->agenda, *h))
		s->counts.crowded++;
}

static struct random
luck(const struct market *s, uint64_t what, uint64_t which)
{
	return chance_of(s->o.world.seed, what, which);
}

static int64_t
exponential(struct random *r, double mean_us)
{
	return 1 + (int64_t)(mean_us * chance_exponential(r));
}

static struct person
person_of(const struct market *s, const struct happening *h)
{
	return (struct person){ h->session, h->visitor, (enum tell_who)h->who,
		h->who != TELL_HUMAN || world_consents(&s->world, h->visitor) };
}

static int
tell(struct market *s, struct slice record)
{
	return s->ends.record(s->ends.context, record);
}

static unsigned
item_of(unsigned category, uint64_t which)
{
	return category +
	    WORLD_CATEGORIES * (unsigned)(which % (TELL_ITEMS / WORLD_CATEGORIES));
}

/* --- Sessions --------------------------------------------------------------------- */

/* Poisson by thinning (Lewis and Shedler 1979). */
int
visit_arrival(struct market *s, const struct happening *h)
{
	struct random r = luck(s, OF_ARRIVAL, h->number);
	double mean_us = (double)WHEN_DAY / (s->o.rate * s->busiest);
	bool comes = chance_uniform(&r) * s->busiest < visit_profile(h->at);
	struct happening next = { .kind = VISIT_ARRIVAL, .number = h->number + 1 };
	struct happening page = { .at = h->at, .kind = VISIT_PAGE };
	double who;

	next.at = h->at + exponential(&r, mean_us);
	visit_plan(s, &next, true);
	if (!comes)
		return 0;
	page.session = s->counts.sessions++;
	r = luck(s, OF_SESSION, page.session);
	who = chance_uniform(&r);
	page.who = (uint8_t)(who < s->o.farms      ? TELL_FARM
		: who < s->o.farms + s->o.crawlers ? TELL_CRAWLER
						   : TELL_HUMAN);
	page.visitor = page.who == TELL_HUMAN
	    ? world_visitor(&s->world, chance_uniform(&r))
	    : (uint32_t)hash_bucket(
		  random_next(&r), page.who == TELL_FARM ? ACCOUNTS : CRAWLERS);
	page.pages = (uint16_t)(1 + chance_geometric(&r, pace[page.who].more));
	if (page.pages > PAGES_MAX)
		page.pages = PAGES_MAX;
	visit_plan(s, &page, false);
	return 0;
}

/* What a human does on a page besides looking at banners. */
static int
browse(struct market *s, struct happening *h, const struct person *p, unsigned category,
    struct random *r)
{
	unsigned item = item_of(category, random_next(r));

	if (chance_uniform(r) < SEARCHES &&
	    tell(s, tell_search(&s->tell, h->at, p, category)) != 0)
		return -1;
	if (chance_uniform(r) >= VIEWS)
		return 0;
	if (tell(s, tell_act(&s->tell, "view_item", h->at, p, item)) != 0)
		return -1;
	if (chance_uniform(r) >= CARTS)
		return 0;
	h->cart = 1;
	h->number = item;
	return tell(s, tell_act(&s->tell, "add_to_cart", h->at, p, item));
}

/* The end of a session: what is in the cart is bought, or not. */
static int
check_out(struct market *s, const struct happening *h, const struct person *p,
    struct random *r)
{
	struct happening order = *h;

	if (h->cart == 0 || chance_uniform(r) >= CHECKOUTS)
		return 0;
	if (tell(s,
		tell_act(&s->tell, "begin_checkout", h->at, p, (unsigned)h->number)) !=
	    0)
		return -1;
	if (chance_uniform(r) >= PAYMENTS)
		return 0;
	order.kind = VISIT_PURCHASE;
	order.at += exponential(r, 2.0 * WHEN_MINUTE);
	visit_plan(s, &order, false);
	return 0;
}

/* --- Banners ---------------------------------------------------------------------- */

/* The shop's own policy answers a request. */
static int
choose(
    struct market *s, const struct happening *h, const struct person *p, unsigned slot)
{
	const struct slot *on = &s->board.slot[slot];
	struct random r = luck(s, OF_CHOICE, on->request);
	bool oracle = s->o.policy == MARKET_ORACLE && p->who == TELL_HUMAN;
	unsigned n = on->candidates, best;
	double click[RATES_MAX];
	uint16_t left[RATES_MAX];
	char id[TELL_ID_MAX];
	const char *wrong;

	for (unsigned i = 0; i < n; i++)
		left[i] = (uint16_t)i;
	if (oracle)
		world_clicks(&s->world, p->visitor, n, click);
	for (unsigned k = 0; k < s->o.positions && n > 0; k++) {
		/* The oracle gives the best to the position that is looked at most. */
		struct tell_place place = { .request = on->request,
			.position = oracle ? s->by_attention[k] : k };

		if (place.position >= on->wanted)
			continue;
		best = (unsigned)hash_bucket(random_next(&r), n);
		for (unsigned i = 0; oracle && i < n; i++)
			if (click[left[i]] > click[left[best]])
				best = i;
		place.decision =
		    slice_of(id, tell_decision_id(on->request, place.position, id));
		place.creative = slice_text(s->o.world.rates->row[left[best]].creative);
		wrong = board_decide(
		    &s->board, on->request, place.position, left[best], place.decision);
		assert(wrong == NULL);
		if (tell(s,
			tell_decision(&s->tell, h->at, p, &place, left, n,
			    oracle ? 1 : 1 / (double)n,
			    s->o.policy == MARKET_ORACLE ? "oracle" : "uniform")) != 0)
			return -1;
		memmove(left + best, left + best + 1, (--n - best) * sizeof *left);
	}
	return 0;
}

/* Ask for the banners of a page. */
static int
request(struct market *s, const struct happening *h, const struct person *p,
    unsigned category)
{
	unsigned slot = board_open(&s->board, p, s->world.born, s->o.positions);
	struct happening show = *h;

	if (slot == BOARD_NONE) {
		s->counts.crowded++;
		return 0;
	}
	s->counts.requests++;
	if (tell(s,
		tell_request(&s->tell, h->at, p, &s->world, s->board.slot[slot].request,
		    category, s->world.born, s->o.positions)) != 0 ||
	    (s->o.policy != MARKET_OTHERS && choose(s, h, p, slot) != 0))
		return -1;
	show.kind = VISIT_SHOW;
	show.at += s->o.latency.us;
	show.slot = slot;
	visit_plan(s, &show, true);
	return 0;
}

int
visit_page(struct market *s, const struct happening *h)
{
	struct random r = luck(s, OF_PAGE + ((uint64_t)h->step << 8), h->session);
	struct person p = person_of(s, h);
	struct happening next = *h;
	unsigned category = h->who == TELL_HUMAN
	    ? world_category(&s->world, h->visitor, chance_uniform(&r))
	    : (unsigned)hash_bucket(random_next(&r), WORLD_CATEGORIES);
	double seconds = pace[h->who].seconds;

	if (tell(s, tell_page(&s->tell, h->at, &p, category, h->step)) != 0 ||
	    (h->who == TELL_HUMAN && browse(s, &next, &p, category, &r) != 0) ||
	    request(s, h, &p, category) != 0)
		return -1;
	if (next.step + 1 >= next.pages)
		return check_out(s, &next, &p, &r);
	next.step++;
	next.at += exponential(&r, seconds * (double)WHEN_SECOND);
	visit_plan(s, &next, false);
	return 0;
}

/* How probable a click on each banner is for whoever looks. */
static void
estimate(const struct market *s, const struct person *p, unsigned n, double *click)
{
	if (p->who == TELL_HUMAN) {
		world_clicks(&s->world, p->visitor, n, click);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		click[i] = p->who == TELL_CRAWLER ? CRAWLER_CLICKS : 0;
	if (p->who == TELL_FARM && s->world.worst < n)
		click[s->world.worst] = FARM_CLICKS;
}

/* What chance and the oracle would have had of the same page: of the positions that have
 * a banner. */
static void
compare(struct market *s, const struct slot *on, const double *click)
{
	bool taken[RATES_MAX] = { false };
	double mean = 0;
	unsigned best;

	for (unsigned i = 0; i < on->candidates; i++)
		mean += click[i] / on->candidates;
	for (unsigned k = 0; k < s->o.positions; k++) {
		unsigned at = s->by_attention[k];

		if (at >= on->wanted || on->banner[at] == 0)
			continue;
		best = on->candidates;
		for (unsigned i = 0; i < on->candidates; i++)
			if (!taken[i] &&
			    (best == on->candidates || click[i] > click[best]))
				best = i;
		taken[best] = true;
		s->day.policy += s->o.examination[at] * click[on->banner[at] - 1];
		s->day.uniform += s->o.examination[at] * mean;
		s->day.oracle += s->o.examination[at] * click[best];
	}
}

/* One banner is shown, looked at or not, clicked or not. */
static int
show_one(struct market *s, const struct happening *h, const struct person *p,
    unsigned position, const double *click)
{
	struct slot *on = &s->board.slot[h->slot];
	unsigned banner = on->banner[position] - 1u;
	struct tell_place place = { board_id(on, position), on->request, position,
		slice_text(s->o.world.rates->row[banner].creative) };
	struct random r = luck(s, OF_LOOK, on->request * TELL_POSITIONS_MAX + position);
	double examination = p->who == TELL_HUMAN ? s->o.examination[position] : 1;
	bool looks = chance_uniform(&r) < examination;
	bool clicks = chance_uniform(&r) < click[banner] && looks;
	struct happening next = *h;

	s->counts.impressions++;
	if (tell(s, tell_seen(&s->tell, "impression", h->at, p, &place)) != 0)
		return -1;
	if (s->ends.truth != NULL &&
	    s->ends.truth(s->ends.context,
		tell_truth(&s->tell, h->at, p, &place, examination, looks, clicks,
		    click, on->candidates)) != 0)
		return -1;
	if (p->who == TELL_HUMAN) {
		s->day.impressions++;
		s->day.clicks += clicks;
		world_show(&s->world, p->visitor, banner);
	}
	if (!clicks)
		return 0;
	next.kind = VISIT_CLICK;
	next.position = (uint8_t)position;
	next.at += exponential(&r, (double)s->o.click_delay.us);
	on->users++;
	visit_plan(s, &next, true);
	return 0;
}

int
visit_show(struct market *s, const struct happening *h)
{
	const struct slot *on = &s->board.slot[h->slot];
	struct person p = person_of(s, h);
	double click[RATES_MAX];
	int status = 0;

	estimate(s, &p, on->candidates, click);
	if (p.who == TELL_HUMAN)
		compare(s, on, click);
	for (unsigned k = 0; k < on->wanted && status == 0; k++) {
		if (on->banner[k] != 0)
			status = show_one(s, h, &p, k, click);
		else
			s->counts.unanswered++;
	}
	board_leave(&s->board, h->slot);
	return status;
}

int
visit_click(struct market *s, const struct happening *h)
{
	const struct slot *on = &s->board.slot[h->slot];
	unsigned banner = on->banner[h->position] - 1u;
	struct tell_place place = { board_id(on, h->position), on->request, h->position,
		slice_text(s->o.world.rates->row[banner].creative) };
	struct random r =
	    luck(s, OF_CLICK, on->request * TELL_POSITIONS_MAX + h->position);
	struct person p = person_of(s, h);
	struct happening order = *h;
	int status;

	s->counts.clicks++;
	status = tell(s, tell_seen(&s->tell, "click", h->at, &p, &place));
	board_leave(&s->board, h->slot);
	if (status != 0 || h->who != TELL_HUMAN ||
	    chance_uniform(&r) >= s->o.conversion)
		return status;
	order.kind = VISIT_PURCHASE;
	order.number =
	    item_of((unsigned)s->world.banner[banner].category, random_next(&r));
	order.at +=
	    1 + (int64_t)((double)s->o.purchase_delay.us * vec_exp(chance_normal(&r)));
	visit_plan(s, &order, false);
	return 0;
}

/* --- Orders ----------------------------------------------------------------------- */

/* What was paid: of the price, in whole cents. */
static int64_t
value_of(const struct market *s, uint64_t order, uint64_t item)
{
	struct random r = luck(s, OF_ORDER, order);
	double micros =
	    (double)s->tell.price[item] * vec_exp(VALUE_DEVIATION * chance_normal(&r));

	return (int64_t)(micros / 1e4) * 10000 + 10000;
}

static int
tell_of_order(
    struct market *s, const char *event, const struct happening *h, uint64_t order)
{
	struct person p = person_of(s, h);

	return tell(s,
	    tell_order(&s->tell, event, h->at, &p, order, (unsigned)h->number,
		value_of(s, order, h->number)));
}

int
visit_purchase(struct market *s, const struct happening *h)
{
	struct random r = luck(s, OF_BACK, s->orders);
	uint64_t order = s->orders++;
	struct happening back = *h;

	s->counts.purchases++;
	if (tell_of_order(s, "purchase", h, order) != 0)
		return -1;
	if (chance_uniform(&r) >= s->o.refunds || order > UINT32_MAX)
		return 0;
	back.kind = VISIT_REFUND;
	back.slot = (uint32_t)order;
	back.at += exponential(&r, (double)s->o.refund_delay.us);
	visit_plan(s, &back, false);
	return 0;
}

int
visit_refund(struct market *s, const struct happening *h)
{
	s->counts.refunds++;
	return tell_of_order(s, "refund", h, h->slot);
}
