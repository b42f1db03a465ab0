/* SPDX-License-Identifier: MIT */
#include "lib/simulate/browser.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/record/pair.h"
#include "lib/record/record.h"

enum {
	DECIDE,
	IMPRESSION,
	CLICK,
	EVENT,
	HOPELESS = 64, /* pages without a banner, when there never was one */
};

#define MSGPACK_TYPE "application/msgpack"

/* Of a banner on a page; of 0 bytes: there is none. */
struct links_of {
	uint16_t size[2]; /* impression, click */
	char text[2][BROWSER_LINK_MAX];
};

static void on_answer(void *context, const struct fetch_answer *a);

static struct links_of *
links_of(const struct browser *b, unsigned page, unsigned position)
{
	return &b->page[page * TELL_POSITIONS_MAX + position];
}

uint64_t
browser_bytes(void)
{
	return (uint64_t)BOARD_SLOTS * TELL_POSITIONS_MAX * sizeof(struct links_of);
}

static void
on_say(void *context, const char *text)
{
	struct browser *b = context;

	b->say(b->context, text);
}

int
browser_init(struct browser *b, const struct fetch_config *config, struct error *error)
{
	struct fetch_config c = *config;

	c.answer = on_answer;
	c.say = on_say;
	c.context = b;
	b->os = c.os;
	b->part_us = b->total_us = c.os->monotonic_us(c.os);
	b->reader = reader_new();
	b->page = calloc((size_t)BOARD_SLOTS * TELL_POSITIONS_MAX, sizeof *b->page);
	if (b->reader == NULL || b->page == NULL)
		return error_set(error, "no memory for pages");
	b->fetch = fetch_new(&c, error);
	return b->fetch != NULL ? 0 : -1;
}

void
browser_fini(struct browser *b)
{
	fetch_free(b->fetch);
	reader_free(b->reader);
	free(b->page);
}

bool
browser_has_room(const struct browser *b)
{
	return fetch_room(b->fetch) >= BROWSER_ROOM;
}

int
browser_wait_ms(const struct browser *b)
{
	return fetch_wait_ms(b->fetch);
}

int
browser_step(struct browser *b, struct error *error)
{
	if (fetch_step(b->fetch, error) != 0)
		return -1;
	if (b->failed)
		*error = b->error;
	return b->failed ? -1 : 0;
}

/* --- What goes out ----------------------------------------------------------------- */

static void
say(struct browser *b, bool *said, const char *text)
{
	if (!*said)
		b->say(b->context, text);
	*said = true;
}

static void
refuse(struct browser *b, const char *text)
{
	b->counts.refused++;
	say(b, &b->said_refused, text);
}

int
browser_ask(void *context, unsigned page, unsigned lane, struct slice request)
{
	struct browser *b = context;
	struct fetch_request r = { .lane = lane,
		.kind = DECIDE,
		.tag = page,
		.target = slice_text("/v1/decide"),
		.type = MSGPACK_TYPE,
		.body = request };

	for (unsigned k = 0; k < TELL_POSITIONS_MAX; k++)
		memset(
		    links_of(b, page, k)->size, 0, sizeof links_of(b, page, k)->size);
	if (!fetch_send(b->fetch, &r)) {
		refuse(b, "a page has too many candidates for one request");
		market_answered(b->market, page);
	}
	return 0;
}

int
browser_seen(void *context, unsigned page, unsigned position, unsigned lane, bool click)
{
	struct browser *b = context;
	const struct links_of *l = links_of(b, page, position);
	struct fetch_request r = { .lane = lane,
		.kind = click ? CLICK : IMPRESSION,
		.target = slice_of(l->text[click], l->size[click]) };

	if (!fetch_send(b->fetch, &r))
		refuse(b,
		    click ? "a banner has no click_url that can be followed: has its "
			    "creative a url?"
			  : "a banner has no impression_url that can be fetched");
	return 0;
}

int
browser_event(void *context, unsigned lane, struct slice record)
{
	struct browser *b = context;
	struct fetch_request r = { .lane = lane,
		.kind = EVENT,
		.target = slice_text("/v1/events"),
		.type = MSGPACK_TYPE,
		.body = record };

	if (!fetch_send(b->fetch, &r))
		refuse(b, "an event is too large to be sent");
	return 0;
}

/* --- What comes back --------------------------------------------------------------- */

/* Say what the server thinks is wrong. */
static void
refused(struct browser *b, const struct fetch_answer *a)
{
	static const char *const asked[] = { "/v1/decide", "an impression", "a click",
		"/v1/events" };
	char text[256], reason[120];
	size_t n = 0;

	for (; n < a->body.size && n + 1 < sizeof reason; n++)
		reason[n] = a->body.at[n] >= ' ' && a->body.at[n] < 0x7f
		    ? (char)a->body.at[n]
		    : '.';
	reason[n] = '\0';
	(void)snprintf(text, sizeof text, "the server answers %s with %u: %s",
	    asked[a->kind], a->status, reason);
	refuse(b, text);
	if (a->kind == DECIDE &&
	    (a->status == 404 || a->status == 405 || a->status == 501)) {
		b->failed = true;
		(void)error_set(&b->error,
		    "%.200s; is that bp-serve, and its whole address?", text);
	}
}

static void
keep_link(struct slice banner, const char *name, uint16_t *size, char *to)
{
	struct slice value, text;

	*size = 0;
	if (!value_get(banner, name, &value) || !value_str(value, &text) ||
	    text.size > BROWSER_LINK_MAX)
		return;
	memcpy(to, text.at, text.size);
	*size = (uint16_t)text.size;
}

static void
take_banner(struct browser *b, unsigned page, struct slice banner)
{
	struct slice value, creative, decision;
	struct links_of *l;
	uint64_t position;
	const char *wrong;

	if (!value_get(banner, "decision_id", &value) || !value_str(value, &decision))
		return; /* the fallback, which counts for nobody */
	if (!value_get(banner, "creative_id", &value) || !value_str(value, &creative) ||
	    !value_get(banner, "position", &value) || !value_uint(value, &position)) {
		refuse(b, "the server decides without creative_id and position");
		return;
	}
	wrong = market_answer(b->market, page, position, creative, decision);
	if (wrong != NULL) {
		b->counts.foreign++;
		say(b, &b->said_foreign,
		    "the server shows what this shop has not: give bp-serve the "
		    "catalogue that --catalogue writes with the same options");
		return;
	}
	b->banners++;
	l = links_of(b, page, (unsigned)position);
	keep_link(banner, "impression_url", &l->size[0], l->text[0]);
	keep_link(banner, "click_url", &l->size[1], l->text[1]);
}

static void
take_decision(struct browser *b, const struct fetch_answer *a)
{
	struct slice banners, key, item, value;
	uint64_t before = b->banners;
	struct record r;
	struct fault fault;
	struct value_walk walk;
	size_t need;
	bool shed = false;

	metrics_add(&b->part, (uint64_t)a->took_us);
	if (record_scan(b->reader, a->body, &r, &fault, &need) != SCAN_RECORD ||
	    r.size != a->body.size || !value_get(a->body, "banners", &banners)) {
		refuse(
		    b, "the server answers /v1/decide with what is no list of banners");
		return;
	}
	for (value_open(banners, &walk); value_next(&walk, &key, &item);)
		if (value_type(item) == VALUE_MAP)
			take_banner(b, (unsigned)a->tag, item);
	b->counts.shed +=
	    value_get(a->body, "shed", &value) && value_bool(value, &shed) && shed;
	b->empty += b->banners == before;
	if (b->banners == 0 && b->empty == HOPELESS)
		say(b, &b->said_empty,
		    "no page got a banner yet: has bp-serve the catalogue that "
		    "--catalogue writes with the same options?");
}

static void
on_answer(void *context, const struct fetch_answer *a)
{
	struct browser *b = context;
	unsigned class = a->status / 100;

	b->counts.requests++;
	b->part_requests++;
	if (class != 2 && !(a->kind == CLICK && class == 3))
		refused(b, a);
	else if (a->kind == DECIDE)
		take_decision(b, a);
	if (a->kind == DECIDE)
		market_answered(b->market, (unsigned)a->tag);
}

/* --- What it was like -------------------------------------------------------------- */

static void
add_latency(struct metrics_latency *to, const struct metrics_latency *more)
{
	for (unsigned i = 0; i < METRICS_BUCKETS; i++)
		to->bucket[i] += more->bucket[i];
	to->count += more->count;
	to->sum_us += more->sum_us;
}

/* A total comes after its last part. */
unsigned
browser_more(void *context, bool total, struct build *to)
{
	struct browser *b = context;
	const struct metrics_latency *l = total ? &b->total : &b->part;
	int64_t now = b->os->monotonic_us(b->os);
	unsigned pairs = 2;

	build_text(to, "requests");
	build_uint(to, total ? b->counts.requests : b->part_requests);
	pair_int(to, "wall_us", now - (total ? b->total_us : b->part_us));
	if (l->count > 0) {
		pair_int(to, "latency_p50_us", (int64_t)metrics_quantile(l, 0.5));
		pair_int(to, "latency_p99_us", (int64_t)metrics_quantile(l, 0.99));
		pairs += 2;
	}
	if (!total) {
		add_latency(&b->total, &b->part);
		b->part = (struct metrics_latency){ 0 };
		b->part_requests = 0;
		b->part_us = now;
	}
	return pairs;
}
