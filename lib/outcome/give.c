/* SPDX-License-Identifier: MIT
 *
 * When a banner is due, and what its outcome says then.
 */
#include "lib/outcome/store.h"

#include "lib/base/number.h"

double
give_clicks(const struct outcomes *o, const struct banner *b, instant at,
    instant *first, instant *last)
{
	double sum = 0;

	*first = *last = WHEN_NEVER;
	for (uint32_t i = b->clicks; i != 0; i = store_see_mark(o, i)->next) {
		const struct mark *m = store_see_mark(o, i);

		if (m->at > at)
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
	(void)give_clicks(o, b, INT64_MAX, &first, &last);
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

void
give_retracted(struct outcomes *o, uint32_t number, instant at)
{
	struct banner *b = store_banner(o, number);

	if (!b->said.any) {
		store_forget(o, number);
		return;
	}
	b->retracted = 1;
	give_changed(o, number, at, CAUSE_RETRACT);
}

/* --- What is said ---------------------------------------------------------------- */

static struct said
said_at(const struct outcomes *o, const struct banner *b, instant at)
{
	struct said s = { .weight = b->weight, .delay_us = -1, .any = 1 };
	instant first, last, converted = WHEN_NEVER;
	double clicks = give_clicks(o, b, at, &first, &last);

	s.click = clicks <= 0 ? 0 : clicks < 1 ? clicks : 1;
	for (uint32_t i = b->credits; i != 0;
	     i = store_see_credit(o, i)->next_of_banner) {
		const struct credit *x = store_see_credit(o, i);

		if (x->at > at)
			continue;
		s.conversion += x->amount;
		s.credit += x->fraction;
		s.value += x->value;
		s.conversions++;
		s.by_click |= (uint8_t)x->by_click;
		if (converted == WHEN_NEVER || x->at < converted)
			converted = x->at;
	}
	if (s.click > 0)
		s.delay_us = first - b->shown_at;
	else if (s.conversions > 0)
		s.delay_us = converted - b->shown_at;
	if (s.delay_us < 0 && (s.click > 0 || s.conversions > 0))
		s.delay_us = 0;
	return s;
}

static bool
same(const struct said *a, const struct said *b)
{
	return a->weight == b->weight && a->click == b->click &&
	    a->conversion == b->conversion && a->credit == b->credit &&
	    a->value == b->value && a->delay_us == b->delay_us &&
	    a->conversions == b->conversions && a->by_click == b->by_click &&
	    a->complete == b->complete;
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

/* --- The record ------------------------------------------------------------------ */

/* 16 hexadecimal digits, a dot, the revision. */
static void
put_name(struct build *b, const struct banner *banner, unsigned revision, bool back)
{
	char text[16 + 1 + NUMBER_TEXT_MAX + 1];
	unsigned n;

	for (n = 0; n < 16; n++)
		text[n] = "0123456789abcdef"[banner->name >> (60 - 4 * n) & 15];
	text[n++] = '.';
	n += number_format_uint(revision, text + n);
	if (back)
		text[n++] = '-';
	build_str(b, slice_of(text, n));
}

static void
put_rewards(const struct outcomes *o, struct build *b, const struct said *s)
{
	build_text(b, "reward");
	switch (o->rules.reward) {
	case REWARD_CLICK:
		build_number(b, s->click);
		break;
	case REWARD_CONVERSION:
		build_number(b, s->conversion);
		break;
	case REWARD_VALUE:
		build_int(b, s->value);
		break;
	}
	build_text(b, "rewards");
	build_map(b, 3);
	build_text(b, "click");
	build_number(b, s->click);
	build_text(b, "conversion");
	build_number(b, s->conversion);
	build_text(b, "value_micros");
	build_int(b, s->value);
}

static void
put_attribution(const struct outcomes *o, struct build *b, const struct said *s)
{
	static const char *const models[] = { "last", "first", "linear", "time-decay",
		"position" };

	build_text(b, "attribution");
	build_map(b, 4);
	build_text(b, "model");
	build_text(b, models[o->rules.attribution]);
	build_text(b, "touch");
	build_text(b, s->by_click ? "click" : "view");
	build_text(b, "credit");
	build_number(b, s->credit);
	build_text(b, "conversions");
	build_uint(b, s->conversions);
}

/* sign -1: the standing outcome is taken back. */
static int
put_outcome(struct outcomes *o, const struct banner *b, const struct said *s, int sign,
    enum cause cause)
{
	static const char *const causes[] = { "window", "click", "conversion",
		"retract" };
	bool revises = sign < 0 || b->revision > 0;
	uint32_t pairs =
	    9u + b->pairs + (s->delay_us >= 0) + (s->conversions > 0) + 2u * revises;
	struct build *to = &o->made;

	build_reset(to);
	build_map(to, pairs);
	build_text(to, "event");
	build_text(to, "outcome");
	build_text(to, "event_id");
	put_name(to, b, b->revision, sign < 0);
	build_text(to, "timestamp");
	build_int(to, o->given_at);
	build_text(to, "shown_at");
	build_int(to, b->shown_at);
	pool_copy(&o->chunks, b->carried, to);
	build_text(to, "weight");
	build_number(to, sign * s->weight);
	put_rewards(o, to, s);
	if (s->delay_us >= 0) {
		build_text(to, "delay_us");
		build_int(to, s->delay_us);
	}
	build_text(to, "complete");
	build_bool(to, s->complete);
	if (s->conversions > 0)
		put_attribution(o, to, s);
	build_text(to, "revision");
	build_uint(to, b->revision);
	if (revises) {
		build_text(to, "revises");
		put_name(to, b, sign < 0 ? b->revision : b->revision - 1, false);
		build_text(to, "cause");
		build_text(to, causes[cause]);
	}
	assert(!build_full(to));
	*(sign < 0 ? &o->counts.taken_back : &o->counts.given) += 1;
	return o->emit(o->context, build_slice(to));
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
	if (b->said.any && !b->retracted && same(&s, &b->said))
		return 0;
	if (at > o->given_at)
		o->given_at = at;
	if (b->said.any) {
		if (put_outcome(o, b, &b->said, -1, cause) != 0)
			return -1;
		b->revision++;
	}
	b->said = s;
	return b->retracted ? 0 : put_outcome(o, b, &s, 1, cause);
}

/* --- Time ------------------------------------------------------------------------ */

static int
step(struct outcomes *o, uint32_t number, instant at)
{
	struct banner *b = store_banner(o, number);
	bool shown = b->impression || !o->rules.by_impression;
	bool complete, was = b->stage == STAGE_COMPLETE;

	if (b->stage == STAGE_REQUEST || b->retracted || !shown) {
		int status = b->retracted ? say(o, b, at, b->said.complete) : 0;

		o->counts.unshown += b->stage == STAGE_WAITING && !shown;
		store_forget(o, number);
		return status;
	}
	if (was && b->changed_at == WHEN_NEVER) {
		store_forget(o, number);
		return 0;
	}
	complete = was || give_complete_at(o, b) <= at;
	b->stage = complete ? STAGE_COMPLETE : STAGE_GIVEN;
	if (say(o, b, at, complete) != 0)
		return -1;
	if (complete && o->rules.keep.us == 0 && b->changed_at == WHEN_NEVER)
		store_forget(o, number);
	else
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
	bool told;
	int status = close_now(o, o->oldest, &told);

	o->counts.closed_early += told;
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
