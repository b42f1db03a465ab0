/* SPDX-License-Identifier: MIT */
#include "lib/serve/desk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/delivery/price.h"
#include "lib/serve/ask.h"
#include "lib/serve/shown.h"
#include "lib/state/block.h"

enum { PAIRS_ROOM = 2 * ASK_MAP_MAX, EVENT_ID_MAX = 128 };

int
desk_init(struct desk *k, uint64_t seed, const char *users, uint64_t memory,
    struct error *error)
{
	k->hash = hash_key(seed);
	if (visitor_keys_init(&k->visitor, k->reader, k->hash, users, error) != 0)
		return -1;
	k->slot_id = reader_key(k->reader, "slot_id");
	k->shown = table_new(TABLE_KEY_64, sizeof(struct shown), memory);
	k->pairs = malloc(PAIRS_ROOM);
	k->first = malloc(PAIRS_ROOM + 16 + RECORD_PADDING);
	k->rows = calloc(CATALOGUE_CREATIVES_MAX, sizeof *k->rows);
	k->mark = calloc(CATALOGUE_CREATIVES_MAX, 1);
	return k->shown != NULL && k->pairs != NULL && k->first != NULL &&
		k->rows != NULL && k->mark != NULL
	    ? 0
	    : error_set(error, "no memory for decisions");
}

void
desk_fini(struct desk *k)
{
	table_free(k->shown);
	free(k->pairs);
	free(k->first);
	free(k->rows);
	free(k->mark);
}

static bool
scan(struct desk *k, struct slice bytes, struct record *to)
{
	struct fault fault;
	size_t need;

	return record_scan(k->reader, bytes, to, &fault, &need) == SCAN_RECORD;
}

void
desk_learn(struct desk *k, struct slice record)
{
	if (k->decider->judge.portrait != NULL)
		portrait_update(k->decider->judge.portrait, record);
}

void
desk_introduce(struct desk *k, instant now)
{
	uint32_t row = 0;

	for (; k->decider->judge.portrait != NULL &&
	     (row = catalogue_next_creative(k->catalogue, row)) != CATALOGUE_NONE;
	     row++) {
		struct slice record = catalogue_creative_record(k->catalogue, row), key,
			     item, name;
		struct value_walk walk;
		struct build b;
		unsigned pairs = 1;
		size_t open;

		build_init(&b, k->first, PAIRS_ROOM);
		open = build_open(&b);
		for (value_open(record, &walk); value_next(&walk, &key, &item);)
			if (value_str(key, &name) && !slice_is(name, "timestamp")) {
				build_raw(&b, key);
				build_raw(&b, item);
				pairs++;
			}
		build_text(&b, "timestamp");
		build_int(&b, now);
		build_close_map(&b, open, pairs);
		if (!build_full(&b))
			desk_learn(k, build_slice(&b));
	}
}

/* --- Requests ---------------------------------------------------------------------- */

static bool
is_rehearsal(const struct desk_ask *a)
{
	return a->auction != NULL && a->auction->rehearsal;
}

static bool
ask_value(const struct desk_ask *a, const char *name, struct slice *to)
{
	return (a->slot.at != NULL && value_get(a->slot, name, to)) ||
	    value_get(a->map, name, to);
}

/* All pairs of the request but its candidates, and how many. */
static unsigned
build_request(
    struct desk *k, const struct desk_ask *a, const char *id, struct build *to)
{
	static const struct slice none = { NULL, 0 };
	unsigned pairs = 4;

	build_text(to, "event");
	build_text(to, "request");
	build_text(to, "event_id");
	build_text(to, id);
	build_text(to, "request_id");
	build_text(to, id);
	build_text(to, "timestamp");
	build_int(to, a->now);
	pairs += ask_consent_pair(a->map, a->signal, a->consents, to);
	pairs += ask_pairs(a->map, a->slot, a->consents, to);
	if (a->slot.at != NULL)
		pairs += ask_pairs(a->slot, none, a->consents, to);
	(void)k;
	return pairs;
}

/* Those whom the request names are marked. NULL, or what is wrong. */
static const char *
mark_named(struct desk *k, struct slice list, uint8_t mark)
{
	struct slice key, item, id;
	struct value_walk walk;
	int64_t integer;
	uint32_t row;

	if (value_type(list) != VALUE_ARRAY || value_count(list) > POLICY_MAX)
		return "candidates is no list of at most 1024";
	for (value_open(list, &walk); value_next(&walk, &key, &item);) {
		id = item;
		if (!value_text(item, &id) && !value_int(item, &integer))
			return "candidates has what is no id";
		row = catalogue_find_creative(
		    k->catalogue, catalogue_hash(k->catalogue, id));
		if (row != CATALOGUE_NONE)
			k->mark[row] = mark;
	}
	return NULL;
}

static void
take_caps(const struct desk *k, uint32_t row, struct shown *s)
{
	const struct creative *c = catalogue_creative(k->catalogue, row);

	s->id[CAPS_BANNER] = c->id;
	s->id[CAPS_CAMPAIGN] = c->campaign_id;
	s->cap[CAPS_BANNER] = cap_limits(c->cap) ? c->cap : k->preset[CAPS_BANNER];
	s->cap[CAPS_CAMPAIGN] = k->preset[CAPS_CAMPAIGN];
	if (c->campaign != CATALOGUE_NONE &&
	    cap_limits(catalogue_campaign(k->catalogue, c->campaign)->cap))
		s->cap[CAPS_CAMPAIGN] =
		    catalogue_campaign(k->catalogue, c->campaign)->cap;
}

static bool
is_over(const struct desk *k, const struct shown *s, instant now)
{
	for (unsigned i = 0; i < CAPS_SUBJECTS; i++)
		if (s->id[i] != 0 &&
		    caps_ask(k->caps, s->who, i, s->id[i], s->cap[i], now) != CAPS_FREE)
			return true;
	return false;
}

/* All candidates of a campaign sit out together. */
static bool
takes_part(struct desk *k, const struct shown *s, uint64_t request, instant now)
{
	struct budget_of of;
	enum budget_verdict verdict;

	if (!budget_find(k->catalogue, s->id[CAPS_CAMPAIGN], &of))
		return true;
	verdict =
	    budgets_ask(k->budgets, &of, hash_pair(request, s->id[CAPS_CAMPAIGN]), now);
	k->counts.throttled += verdict == BUDGET_PACE;
	k->counts.unfunded += verdict == BUDGET_TOTAL || verdict == BUDGET_DAY;
	return verdict == BUDGET_FREE;
}

/* Who may be shown: k->rows, and how many. */
static const char *
gather(struct desk *k, const struct desk_ask *a, const struct record *r,
    uint64_t request, struct shown *s, uint32_t *count)
{
	struct slice list, slot;
	bool named = ask_value(a, "candidates", &list);
	const char *wrong = named ? mark_named(k, list, 1) : NULL;
	uint32_t n, left = 0;

	*s = (struct shown){ .who = visitor_read(&k->visitor, r) };
	s->cap[CAPS_SLOT] = k->preset[CAPS_SLOT];
	if (record_id(r, k->slot_id, &slot))
		s->id[CAPS_SLOT] = catalogue_hash(k->catalogue, slot);
	budgets_reach(k->budgets, a->now);
	if (!is_rehearsal(a))
		budgets_traffic(k->budgets, a->now);
	n = wrong != NULL ? 0
			  : catalogue_eligible(k->catalogue, r, a->now, k->rows,
				CATALOGUE_CREATIVES_MAX);
	for (uint32_t i = 0; i < n && left < POLICY_MAX; i++) {
		uint32_t row = k->rows[i];

		if ((named && k->mark[row] == 0) ||
		    (a->auction != NULL && !a->auction->fits(a->auction->context, row)))
			continue;
		take_caps(k, row, s);
		if (is_over(k, s, a->now))
			k->counts.capped++;
		else if (takes_part(k, s, request, a->now))
			k->rows[left++] = row;
	}
	if (named)
		(void)mark_named(k, list, 0);
	*count = left;
	return wrong;
}

/* --- Decisions --------------------------------------------------------------------- */

static void
remember_pair(struct shown *s, const char *name, struct slice value)
{
	struct build b;

	build_init(&b, s->about + s->size, sizeof s->about - s->size);
	build_text(&b, name);
	build_raw(&b, value);
	if (build_full(&b))
		return; /* its events have to do without */
	s->size = (uint16_t)(s->size + build_slice(&b).size);
	s->pairs++;
}

static void
remember(struct desk *k, const struct shown *now_shown, const struct record *request,
    const struct desk_banner *banner, uint64_t decision, instant now)
{
	static const char *const names[] = { "slot_id", "user_id", "anonymous_id",
		"session_id", "consent" };
	uint8_t position[9];
	struct slice value, map = slice_of(request->bytes, request->size);
	struct shown *s;
	struct build b;
	bool fresh;

	s = table_touch(k->shown, decision, now, &fresh);
	*s = *now_shown;
	build_init(&b, position, sizeof position);
	build_uint(&b, banner->position);
	remember_pair(s, "position", build_slice(&b));
	remember_pair(s, "creative_id", decider_chosen(k->decider));
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (value_get(map, names[i], &value))
			remember_pair(s, names[i], value);
}

static void
add_caps(struct desk *k, const struct shown *s, instant now)
{
	for (unsigned i = 0; i < CAPS_SUBJECTS; i++)
		if (s->id[i] != 0)
			caps_add(k->caps, s->who, i, s->id[i], s->cap[i], now, 1);
}

/* What an impression of the one that was drawn is worth to its campaign, in micros. */
static double
worth(const struct desk *k, uint32_t row)
{
	const struct decider *d = k->decider;
	const struct creative *c = catalogue_creative(k->catalogue, row);
	const struct campaign *of = c->campaign == CATALOGUE_NONE
	    ? NULL
	    : catalogue_campaign(k->catalogue, c->campaign);
	bool known = d->judge.predictor.model != NULL;
	double p = known ? d->judge.candidates[d->chosen].p : 0;
	struct offer offer = { .pctr = p };

	if (of == NULL || of->bid_type == BID_NONE)
		return 0;
	offer.bid_micros = of->bid_micros;
	offer.type = of->bid_type;
	if (d->judge.reward != MODEL_CLICK) {
		/* p is that of both. */
		offer.pctr = of->bid_type == BID_CPA;
		offer.pcvr = p;
	}
	return price_value(&offer);
}

/* Whether what was drawn can be kept: what came before in this answer may have taken what
 * it needs. */
static bool
settle(struct desk *k, const struct desk_ask *a, struct shown *s,
    const struct desk_banner *b, uint64_t decision)
{
	instant now = a->now;
	struct budget_of of;
	bool pays;

	take_caps(k, b->row, s);
	if (k->count_decisions && is_over(k, s, now)) {
		k->counts.capped++;
		return false;
	}
	if (a->auction != NULL) {
		s->bid = desk_price(b->price_micros);
		if (s->bid == 0 || s->bid < desk_price(a->floor_micros))
			return false;
	}
	if (is_rehearsal(a))
		return true;
	pays = budget_find(k->catalogue, s->id[CAPS_CAMPAIGN], &of);
	if (pays && s->bid > 0)
		shown_price(&of, s->bid);
	if (pays && budgets_reserve(k->budgets, &of, decision, now) != BUDGET_FREE) {
		k->counts.unfunded++;
		return false;
	}
	if (k->count_decisions)
		add_caps(k, s, now);
	return true;
}

/* The next position: 1 when a banner was decided for it, 0 when it stays empty, -1 when
 * there can be no more. */
static int
decide_one(struct desk *k, const struct desk_ask *a, const struct record *request,
    struct shown *s, uint32_t rows, struct build *b, struct desk_banner *to)
{
	struct decider *d = k->decider;
	uint8_t *start = b->at;
	unsigned left = d->judge.slate.n;
	uint64_t decision;

	assert(left <= rows);
	to->position = d->position;
	if (decider_decide(d, b) != NULL || build_full(b)) {
		b->at = start;
		b->full = false;
		return -1;
	}
	to->id = decision_id(d->request.id, to->position, to->text);
	to->row = k->rows[d->chosen];
	to->price_micros = worth(k, to->row);
	memmove(k->rows + d->chosen, k->rows + d->chosen + 1,
	    (left - d->chosen - 1) * sizeof *k->rows);
	decision = hash_keyed(k->hash, to->id);
	if (!settle(k, a, s, to, decision)) {
		b->at = start;
		decider_take(d, (struct slice){ NULL, 0 });
		return 0;
	}
	if (is_rehearsal(a)) {
		decider_take(d, (struct slice){ NULL, 0 });
		return 1;
	}
	remember(k, s, request, to, decision, a->now);
	decider_take(d, slice_of(start, (size_t)(b->at - start)));
	k->counts.decisions++;
	return 1;
}

static void
build_candidates(struct desk *k, uint32_t n, struct build *to)
{
	struct slice id;

	build_text(to, "candidates");
	build_array(to, n);
	for (uint32_t i = 0; i < n; i++) {
		if (!value_get(catalogue_creative_record(k->catalogue, k->rows[i]),
			"creative_id", &id))
			build_nil(to);
		else
			build_raw(to, id);
	}
}

/* The request goes before its decisions, and counts after them, as in bp-rank. */
static const char *
decide_all(struct desk *k, const struct desk_ask *a, struct slice pairs, unsigned count,
    struct shown *s, uint32_t n, uint64_t positions, struct desk_answer *to)
{
	struct slice request;
	struct record r;
	struct build b;
	const char *wrong;
	uint8_t *start;

	journal_open(k->journal, &b);
	start = b.at;
	build_map(&b, count + 2);
	build_raw(&b, pairs);
	build_candidates(k, n, &b);
	build_text(&b, "k");
	build_uint(&b, positions);
	request = slice_of(start, (size_t)(b.at - start));
	if (build_full(&b) || !scan(k, request, &r))
		return "it is too large";
	wrong = decider_begin(k->decider, &r);
	if (wrong != NULL)
		return wrong;
	while (k->decider->position < k->decider->positions) {
		int status = decide_one(k, a, &r, s, n, &b, &to->banner[to->n]);

		if (status < 0)
			break;
		to->n += (unsigned)status;
	}
	if (is_rehearsal(a))
		return NULL;
	desk_learn(k, request);
	journal_close(k->journal, &b);
	return NULL;
}

const char *
desk_decide(struct desk *k, const struct desk_ask *a, struct desk_answer *to)
{
	char id[64];
	struct slice pairs, value;
	struct build b;
	struct record r;
	struct shown shown;
	const char *wrong;
	uint64_t positions = 1, request;
	uint32_t n;
	unsigned count;

	to->n = 0;
	if (ask_value(a, "k", &value) &&
	    (!value_uint(value, &positions) || positions == 0 ||
		positions > DESK_POSITIONS_MAX))
		return "k is no number from 1 to 16";
	(void)snprintf(id, sizeof id, "%s-%" PRIx64, k->instance, k->number++);
	build_init(&b, k->pairs, PAIRS_ROOM);
	count = build_request(k, a, id, &b);
	pairs = build_slice(&b);
	if (build_full(&b))
		return "it is too large";
	build_init(&b, k->first, PAIRS_ROOM + 16);
	build_map(&b, count);
	build_raw(&b, pairs);
	if (!scan(k, build_slice(&b), &r))
		return "a key that comes twice";
	request = hash_keyed(k->hash, slice_text(id));
	wrong = gather(k, a, &r, request, &shown, &n);
	if (wrong == NULL && n > 0)
		wrong = decide_all(k, a, pairs, count, &shown, n, positions, to);
	if (wrong == NULL && !is_rehearsal(a)) {
		k->counts.requests++;
		k->counts.empty += to->n == 0;
		k->counts.contextual += !a->consents;
	}
	return wrong;
}

/* --- What comes of it ---------------------------------------------------------------- */

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

static void
pay(struct desk *k, const struct shown *s, uint64_t decision, enum budget_event event,
    instant now)
{
	struct budget_of of;
	bool pays = budget_find(k->catalogue, s->id[CAPS_CAMPAIGN], &of);

	if (pays && s->bid > 0)
		shown_price(&of, s->bid);
	budgets_reach(k->budgets, now);
	(void)budgets_commit(k->budgets, pays ? &of : NULL, decision, event, now);
}

void
desk_tell(struct desk *k, enum desk_event event, struct slice decision, instant now)
{
	static const char *const names[] = { "impression", "click" };
	uint64_t hash = hash_keyed(k->hash, decision);
	char id[2 * DECISION_ID_MAX];
	struct shown *s;
	struct build b;
	bool fresh;
	int size;

	s = table_touch(k->shown, hash, now, &fresh);
	if ((s->came >> event & 1) != 0) {
		k->counts.repeated++;
		return;
	}
	s->came = (uint8_t)(s->came | 1U << event);
	k->counts.unknown += fresh;
	size = snprintf(id, sizeof id, "%.*s-%s", (int)decision.size,
	    (const char *)decision.at, names[event]);
	journal_open(k->journal, &b);
	build_map(&b, 4 + s->pairs);
	desk_build_head(&b, names[event], slice_of(id, (size_t)size), now);
	build_text(&b, "decision_id");
	build_str(&b, decision);
	build_raw(&b, slice_of(s->about, s->size));
	desk_learn(k, build_slice(&b));
	journal_close(k->journal, &b);
	if (event == DESK_IMPRESSION && !k->count_decisions)
		add_caps(k, s, now);
	if (s->bid == 0 || (event == DESK_IMPRESSION && k->pays == DESK_IMPRESSION))
		pay(k, s, hash, event == DESK_CLICK ? BUDGET_CLICK : BUDGET_IMPRESSION,
		    now);
	*(event == DESK_CLICK ? &k->counts.clicks : &k->counts.impressions) += 1;
}

/* A conversion says which banner led to it: believed when that was clicked, once. */
static unsigned
convert(struct desk *k, struct slice map, bool consents, instant now, struct build *b)
{
	struct slice value, decision;
	const struct shown *found;
	struct shown *s;
	uint64_t hash;
	bool fresh;

	if (!consents || !value_get(map, "decision_id", &value) ||
	    !value_str(value, &decision))
		return 0;
	hash = hash_keyed(k->hash, decision);
	found = table_find(k->shown, hash);
	if (found == NULL || (found->came >> DESK_CLICK & 1) == 0 ||
	    (found->came >> DESK_CONVERSION & 1) != 0)
		return 0;
	s = table_touch(k->shown, hash, now, &fresh);
	s->came = (uint8_t)(s->came | 1U << DESK_CONVERSION);
	if (s->bid == 0)
		pay(k, s, hash, BUDGET_CONVERSION, now);
	build_text(b, "decision_id");
	build_raw(b, value);
	return 1;
}

const char *
desk_event(struct desk *k, struct slice map, bool signal, instant now)
{
	static const struct slice none = { NULL, 0 };
	bool consents = ask_consents(map, signal);
	struct slice value, name, id, record;
	char text[EVENT_ID_MAX + 8];
	struct record r;
	struct build b;
	enum kind kind;
	unsigned pairs = 3;
	size_t open;
	int size;

	if (value_type(map) != VALUE_MAP)
		return "it is no map";
	if (!value_get(map, "event", &value) || !value_str(value, &name))
		return "it has no event";
	kind = kind_of(name);
	if (kind < KIND_PAGE_VIEW || kind > KIND_SIGN_UP)
		return "its event is none of a shop's";
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
	if (kind == KIND_PURCHASE)
		pairs += convert(k, map, consents, now, &b);
	build_close_map(&b, open, pairs);
	record = build_slice(&b);
	if (build_full(&b) || !scan(k, record, &r))
		return "it is too large, or has a key twice";
	desk_learn(k, record);
	journal_close(k->journal, &b);
	k->counts.events++;
	return NULL;
}

/* --- Snapshots ----------------------------------------------------------------------- */

void
desk_save(const struct desk *k, struct state_writer *to)
{
	caps_save(k->caps, to);
	budgets_save(k->budgets, to);
	state_put_table(to, k->shown);
	state_put(to, &k->counts, sizeof k->counts);
}

int
desk_load(struct desk *k, struct state_reader *from, struct error *error)
{
	if (caps_load(k->caps, from, error) != 0 ||
	    budgets_load(k->budgets, from, error) != 0 ||
	    state_get_table(from, k->shown, error) != 0)
		return -1;
	for (size_t s = table_next(k->shown, 0); s != TABLE_NONE;
	     s = table_next(k->shown, s + 1)) {
		const struct shown *shown = table_cell(k->shown, s);

		if (shown->size > sizeof shown->about)
			return error_set(error, "a decision in it is not whole");
	}
	return state_get(from, &k->counts, sizeof k->counts) == 0
	    ? 0
	    : error_set(error, "the snapshot is too short");
}
