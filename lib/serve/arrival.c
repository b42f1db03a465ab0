/* SPDX-License-Identifier: MIT */
#include "lib/serve/arrival.h"

#include "lib/record/kind.h"
#include "lib/serve/ask.h"
#include "lib/serve/events.h"
#include "lib/serve/forget.h"

/* One record on its way: as it came, and as it is written. */
struct arriving {
	struct slice map;
	enum kind kind;
	double weight;
	bool consents;
	bool again;      /* it came before: it is taken back, or counts after all */
	instant now, at; /* at: its own time */
	struct build b;
	unsigned pairs;
	size_t open;
};

/* --- As it is written ---------------------------------------------------------------- */

/* Of a shop's event without consent what one by HTTP keeps; of others what is known to say
 * nothing of who it was. */
static bool
may_stay(const struct arriving *a, struct slice name)
{
	if (a->consents || a->kind == KIND_USER || slice_is(name, "event") ||
	    slice_is(name, "event_id") || slice_is(name, "consent") ||
	    slice_is(name, "weight") || slice_is(name, "verdict"))
		return true;
	return a->kind >= KIND_PAGE_VIEW && a->kind <= KIND_SIGN_UP
	    ? ask_is_impersonal(name) || slice_is(name, "timestamp")
	    : ask_is_of_banner(name);
}

static void
add_time(struct arriving *a, const char *name, struct slice value)
{
	build_text(&a->b, name);
	if (value.at != NULL)
		build_raw(&a->b, value);
	else
		build_int(&a->b, a->now);
	a->pairs++;
}

static void
copy(struct arriving *a)
{
	static const struct slice none = { NULL, 0 };
	struct slice key, item, name, own = none, other;
	struct value_walk walk;
	int64_t when;

	for (value_open(a->map, &walk); value_next(&walk, &key, &item);) {
		if (!value_str(key, &name) || !may_stay(a, name))
			continue;
		if (slice_is(name, "timestamp")) {
			own = item;
			add_time(a, "timestamp", none);
			continue;
		}
		build_raw(&a->b, key);
		build_raw(&a->b, item);
		a->pairs++;
	}
	if (own.at == NULL)
		add_time(a, "timestamp", none);
	else if ((!value_int(own, &when) || when != a->now) &&
	    !value_get(a->map, "occurred_at", &other))
		add_time(a, "occurred_at", own);
}

/* The record is whole: it may be looked at. */
static enum arrival
close_record(struct desk *k, struct arriving *a, struct record *r, struct error *error)
{
	build_close_map(&a->b, a->open, a->pairs);
	if (!build_full(&a->b) && desk_scan(k, build_slice(&a->b), r))
		return ARRIVAL_TAKEN;
	(void)error_set(error, "with its times it is too large");
	return ARRIVAL_WRONG;
}

static enum arrival
write(struct desk *k, struct arriving *a)
{
	desk_learn(k, build_slice(&a->b));
	journal_close(k->journal, &a->b);
	return ARRIVAL_TAKEN;
}

/* --- Kinds --------------------------------------------------------------------------- */

/* A creative of parts is known by its compositions, as bp-compose makes them. */
static void
learn_change(struct desk *k, const struct arriving *a)
{
	const struct catalogue *c = k->catalogue;
	struct slice value, text;
	uint32_t row = CATALOGUE_NONE;
	uint64_t id = 0;

	if (a->kind == KIND_CREATIVE && value_get(a->map, "creative_id", &value)) {
		id = catalogue_hash(c, value_text(value, &text) ? text : value);
		row = catalogue_first_named(c, id);
	}
	if (row == CATALOGUE_NONE || catalogue_creative(c, row)->id == id)
		desk_learn(k, build_slice(&a->b));
	else
		for (; row != CATALOGUE_NONE; row = catalogue_next_named(c, id, row))
			desk_learn(k, catalogue_creative_record(c, row));
}

static enum arrival
change(struct desk *k, struct arriving *a, struct error *error)
{
	struct record r;

	if (close_record(k, a, &r, error) != ARRIVAL_TAKEN ||
	    catalogue_take(k->catalogue, build_slice(&a->b), true, error) ==
		CATALOGUE_REFUSED)
		return ARRIVAL_WRONG;
	learn_change(k, a);
	journal_close(k->journal, &a->b);
	return ARRIVAL_TAKEN;
}

static enum arrival
tell(struct desk *k, struct arriving *a, struct error *error)
{
	struct slice decision;
	struct record r;

	if (close_record(k, a, &r, error) != ARRIVAL_TAKEN)
		return ARRIVAL_WRONG;
	if (a->kind == KIND_PURCHASE && a->consents && a->weight > 0)
		(void)desk_convert(k, a->map, a->now, &decision);
	if (a->kind == KIND_USER && !a->consents) {
		forget_record(k, &r);
		k->counts.forgotten++;
	}
	forget_meet(k, visitor_read(&k->visitor, &r).user, a->now);
	k->counts.events += a->kind >= KIND_PAGE_VIEW && a->kind <= KIND_SIGN_UP;
	return write(k, a);
}

/* What the record itself says of who was shown what. */
static void
read_shown(struct desk *k, const struct record *r, struct shown *s)
{
	struct slice map = slice_of(r->bytes, r->size), composed_of = { NULL, 0 },
		     value, id;
	uint64_t position = 0;
	uint32_t row;

	*s = (struct shown){ .who = visitor_read(&k->visitor, r),
		.came = (uint8_t)(s->came | 1U << SHOWN_FOREIGN) };
	s->cap[CAPS_SLOT] = k->preset[CAPS_SLOT];
	if (record_id(r, k->slot_id, &id))
		s->id[CAPS_SLOT] = catalogue_hash(k->catalogue, id);
	if (!record_id(r, k->creative_id, &id))
		return;
	row = catalogue_find_creative(k->catalogue, catalogue_hash(k->catalogue, id));
	if (value_get(map, "composed_of", &composed_of) && row == CATALOGUE_NONE &&
	    value_text(composed_of, &id))
		row = catalogue_first_named(
		    k->catalogue, catalogue_hash(k->catalogue, id));
	if (row != CATALOGUE_NONE)
		eligible_caps(k, row, s);
	if (value_get(map, "position", &value))
		(void)value_uint(value, &position);
	if (record_value(r, k->creative_id, &value))
		shown_describe(s, (unsigned)position, value, composed_of, r);
}

/* What is known of the decision here, and was not where the record was made. */
static void
add_about(struct arriving *a, const struct shown *s)
{
	struct slice key, value, name, other;
	const uint8_t *at = s->about;

	for (unsigned i = 0; i < s->pairs; i++) {
		key = slice_of(at, value_size(at));
		value = slice_of(at + key.size, value_size(at + key.size));
		at = value.at + value.size;
		if (value_str(key, &name) && value_get_slice(a->map, name, &other))
			continue;
		build_raw(&a->b, key);
		build_raw(&a->b, value);
		a->pairs++;
	}
}

/* The record of an event, with what is known of its decision; or what it says of that itself,
 * when nothing is. */
static bool
complete(struct desk *k, struct arriving *a, struct shown *s, struct error *error)
{
	struct record r;

	forget_check(k, s);
	add_about(a, s);
	if (close_record(k, a, &r, error) != ARRIVAL_TAKEN)
		return false;
	if (s->size == 0)
		read_shown(k, &r, s);
	return true;
}

/* Another process was told of an impression or click. It counts here once, and pays when
 * it was decided here. One that was bare, as whoever was told did not know the decision,
 * may come again by who does: then it counts for caps. */
static enum arrival
hear(struct desk *k, struct arriving *a, struct slice decision, struct error *error)
{
	bool clicked = a->kind == KIND_CLICK, fresh, came;
	unsigned bit = clicked ? DESK_CLICK : DESK_IMPRESSION;
	uint64_t hash = hash_keyed(k->hash, decision);
	struct shown *s = table_touch(k->shown, hash, a->now, &fresh);

	came = (s->came >> bit & 1) != 0;
	if (came && s->size > 0) {
		k->counts.repeated++;
		return ARRIVAL_KNOWN;
	}
	if (!complete(k, a, s, error))
		return ARRIVAL_WRONG;
	if (came && s->size == 0) {
		k->counts.repeated++;
		return ARRIVAL_KNOWN;
	}
	s->came = (uint8_t)(s->came | 1U << bit);
	if (!clicked && !k->count_decisions)
		shown_count(s, k->caps, s->seen = a->now, 1);
	desk_pay(k, s, hash, clicked ? BUDGET_CLICK : BUDGET_IMPRESSION, a->now);
	*(clicked ? &k->counts.clicks : &k->counts.impressions) += !came;
	return write(k, a);
}

/* A price of micros, as records have it, in those of notices. */
static int64_t
price_of(const struct arriving *a)
{
	struct slice value;
	int64_t micros;

	return value_get(a->map, "price_micros", &value) && value_int(value, &micros) &&
		micros >= 0 && micros < INT64_MAX / BUDGET_MILLI
	    ? micros * BUDGET_MILLI
	    : -1;
}

/* Another process was told by an exchange: it settles what was decided here, once. */
static enum arrival
hear_notice(
    struct desk *k, struct arriving *a, struct slice decision, struct error *error)
{
	struct desk_notice n = { .event = a->kind == KIND_WIN ? DESK_WIN
		    : a->kind == KIND_LOSS                    ? DESK_LOSS
							      : DESK_BILLING,
		.price = price_of(a) };
	uint64_t hash = hash_keyed(k->hash, decision);
	struct shown *s;
	bool fresh;

	s = table_touch(k->shown, hash, a->now, &fresh);
	if ((s->came >> n.event & 1) != 0) {
		k->counts.repeated++;
		return ARRIVAL_KNOWN;
	}
	if (!complete(k, a, s, error))
		return ARRIVAL_WRONG;
	/* A record has whole micros: what was rounded up is no more than was bid. */
	n.bid = n.price;
	if (s->sold > 0 && n.price > s->sold && n.price - s->sold < BUDGET_MILLI)
		n.price = s->sold;
	(void)desk_settle(k, &n, s, hash, a->now);
	return write(k, a);
}

/* One that no decision is named for, or that is known elsewhere: it counts as it says. */
static enum arrival
count(struct desk *k, struct arriving *a, struct error *error)
{
	struct shown s = { .came = 0 };
	struct record r;

	if (close_record(k, a, &r, error) != ARRIVAL_TAKEN)
		return ARRIVAL_WRONG;
	read_shown(k, &r, &s);
	if (a->kind == KIND_IMPRESSION && !k->count_decisions)
		shown_count(&s, k->caps, a->weight < 0 ? a->at : a->now, a->weight);
	return write(k, a);
}

/* The event of a decision that the record is; -1: none that is remembered. */
static int
event_of(enum kind kind)
{
	switch (kind) {
	case KIND_DECISION:
		return SHOWN_DECIDED;
	case KIND_IMPRESSION:
		return DESK_IMPRESSION;
	case KIND_CLICK:
		return DESK_CLICK;
	case KIND_PURCHASE:
		return DESK_CONVERSION;
	case KIND_WIN:
		return DESK_WIN;
	case KIND_BILLING:
		return DESK_BILLING;
	default:
		return -1;
	}
}

/* The decision that it is of, if that has come to it here; NULL: it has not. */
static struct shown *
remembered(struct desk *k, const struct arriving *a, int event, uint64_t *hash)
{
	struct slice value, decision;
	struct shown *s;
	instant last;
	bool fresh;

	if (event < 0 || !value_get(a->map, "decision_id", &value) ||
	    !value_str(value, &decision))
		return NULL;
	*hash = hash_keyed(k->hash, decision);
	if (!table_touched(k->shown, *hash, &last))
		return NULL;
	s = table_touch(k->shown, *hash, last, &fresh);
	return (event == SHOWN_DECIDED ? s->decided != 0 : s->came >> event & 1) ? s
										 : NULL;
}

/* An event that came before is taken back, or counts after all, as it did: once. Of one
 * that is not known here it is believed. Nobody is met or forgotten by it. */
static enum arrival
turn(struct desk *k, struct arriving *a, struct error *error)
{
	int event = event_of(a->kind);
	uint64_t hash;
	struct shown *s = remembered(k, a, event, &hash);
	struct record r;

	if (s == NULL)
		return count(k, a, error);
	if (close_record(k, a, &r, error) != ARRIVAL_TAKEN)
		return ARRIVAL_WRONG;
	forget_check(k, s);
	if (!desk_turn(k, s, hash, (unsigned)event, a->weight < 0, a->now)) {
		k->counts.repeated++;
		return ARRIVAL_KNOWN;
	}
	return write(k, a);
}

static enum arrival
dispatch(struct desk *k, struct arriving *a, struct error *error)
{
	struct slice value, decision;

	if (a->again)
		return turn(k, a, error);
	switch (a->kind) {
	case KIND_REQUEST:
	case KIND_DECISION:
		(void)error_set(error, "requests come over HTTP, and are decided here");
		return ARRIVAL_WRONG;
	case KIND_CREATIVE:
	case KIND_CAMPAIGN:
	case KIND_ITEM:
		return change(k, a, error);
	case KIND_IMPRESSION:
	case KIND_CLICK:
		if (a->weight == 1 && value_get(a->map, "decision_id", &value) &&
		    value_str(value, &decision))
			return hear(k, a, decision, error);
		return count(k, a, error);
	case KIND_WIN:
	case KIND_BILLING:
	case KIND_LOSS:
		if (a->weight == 1 && value_get(a->map, "decision_id", &value) &&
		    value_str(value, &decision))
			return hear_notice(k, a, decision, error);
		return tell(k, a, error);
	default:
		return tell(k, a, error);
	}
}

enum arrival
arrival_take(struct desk *k, const struct record *r, instant now, struct error *error)
{
	struct arriving a = {
		.map = slice_of(r->bytes, r->size), .kind = record_kind(r), .now = now
	};
	struct slice value;

	a.at = now;
	if (value_get(a.map, "timestamp", &value) && !record_timestamp(r, &a.at)) {
		(void)error_set(error, "its timestamp is no instant");
		return ARRIVAL_WRONG;
	}
	if (!record_weight(r, &a.weight)) {
		(void)error_set(error, "its weight is no number");
		return ARRIVAL_WRONG;
	}
	a.at = a.at < now ? a.at : now;
	a.again = a.weight < 0 || value_get(a.map, "verdict", &value);
	a.consents = ask_consents(a.map, false);
	if (!a.consents && !a.again && a.kind != KIND_USER)
		(void)forget_named(k, a.map, false, false, now);
	journal_open(k->journal, &a.b);
	a.open = build_open(&a.b);
	copy(&a);
	return dispatch(k, &a, error);
}
