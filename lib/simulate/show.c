/* SPDX-License-Identifier: MIT */
#include "lib/simulate/show.h"

#include <string.h>

#include "lib/base/assert.h"
#include "lib/simulate/inside.h"

#define TWICE 0.02 /* clicks that are double, after a fifth of a second or so */

/* Whether the shop itself decides what this page shows. */
static bool
decides(const struct market *s, const struct slot *on)
{
	return on->control ||
	    (s->o.policy != MARKET_OTHERS && s->o.policy != MARKET_SERVER);
}

/* The shop's own policy answers a request. */
static int
choose(
    struct market *s, const struct happening *h, const struct person *p, unsigned slot)
{
	const struct slot *on = &s->board.slot[slot];
	struct random r = luck(s, OF_CHOICE, on->request);
	bool oracle = s->o.policy == MARKET_ORACLE && p->who == WHO_HUMAN;
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
		wrong = board_put(
		    &s->board, slot, place.position, left[best], place.decision);
		assert(wrong == NULL);
		if (s->ends.ask == NULL &&
		    tell(s, p,
			tell_decision(&s->tell, h->at, p, &place, left, n,
			    oracle ? 1 : 1 / (double)n,
			    s->o.policy == MARKET_ORACLE ? "oracle" : "uniform")) != 0)
			return -1;
		memmove(left + best, left + best + 1, (--n - best) * sizeof *left);
	}
	return 0;
}

static bool
is_control(const struct market *s, uint32_t visitor)
{
	struct random r = luck(s, OF_CONTROL, visitor);

	return s->o.control > 0 && chance_uniform(&r) < s->o.control;
}

/* Tell who decides. */
static int
ask(struct market *s, const struct person *p, unsigned slot, struct slice request)
{
	if (s->ends.ask == NULL)
		return s->ends.record(s->ends.context, request) == 0 ? label(s, p) : -1;
	return s->board.slot[slot].control
	    ? 0
	    : s->ends.ask(s->ends.server, slot, lane_of(p), request);
}

int
show_request(struct market *s, const struct happening *h, const struct person *p,
    unsigned category)
{
	unsigned slot = board_open(&s->board, p, s->world.born, s->o.positions);
	struct happening show = *h;

	if (slot == BOARD_NONE) {
		s->counts.crowded++;
		return 0;
	}
	s->counts.requests++;
	s->board.slot[slot].category = (uint8_t)category;
	s->board.slot[slot].control = p->who == WHO_HUMAN && is_control(s, p->visitor);
	if (ask(s, p, slot,
		tell_request(&s->tell, h->at, p, &s->world, s->board.slot[slot].request,
		    category, s->world.born, s->o.positions)) != 0 ||
	    (decides(s, &s->board.slot[slot]) && choose(s, h, p, slot) != 0))
		return -1;
	show.kind = VISIT_SHOW;
	show.at += s->o.latency.us;
	show.slot = slot;
	(void)visit_plan(s, &show, true);
	return 0;
}

/* How probable a click on each banner is for whoever looks. */
static void
estimate(const struct market *s, const struct person *p, unsigned n, double *click)
{
	if (p->who == WHO_HUMAN) {
		world_clicks(&s->world, p->visitor, n, click);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		click[i] = who_habits[p->who].clicks;
	if (s->world.worst < n)
		click[s->world.worst] = who_habits[p->who].target;
}

/* Who shows what it believes to be best, in the order of attention, on the positions that
 * have a banner: the clicks that come of it. */
static double
earn(const struct market *s, const struct slot *on, const double *believed,
    const double *click)
{
	bool taken[RATES_MAX] = { false };
	double sum = 0;
	unsigned best;

	for (unsigned k = 0; k < s->o.positions; k++) {
		unsigned at = s->by_attention[k];

		if (at >= on->wanted || on->banner[at] == 0)
			continue;
		best = on->candidates;
		for (unsigned i = 0; i < on->candidates; i++)
			if (!taken[i] &&
			    (best == on->candidates || believed[i] > believed[best]))
				best = i;
		taken[best] = true;
		sum += s->o.examination[at] * click[best];
	}
	return sum;
}

/* What others would have had of the same page. */
static void
compare(struct market *s, const struct slot *on, const struct person *p,
    const double *click)
{
	struct regret *to = &s->part[on->control];
	double believed[RATES_MAX], mean = 0;

	for (unsigned i = 0; i < on->candidates; i++)
		mean += click[i] / on->candidates;
	for (unsigned at = 0; at < on->wanted; at++)
		if (on->banner[at] != 0) {
			to->policy += s->o.examination[at] * click[on->banner[at] - 1];
			to->uniform += s->o.examination[at] * mean;
		}
	informed_clicks(&s->informed, &s->world, p->visitor, p->consents, on->category,
	    on->candidates, believed);
	to->informed += earn(s, on, believed, click);
	to->oracle += earn(s, on, click, click);
}

/* It was seen, or clicked. The control group is nobody's business. */
static int
tell_of(struct market *s, const char *event, const struct happening *h,
    const struct person *p, const struct tell_place *place)
{
	if (s->ends.seen == NULL)
		return s->ends.record(
		    s->ends.context, tell_seen(&s->tell, event, h->at, p, place));
	return s->board.slot[h->slot].control
	    ? 0
	    : s->ends.seen(
		  s->ends.server, h->slot, place->position, lane_of(p), *event == 'c');
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
	double examination = p->who == WHO_HUMAN ? s->o.examination[position] : 1;
	bool looks = chance_uniform(&r) < examination;
	bool clicks = chance_uniform(&r) < click[banner] && looks;
	struct happening next = *h;

	s->counts.impressions++;
	if (tell_of(s, "impression", h, p, &place) != 0)
		return -1;
	if (s->ends.truth != NULL &&
	    s->ends.truth(s->ends.context,
		tell_truth(&s->tell, h->at, p, &place, s->ends.seen == NULL,
		    examination, looks, clicks, click, on->candidates)) != 0)
		return -1;
	if (p->who == WHO_HUMAN) {
		s->part[on->control].impressions++;
		s->part[on->control].clicks += clicks;
		world_show(&s->world, p->visitor, banner);
	}
	if (!clicks)
		return 0;
	next.kind = VISIT_CLICK;
	next.position = (uint8_t)position;
	next.at += exponential(
	    &r, (double)s->o.click_delay.us * who_habits[p->who].click_delay);
	on->users++;
	(void)visit_plan(s, &next, true);
	return 0;
}

int
show_banners(struct market *s, const struct happening *h)
{
	const struct slot *on = &s->board.slot[h->slot];
	struct person p = whose(s, h);
	double click[RATES_MAX];
	int status = 0;

	estimate(s, &p, on->candidates, click);
	if (p.who == WHO_HUMAN)
		compare(s, on, &p, click);
	for (unsigned k = 0; k < on->wanted && status == 0; k++) {
		if (on->banner[k] != 0)
			status = show_one(s, h, &p, k, click);
		else
			s->counts.unanswered++;
	}
	board_leave(&s->board, h->slot);
	return status;
}

static int
tell_click(struct market *s, const struct happening *h, const struct person *p)
{
	struct slot *on = &s->board.slot[h->slot];
	unsigned banner = on->banner[h->position] - 1u;
	struct tell_place place = { board_id(on, h->position), on->request, h->position,
		slice_text(s->o.world.rates->row[banner].creative) };

	if (tell_of(s, "click", h, p, &place) != 0)
		return -1;
	return s->ends.seen == NULL ? label(s, p) : 0;
}

/* An order that a click leads to, or not. */
static bool
plan_order(struct market *s, const struct happening *h, struct random *r)
{
	unsigned banner = s->board.slot[h->slot].banner[h->position] - 1u;
	struct happening order = *h;

	if (h->who != WHO_HUMAN || chance_uniform(r) >= s->o.conversion)
		return false;
	order.kind = VISIT_PURCHASE;
	order.cart = 0;
	order.number =
	    item_of((unsigned)s->world.banner[banner].category, random_next(r));
	order.at +=
	    1 + (int64_t)((double)s->o.purchase_delay.us * vec_exp(chance_normal(r)));
	return visit_plan(s, &order, false);
}

/* Some have a nervous finger. */
static void
plan_again(struct market *s, const struct happening *h, uint64_t number)
{
	struct random r = luck(s, OF_TWICE, number);
	struct happening again = *h;

	if (h->who != WHO_HUMAN || chance_uniform(&r) >= TWICE)
		return;
	again.kind = VISIT_CLICK_AGAIN;
	again.at += WHEN_SECOND / 12 + exponential(&r, 0.12 * (double)WHEN_SECOND);
	s->board.slot[h->slot].users++;
	(void)visit_plan(s, &again, true);
}

int
show_click(struct market *s, const struct happening *h)
{
	uint64_t number =
	    s->board.slot[h->slot].request * TELL_POSITIONS_MAX + h->position;
	struct random r = luck(s, OF_CLICK, number);
	struct person p = whose(s, h);

	s->counts.clicks++;
	if (tell_click(s, h, &p) != 0)
		return -1;
	plan_again(s, h, number);
	if (!plan_order(s, h, &r) || s->ends.ask == NULL)
		board_leave(&s->board, h->slot);
	return 0;
}

int
show_click_again(struct market *s, const struct happening *h)
{
	struct person p = whose(s, h);
	int status = tell_click(s, h, &p);

	s->counts.twice++;
	board_leave(&s->board, h->slot);
	return status;
}

/* --- Orders ----------------------------------------------------------------------- */

/* To a server it is said which banner led to an order; a log's reader shall find out. */
static bool
has_cause(const struct market *s, const struct happening *h)
{
	return s->ends.ask != NULL && h->cart == 0;
}

struct slice
show_cause(const struct market *s, const struct happening *h)
{
	const struct slot *on = &s->board.slot[h->slot];

	return has_cause(s, h) && !on->control ? board_id(on, h->position)
					       : (struct slice){ NULL, 0 };
}

void
show_done(struct market *s, const struct happening *h)
{
	if (has_cause(s, h))
		board_leave(&s->board, h->slot);
}
