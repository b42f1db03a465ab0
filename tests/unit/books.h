/* SPDX-License-Identifier: MIT
 *
 * books: visitors who ask a desk and do something with what they are shown, and books about
 * it that know nothing of the desk's: who was shown what and when, and what each campaign
 * owes. Whatever exceeds a cap or a budget is counted.
 *
 * The time goes on by 20 ms a client on average. Most of what comes of a banner comes in
 * time, some of it too late, some never. Amounts are thousandths of a micro.
 */
#ifndef BANNERPIPE_TESTS_BOOKS_H
#define BANNERPIPE_TESTS_BOOKS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/serve/events.h"
#include "lib/text/json.h"

enum {
	BOOKS_USERS = 3000,
	BOOKS_CAMPAIGNS = 12,
	BOOKS_BANNERS = 40, /* the last ones are house banners */
	BOOKS_SLOTS = 4,
	BOOKS_CAP = 6,           /* no cap is larger */
	BOOKS_AHEAD = 1 << 16,   /* clients that what comes of a banner may wait */
	BOOKS_FLIGHTS = 1 << 19, /* banners in flight */
	BOOKS_MEMORY = 192 << 20,
	BOOKS_JOURNAL = 8 << 20,
};

#define BOOKS_STEP (WHEN_SECOND / 50)
#define BOOKS_WINDOW WHEN_HOUR
static const struct client nobody = { .told = CLIENT_NOTHING };
static const struct span books_wait[BUDGET_EVENTS] = { { 60 * WHEN_SECOND },
	{ 120 * WHEN_SECOND }, { 240 * WHEN_SECOND } };

/* The last times that a user was shown something, and how often in all. */
struct books_views {
	instant last[BOOKS_CAP];
	uint32_t count;
};

struct books_account {
	int64_t budget, daily; /* -1: none */
	int64_t owed, late;    /* late: of what is owed, what no reservation held */
	int64_t day, day_owed, day_late;
};

struct books_flight {
	char id[64];
	unsigned campaign, next;
	enum bid_type type;
	int64_t price, day;
	instant until; /* its price is held so long */
	enum desk_event event;
	bool converts;
};

struct books {
	struct decider decider;
	struct journal journal;
	struct desk desk;
	struct random random;
	instant now;
	uint64_t clients;

	bool prompt; /* all are seen, before the next client comes */
	uint32_t cap_banner, cap_campaign,
	    cap_slot; /* in BOOKS_WINDOW; of slots in all */
	struct books_views banner[BOOKS_USERS][BOOKS_BANNERS];
	struct books_views campaign[BOOKS_USERS][BOOKS_CAMPAIGNS];
	struct books_views slot[BOOKS_USERS][BOOKS_SLOTS];
	struct books_account account[BOOKS_CAMPAIGNS];
	struct books_flight flight[BOOKS_FLIGHTS];
	unsigned free, due[BOOKS_AHEAD]; /* lists; 0: the end */

	uint64_t shown, told, late_events, cheaper, full;
	uint64_t over_cap, over_budget, twins, twin_campaigns, twin_categories;
};

static inline uint64_t
books_chance(struct books *b, uint64_t n)
{
	return hash_bucket(random_next(&b->random), n);
}

/* --- The shop ---------------------------------------------------------------------------- */

static inline void
books_take(struct books *b, struct json *json, const char *text)
{
	uint8_t padded[1024] = { 0 }, bytes[1024];
	struct build out;
	struct fault fault;
	struct error error;

	memcpy(padded, text, strlen(text));
	build_init(&out, bytes, sizeof bytes - RECORD_PADDING);
	assert(json_parse(json, slice_of(padded, strlen(text)), &out, &fault));
	assert(catalogue_take(b->desk.catalogue, build_slice(&out), false, &error) ==
	    CATALOGUE_TAKEN);
}

/* Budgets that are used up in a day or so, or that days use up again and again. */
static inline void
books_stock(struct books *b)
{
	static const char *const types[] = { "cpm", "cpc", "cpa" };
	static const int64_t bids[] = { 3000000, 5000, 40000 };
	struct json *json = json_new();
	char text[512];

	assert(json != NULL);
	for (unsigned i = 0; i < BOOKS_CAMPAIGNS; i++) {
		struct books_account *a = &b->account[i];
		int n;

		a->budget = i % 4 == 3 ? -1 : 20000000 + (int64_t)books_chance(b, 999);
		a->daily = i % 2 == 0 ? -1 : 7000000 + (int64_t)books_chance(b, 999);
		n = snprintf(text, sizeof text,
		    "{\"event\":\"campaign\",\"campaign_id\":%u,\"bid_type\":\"%s\","
		    "\"bid_micros\":%lld",
		    i, types[i % 3],
		    (long long)(bids[i % 3] + (int64_t)books_chance(b, 1000)));
		if (a->budget >= 0)
			n += snprintf(text + n, sizeof text - (size_t)n,
			    ",\"budget_micros\":%lld", (long long)a->budget);
		if (a->daily >= 0)
			n += snprintf(text + n, sizeof text - (size_t)n,
			    ",\"daily_budget_micros\":%lld", (long long)a->daily);
		(void)snprintf(text + n, sizeof text - (size_t)n, "}");
		books_take(b, json, text);
	}
	for (unsigned i = 0; i < BOOKS_BANNERS; i++) {
		int n = snprintf(text, sizeof text,
		    "{\"event\":\"creative\",\"creative_id\":%u,\"category\":\"k%u\"",
		    i, i % 7);

		if (i < BOOKS_BANNERS - 4)
			n += snprintf(text + n, sizeof text - (size_t)n,
			    ",\"campaign_id\":%u", i % BOOKS_CAMPAIGNS);
		(void)snprintf(text + n, sizeof text - (size_t)n, "}");
		books_take(b, json, text);
	}
	json_free(json);
}

static inline struct cap
books_cap(uint32_t total, uint32_t window)
{
	struct cap cap = CAP_NONE;

	cap.total = total == 0 ? -1 : (int32_t)total;
	cap.window = window == 0 ? -1 : (int32_t)window;
	cap.length = (struct span){ window == 0 ? 0 : BOOKS_WINDOW };
	return cap;
}

/* A run is repeated by its seed. */
static inline int
books_no_chance(const struct os *os, void *to, size_t size)
{
	(void)os;
	memset(to, 7, size);
	return 0;
}

static const struct os books_os = { .random = books_no_chance };

/* count_decisions, rules and policy are the caller's to change before the first client. */
static inline struct books *
books_new(uint64_t seed, bool unpaced)
{
	struct books *b = calloc(1, sizeof *b);
	struct budget_rules rules = { .share = 1, .unpaced = unpaced };
	struct error error;
	struct desk *k;

	assert(b != NULL);
	k = &b->desk;
	b->random = (struct random){ seed };
	b->now = 19676 * WHEN_DAY - 5 * WHEN_MINUTE;
	b->cap_banner = 2;
	b->cap_campaign = 4;
	b->cap_slot = 3000;
	memcpy(rules.wait, books_wait, sizeof rules.wait);
	k->reader = reader_new();
	assert(k->reader != NULL && decider_init(&b->decider, k->reader, seed) == 0 &&
	    journal_init(&b->journal, BOOKS_JOURNAL) == 0);
	b->decider.policy.kind = POLICY_SOFTMAX;
	b->decider.policy.temperature = 1;
	k->decider = &b->decider;
	k->journal = &b->journal;
	k->count_decisions = true;
	k->caps = caps_new((struct span){ 30 * WHEN_MINUTE }, BOOKS_MEMORY);
	k->budgets = budgets_new(rules, BOOKS_MEMORY / 2);
	k->catalogue =
	    catalogue_new(hash_key(seed), CATALOGUE_LARGEST, (uint64_t)1 << 20);
	assert(k->caps != NULL && k->budgets != NULL && k->catalogue != NULL);
	assert(desk_init(k, &books_os, seed, "user_id", BOOKS_MEMORY, &error) == 0);
	k->preset[CAPS_BANNER] = books_cap(0, b->cap_banner);
	k->preset[CAPS_CAMPAIGN] = books_cap(0, b->cap_campaign);
	k->preset[CAPS_SLOT] = books_cap(b->cap_slot, 0);
	k->rules.offers.house_micros = -1;
	books_stock(b);
	for (unsigned i = BOOKS_FLIGHTS - 1; i > 0; i--) {
		b->flight[i].next = b->free;
		b->free = i;
	}
	return b;
}

static inline void
books_free(struct books *b)
{
	desk_fini(&b->desk);
	caps_free(b->desk.caps);
	budgets_free(b->desk.budgets);
	catalogue_free(b->desk.catalogue);
	journal_fini(&b->journal);
	decider_fini(&b->decider);
	reader_free(b->desk.reader);
	free(b);
}

/* --- What is shown ------------------------------------------------------------------------- */

/* The cap-th view before this one must be older than the window; or there is none. */
static inline void
books_view(struct books *b, struct books_views *v, uint32_t cap, bool windowed)
{
	if (windowed)
		b->over_cap +=
		    v->count >= cap && v->last[v->count % cap] > b->now - BOOKS_WINDOW;
	else
		b->over_cap += v->count >= cap;
	if (windowed)
		v->last[v->count % cap] = b->now;
	v->count++;
}

static inline int64_t
books_thousandths(enum bid_type type, int64_t micros)
{
	return type == BID_CPM ? micros : 1000 * micros;
}

/* What comes of it comes after so many clients. */
static inline void
books_wait_for(struct books *b, unsigned flight, uint64_t clients)
{
	unsigned *due = &b->due[(b->clients + 1 + clients) % BOOKS_AHEAD];

	b->flight[flight].next = *due;
	*due = flight;
}

/* 3,000 clients a minute: an impression mostly after seconds, one in 50 too late. */
static inline uint64_t
books_delay(struct books *b, enum budget_event event)
{
	uint64_t wait = (uint64_t)(books_wait[event].us / BOOKS_STEP);

	return books_chance(b, 50) == 0 ? 2 * wait + books_chance(b, wait)
					: books_chance(b, wait / 4);
}

static inline void
books_launch(struct books *b, const struct desk_banner *banner, unsigned campaign)
{
	struct books_flight *f;
	unsigned i = b->free;

	if (!b->prompt && books_chance(b, 4) == 0)
		return; /* nobody sees it */
	assert(i != 0);
	f = &b->flight[i];
	b->free = f->next;
	*f = (struct books_flight){ .campaign = campaign,
		.type = banner->bid_type,
		.price = books_thousandths(banner->bid_type, banner->price_micros),
		.day = b->now / WHEN_DAY,
		.until = b->now + books_wait[BUDGET_IMPRESSION].us };
	assert(banner->id.size < sizeof f->id);
	memcpy(f->id, banner->id.at, banner->id.size);
	books_wait_for(b, i, b->prompt ? 0 : books_delay(b, BUDGET_IMPRESSION));
}

static inline void
books_show(struct books *b, unsigned user, unsigned slot, const struct desk_answer *a)
{
	for (unsigned i = 0; i < a->n; i++) {
		unsigned banner = a->banner[i].row, campaign = banner % BOOKS_CAMPAIGNS;
		bool house = banner >= BOOKS_BANNERS - 4;
		const struct campaign *c =
		    catalogue_campaign(b->desk.catalogue, campaign);

		b->shown++;
		for (unsigned k = 0; k < i; k++) {
			unsigned other = a->banner[k].row;

			b->twins += other == banner;
			b->twin_categories += other % 7 == banner % 7;
			b->twin_campaigns += !house && other < BOOKS_BANNERS - 4 &&
			    other % BOOKS_CAMPAIGNS == campaign;
		}
		books_view(b, &b->banner[user][banner], b->cap_banner, true);
		books_view(b, &b->slot[user][slot], b->cap_slot, false);
		assert(house == (a->banner[i].bid_type == BID_NONE));
		if (!house) {
			books_view(
			    b, &b->campaign[user][campaign], b->cap_campaign, true);
			b->cheaper += a->banner[i].price_micros < c->bid_micros;
			assert(a->banner[i].price_micros <= c->bid_micros);
		}
		books_launch(b, &a->banner[i], house ? BOOKS_CAMPAIGNS : campaign);
	}
}

/* --- What comes of it ----------------------------------------------------------------------- */

static inline void
books_owe(struct books *b, const struct books_flight *f, bool held)
{
	struct books_account *a = &b->account[f->campaign];

	if (f->day > a->day) {
		a->day = f->day;
		a->day_owed = a->day_late = 0;
	}
	a->owed += f->price;
	a->late += held ? 0 : f->price;
	if (a->day == f->day) {
		a->day_owed += f->price;
		a->day_late += held ? 0 : f->price;
	}
	b->over_budget += a->budget >= 0 && a->owed > 1000 * a->budget + a->late;
	b->over_budget += a->daily >= 0 && a->day_owed > 1000 * a->daily + a->day_late;
	b->full += a->budget >= 0 && a->owed + f->price > 1000 * a->budget;
}

static inline void
books_convert(struct books *b, const struct books_flight *f)
{
	uint8_t bytes[256];
	struct build map;

	build_init(&map, bytes, sizeof bytes - RECORD_PADDING);
	build_map(&map, 2);
	build_text(&map, "event");
	build_text(&map, "purchase");
	build_text(&map, "decision_id");
	build_text(&map, f->id);
	assert(desk_event(&b->desk, build_slice(&map), true, false, &nobody, b->now) ==
	    NULL);
}

/* Its impression, then its click, then its conversion, each with the chance of the next. */
static inline void
books_land(struct books *b, unsigned i)
{
	struct books_flight *f = &b->flight[i];
	enum budget_event event = f->converts ? BUDGET_CONVERSION
	    : f->event == DESK_CLICK          ? BUDGET_CLICK
					      : BUDGET_IMPRESSION;
	bool held = f->until >= b->now, goes_on = false;

	b->told++;
	b->late_events += !held;
	if (f->converts)
		books_convert(b, f);
	else
		desk_tell(&b->desk, f->event, slice_text(f->id), &nobody, b->now);
	if (f->campaign < BOOKS_CAMPAIGNS && (unsigned)event + BID_CPM == f->type)
		books_owe(b, f, held);
	if (!f->converts)
		goes_on = books_chance(b, 4) == 0;
	f->converts = f->event == DESK_CLICK;
	f->event = DESK_CLICK;
	if (!goes_on) {
		f->next = b->free;
		b->free = i;
		return;
	}
	/* What was let go is not held again. */
	f->until = held ? b->now + books_wait[event + 1].us : WHEN_NEVER;
	books_wait_for(b, i, books_delay(b, event + 1));
}

static inline void
books_land_all(struct books *b)
{
	unsigned *due = &b->due[b->clients % BOOKS_AHEAD], i = *due, next;

	*due = 0;
	for (; i != 0; i = next) {
		next = b->flight[i].next;
		(void)journal_room(&b->journal);
		books_land(b, i);
		journal_drop(&b->journal, journal_size(&b->journal));
	}
}

/* --- Clients ---------------------------------------------------------------------------------- */

/* One client: one to three slots, each with one to four positions. */
static inline void
books_client(struct books *b)
{
	unsigned user = (unsigned)books_chance(b, BOOKS_USERS),
		 slots = 1 + (unsigned)books_chance(b, 3);
	uint8_t bytes[256];

	b->clients++;
	b->now += (instant)books_chance(b, 2 * BOOKS_STEP);
	books_land_all(b);
	for (unsigned i = 0; i < slots; i++) {
		unsigned slot = (unsigned)books_chance(b, BOOKS_SLOTS);
		struct desk_ask ask = { .consents = true,
			.now = b->now,
			.more = i > 0,
			.second = books_chance(b, 2) == 0,
			.floor_micros = books_chance(b, 2) == 0 ? 0 : 1500 };
		struct desk_answer answer;
		struct build map;

		build_init(&map, bytes, sizeof bytes - RECORD_PADDING);
		build_map(&map, 3);
		build_text(&map, "user_id");
		build_uint(&map, user);
		build_text(&map, "slot_id");
		build_uint(&map, slot);
		build_text(&map, "k");
		build_uint(&map, 1 + books_chance(b, 4));
		ask.map = build_slice(&map);
		(void)journal_room(&b->journal);
		assert(desk_decide(&b->desk, &ask, &answer) == NULL);
		journal_drop(&b->journal, journal_size(&b->journal));
		books_show(b, user, slot, &answer);
	}
}

#endif
