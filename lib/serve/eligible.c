/* SPDX-License-Identifier: MIT */
#include "lib/serve/eligible.h"

#include <stdlib.h>

#include "lib/record/value.h"
#include "lib/serve/desk.h"

int
eligible_init(struct eligible *e)
{
	e->rows = calloc(CATALOGUE_CREATIVES_MAX, sizeof *e->rows);
	e->mark = calloc(CATALOGUE_CREATIVES_MAX, sizeof *e->mark);
	e->of = calloc(CATALOGUE_CAMPAIGNS_MAX, sizeof *e->of);
	return e->rows != NULL && e->mark != NULL && e->of != NULL ? 0 : -1;
}

void
eligible_fini(struct eligible *e)
{
	free(e->rows);
	free(e->mark);
	free(e->of);
}

/* --- Who is named ---------------------------------------------------------------------- */

/* With a creative of parts all that are composed of it. */
static void
mark_creative(struct desk *k, uint64_t id, uint8_t mark)
{
	uint32_t row = catalogue_first_named(k->catalogue, id);

	for (; row != CATALOGUE_NONE; row = catalogue_next_named(k->catalogue, id, row))
		k->eligible.mark[row] = mark;
}

/* Those whom the request names are marked. NULL, or what is wrong. */
static const char *
mark_named(struct desk *k, struct slice list, uint8_t mark)
{
	struct slice key, item, id;
	struct value_walk walk;
	int64_t integer;

	if (value_type(list) != VALUE_ARRAY || value_count(list) > POLICY_MAX)
		return "candidates is no list of at most 1024";
	for (value_open(list, &walk); value_next(&walk, &key, &item);) {
		id = item;
		if (!value_text(item, &id) && !value_int(item, &integer))
			return "candidates has what is no id";
		mark_creative(k, catalogue_hash(k->catalogue, id), mark);
	}
	return NULL;
}

/* --- Caps and budgets ------------------------------------------------------------------ */

void
eligible_caps(const struct desk *k, uint32_t row, struct shown *s)
{
	const struct creative *c = catalogue_creative(k->catalogue, row);

	s->id[CAPS_BANNER] = c->whole;
	s->id[CAPS_CAMPAIGN] = c->campaign_id;
	s->cap[CAPS_BANNER] = cap_limits(c->cap) ? c->cap : k->preset[CAPS_BANNER];
	s->cap[CAPS_CAMPAIGN] = k->preset[CAPS_CAMPAIGN];
	if (c->campaign != CATALOGUE_NONE &&
	    cap_limits(catalogue_campaign(k->catalogue, c->campaign)->cap))
		s->cap[CAPS_CAMPAIGN] =
		    catalogue_campaign(k->catalogue, c->campaign)->cap;
}

void
eligible_give(struct eligible *e, const struct shown *s)
{
	for (unsigned i = 0; i < CAPS_SUBJECTS; i++) {
		if (s->id[i] == 0 || !cap_limits(s->cap[i]) ||
		    e->given_count == ELIGIBLE_GIVEN_MAX)
			continue;
		e->given[e->given_count].subject = i;
		e->given[e->given_count++].id = s->id[i];
	}
}

/* How many more of the subject the user may be shown. */
static int32_t
room(const struct desk *k, enum caps_subject subject, instant now)
{
	const struct eligible *e = &k->eligible;
	const struct shown *s = &e->shown;
	int32_t left;

	if (s->id[subject] == 0 || !cap_limits(s->cap[subject]))
		return INT32_MAX;
	left =
	    caps_room(k->caps, s->who, subject, s->id[subject], s->cap[subject], now);
	if (s->who.user == 0)
		return left; /* of nobody nothing is counted */
	for (unsigned i = 0; i < e->given_count && left > 0; i++)
		left -=
		    e->given[i].subject == subject && e->given[i].id == s->id[subject];
	return left;
}

/* All candidates of a campaign sit out together. */
static enum standing_verdict
ask_budget(struct desk *k, uint64_t draw, instant now, int32_t *left)
{
	uint64_t campaign = k->eligible.shown.id[CAPS_CAMPAIGN];
	enum budget_verdict verdict;
	struct budget_of of;
	int64_t funds;

	if (!budget_find(k->catalogue, campaign, &of))
		return STANDING_FREE;
	verdict = budgets_ask(k->budgets, &of, hash_pair(draw, campaign), now);
	if (verdict != BUDGET_FREE)
		return verdict == BUDGET_PACE ? STANDING_THROTTLED : STANDING_UNFUNDED;
	funds = budgets_room(k->budgets, &of, now);
	*left = funds < *left ? (int32_t)funds : *left;
	return STANDING_FREE;
}

/* Of the campaign in `shown`, once for all its candidates. */
static struct standing *
standing_of(struct desk *k, uint32_t campaign, uint64_t draw, instant now)
{
	struct eligible *e = &k->eligible;
	struct standing *s = &e->of[campaign];

	if (s->request == e->request)
		return s;
	*s = (struct standing){ .request = e->request,
		.left = room(k, CAPS_CAMPAIGN, now),
		.verdict = STANDING_CAPPED };
	if (s->left > 0)
		s->verdict = ask_budget(k, draw, now, &s->left);
	if (k->rules.one_of_campaign && s->left > 1)
		s->left = 1;
	return s;
}

/* Whether the creative may answer; what keeps it out is counted. */
static bool
may_answer(struct desk *k, uint32_t row, uint64_t draw, instant now)
{
	struct desk_counts *counts = &k->counts;
	struct eligible *e = &k->eligible;
	uint32_t campaign = catalogue_creative(k->catalogue, row)->campaign;
	struct standing *s = NULL;
	struct worth worth = offer_worth(k->catalogue, row, &k->rules.offers);

	eligible_caps(k, row, &e->shown);
	if (campaign != CATALOGUE_NONE)
		s = standing_of(k, campaign, draw, now);
	if (e->positions == 0 || (s != NULL && s->verdict == STANDING_CAPPED) ||
	    room(k, CAPS_BANNER, now) <= 0) {
		counts->capped++;
		return false;
	}
	counts->throttled += s != NULL && s->verdict == STANDING_THROTTLED;
	counts->unfunded += s != NULL && s->verdict == STANDING_UNFUNDED;
	if (s != NULL && s->verdict != STANDING_FREE)
		return false;
	if (!judge_knows(&k->decider->judge, worth.type)) {
		counts->unknown_bids++;
		return false;
	}
	if (s == NULL)
		return true;
	s->candidates++;
	e->rivals = e->rivals || (s->candidates > 1 && worth.type != BID_NONE);
	e->limited = e->limited ||
	    (s->candidates > (uint64_t)s->left && e->positions > (uint64_t)s->left);
	return true;
}

static void
begin(struct desk *k, const struct desk_ask *a, const struct record *r,
    uint64_t positions)
{
	instant now = a->now;
	struct eligible *e = &k->eligible;
	struct slice slot;
	int32_t left;

	e->request++;
	if (!a->more)
		e->given_count = 0;
	e->n = 0;
	e->limited = e->rivals = false;
	e->second = k->rules.second || a->second;
	e->shown = (struct shown){ .who = visitor_read(&k->visitor, r) };
	e->shown.cap[CAPS_SLOT] = k->preset[CAPS_SLOT];
	if (record_id(r, k->slot_id, &slot))
		e->shown.id[CAPS_SLOT] = catalogue_hash(k->catalogue, slot);
	left = room(k, CAPS_SLOT, now);
	e->positions = left < 0 ? 0 : positions;
	if (e->positions > (uint64_t)left)
		e->positions = (uint64_t)left;
	budgets_reach(k->budgets, now);
	if (!a->rehearsal)
		budgets_traffic(k->budgets, now);
}

static void
reverse(uint32_t *rows, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		uint32_t row = rows[i];

		rows[i] = rows[n - 1 - i];
		rows[n - 1 - i] = row;
	}
}

/* Where there may be too many, any of them may be the first: so none is always left out. */
static void
turn(uint32_t *rows, uint32_t n, uint64_t draw)
{
	uint32_t first = n > POLICY_MAX ? (uint32_t)(draw % n) : 0;

	if (first == 0)
		return;
	reverse(rows, first);
	reverse(rows + first, n - first);
	reverse(rows, n);
}

const char *
eligible_find(struct desk *k, const struct desk_ask *a, const struct record *r,
    uint64_t positions, uint64_t draw)
{
	struct eligible *e = &k->eligible;
	struct slice list;
	bool named = desk_ask_value(a, "candidates", &list);
	const char *wrong = named ? mark_named(k, list, 1) : NULL;
	uint32_t n;

	begin(k, a, r, positions);
	n = wrong != NULL ? 0
			  : catalogue_eligible(k->catalogue, r, a->now, e->rows,
				CATALOGUE_CREATIVES_MAX);
	turn(e->rows, n, draw);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = e->rows[i];

		if (named && e->mark[row] == 0)
			continue;
		if (a->accepts != NULL && !a->accepts(a->context, k->catalogue, row))
			continue;
		if (e->n == POLICY_MAX)
			k->counts.crowded++;
		else if (may_answer(k, row, draw, a->now))
			e->rows[e->n++] = row;
	}
	if (named)
		(void)mark_named(k, list, 0);
	return wrong;
}

/* --- Their record ---------------------------------------------------------------------- */

/* A key of each creative's record, or nil. */
static void
build_of_each(const struct desk *k, const char *list, const char *key, struct build *to)
{
	const struct eligible *e = &k->eligible;
	struct slice value;

	build_text(to, list);
	build_array(to, e->n);
	for (uint32_t i = 0; i < e->n; i++) {
		if (!value_get(catalogue_creative_record(k->catalogue, e->rows[i]), key,
			&value))
			build_nil(to);
		else
			build_raw(to, value);
	}
}

static void
build_limits(const struct desk *k, struct build *to)
{
	const struct eligible *e = &k->eligible;

	build_text(to, "candidate_limits");
	build_array(to, e->n);
	for (uint32_t i = 0; i < e->n; i++) {
		uint32_t campaign =
		    catalogue_creative(k->catalogue, e->rows[i])->campaign;

		if (campaign == CATALOGUE_NONE ||
		    (uint64_t)e->of[campaign].left >= e->positions)
			build_nil(to);
		else
			build_int(to, e->of[campaign].left);
	}
}

/* Of which only one is to be in an answer: its category, if that is the rule, or the
 * creative that it is composed of, whose cap counts it as one; 0: none. */
static uint64_t
group_of(const struct desk *k, uint32_t row)
{
	const struct creative *c = catalogue_creative(k->catalogue, row);
	uint64_t category =
	    k->rules.one_of_category ? offer_category(k->catalogue, row) : 0;

	return category != 0 ? category : c->whole != c->id ? c->whole : 0;
}

/* A hash names a group as well as its text does; without a bit it is an int. */
static unsigned
build_groups(const struct desk *k, struct build *to)
{
	const struct eligible *e = &k->eligible;
	bool grouped = false;

	if (e->positions < 2 || e->n < 2)
		return 0;
	for (uint32_t i = 0; i < e->n && !grouped; i++)
		grouped = group_of(k, e->rows[i]) != 0;
	if (!grouped && !k->rules.one_of_category)
		return 0;
	build_text(to, "candidate_groups");
	build_array(to, e->n);
	for (uint32_t i = 0; i < e->n; i++) {
		uint64_t group = group_of(k, e->rows[i]);

		if (group == 0)
			build_nil(to);
		else
			build_int(to, (int64_t)(group >> 1));
	}
	return 1;
}

unsigned
eligible_build(const struct desk *k, struct build *to)
{
	const struct eligible *e = &k->eligible;
	unsigned pairs = 1;

	build_of_each(k, "candidates", "creative_id", to);
	pairs += offers_build(k->catalogue, &k->rules.offers, e->rows, e->n, to);
	if (e->limited || (e->rivals && e->second)) {
		build_of_each(k, "candidate_campaigns", "campaign_id", to);
		pairs++;
	}
	if (e->limited) {
		build_limits(k, to);
		pairs++;
	}
	return pairs + build_groups(k, to);
}
