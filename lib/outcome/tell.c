/* SPDX-License-Identifier: MIT
 *
 * An outcome as a record.
 */
#include "lib/outcome/store.h"

#include "lib/base/number.h"

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

/* Signed as the record is; multiplied by the weight. */
static void
put_void(const struct outcomes *o, struct build *b, const struct said_void *v, int sign)
{
	size_t open;
	uint32_t n = 0;

	build_text(b, "void");
	build_map(b, 5);
	build_text(b, "impression");
	build_number(b, sign * v->impression);
	build_text(b, "click");
	build_number(b, sign * v->click);
	build_text(b, "conversion");
	build_number(b, sign * v->conversion);
	build_text(b, "value_micros");
	build_number(b, sign * v->value);
	build_text(b, "reasons");
	open = build_open(b);
	for (unsigned i = 0; i <= SAID_REASONS; i++) {
		if (v->invalid[i] == 0)
			continue;
		build_str(
		    b, reasons_word(&o->reasons, i < SAID_REASONS ? v->reasons[i] : 0));
		build_number(b, sign * v->invalid[i]);
		n++;
	}
	build_close_map(b, open, n);
}

int
tell_outcome(struct outcomes *o, const struct banner *b, const struct said *s, int sign,
    enum cause cause)
{
	static const char *const causes[] = { "window", "click", "conversion",
		"retract", "restore" };
	bool revises = sign < 0 || b->revision > 0;
	uint32_t pairs = 9u + b->pairs + (s->delay_us >= 0) + (s->conversions > 0) +
	    s->out.any + 2u * revises;
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
	if (s->out.any)
		put_void(o, to, &s->out, sign);
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
