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
    bool clicked, instant *at)
{
	instant first,
	    window = clicked ? o->rules.purchase_window.us : o->rules.view_window.us;

	if (o->rules.by_impression && !b->impression)
		return false;
	if (clicked) {
		if (give_clicks(o, b, c->at, &first, at) <= 0)
			return false;
	} else {
		if (!b->seen || window == 0)
			return false;
		*at = b->shown_at;
	}
	return *at <= c->at && c->at - *at <= window;
}

static unsigned
gather(const struct outcomes *o, const struct conversion *c, bool clicked,
    struct touch touches[OUTCOME_TOUCHES_MAX])
{
	uint32_t link = store_find(o, clicked ? STORE_CLICKED : STORE_SHOWN, c->user);
	uint32_t banners[OUTCOME_TOUCHES_MAX];
	unsigned linked = 0, n = 0;
	bool sorted = true;

	/* The list first, so that the banners are fetched side by side. */
	for (; link != 0 && linked < OUTCOME_TOUCHES_MAX; linked++) {
		banners[linked] = index_value(&o->index, link) >> 2;
		__builtin_prefetch(store_see_banner(o, banners[linked]));
		link = index_older(&o->index, link);
	}
	while (linked-- > 0) {
		const struct banner *b = store_see_banner(o, banners[linked]);
		instant at;

		if (!item_fits(b, c) || !touched(o, b, c, clicked, &at) ||
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
add_credit(struct outcomes *o, uint32_t conversion, const struct touch *t, bool clicked)
{
	struct conversion *c = store_conversion(o, conversion);
	struct banner *b = store_banner(o, t->banner);
	uint32_t number = pool_take(&o->credits);
	struct credit *x = store_credit(o, number);

	*x = (struct credit){ .banner = t->banner,
		.conversion = conversion,
		.next_of_banner = b->credits,
		.next_of_conversion = c->credits,
		.by_click = clicked,
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
 */
static int64_t
net_value(const struct outcomes *o, const struct conversion *c, bool *counts)
{
	int64_t left = c->value;

	for (uint32_t i = c->refunds; i != 0; i = store_see_mark(o, i)->next)
		left -= store_see_mark(o, i)->value;
	*counts = c->refunds == 0 || left > 0;
	return left > 0 ? left : 0;
}

void
credit_revalue(struct outcomes *o, uint32_t conversion, instant at, enum cause cause)
{
	struct conversion *c = store_conversion(o, conversion);
	bool counts;
	double value = (double)net_value(o, c, &counts) * c->weight;
	double before = 0, fraction = 0;

	/* Values are the steps of the rounded running sum: they add up exactly. */
	value = fmax(-EVENT_VALUE_MAX, fmin(EVENT_VALUE_MAX, value));
	for (uint32_t i = c->credits; i != 0;) {
		struct credit *x = store_credit(o, i);

		fraction += x->fraction;
		x->value = (int64_t)(round(value * fraction) - before);
		before = round(value * fraction);
		x->amount = counts ? x->fraction * c->weight : 0;
		give_changed(o, x->banner, at, cause);
		i = x->next_of_conversion;
	}
}

unsigned
credit_share(struct outcomes *o, uint32_t conversion, instant at, enum cause cause)
{
	struct touch touches[OUTCOME_TOUCHES_MAX];
	struct conversion *c = store_conversion(o, conversion);
	bool clicked = true;
	unsigned n = gather(o, c, clicked, touches);

	if (n == 0) {
		clicked = false;
		n = gather(o, c, clicked, touches);
	}
	if (n == 0 || pool_left(&o->credits) < n)
		return 0;
	set_fractions(&o->rules, touches, n);
	for (unsigned i = 0; i < n; i++)
		if (touches[i].fraction > 0)
			add_credit(o, conversion, &touches[i], clicked);
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

void
credit_again(struct outcomes *o, uint32_t banner, instant at)
{
	uint32_t credits[BANNER_LIST_MAX];
	unsigned n = 0;

	for (uint32_t i = store_banner(o, banner)->credits; i != 0;
	     i = store_credit(o, i)->next_of_banner)
		credits[n++] = i;
	for (unsigned i = 0; i < n; i++) {
		uint32_t conversion = store_credit(o, credits[i])->conversion;

		if (conversion == 0 || store_conversion(o, conversion)->parted) {
			drop_credit(o, credits[i]);
			give_changed(o, banner, at, CAUSE_RETRACT);
			continue;
		}
		credit_withdraw(o, conversion, at, CAUSE_RETRACT);
		(void)credit_share(o, conversion, at, CAUSE_RETRACT);
	}
}
