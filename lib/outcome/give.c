/* SPDX-License-Identifier: MIT
 *
 * When a banner is due, and what its outcome says then.
 */
#include "lib/outcome/store.h"

#include "lib/base/exact.h"

double
give_clicks(const struct outcomes *o, const struct banner *b, instant at, bool gross,
    instant *first, instant *last)
{
	double sum = 0;

	*first = *last = WHEN_NEVER;
	for (uint32_t i = b->clicks; i != 0; i = store_see_mark(o, i)->next) {
		const struct mark *m = store_see_mark(o, i);

		if (m->at > at || (m->standing.out && !gross))
			continue;
		sum += m->weight;
		if (m->at > *last)
			*last = m->at;
		if (*first == WHEN_NEVER || m->at < *first)
			*first = m->at;
	}
	return sum;
}

instant
give_complete_at(const struct outcomes *o, const struct banner *b)
{
	instant at = b->shown_at + o->rules.click_window.us, first, last;

	if (b->user == 0)
		return at;
	if (b->seen && b->shown_at + o->rules.view_window.us > at)
		at = b->shown_at + o->rules.view_window.us;
	(void)give_clicks(o, b, INT64_MAX, false, &first, &last);
	if (last != WHEN_NEVER && last + o->rules.purchase_window.us > at)
		at = last + o->rules.purchase_window.us;
	return at;
}

/* What was decided but not shown may still be, until the window closes. */
static struct span
first_wait(const struct outcomes *o, const struct banner *b)
{
	bool shown = b->impression || !o->rules.by_impression;

	return b->stage == STAGE_WAITING && shown && o->rules.wait.us > 0
	    ? o->rules.wait
	    : o->rules.click_window;
}

void
give_schedule(struct outcomes *o, uint32_t number)
{
	const struct banner *b = store_see_banner(o, number);
	struct span wait = first_wait(o, b);
	instant due = b->shown_at + wait.us;
	enum queue_lane lane = o->rules.wait.us == 0 || wait.us == o->rules.wait.us
	    ? QUEUE_SOON
	    : QUEUE_NO_LANE;

	if (b->stage == STAGE_COMPLETE) {
		due = give_complete_at(o, b) + o->rules.keep.us;
		lane = QUEUE_NO_LANE;
	} else if (b->stage == STAGE_GIVEN ||
	    (b->stage == STAGE_WAITING && o->rules.final)) {
		due = give_complete_at(o, b);
		lane = b->clicks == 0 ? QUEUE_LATER : QUEUE_NO_LANE;
	}
	/* A retracted click moves the completion back, but not into the past. */
	if (b->changed_at != WHEN_NEVER &&
	    ((b->stage >= STAGE_GIVEN && b->changed_at < due) || due < o->clock)) {
		due = b->changed_at;
		lane = QUEUE_NO_LANE;
	}
	queue_set(&o->due, number, due, b->rank, lane);
}

void
give_changed(struct outcomes *o, uint32_t number, instant at, enum cause cause)
{
	struct banner *b = store_banner(o, number);

	if ((b->stage >= STAGE_GIVEN &&
		(b->changed_at == WHEN_NEVER || at < b->changed_at)) ||
	    (b->stage == STAGE_WAITING && o->rules.final)) {
		b->changed_at = at;
		b->cause = (uint8_t)cause;
	}
	give_schedule(o, number);
}

/* --- What is said ---------------------------------------------------------------- */

/* A click is one, however often. */
static double
once(double times)
{
	return times <= 0 ? 0 : times < 1 ? times : 1;
}

/* Reasons stand in the order of their numbers, the last of too many is "other": so it does
 * not matter in which order they are found. */
static void
count_invalid(struct said_void *v, uint8_t reason, double n)
{
	uint8_t *r = v->reasons;
	unsigned i = 0;

	if (n == 0)
		return;
	v->any = 1;
	while (i < SAID_REASONS && r[i] != 0 && r[i] < reason)
		i++;
	if (reason == 0 || i == SAID_REASONS) {
		v->invalid[SAID_REASONS] += n;
		return;
	}
	if (r[i] != reason) {
		if (r[SAID_REASONS - 1] != 0)
			v->invalid[SAID_REASONS] += v->invalid[SAID_REASONS - 1];
		for (unsigned k = SAID_REASONS - 1; k > i; k--) {
			r[k] = r[k - 1];
			v->invalid[k] = v->invalid[k - 1];
		}
		r[i] = reason;
		v->invalid[i] = 0;
	}
	v->invalid[i] += n;
}

static void
void_clicks(const struct outcomes *o, const struct banner *b, instant at, double net,
    struct said_void *v)
{
	instant first, last;

	v->click = b->weight * (once(give_clicks(o, b, at, true, &first, &last)) - net);
	for (uint32_t i = b->clicks; i != 0; i = store_see_mark(o, i)->next) {
		const struct mark *m = store_see_mark(o, i);

		if (m->at <= at && m->standing.out)
			count_invalid(v, m->standing.reason, b->weight * m->weight);
	}
}

/* What is out, with all that goes with it. */
static void
said_void(const struct outcomes *o, const struct banner *b, instant at, double net,
    struct said_void *v)
{
	exact conversion = 0, value = 0;

	if (banner_is_out(b)) {
		v->impression = b->weight;
		count_invalid(
		    v, b->shown.out ? b->shown.reason : b->decided.reason, b->weight);
	}
	void_clicks(o, b, at, net, v);
	for (uint32_t i = b->credits; i != 0;
	     i = store_see_credit(o, i)->next_of_banner) {
		const struct credit *x = store_see_credit(o, i);

		if (x->at > at)
			continue;
		conversion = exact_plus(conversion, exact_of(x->void_amount, 64));
		value = exact_plus(value, exact_of((double)x->void_value, 64));
		if (x->out)
			count_invalid(v, x->reason, b->weight * x->void_amount);
	}
	v->conversion = b->weight * exact_value(conversion, 64);
	v->value = b->weight * exact_value(value, 64);
	v->any |= v->click != 0 || v->conversion != 0 || v->value != 0;
}

/* Sums are exact: their order is that in which all was found. */
static void
said_credits(
    const struct outcomes *o, const struct banner *b, instant at, struct said *s)
{
	instant converted = WHEN_NEVER;
	exact conversion = 0, credit = 0;

	for (uint32_t i = b->credits; i != 0;
	     i = store_see_credit(o, i)->next_of_banner) {
		const struct credit *x = store_see_credit(o, i);

		if (x->at > at || x->lost)
			continue;
		conversion = exact_plus(conversion, exact_of(x->amount, 64));
		credit = exact_plus(credit, exact_of(x->fraction, 64));
		s->value += x->value;
		s->conversions++;
		s->by_click |= x->by_click;
		if (converted == WHEN_NEVER || x->at < converted)
			converted = x->at;
	}
	s->conversion = exact_value(conversion, 64);
	s->credit = exact_value(credit, 64);
	if (s->conversions > 0)
		s->delay_us = converted - b->shown_at;
}

static struct said
said_at(const struct outcomes *o, const struct banner *b, instant at)
{
	struct said s = { .weight = b->weight, .delay_us = -1, .any = 1 };
	instant first, last;

	if (banner_is_out(b)) {
		s.weight = 0;
	} else {
		s.click = once(give_clicks(o, b, at, false, &first, &last));
		said_credits(o, b, at, &s);
		if (s.click > 0)
			s.delay_us = first - b->shown_at;
		if (s.delay_us < 0 && (s.click > 0 || s.conversions > 0))
			s.delay_us = 0;
	}
	if (o->any_out)
		said_void(o, b, at, s.click, &s.out);
	return s;
}

static bool
same_void(const struct said_void *a, const struct said_void *b)
{
	for (unsigned i = 0; i <= SAID_REASONS; i++)
		if (a->invalid[i] != b->invalid[i] ||
		    (i < SAID_REASONS && a->reasons[i] != b->reasons[i]))
			return false;
	return a->any == b->any && a->impression == b->impression &&
	    a->click == b->click && a->conversion == b->conversion &&
	    a->value == b->value;
}

static bool
same(const struct said *a, const struct said *b)
{
	return a->weight == b->weight && a->click == b->click &&
	    a->conversion == b->conversion && a->credit == b->credit &&
	    a->value == b->value && a->delay_us == b->delay_us &&
	    a->conversions == b->conversions && a->by_click == b->by_click &&
	    a->complete == b->complete && same_void(&a->out, &b->out);
}

/* The earliest change after `at` that is known already, and why it will be. */
static instant
next_change(const struct outcomes *o, struct banner *b, instant at)
{
	instant next = WHEN_NEVER;

	for (uint32_t i = b->clicks; i != 0; i = store_see_mark(o, i)->next) {
		instant t = store_see_mark(o, i)->at;

		if (t > at && (next == WHEN_NEVER || t < next)) {
			next = t;
			b->cause = CAUSE_CLICK;
		}
	}
	for (uint32_t i = b->credits; i != 0;
	     i = store_see_credit(o, i)->next_of_banner) {
		instant t = store_see_credit(o, i)->at;

		if (t > at && (next == WHEN_NEVER || t < next)) {
			next = t;
			b->cause = CAUSE_CONVERSION;
		}
	}
	return next;
}

/* Say what is true at `at`, taking back what is not any more. */
static int
say(struct outcomes *o, struct banner *b, instant at, bool complete)
{
	struct said s = said_at(o, b, at);
	enum cause cause = CAUSE_WINDOW;

	s.complete = complete;
	if (b->changed_at != WHEN_NEVER && b->changed_at <= at)
		cause = b->cause;
	b->changed_at = next_change(o, b, at);
	if (b->said.any && same(&s, &b->said))
		return 0;
	if (at > o->given_at)
		o->given_at = at;
	if (b->said.any) {
		if (tell_outcome(o, b, &b->said, -1, cause) != 0)
			return -1;
		b->revision++;
	}
	b->said = s;
	return tell_outcome(o, b, &s, 1, cause);
}

/* --- Time ------------------------------------------------------------------------ */

static int
step(struct outcomes *o, uint32_t number, instant at)
{
	struct banner *b = store_banner(o, number);
	bool shown = b->impression || !o->rules.by_impression;
	bool complete, was = b->stage == STAGE_COMPLETE;

	if (b->stage == STAGE_REQUEST || !shown) {
		o->counts.unshown += b->stage == STAGE_WAITING && !shown;
		store_forget(o, number);
		return 0;
	}
	if (was && b->changed_at == WHEN_NEVER) {
		store_forget(o, number);
		return 0;
	}
	complete = was || give_complete_at(o, b) <= at;
	b->stage = complete ? STAGE_COMPLETE : STAGE_GIVEN;
	if (say(o, b, at, complete) != 0)
		return -1;
	if (complete && o->rules.keep.us == 0 && b->changed_at == WHEN_NEVER) {
		store_forget(o, number);
		return 0;
	}
	if (complete && !was)
		store_keep(o, number);
	give_schedule(o, number);
	return 0;
}

int
outcomes_advance(struct outcomes *o, instant watermark)
{
	uint32_t i;

	if (watermark <= o->clock)
		return 0;
	o->clock = watermark;
	while ((i = queue_first(&o->due)) != 0 && queue_due(&o->due, i) < watermark)
		if (step(o, i, queue_due(&o->due, i)) != 0)
			return -1;
	while (
	    (i = queue_first(&o->expiry)) != 0 && queue_due(&o->expiry, i) < watermark)
		store_forget_conversion(o, i);
	return 0;
}

/* Close it as of the latest event, complete only if it was already. */
static int
close_now(struct outcomes *o, uint32_t number, bool *told)
{
	struct banner *b = store_banner(o, number);
	bool shown = b->impression || !o->rules.by_impression;
	int status = 0;

	*told = b->stage == STAGE_WAITING || b->stage == STAGE_GIVEN;
	if (b->stage == STAGE_WAITING && !shown)
		o->counts.unshown++;
	else if (b->stage != STAGE_REQUEST)
		status = say(o, b, o->latest, b->stage == STAGE_COMPLETE);
	store_forget(o, number);
	return status;
}

int
give_early(struct outcomes *o)
{
	bool told, kept = o->kept_oldest != 0;
	int status = close_now(o, kept ? o->kept_oldest : o->oldest, &told);

	*(kept ? &o->counts.forgotten : &o->counts.closed_early) += kept || told;
	return status;
}

int
outcomes_finish(struct outcomes *o)
{
	uint32_t i;
	bool told;

	if (o->latest != WHEN_NEVER && outcomes_advance(o, o->latest + 1) != 0)
		return -1;
	while ((i = queue_first(&o->due)) != 0)
		if (close_now(o, i, &told) != 0)
			return -1;
	return 0;
}
