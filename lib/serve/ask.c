/* SPDX-License-Identifier: MIT */
#include "lib/serve/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/http/request.h"
#include "lib/record/consent.h"
#include "lib/record/value.h"
#include "lib/text/json.h"
#include "lib/text/utf8.h"

/* A name whose length the compiler knows. */
#define NAME(text)                                                                     \
	{                                                                              \
		(const uint8_t *)(text), sizeof(text) - 1                              \
	}

enum { CONTEXT_MAX = 32, NAME_MAX_BYTES = 64 };

int
asker_init(struct asker *a)
{
	a->reader = reader_new();
	a->json = json_new();
	a->text = malloc(ASK_BODY_MAX + JSON_PADDING);
	a->map = malloc(ASK_MAP_MAX + RECORD_PADDING);
	return a->reader != NULL && a->json != NULL && a->text != NULL && a->map != NULL
	    ? 0
	    : -1;
}

void
asker_fini(struct asker *a)
{
	reader_free(a->reader);
	json_free(a->json);
	free(a->text);
	free(a->map);
}

/* --- Checks ------------------------------------------------------------------------ */

static bool
is_utf8(struct slice value)
{
	struct slice key, item, text;
	struct value_walk walk;

	if (value_str(value, &text))
		return utf8_valid(text) == text.size;
	for (value_open(value, &walk); value_next(&walk, &key, &item);)
		if ((key.at != NULL && !is_utf8(key)) || !is_utf8(item))
			return false;
	return true;
}

static const char *
check(struct asker *a, struct slice bytes, struct slice *to)
{
	struct record r;
	struct fault fault = { 0, "cut off" };
	size_t need;

	if (record_scan(a->reader, bytes, &r, &fault, &need) != SCAN_RECORD) {
		snprintf(a->wrong, sizeof a->wrong, "no map of msgpack: %s, byte %zu",
		    fault.reason, fault.at);
		return a->wrong;
	}
	if (r.size != bytes.size)
		return "there is something after the map";
	if (r.count > ASK_PAIRS_MAX)
		return "more than 64 pairs";
	if (!is_utf8(bytes))
		return "a text that is not UTF-8";
	*to = bytes;
	return NULL;
}

const char *
ask_body(struct asker *a, struct slice body, bool msgpack, struct slice *to)
{
	struct fault fault;
	struct build b;

	*to = (struct slice){ NULL, 0 };
	if (body.size == 0)
		return "there is no body";
	if (body.size > ASK_BODY_MAX)
		return "the body is too large";
	build_init(&b, a->map, ASK_MAP_MAX);
	if (msgpack) {
		build_raw(&b, body);
		return check(a, build_slice(&b), to);
	}
	memcpy(a->text, body.at, body.size);
	if (!json_parse(a->json, slice_of(a->text, body.size), &b, &fault)) {
		snprintf(a->wrong, sizeof a->wrong, "no JSON object: %s, byte %zu",
		    fault.reason, fault.at);
		return a->wrong;
	}
	return check(a, build_slice(&b), to);
}

/* --- Queries ------------------------------------------------------------------------ */

static const struct slice texts[] = { NAME("user_id"), NAME("anonymous_id"),
	NAME("session_id"), NAME("slot_id") };
static const struct slice numbers[] = { NAME("width"), NAME("height"), NAME("k") };

enum { TEXTS = 4, NUMBERS = 3 };

static bool
is_any(struct slice name, const struct slice *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (slice_equal(name, names[i]))
			return true;
	return false;
}

static void
build_list(struct slice text, struct build *to)
{
	size_t open = build_open(to), end;
	uint32_t items = 0;

	while (text.size > 0) {
		end = slice_find(text, ',');
		build_str(to, slice_of(text.at, end));
		items++;
		text = slice_from(text, end < text.size ? end + 1 : end);
	}
	build_close_array(to, open, items);
}

/* How many pairs; -1 when its value is none. */
static int
build_asked(struct slice name, struct slice value, struct build *to)
{
	uint64_t number;

	if (is_any(name, texts, TEXTS)) {
		build_str(to, name);
		build_str(to, value);
	} else if (is_any(name, numbers, NUMBERS)) {
		if (!number_parse_uint(value, &number))
			return -1;
		build_str(to, name);
		build_uint(to, number);
	} else if (slice_is(name, "candidates")) {
		build_str(to, name);
		build_list(value, to);
	} else if (slice_is(name, "consent")) {
		if (!slice_is(value, "0") && !slice_is(value, "1"))
			return -1;
		build_str(to, name);
		build_map(to, 1);
		build_text(to, "personalization");
		build_bool(to, slice_is(value, "1"));
	} else {
		return 0;
	}
	return 1;
}

struct context {
	struct slice name[CONTEXT_MAX], value[CONTEXT_MAX];
	unsigned n;
};

/* The first of a name counts. */
static void
add_context(struct context *c, struct slice name, struct slice value)
{
	for (unsigned i = 0; i < c->n; i++)
		if (slice_equal(c->name[i], name))
			return;
	if (c->n == CONTEXT_MAX || name.size == 0 || name.size > NAME_MAX_BYTES)
		return;
	c->name[c->n] = name;
	c->value[c->n++] = value;
}

const char *
ask_query(struct asker *a, struct slice query, struct slice *to)
{
	struct context context = { .n = 0 };
	struct slice name, value;
	uint8_t *room = a->text;
	struct build b;
	size_t open;
	unsigned pairs = 0;
	int added;

	*to = (struct slice){ NULL, 0 };
	if (query.size > ASK_BODY_MAX)
		return "the query is too large";
	build_init(&b, a->map, ASK_MAP_MAX);
	open = build_open(&b);
	while (http_query_next(&query, &room, &name, &value)) {
		if (name.size > 8 && memcmp(name.at, "context.", 8) == 0) {
			add_context(&context, slice_from(name, 8), value);
			continue;
		}
		added = build_asked(name, value, &b);
		if (added < 0) {
			snprintf(a->wrong, sizeof a->wrong, "%.*s is none",
			    (int)name.size, (const char *)name.at);
			return a->wrong;
		}
		pairs += (unsigned)added;
		if (pairs >= ASK_PAIRS_MAX)
			return "more than 64 pairs";
	}
	if (context.n > 0) {
		build_text(&b, "context");
		build_map(&b, context.n);
		for (unsigned i = 0; i < context.n; i++) {
			build_str(&b, context.name[i]);
			build_str(&b, context.value[i]);
		}
		pairs++;
	}
	build_close_map(&b, open, pairs);
	return build_full(&b) ? "the query is too large"
			      : check(a, build_slice(&b), to);
}

/* --- What records take over ------------------------------------------------------------ */

/* Said by the server, or not to be said from outside at all. */
static const struct slice own[] = { NAME("event"), NAME("event_id"), NAME("request_id"),
	NAME("timestamp"), NAME("received_at"), NAME("occurred_at"),
	NAME("decision_id"), NAME("weight"), NAME("fraud"), NAME("verdict"),
	NAME("void"), NAME("ip"), NAME("user_agent"), NAME("sec_purpose"),
	NAME("consent"), NAME("slots"), NAME("events"), NAME("k"), NAME("candidates"),
	NAME("position"), NAME("creative_id"), NAME("campaign_id"), NAME("probability"),
	NAME("probabilities"), NAME("scores"), NAME("policy"), NAME("model_id"),
	NAME("model_version"), NAME("model_age_us"), NAME("seed"), NAME("features"),
	NAME("feature_values"), NAME("candidate_features"),
	NAME("candidate_feature_values"), NAME("candidate_values"),
	NAME("shared_features"), NAME("shared_feature_values"), NAME("prediction"),
	NAME("rewards"), NAME("reward"), NAME("capped"), NAME("unfunded"),
	NAME("candidate_bid_types"), NAME("candidate_campaigns"),
	NAME("candidate_limits"), NAME("candidate_groups"), NAME("floor_micros"),
	NAME("auction"), NAME("bid_type"), NAME("price_micros"), NAME("composed_of"),
	NAME("parts"), NAME("html"), NAME("click_url"), NAME("impression_url") };
static const struct slice impersonal[] = { NAME("slot_id"), NAME("context"),
	NAME("width"), NAME("height"), NAME("tmax_us"), NAME("auction_id"),
	NAME("imp_id") };
/* Of records that are made of decisions, besides. */
static const struct slice of_banners[] = { NAME("shown_at"), NAME("delay_us"),
	NAME("complete"), NAME("revision"), NAME("cause"), NAME("attribution"),
	NAME("viewable"), NAME("dwell_us"), NAME("experiment_id"),
	NAME("variation_id") };

bool
ask_is_impersonal(struct slice name)
{
	return is_any(name, impersonal, sizeof impersonal / sizeof *impersonal);
}

bool
ask_is_of_banner(struct slice name)
{
	return !slice_is(name, "ip") && !slice_is(name, "user_agent") &&
	    (is_any(name, own, sizeof own / sizeof *own) ||
		is_any(name, of_banners, sizeof of_banners / sizeof *of_banners) ||
		ask_is_impersonal(name));
}

bool
ask_consents(struct slice map, bool signal)
{
	struct slice consent;

	return !signal &&
	    (!value_get(map, "consent", &consent) || consent_is_given(consent));
}

unsigned
ask_pairs(struct slice map, struct slice over, bool consents, struct build *to)
{
	struct slice key, item, name, other;
	struct value_walk walk;
	unsigned pairs = 0;

	for (value_open(map, &walk); value_next(&walk, &key, &item);) {
		if (!value_str(key, &name) ||
		    is_any(name, own, sizeof own / sizeof *own) ||
		    (!consents && !ask_is_impersonal(name)) ||
		    (over.at != NULL && value_get_slice(over, name, &other)))
			continue;
		build_raw(to, key);
		build_raw(to, item);
		pairs++;
	}
	return pairs;
}

unsigned
ask_consent_pair(struct slice map, bool signal, bool consents, struct build *to)
{
	struct slice consent;

	if (consents && !value_get(map, "consent", &consent))
		return 0;
	build_text(to, "consent");
	if (consents) {
		build_raw(to, consent);
		return 1;
	}
	build_map(to, signal ? 2 : 1);
	build_text(to, "personalization");
	build_bool(to, false);
	if (signal) {
		build_text(to, "gpc");
		build_bool(to, true);
	}
	return 1;
}
