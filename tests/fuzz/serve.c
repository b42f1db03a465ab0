/* SPDX-License-Identifier: MIT
 *
 * The whole path of a request to bp-serve, without sockets: bytes of a connection, the
 * parser, the site, a catalogue with caps and budgets, and the records that come of it. And
 * that of what comes on standard input, when the first byte is even.
 * Every answer that is JSON must be so, and everything in the journal a record or a
 * control record, with a time that does not go back. A link of ours in the input gets a
 * code that holds, so that what lies behind it is reached: "m=!" becomes one. No sum of a
 * budget is below 0.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/http/exchange.h"
#include "lib/record/kind.h"
#include "lib/serve/arrival.h"
#include "lib/serve/forget.h"
#include "lib/serve/site.h"
#include "lib/text/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char history[] = "seen = last 3 items.item_id of view_item by user_id\n"
			      "again = count view_item by user_id,slot_id in 1h\n"
			      "rate = rate click by creative_id in 1h\n";

enum { MEMORY = 8 << 20, JOURNAL = 8 << 20 };

static int64_t time_us = INT64_C(1700000000000000);

static int64_t
tell_time(const struct os *os)
{
	(void)os;
	return time_us;
}

static int
no_chance(const struct os *unused, void *to, size_t size)
{
	(void)unused;
	memset(to, 7, size);
	return 0;
}

static const struct os os = {
	.random = no_chance, .wall_us = tell_time, .monotonic_us = tell_time
};

/* All of a server but its sockets. */
struct server {
	struct decider decider;
	struct journal journal;
	struct desk desk;
	struct site site;
	struct reader *checker, *arriving;
	struct key timestamp;
	instant last;
};

static void
take(struct catalogue *c, struct json *json, const char *text)
{
	uint8_t padded[1024] = { 0 }, bytes[1024];
	struct build b;
	struct fault fault;
	struct error error;

	memcpy(padded, text, strlen(text));
	build_init(&b, bytes, sizeof bytes - RECORD_PADDING);
	if (!json_parse(json, slice_of(padded, strlen(text)), &b, &fault) ||
	    catalogue_take(c, build_slice(&b), false, &error) != CATALOGUE_TAKEN)
		abort();
}

static struct catalogue *
make_catalogue(struct json *json)
{
	static const char *const rows[] = {
		"{\"event\":\"campaign\",\"campaign_id\":\"c\",\"bid_type\":\"cpa\","
		"\"bid_micros\":5,\"budget_micros\":100,\"cap\":{\"total\":3}}",
		"{\"event\":\"creative\",\"creative_id\":\"a\",\"campaign_id\":\"c\","
		"\"url\":\"https://a/\",\"parts\":{\"headline\":\"\\u2028<\"}}",
		"{\"event\":\"creative\",\"creative_id\":7,\"targeting\":"
		"\"context.page == 'home'\",\"url\":\"javascript:x\"}",
		"{\"event\":\"creative\",\"creative_id\":\"b\",\"width\":300,"
		"\"height\":250,\"targeting\":{\"page\":[\"home\"]}}",
		"{\"event\":\"creative\",\"creative_id\":\"p\",\"cap\":{\"total\":2},"
		"\"parts\":{\"headline\":[\"\\\"<\",\"&\"],\"colour\":[\"red\",\"'\"]}"
		"}",
		"{\"event\":\"campaign\",\"campaign_id\":\"m\",\"bid_type\":\"cpm\","
		"\"bid_micros\":2000000,\"budget_micros\":9000}",
		"{\"event\":\"creative\",\"creative_id\":\"r\",\"campaign_id\":\"m\","
		"\"url\":\"https://www.r.example/\",\"cat\":[\"IAB3-1\"],\"attr\":[2],"
		"\"parts\":{\"headline\":\"${<'\\u0001\",\"image_url\":\"https://r/"
		"\\\"\"}}",
		"{\"event\":\"creative\",\"creative_id\":8,\"campaign_id\":\"m\","
		"\"deal_id\":\"d\",\"adomain\":[\"a.b\",1],\"cat\":[7],\"width\":300,"
		"\"height\":250,\"language\":\"de\",\"parts\":{\"call_to_action\":\"\"}"
		"}",
	};
	struct catalogue *c = catalogue_new(
	    hash_key(0), (struct catalogue_limits){ 16, 16, 16 }, 1 << 20);

	if (c == NULL)
		abort();
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		take(c, json, rows[i]);
	return c;
}

static struct server *
make(void)
{
	static struct server s;
	struct budget_rules rules = { .wait = { { 1000000 }, { 1000000 }, { 1000000 } },
		.share = 1,
		.unpaced = true };
	struct error error;

	s.desk.reader = reader_new();
	s.checker = reader_new();
	s.arriving = reader_new();
	s.decider.policy.kind = POLICY_UNIFORM;
	s.site.asker.json = NULL;
	if (s.desk.reader == NULL || s.checker == NULL || s.arriving == NULL ||
	    decider_init(&s.decider, s.desk.reader, 0) != 0 ||
	    journal_init(&s.journal, JOURNAL) != 0)
		abort();
	for (unsigned i = 0; i < CAPS_SUBJECTS; i++)
		s.desk.preset[i] = CAP_NONE;
	s.desk.decider = &s.decider;
	s.desk.rules = (struct desk_rules){ .offers = { false, -1 },
		.second = true,
		.one_of_campaign = true,
		.one_of_category = true };
	s.desk.journal = &s.journal;
	s.desk.caps = caps_new((struct span){ 1000000 }, MEMORY);
	s.desk.budgets = budgets_new(rules, MEMORY);
	s.site.os = &os;
	s.site.desk = &s.desk;
	s.site.fallback = "a";
	s.site.told = CLIENT_ADDRESS;
	s.site.template = template_new(slice_text(template_built_in), &error);
	s.site.links = (struct links){ mac_new(slice_text("0123456789abcdef")),
		"https://ads", { 1000000 } };
	s.site.auction = (struct openrtb_rules){ "s", "USD", { 10000 }, true };
	s.site.hold = rules.wait[0];
	s.desk.pays = DESK_BILLING;
	s.desk.currency = "USD";
	if (s.desk.caps == NULL || s.desk.budgets == NULL || s.site.links.mac == NULL ||
	    s.site.template == NULL || site_init(&s.site) != 0 ||
	    desk_init(&s.desk, &os, 0, "user_id", MEMORY, &error) != 0)
		abort();
	s.decider.judge.portrait = portrait_new(slice_text(history), MEMORY, 0, &error);
	if (s.decider.judge.portrait == NULL)
		abort();
	s.desk.catalogue = make_catalogue(s.site.asker.json);
	s.last = WHEN_NEVER;
	return &s;
}

static enum link_kind
kind_of_path(struct slice path)
{
	return slice_is(path, "/v1/click")        ? LINK_CLICK
	    : slice_is(path, "/openrtb2/win")     ? LINK_WIN
	    : slice_is(path, "/openrtb2/billing") ? LINK_BILLING
	    : slice_is(path, "/openrtb2/loss")    ? LINK_LOSS
						  : LINK_IMPRESSION;
}

/* A link with a code that holds, in place of "m=!"; what it said goes after it. */
static struct slice
sign(struct server *s, struct slice path, struct slice query, uint8_t *to)
{
	uint8_t room[2048], url[LINK_MAX];
	enum link_kind kind = kind_of_path(path);
	struct link_parts parts;
	struct slice text;
	struct build b, all;

	if (query.size < 4 || query.size > sizeof room ||
	    memcmp(query.at + query.size - 4, "&m=!", 4) != 0)
		return query;
	query.size -= 4;
	link_read(query, room, &parts);
	build_init(&b, url, sizeof url);
	if (parts.decision.size == 0 || parts.decision.size > 64)
		return query;
	if (kind == LINK_IMPRESSION || parts.target.at == NULL)
		parts.target = slice_text("");
	link_build(&s->site.links, kind, parts.decision, parts.target, s->site.now, &b);
	if (build_full(&b) || !value_str(build_slice(&b), &text))
		return query;
	build_init(&all, to, 2 * LINK_MAX);
	build_raw(&all, slice_from(text, slice_find(text, '?') + 1));
	build_byte(&all, '&');
	build_raw(&all, query);
	return build_slice(&all);
}

static void
handle(void *context, const struct http_request *request, struct http_answer *a)
{
	static struct json *json;
	static uint8_t bytes[2 * SITE_ANSWER_MAX], text[SITE_ANSWER_MAX + JSON_PADDING],
	    link[2 * LINK_MAX];
	struct server *s = context;
	struct http_request r = *request;
	struct build b;
	struct fault fault;

	if (json == NULL)
		json = json_new();
	assert(json != NULL);
	(void)site_now(&s->site);
	r.query = sign(s, r.path, r.query, link);
	site_handle(&s->site, &r, a);
	assert(a->status >= 200 && a->status < 600 && !a->broken);
	if (a->type == NULL || strcmp(a->type, "application/json") != 0)
		return;
	memcpy(text, a->body.at, a->body.size);
	build_init(&b, bytes, sizeof bytes);
	assert(json_parse(json, slice_of(text, a->body.size), &b, &fault));
}

/* Their sums by campaign; what they are held to may change at any time. */
static void
check_budgets(const struct server *s)
{
	for (const char *id = "cm"; *id != 0; id++) {
		uint64_t hash = catalogue_hash(s->desk.catalogue, slice_of(id, 1));
		struct budget_state b = budgets_state(s->desk.budgets, hash);

		assert(b.reserved >= 0 && b.spent >= 0 && b.exceeded >= 0);
		assert(b.exceeded <= b.spent);
	}
}

static void
check_journal(struct server *s)
{
	struct slice bytes = journal_first(&s->journal, SIZE_MAX);
	struct record r;
	struct fault fault;
	instant when;
	size_t need;

	while (bytes.size > 0) {
		assert(
		    record_scan(s->checker, bytes, &r, &fault, &need) == SCAN_RECORD);
		assert(record_timestamp(&r, &when) && when >= s->last);
		s->last = when;
		bytes = slice_from(bytes, r.size);
	}
	journal_drop(&s->journal, journal_size(&s->journal));
}

/* Records, and what is none, as far as it goes. */
static void
arrive(struct server *s, struct slice bytes)
{
	uint8_t *block = calloc(1, bytes.size + RECORD_PADDING);
	struct slice rest = slice_of(block, bytes.size);
	struct record r;
	struct fault fault;
	struct error error;
	size_t need;

	assert(block != NULL);
	memcpy(block, bytes.at, bytes.size);
	while (rest.size > 0 && journal_room(&s->journal) >= DESK_ROOM) {
		enum scan scan = record_scan(s->arriving, rest, &r, &fault, &need);

		if (scan == SCAN_RECORD)
			(void)arrival_take(&s->desk, &r, site_now(&s->site), &error);
		else if (scan != SCAN_CONTROL && scan != SCAN_REJECT)
			break;
		rest = slice_from(rest, r.size);
	}
	forget_settle(&s->desk);
	free(block);
}

/* The first byte is how much time has passed. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct server *server;
	struct http_config config = { .os = &os,
		.body_bytes = ASK_BODY_MAX,
		.answer_bytes = SITE_ANSWER_MAX,
		.handle = handle };
	struct exchange_input in;
	uint8_t *block;
	struct exchange x = { .peer = "192.0.2.7" };
	struct service service;
	struct error error;

	if (size < 2 || size > 128 << 10)
		return 0;
	if (server == NULL)
		server = make();
	time_us += data[0] * 10000;
	if (data[0] % 2 == 0) {
		arrive(server, slice_of(data + 1, size - 1));
		check_journal(server);
		return 0;
	}
	config.context = server;
	if (service_init(&service, &config, &error) != 0)
		abort();
	block = malloc(size - 1);
	assert(block != NULL);
	memcpy(block, data + 1, size - 1);
	in = (struct exchange_input){ block, size - 1 };
	do
		service.out_size = 0;
	while (exchange_feed(&x, &service, &in));
	check_journal(server);
	check_budgets(server);
	free(block);
	service_fini(&service);
	return 0;
}
