/* SPDX-License-Identifier: MIT
 *
 * Attribution: how a conversion is shared among the touches of its user.
 */
#include "lib/outcome/store.h"

#include <math.h>
#include <stdlib.h>

/* Position: 40% to the first, 40% to the last, the rest to those between. */
#define POSITION_END 0.4
#define POSITION_MIDDLE 0.2

/* By clicks, or by showings; `gross`: also by those that are out. */
struct way {
	bool clicked, gross;
};

/* Links of a user that are looked at, for the latest touches that are not out. */
enum { LINKS_MAX = 16 * OUTCOME_TOUCHES_MAX };

struct touch {
	instant at;
	uint64_t rank;
	uint32_t banner;
	double fraction;
};

static int
by_time(const void *a, const void *b)
{
	const struct touch *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static bool
item_fits(const struct banner *b, const struct conversion *c)
{
	if (b->item == 0)
		return true;
	for (unsigned i = 0; i < c->items; i++)
		if (c->item_of[i] == b->item)
			return true;
	return false;
}

static bool
list_is_full(const struct outcomes *o, const struct banner *b)
{
	unsigned n = 0;

	for (uint32_t i = b->credits; i != 0;
	     i = store_see_credit(o, i)->next_of_banner)
		n++;
	return n >= BANNER_LIST_MAX;
}

/* When the banner last touched the user before the conversion, within the window. */
static bool
touched(const struct outcomes *o, const struct banner *b, const struct conversion *c,
    struct way way, instant *at)
{
	instant first,
	    window =
		way.clicked ? o->rules.purchase_window.us : o->rules.view_window.us;

	if (o->rules.by_impression && !b->impression)
		return false;
	if (way.clicked) {
		if (give_clicks(o, b, c->at, way.gross, &first, at) <= 0)
			return false;
	} else {
		if (!b->seen || window == 0)
			return false;
		*at = b->shown_at;
	}
	return *at <= c->at && c->at - *at <= window;
}

/* What is out, or came later, makes way for others; a look at each costs more. */
static bool
may_touch(const struct banner *b, const struct conversion *c, struct way way)
{
	return b->shown_at <= c->at && (way.gross || !banner_is_out(b));
}

static unsigned
gather(const struct outcomes *o, const struct conversion *c, struct way way,
    struct touch touches[OUTCOME_TOUCHES_MAX])
{
	uint32_t link =
	    store_find(o, way.clicked ? STORE_CLICKED : STORE_SHOWN, c->user);
	uint32_t banners[OUTCOME_TOUCHES_MAX];
	unsigned linked = 0, n = 0;
	bool sorted = true;

	/* The list first, so that the banners are fetched side by side. */
	for (unsigned k = 0; link != 0 && linked < OUTCOME_TOUCHES_MAX && k < LINKS_MAX;
	     k++) {
		banners[linked] = STORE_NUMBER(index_value(&o->index, link));
		__builtin_prefetch(store_see_banner(o, banners[linked]));
		link = index_older(&o->index, link);
		linked += !o->any_out ||
		    may_touch(store_see_banner(o, banners[linked]), c, way);
	}
	while (linked-- > 0) {
		const struct banner *b = store_see_banner(o, banners[linked]);
		instant at;

		if (!item_fits(b, c) || !touched(o, b, c, way, &at) ||
		    list_is_full(o, b))
			continue;
		touches[n] = (struct touch){ at, b->rank, banners[linked], 0 };
		sorted =
		    sorted && (n == 0 || by_time(&touches[n - 1], &touches[n]) < 0);
		n++;
	}
	if (!sorted)
		qsort(touches, n, sizeof *touches, by_time);
	return n;
}

static void
set_fractions(const struct outcome_rules *rules, struct touch *t, unsigned n)
{
	double sum = 0;

	switch (rules->attribution) {
	case ATTRIBUTION_LAST:
		t[n - 1].fraction = 1;
		break;
	case ATTRIBUTION_FIRST:
		t[0].fraction = 1;
		break;
	case ATTRIBUTION_LINEAR:
		for (unsigned i = 0; i < n; i++)
			t[i].fraction = 1.0 / n;
		break;
	case ATTRIBUTION_TIME_DECAY:
		/* Relative to the latest, so that it cannot underflow as a whole. */
		for (unsigned i = 0; i < n; i++) {
			t[i].fraction = exp2((double)(t[i].at - t[n - 1].at) /
			    (double)rules->half_life.us);
			sum += t[i].fraction;
		}
		for (unsigned i = 0; i < n; i++)
			t[i].fraction /= sum;
		break;
	case ATTRIBUTION_POSITION:
		for (unsigned i = 0; i < n; i++)
			t[i].fraction = n > 2 ? POSITION_MIDDLE / (n - 2) : 0;
		t[0].fraction = n > 2 ? POSITION_END : 1.0 / n;
		t[n - 1].fraction = t[0].fraction;
		break;
	}
}

static void
add_credit(
    struct outcomes *o, uint32_t conversion, const struct touch *t, struct way way)
{
	struct conversion *c = store_conversion(o, conversion);
	struct banner *b = store_banner(o, t->banner);
	uint32_t number = pool_take(&o->credits);
	struct credit *x = store_credit(o, number);

	*x = (struct credit){ .banner = t->banner,
		.conversion = conversion,
		.next_of_banner = b->credits,
		.next_of_conversion = c->credits,
		.by_click = way.clicked,
		.lost = way.gross || c->standing.out,
		.out = c->standing.out,
		.reason = c->standing.reason,
		.at = c->at,
		.fraction = t->fraction };
	if (b->credits != 0)
		store_credit(o, b->credits)->prev_of_banner = number;
	b->credits = c->credits = number;
}

static void
unhook_from_banner(struct outcomes *o, const struct credit *x)
{
	if (x->prev_of_banner != 0)
		store_credit(o, x->prev_of_banner)->next_of_banner = x->next_of_banner;
	else
		store_banner(o, x->banner)->credits = x->next_of_banner;
	if (x->next_of_banner != 0)
		store_credit(o, x->next_of_banner)->prev_of_banner = x->prev_of_banner;
}

/* What is left of the conversion after its refunds; *counts: whether it still is one.
 * `gross`: after those too that are out. */
static double
left_of(const struct outcomes *o, const struct conversion *c, bool gross, bool *counts)
{
	int64_t left = c->value;
	bool any = false;
	double value;

	for (uint32_t i = c->refunds; i != 0; i = store_see_mark(o, i)->next) {
		const struct mark *m = store_see_mark(o, i);

		if (m->standing.out && !gross)
			continue;
		any = true;
		left -= m->value;
	}
	*counts = !any || left > 0;
	value = left > 0 ? (double)left * c->weight : 0;
	return fmax(-EVENT_VALUE_MAX, fmin(EVENT_VALUE_MAX, value));
}

void
credit_revalue(struct outcomes *o, uint32_t conversion, instant at, enum cause cause)
{
	struct conversion *c = store_conversion(o, conversion);
	bool counts, counted;
	double net = left_of(o, c, false, &counts);
	double gross = left_of(o, c, true, &counted);
	double net_before = 0, gross_before = 0, fraction = 0;

	/* Values are the steps of the rounded running sum: they add up exactly. */
	for (uint32_t i = c->credits; i != 0;) {
		struct credit *x = store_credit(o, i);
		double share = x->fraction * c->weight;

		fraction += x->fraction;
		x->value = (int64_t)(round(net * fraction) - net_before);
		x->void_value = (int64_t)(round(gross * fraction) - gross_before);
		net_before = round(net * fraction);
		gross_before = round(gross * fraction);
		x->amount = counts ? share : 0;
		x->void_amount = counted ? share : 0;
		if (x->lost) {
			x->amount = 0;
			x->value = 0;
		}
		x->void_amount -= x->amount;
		x->void_value -= x->value;
		give_changed(o, x->banner, at, cause);
		i = x->next_of_conversion;
	}
}

unsigned
credit_share(struct outcomes *o, uint32_t conversion, instant at, enum cause cause)
{
	/* What is not out comes first: only when nothing of it is left, is it lost. */
	static const struct way ways[] = { { true, false }, { false, false },
		{ true, true }, { false, true } };
	struct touch touches[OUTCOME_TOUCHES_MAX];
	struct conversion *c = store_conversion(o, conversion);
	unsigned n = 0, way;

	for (way = 0; way < (o->any_out ? 4 : 2); way++)
		if ((n = gather(o, c, ways[way], touches)) > 0)
			break;
	if (n == 0 || pool_left(&o->credits) < n)
		return 0;
	set_fractions(&o->rules, touches, n);
	for (unsigned i = 0; i < n; i++)
		if (touches[i].fraction > 0)
			add_credit(o, conversion, &touches[i], ways[way]);
	credit_revalue(o, conversion, at, cause);
	return n;
}

void
credit_withdraw(struct outcomes *o, uint32_t conversion, instant at, enum cause cause)
{
	struct conversion *c = store_conversion(o, conversion);

	while (c->credits != 0) {
		uint32_t number = c->credits;
		struct credit *x = store_credit(o, number);

		c->credits = x->next_of_conversion;
		unhook_from_banner(o, x);
		give_changed(o, x->banner, at, cause);
		pool_give(&o->credits, number);
	}
}

/* Take one credit off its conversion's list and give it back. */
static void
drop_credit(struct outcomes *o, uint32_t number)
{
	struct credit *x = store_credit(o, number);

	if (x->conversion != 0) {
		struct conversion *c = store_conversion(o, x->conversion);
		uint32_t *p = &c->credits;

		while (*p != number)
			p = &store_credit(o, *p)->next_of_conversion;
		*p = x->next_of_conversion;
		c->parted = 1;
	}
	unhook_from_banner(o, x);
	pool_give(&o->credits, number);
}

void
credit_settle(struct outcomes *o, uint32_t banner)
{
	while (store_banner(o, banner)->credits != 0)
		drop_credit(o, store_banner(o, banner)->credits);
}

/* Whether what touched the user is out. */
static bool
touch_is_out(const struct outcomes *o, const struct credit *x)
{
	const struct banner *b = store_see_banner(o, x->banner);
	instant first, last;

	return banner_is_out(b) ||
	    (x->by_click && give_clicks(o, b, x->at, false, &first, &last) <= 0);
}

/* Of a conversion that cannot be credited anew, the credits stay where they are. */
static void
lose_or_find(struct outcomes *o, uint32_t conversion, instant at, enum cause cause)
{
	const struct conversion *c = store_see_conversion(o, conversion);

	for (uint32_t i = c->credits; i != 0;
	     i = store_see_credit(o, i)->next_of_conversion) {
		struct credit *x = store_credit(o, i);

		x->lost = c->standing.out || touch_is_out(o, x);
		x->out = c->standing.out;
		x->reason = c->standing.reason;
	}
	credit_revalue(o, conversion, at, cause);
}

/* What counts is now void, or the reverse. */
static void
exchange(struct credit *x)
{
	double amount = x->amount + x->void_amount;
	int64_t value = x->value + x->void_value;

	x->amount = x->lost ? 0 : amount;
	x->value = x->lost ? 0 : value;
	x->void_amount = amount - x->amount;
	x->void_value = value - x->value;
}

void
credit_alone(struct outcomes *o, uint32_t banner)
{
	for (uint32_t i = store_banner(o, banner)->credits; i != 0;
	     i = store_see_credit(o, i)->next_of_banner) {
		struct credit *x = store_credit(o, i);
		bool lost;

		if (x->conversion != 0)
			continue;
		lost = x->out || touch_is_out(o, x);
		if (x->lost == lost)
			continue;
		x->lost = lost;
		exchange(x);
	}
}

void
credit_again_one(struct outcomes *o, uint32_t conversion, instant at, enum cause cause)
{
	if (store_see_conversion(o, conversion)->parted) {
		lose_or_find(o, conversion, at, cause);
		return;
	}
	credit_withdraw(o, conversion, at, cause);
	(void)credit_share(o, conversion, at, cause);
}

int
credit_again(struct outcomes *o, uint64_t user, instant from, instant to, instant at,
    enum cause cause)
{
	uint32_t conversions[OUTCOME_TOUCHES_MAX], n = 0;
	uint32_t link = store_find(o, STORE_CONVERTED, user);

	for (; link != 0 && n < OUTCOME_TOUCHES_MAX;
	     link = index_older(&o->index, link))
		conversions[n++] = STORE_NUMBER(index_value(&o->index, link));
	while (n-- > 0) {
		instant then = store_see_conversion(o, conversions[n])->at;

		if (then < from || then >= to)
			continue;
		while (pool_left(&o->credits) < OUTCOME_TOUCHES_MAX &&
		    o->oldest + o->kept_oldest != 0)
			if (give_early(o) != 0)
				return -1;
		credit_again_one(o, conversions[n], at, cause);
	}
	return 0;
}
