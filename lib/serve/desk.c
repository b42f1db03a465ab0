/* SPDX-License-Identifier: MIT */
#include "lib/serve/desk.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/serve/ask.h"
#include "lib/serve/forget.h"
#include "lib/state/block.h"

enum {
	PAIRS_ROOM = 2 * ASK_MAP_MAX,
	KNOWN_SHARE = 8, /* of the memory, for who could be forgotten */
};

int
desk_init(struct desk *k, const struct os *os, uint64_t seed, const char *users,
    uint64_t memory, struct error *error)
{
	uint64_t chance;

	if (os->random(os, &chance, sizeof chance) != 0)
		return error_set(error, "no random bytes for ids");
	(void)snprintf(k->instance, sizeof k->instance, "%016" PRIx64, chance);
	k->hash = hash_key(seed);
	k->users = users;
	k->model.since = WHEN_NEVER;
	if (visitor_keys_init(&k->visitor, k->reader, k->hash, users, error) != 0)
		return -1;
	k->slot_id = reader_key(k->reader, "slot_id");
	k->creative_id = reader_key(k->reader, "creative_id");
	k->shown = shown_new(memory - memory / KNOWN_SHARE);
	k->pairs = malloc(PAIRS_ROOM);
	k->first = malloc(PAIRS_ROOM + 16 + RECORD_PADDING);
	return k->shown != NULL && k->pairs != NULL && k->first != NULL &&
		eligible_init(&k->eligible) == 0 &&
		forget_init(&k->forget, memory / KNOWN_SHARE) == 0
	    ? 0
	    : error_set(error, "no memory for decisions");
}

void
desk_fini(struct desk *k)
{
	table_free(k->shown);
	eligible_fini(&k->eligible);
	forget_fini(&k->forget);
	free(k->pairs);
	free(k->first);
}

bool
desk_scan(struct desk *k, struct slice bytes, struct record *to)
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

void
desk_model(struct desk *k, instant written)
{
	k->model.version = judge_version(&k->decider->judge);
	k->model.since = written;
}

void
desk_watch(struct desk *k, instant now)
{
	uint64_t version = judge_version(&k->decider->judge);

	if (version == k->model.version)
		return;
	k->model.version = version;
	k->model.since = now;
}

/* --- Requests ---------------------------------------------------------------------- */

bool
desk_ask_value(const struct desk_ask *a, const char *name, struct slice *to)
{
	return (a->slot.at != NULL && value_get(a->slot, name, to)) ||
	    value_get(a->map, name, to);
}

/* The age is of the server's, not of the decision: so who decides again says the same. */
static unsigned
build_model_age(const struct desk *k, instant now, struct build *to)
{
	if (k->model.since == WHEN_NEVER)
		return 0;
	build_text(to, "model_age_us");
	build_int(to, now > k->model.since ? now - k->model.since : 0);
	return 1;
}

/* All pairs of the request but its candidates and the auction; how many. */
static unsigned
build_request(const struct desk_ask *a, const char *id, struct build *to)
{
	static const struct slice none = { NULL, 0 };
	static const struct client nobody = { .told = CLIENT_NOTHING };
	struct slice own, agent;
	unsigned pairs = 4;

	build_text(to, "event");
	build_text(to, "request");
	build_text(to, "event_id");
	build_text(to, id);
	build_text(to, "request_id");
	build_text(to, id);
	build_text(to, "timestamp");
	build_int(to, a->now);
	pairs += ask_consent_pair(
	    a->slot.at != NULL && value_get(a->slot, "consent", &own) ? a->slot
								      : a->map,
	    a->signal, a->consents, to);
	pairs += ask_pairs(a->map, a->slot, a->consents, to);
	if (a->slot.at != NULL)
		pairs += ask_pairs(a->slot, none, a->consents, to);
	if (!desk_ask_value(a, "user_agent", &agent))
		agent = none;
	return pairs +
	    client_pairs(
		a->client != NULL ? a->client : &nobody, a->consents, agent, to);
}

/* Whom a request without consent names, by its slot before its map, is forgotten. */
static void
forget_asker(struct desk *k, const struct desk_ask *a)
{
	static const struct slice none = { NULL, 0 };
	struct build b;
	unsigned pairs;
	size_t open;

	if (a->slot.at == NULL || !ask_consents(a->map, a->signal))
		(void)forget_named(k, a->map, a->signal, false, a->now);
	if (a->slot.at == NULL)
		return;
	build_init(&b, k->first, PAIRS_ROOM + 16);
	open = build_open(&b);
	pairs = ask_pairs(a->map, a->slot, true, &b);
	pairs += ask_pairs(a->slot, none, true, &b);
	build_close_map(&b, open, pairs);
	if (!build_full(&b))
		(void)forget_named(k, build_slice(&b), a->signal, false, a->now);
}

/* What an impression of the slot has to be worth. */
static double
floor_of(const struct desk *k, const struct desk_ask *a)
{
	struct slice value, slot = { NULL, 0 };
	double shop;

	if (desk_ask_value(a, "slot_id", &value))
		(void)value_str(value, &slot);
	shop = floors_of(&k->rules.floors, slot);
	return a->floor_micros > shop ? a->floor_micros : shop;
}

/* What the decider is told besides who may answer; how many pairs. */
static unsigned
build_auction(const struct desk *k, const struct desk_ask *a, struct build *to)
{
	double floor = floor_of(k, a);
	unsigned pairs = 1;

	build_text(to, "k");
	build_uint(to, k->eligible.positions);
	if (floor > 0 && isfinite(floor)) {
		build_text(to, "floor_micros");
		build_number(to, floor);
		pairs++;
	}
	if (k->eligible.second) {
		build_text(to, "auction");
		build_text(to, "second");
		pairs++;
	}
	return pairs;
}

/* --- Decisions --------------------------------------------------------------------- */

/* Hold what it costs, and count it. False: the budget does not cover it after all. */
static bool
settle(struct desk *k, struct shown *s, uint64_t decision, instant now)
{
	struct budget_of of;

	if (budget_find(k->catalogue, s->id[CAPS_CAMPAIGN], &of)) {
		if (s->sold > 0)
			shown_price(&of, s->sold);
		else
			budget_lower(&of, (enum bid_type)s->bid_type, s->price_micros);
		if (budgets_reserve(k->budgets, &of, decision, now) != BUDGET_FREE) {
			k->counts.unfunded++;
			return false;
		}
	}
	if (k->count_decisions)
		shown_count(s, k->caps, now, 1);
	else
		eligible_give(&k->eligible, s);
	return true;
}

static void
fill_banner(const struct desk *k, struct slice request_id, struct desk_banner *to)
{
	const struct decider *d = k->decider;

	to->position = d->position;
	to->id = decision_id(request_id, to->position, to->text);
	to->row = k->eligible.rows[decider_place(d)];
	to->bid_type = (enum bid_type)d->judge.slate.offer[d->chosen].type;
	to->price_micros = decider_price(d);
	to->worth_micros = decider_worth(d);
}

/* The next position; false: nothing can be decided for it, nor for those after it. */
static bool
decide_one(struct desk *k, const struct desk_ask *a, const struct record *request,
    struct build *b, struct desk_banner *to)
{
	struct decider *d = k->decider;
	struct shown *s = &k->eligible.shown, *kept;
	struct slice composed_of = { NULL, 0 };
	uint8_t *start = b->at;
	uint64_t decision;
	bool fresh;

	decider_decide(d, b);
	if (build_full(b)) {
		b->at = start;
		b->full = false;
		return false;
	}
	fill_banner(k, d->request.id, to);
	eligible_caps(k, to->row, s);
	s->bid_type = (uint8_t)to->bid_type;
	s->price_micros = to->price_micros;
	s->decided = a->now;
	s->sold = a->sold ? desk_price(to->worth_micros) : 0;
	decision = hash_keyed(k->hash, to->id);
	if ((a->sold && s->sold == 0) ||
	    (!a->rehearsal && !settle(k, s, decision, a->now))) {
		b->at = start;
		return false;
	}
	if (a->rehearsal) {
		b->at = start;
		decider_take(d, (struct slice){ NULL, 0 });
		return true;
	}
	kept = table_touch(k->shown, decision, a->now, &fresh);
	*kept = *s;
	kept->is = a->consents ? SHOWN_CONSENTED : 0;
	(void)value_get(catalogue_creative_record(k->catalogue, to->row), "composed_of",
	    &composed_of);
	shown_describe(kept, to->position, decider_chosen(d), composed_of, request);
	to->record = slice_of(start, (size_t)(b->at - start));
	decider_take(d, to->record);
	k->counts.decisions++;
	return true;
}

/* It asked for as many as could be decided: so whoever decides it again stops there too.
 * Decisions do not have its k. */
static void
shorten(struct slice request, uint8_t *start, unsigned positions)
{
	struct slice value;

	assert(value_get(request, "k", &value) && value.size == 1);
	start[value.at - start] = (uint8_t)positions;
}

/* The request goes before its decisions, and counts after them, as in bp-rank. */
static const char *
decide_all(struct desk *k, const struct desk_ask *a, struct slice pairs, unsigned count,
    struct desk_answer *to)
{
	struct slice request;
	struct record r;
	struct build b;
	const char *wrong;
	bool whole = true;
	uint8_t *start;
	size_t open;

	journal_open(k->journal, &b);
	start = b.at;
	open = build_open(&b);
	build_raw(&b, pairs);
	count += eligible_build(k, &b);
	count += build_auction(k, a, &b);
	build_close_map(&b, open, count);
	request = slice_of(start, (size_t)(b.at - start));
	if (build_full(&b) || !desk_scan(k, request, &r))
		return "it is too large";
	wrong = decider_begin(k->decider, &r);
	if (wrong != NULL)
		return wrong;
	while (whole && decider_next(k->decider, &wrong)) {
		whole = decide_one(k, a, &r, &b, &to->banner[to->n]);
		to->n += whole;
	}
	if (to->n == 0 && wrong != NULL)
		return wrong;
	if (a->rehearsal || (to->n == 0 && !whole))
		return NULL;
	if (!whole || wrong != NULL)
		shorten(request, start, to->n);
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
	const char *wrong;
	uint64_t positions = 1;
	unsigned count;

	to->n = 0;
	if (desk_ask_value(a, "k", &value) &&
	    (!value_uint(value, &positions) || positions == 0 ||
		positions > DESK_POSITIONS_MAX))
		return "k is no number from 1 to 16";
	if (!a->consents && !a->rehearsal)
		forget_asker(k, a);
	(void)snprintf(id, sizeof id, "%s-%" PRIx64, k->instance, k->number++);
	build_init(&b, k->pairs, PAIRS_ROOM);
	desk_watch(k, a->now);
	count = build_request(a, id, &b) + build_model_age(k, a->now, &b);
	pairs = build_slice(&b);
	if (build_full(&b))
		return "it is too large";
	build_init(&b, k->first, PAIRS_ROOM + 16);
	build_map(&b, count);
	build_raw(&b, pairs);
	if (!desk_scan(k, build_slice(&b), &r))
		return "a key that comes twice";
	wrong = eligible_find(k, a, &r, positions, hash_keyed(k->hash, slice_text(id)));
	if (!a->rehearsal)
		forget_meet(k, k->eligible.shown.who.user, a->now);
	if (wrong == NULL && k->eligible.n > 0)
		wrong = decide_all(k, a, pairs, count, to);
	if (wrong == NULL && !a->rehearsal) {
		k->counts.requests++;
		k->counts.empty += to->n == 0;
		k->counts.contextual += !a->consents;
	}
	return wrong;
}

/* --- Snapshots ----------------------------------------------------------------------- */

void
desk_save(struct desk *k, struct state_writer *to)
{
	forget_settle(k);
	caps_save(k->caps, to);
	budgets_save(k->budgets, to);
	state_put_table(to, k->shown);
	state_put_table(to, k->forget.known);
	state_put(to, &k->counts, sizeof k->counts);
}

int
desk_load(struct desk *k, struct state_reader *from, struct error *error)
{
	if (caps_load(k->caps, from, error) != 0 ||
	    budgets_load(k->budgets, from, error) != 0 ||
	    state_get_table(from, k->shown, error) != 0 ||
	    state_get_table(from, k->forget.known, error) != 0 ||
	    shown_check(k->shown, error) != 0)
		return -1;
	return state_get(from, &k->counts, sizeof k->counts) == 0
	    ? 0
	    : error_set(error, "the snapshot is too short");
}
