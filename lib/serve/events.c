/* SPDX-License-Identifier: MIT */
#include "lib/serve/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/delivery/price.h"
#include "lib/serve/ask.h"
#include "lib/serve/forget.h"

enum { EVENT_ID_MAX = 128 };

_Static_assert(
    (int)SHOWN_CONVERTED == (int)DESK_CONVERSION, "a conversion has its own bit");

/* --- Banners ------------------------------------------------------------------------- */

void
desk_build_head(struct build *b, const char *event, struct slice id, instant now)
{
	build_text(b, "event");
	build_text(b, event);
	build_text(b, "event_id");
	build_str(b, id);
	build_text(b, "timestamp");
	build_int(b, now);
}

void
desk_pay(struct desk *k, const struct shown *s, uint64_t decision,
    enum budget_event event, instant now)
{
	struct budget_of of;
	bool pays = (s->came >> SHOWN_FOREIGN & 1) == 0 &&
	    budget_find(k->catalogue, s->id[CAPS_CAMPAIGN], &of);

	/* What is sold is paid for when the exchange says so (desk_notice). */
	if (s->sold > 0 && (event != BUDGET_IMPRESSION || k->pays != DESK_IMPRESSION))
		return;
	if (pays && s->sold > 0)
		shown_price(&of, s->sold);
	else if (pays)
		budget_lower(&of, (enum bid_type)s->bid_type, s->price_micros);
	budgets_reach(k->budgets, now);
	(void)budgets_commit(k->budgets, pays ? &of : NULL, decision, event, now);
}

/* What is sold was paid by its notice, and the exchange gives that back. */
static bool
is_paid_by(const struct desk *k, const struct shown *s, enum desk_event event)
{
	return s->sold > 0 ? event == k->pays : event <= DESK_CONVERSION;
}

bool
desk_turn(struct desk *k, struct shown *s, uint64_t decision, unsigned event, bool out,
    instant now)
{
	bool caps = event == (k->count_decisions ? SHOWN_DECIDED : DESK_IMPRESSION);
	enum budget_event what = event == DESK_CLICK ? BUDGET_CLICK
	    : event == DESK_CONVERSION               ? BUDGET_CONVERSION
						     : BUDGET_IMPRESSION;

	if (out == ((s->out >> event & 1) != 0))
		return false;
	s->out = (uint8_t)(s->out ^ 1U << event);
	k->counts.returned += out;
	if (caps)
		shown_count(s, k->caps, event == SHOWN_DECIDED ? s->decided : s->seen,
		    out ? -1 : 1);
	budgets_reach(k->budgets, now);
	if (event == SHOWN_DECIDED)
		(void)budgets_release(k->budgets, decision);
	else if (is_paid_by(k, s, event) && out)
		(void)budgets_return(k->budgets, decision, what);
	else if (is_paid_by(k, s, event) && s->sold > 0)
		(void)budgets_commit(k->budgets, NULL, decision, what, now);
	else if (is_paid_by(k, s, event))
		desk_pay(k, s, decision, what, now);
	return true;
}

void
desk_fetch_ahead(struct desk *k, struct slice decision)
{
	uint64_t hash = hash_keyed(k->hash, decision);
	struct shown *s;
	instant last;
	bool fresh;

	if (!table_touched(k->shown, hash, &last))
		return;
	s = table_touch(k->shown, hash, last, &fresh);
	k->counts.ahead += (s->is & SHOWN_AHEAD) == 0;
	s->is |= SHOWN_AHEAD;
}

static void
write(struct desk *k, const struct shown *s, enum desk_event event,
    struct slice decision, const struct client *client, instant now)
{
	static const struct slice none = { NULL, 0 };
	static const char *const names[] = { "impression", "click" };
	char id[2 * DECISION_ID_MAX];
	int size = snprintf(id, sizeof id, "%.*s-%s", (int)decision.size,
	    (const char *)decision.at, names[event]);
	unsigned pairs = 4 + s->pairs;
	struct build b;
	size_t open;

	journal_open(k->journal, &b);
	open = build_open(&b);
	desk_build_head(&b, names[event], slice_of(id, (size_t)size), now);
	build_text(&b, "decision_id");
	build_str(&b, decision);
	build_raw(&b, slice_of(s->about, s->size));
	pairs += client_pairs(client, (s->is & SHOWN_CONSENTED) != 0, none, &b);
	build_close_map(&b, open, pairs);
	desk_learn(k, build_slice(&b));
	journal_close(k->journal, &b);
}

void
desk_tell(struct desk *k, enum desk_event event, struct slice decision,
    const struct client *client, instant now)
{
	uint64_t hash = hash_keyed(k->hash, decision);
	struct shown *s;
	bool fresh;

	s = table_touch(k->shown, hash, now, &fresh);
	forget_check(k, s);
	if ((s->came >> event & 1) != 0) {
		k->counts.repeated++;
		return;
	}
	/* Who clicks on what was fetched ahead has seen it. */
	if (event == DESK_CLICK && (s->is & SHOWN_AHEAD) != 0 &&
	    (s->came >> DESK_IMPRESSION & 1) == 0)
		desk_tell(k, DESK_IMPRESSION, decision, client, now);
	s->came = (uint8_t)(s->came | 1U << event);
	k->counts.unknown += fresh;
	write(k, s, event, decision, client, now);
	if (event == DESK_IMPRESSION && !k->count_decisions)
		shown_count(s, k->caps, s->seen = now, 1);
	desk_pay(
	    k, s, hash, event == DESK_CLICK ? BUDGET_CLICK : BUDGET_IMPRESSION, now);
	*(event == DESK_CLICK ? &k->counts.clicks : &k->counts.impressions) += 1;
}

/* --- The shop ------------------------------------------------------------------------ */

const struct shown *
desk_convert(struct desk *k, struct slice map, instant now, struct slice *value)
{
	struct slice decision;
	const struct shown *found;
	struct shown *s;
	uint64_t hash;
	bool fresh;

	if (!value_get(map, "decision_id", value) || !value_str(*value, &decision))
		return NULL;
	hash = hash_keyed(k->hash, decision);
	found = table_find(k->shown, hash);
	if (found == NULL || (found->came >> DESK_CLICK & 1) == 0 ||
	    (found->came >> SHOWN_CONVERTED & 1) != 0)
		return NULL;
	s = table_touch(k->shown, hash, now, &fresh);
	s->came = (uint8_t)(s->came | 1U << SHOWN_CONVERTED);
	desk_pay(k, s, hash, BUDGET_CONVERSION, now);
	return s;
}

/* A conversion says which banner led to it; how many pairs. */
static unsigned
convert(struct desk *k, struct slice map, instant now, struct build *b)
{
	struct slice value;
	const struct shown *s = desk_convert(k, map, now, &value);

	if (s == NULL)
		return 0;
	build_text(b, "decision_id");
	build_raw(b, value);
	if (s->bid_type == BID_NONE)
		return 1;
	build_text(b, "bid_type");
	build_text(b, bid_type_name((enum bid_type)s->bid_type));
	build_text(b, "price_micros");
	build_int(b, s->price_micros);
	return 3;
}

const char *
desk_event(struct desk *k, struct slice map, bool allowed, bool signal,
    const struct client *client, instant now)
{
	static const struct slice none = { NULL, 0 };
	bool consents = allowed && ask_consents(map, signal);
	struct slice value, name, id, record, agent;
	char text[EVENT_ID_MAX + 8];
	struct record r;
	struct build b;
	enum kind kind;
	unsigned pairs = 3;
	size_t open;
	int size;

	if (value_type(map) != VALUE_MAP)
		return "it is no map";
	/* Before anything is paid for it: what is added later cannot spoil it. */
	if (value_count(map) > ASK_PAIRS_MAX)
		return "it has more than 64 pairs";
	if (!desk_scan(k, map, &r))
		return "it has a key twice";
	if (!value_get(map, "event", &value) || !value_str(value, &name))
		return "it has no event";
	kind = kind_of(name);
	if (kind == KIND_USER && !consents)
		return forget_named(k, map, signal, true, now) ? NULL
							       : "it names no user";
	if (kind < KIND_PAGE_VIEW || kind > KIND_SIGN_UP)
		return "its event is none of a shop's";
	if (!consents)
		(void)forget_named(k, map, signal, false, now);
	if (value_get(map, "event_id", &value)) {
		if (!value_str(value, &id) || id.size == 0 || id.size > EVENT_ID_MAX)
			return "its event_id is no text of 1 to 128 bytes";
		/* No id of ours begins so. */
		size = snprintf(
		    text, sizeof text, "e:%.*s", (int)id.size, (const char *)id.at);
	} else {
		size = snprintf(
		    text, sizeof text, "%s-%" PRIx64 "e", k->instance, k->number++);
	}
	journal_open(k->journal, &b);
	open = build_open(&b);
	desk_build_head(&b, kind_name(kind), slice_of(text, (size_t)size), now);
	pairs += ask_consent_pair(map, signal, consents, &b);
	pairs += ask_pairs(map, none, consents, &b);
	if (!value_get(map, "user_agent", &agent))
		agent = none;
	pairs += client_pairs(client, consents, agent, &b);
	if (kind == KIND_PURCHASE && consents)
		pairs += convert(k, map, now, &b);
	build_close_map(&b, open, pairs);
	record = build_slice(&b);
	if (build_full(&b) || !desk_scan(k, record, &r))
		return "it is too large";
	forget_meet(k, visitor_read(&k->visitor, &r).user, now);
	desk_learn(k, record);
	journal_close(k->journal, &b);
	k->counts.events++;
	return NULL;
}
