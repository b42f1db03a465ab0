/* SPDX-License-Identifier: MIT */
#include "lib/serve/site.h"

#include <stdlib.h>
#include <string.h>

#include "lib/serve/banner_js.h"
#include "lib/text/print.h"

enum { DECIDE, IMPRESSION, CLICK, EVENTS, SCRIPT, HEALTH, READY, METRICS, PAGES };

const char *const site_routes[SITE_ROUTES] = { "decide", "impression", "click",
	"events", "banner_js", "healthz", "readyz", "metrics", "pages" };

#define JSON_TYPE "application/json"
#define MSGPACK_TYPE "application/msgpack"

/* One transparent pixel: the smallest GIF89a that all browsers take. */
static const uint8_t pixel[] = { 'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0,
	0, 0, 0, 0xff, 0xff, 0xff, 0x21, 0xf9, 4, 1, 0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0,
	1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b };

int
site_init(struct site *s)
{
	s->now = WHEN_NEVER;
	s->pack = malloc(SITE_ANSWER_MAX + RECORD_PADDING);
	return s->pack != NULL && asker_init(&s->asker) == 0 ? 0 : -1;
}

void
site_fini(struct site *s)
{
	asker_fini(&s->asker);
	pages_free(s->pages);
	free(s->pack);
}

instant
site_now(struct site *s)
{
	instant wall = s->os->wall_us(s->os);

	if (wall > s->now)
		s->now = wall;
	return s->now;
}

static bool
has_room(const struct site *s, size_t size)
{
	return journal_room(s->desk->journal) >= size;
}

/* --- Answers ----------------------------------------------------------------------- */

static bool
is_msgpack(struct slice type)
{
	static const char *const types[] = { MSGPACK_TYPE, "application/x-msgpack",
		"application/vnd.msgpack" };
	size_t end = slice_find(type, ';');

	for (unsigned i = 0; i < sizeof types / sizeof *types; i++)
		if (slice_is(slice_trim(slice_of(type.at, end)), types[i]))
			return true;
	return false;
}

/* A map that was built in s->pack. */
static void
answer_map(const struct build *b, bool msgpack, struct http_answer *a)
{
	struct build text;

	a->type = msgpack ? MSGPACK_TYPE : JSON_TYPE;
	if (build_full(b)) {
		a->broken = true;
		return;
	}
	http_header(a, "Cache-Control", slice_text("no-store"));
	if (msgpack) {
		a->body = build_slice(b);
		return;
	}
	build_init(&text, a->room, a->room_size);
	print_json(build_slice(b), &text);
	a->broken = a->broken || build_full(&text);
	a->body = build_slice(&text);
}

static void
answer_wrong(struct site *s, unsigned status, const char *wrong, struct http_answer *a)
{
	struct build b;

	s->desk->counts.refused += status == 400;
	a->status = status;
	build_init(&b, s->pack, SITE_ANSWER_MAX);
	build_map(&b, 1);
	build_text(&b, "error");
	build_text(&b, wrong);
	answer_map(&b, false, a);
}

static void
answer_text(struct http_answer *a, unsigned status, const char *text)
{
	a->status = status;
	a->type = "text/plain";
	a->body = slice_text(text);
}

/* --- Decide ------------------------------------------------------------------------ */

static unsigned
copy_pair(struct slice record, const char *name, struct build *to)
{
	struct slice value;

	if (!value_get(record, name, &value))
		return 0;
	build_text(to, name);
	build_raw(to, value);
	return 1;
}

static bool
target_of(struct slice record, struct slice *to)
{
	struct slice value;

	return value_get(record, "url", &value) && value_str(value, to) &&
	    link_leads(*to);
}

/* How the first of a slot was drawn, from its record. */
static unsigned
explain(const struct site *s, const struct desk_banner *banner, struct build *b)
{
	struct slice list;

	if (!s->explain || banner->position != 0 ||
	    !value_get(banner->record, "candidates", &list) ||
	    value_count(list) > SITE_EXPLAINED_MAX)
		return 0;
	return copy_pair(banner->record, "candidates", b) +
	    copy_pair(banner->record, "scores", b) +
	    copy_pair(banner->record, "probabilities", b) +
	    copy_pair(banner->record, "model_version", b);
}

/* banner NULL: a fallback, which tells nobody anything. */
static void
build_banner(struct site *s, uint32_t row, const struct desk_banner *banner,
    const struct desk_ask *ask, struct build *b)
{
	struct slice record = catalogue_creative_record(s->desk->catalogue, row), value;
	size_t open = build_open(b);
	unsigned pairs = 1;

	if ((ask->slot.at != NULL && value_get(ask->slot, "slot_id", &value)) ||
	    value_get(ask->map, "slot_id", &value)) {
		build_text(b, "slot_id");
		build_raw(b, value);
		pairs++;
	}
	build_text(b, "position");
	build_uint(b, banner == NULL ? 0 : banner->position);
	pairs += copy_pair(record, "creative_id", b);
	pairs += copy_pair(record, "parts", b);
	pairs += copy_pair(record, "width", b);
	pairs += copy_pair(record, "height", b);
	if (banner != NULL) {
		build_text(b, "decision_id");
		build_str(b, banner->id);
		build_text(b, "impression_url");
		link_build(&s->links, LINK_IMPRESSION, banner->id,
		    (struct slice){ NULL, 0 }, ask->now, b);
		pairs += 2 + explain(s, banner, b);
	}
	if (target_of(record, &value)) {
		build_text(b, "click_url");
		if (banner != NULL)
			link_build(
			    &s->links, LINK_CLICK, banner->id, value, ask->now, b);
		else
			build_str(b, value);
		pairs++;
	}
	build_close_map(b, open, pairs);
}

/* Nothing is decided: the same for everybody. How many banners. */
static unsigned
fall_back(struct site *s, const struct desk_ask *ask, struct build *b)
{
	const struct catalogue *c = s->desk->catalogue;
	uint32_t row = s->fallback == NULL
	    ? CATALOGUE_NONE
	    : catalogue_find_creative(c, catalogue_hash(c, slice_text(s->fallback)));

	s->counts.shed++;
	if (row == CATALOGUE_NONE)
		return 0;
	build_banner(s, row, NULL, ask, b);
	return 1;
}

/* One slot. How many banners; -1 and what is wrong. */
static int
decide_slot(struct site *s, const struct desk_ask *ask, bool *shed, struct build *b,
    const char **wrong)
{
	struct desk_answer answer;

	*shed = *shed || !has_room(s, DESK_ROOM);
	if (*shed)
		return (int)fall_back(s, ask, b);
	*wrong = desk_decide(s->desk, ask, &answer);
	if (*wrong != NULL)
		return -1;
	for (unsigned i = 0; i < answer.n; i++)
		build_banner(s, answer.banner[i].row, &answer.banner[i], ask, b);
	return (int)answer.n;
}

static const char *
check_slots(struct slice slots)
{
	struct slice key, item;
	struct value_walk walk;

	if (value_type(slots) != VALUE_ARRAY || value_count(slots) == 0 ||
	    value_count(slots) > SITE_SLOTS_MAX)
		return "slots is no list of 1 to 16";
	for (value_open(slots, &walk); value_next(&walk, &key, &item);)
		if (value_type(item) != VALUE_MAP || value_count(item) > ASK_PAIRS_MAX)
			return "slots has what is no map";
	return NULL;
}

static const char *
decide_slots(struct site *s, struct desk_ask *ask, bool *shed, uint32_t *banners,
    struct build *b)
{
	struct slice slots, key;
	struct value_walk walk;
	const char *wrong = NULL;
	int n;

	if (!value_get(ask->map, "slots", &slots)) {
		n = decide_slot(s, ask, shed, b, &wrong);
		*banners = n > 0 ? (uint32_t)n : 0;
		return wrong;
	}
	wrong = check_slots(slots);
	if (wrong != NULL)
		return wrong;
	/* A slot that is wrong spoils the others only when it is the first: what was
	 * decided is answered. */
	for (value_open(slots, &walk); value_next(&walk, &key, &ask->slot);) {
		n = decide_slot(s, ask, shed, b, &wrong);
		if (n < 0)
			return *banners > 0 ? NULL : wrong;
		*banners += (uint32_t)n;
		ask->more = true;
	}
	return NULL;
}

static void
decide(struct site *s, const struct http_request *r, struct http_answer *a)
{
	bool msgpack =
	    r->method == METHOD_POST && is_msgpack(r->header[HEADER_CONTENT_TYPE]);
	struct desk_ask ask = { .signal = slice_is(r->header[HEADER_SEC_GPC], "1"),
		.now = site_now(s) };
	const char *wrong = r->method == METHOD_POST
	    ? ask_body(&s->asker, r->body, msgpack, &ask.map)
	    : ask_query(&s->asker, r->query, &ask.map);
	uint32_t banners = 0, pairs = 2;
	bool shed = false;
	size_t all, list;
	struct build b;

	if (wrong != NULL) {
		answer_wrong(s, 400, wrong, a);
		return;
	}
	ask.consents = ask_consents(ask.map, ask.signal);
	build_init(&b, s->pack, SITE_ANSWER_MAX);
	all = build_open(&b);
	build_text(&b, "banners");
	list = build_open(&b);
	wrong = decide_slots(s, &ask, &shed, &banners, &b);
	if (wrong != NULL) {
		answer_wrong(s, 400, wrong, a);
		return;
	}
	build_close_array(&b, list, banners);
	build_text(&b, "personalized");
	build_bool(&b, ask.consents && !shed);
	if (shed) {
		build_text(&b, "shed");
		build_bool(&b, true);
		pairs++;
	}
	build_close_map(&b, all, pairs);
	answer_map(&b, msgpack, a);
}

/* --- Impressions and clicks ---------------------------------------------------------- */

/* The parts of a link that came back, decoded into `room`. */
static void
read_link(struct slice query, uint8_t *room, struct link_parts *to)
{
	struct slice name, value;

	*to = (struct link_parts){ .decision = { NULL, 0 } };
	while (http_query_next(&query, &room, &name, &value)) {
		if (slice_is(name, "d"))
			to->decision = value;
		else if (slice_is(name, "e"))
			to->expires = value;
		else if (slice_is(name, "u"))
			to->target = value;
		else if (slice_is(name, "m"))
			to->mac = value;
	}
}

/* What came of a banner, by its link; whether it is one of ours. */
static bool
tell(struct site *s, const struct http_request *r, enum link_kind kind,
    struct link_parts *parts)
{
	instant now = site_now(s);
	enum link_verdict verdict;

	if (r->query.size > ASK_BODY_MAX)
		return false;
	read_link(r->query, s->asker.text, parts);
	verdict = link_check(&s->links, kind, parts, now);
	s->counts.forged += verdict == LINK_FORGED;
	s->counts.late += verdict == LINK_LATE;
	if (verdict != LINK_GOOD || r->method == METHOD_HEAD)
		return verdict != LINK_FORGED;
	if (has_room(s, DESK_EVENT_ROOM))
		desk_tell(s->desk, kind == LINK_CLICK ? DESK_CLICK : DESK_IMPRESSION,
		    parts->decision, now);
	else
		s->counts.lost++;
	return true;
}

static void
impression(struct site *s, const struct http_request *r, struct http_answer *a)
{
	struct link_parts parts;
	uint64_t lost = s->counts.lost;

	if (!tell(s, r, LINK_IMPRESSION, &parts)) {
		answer_wrong(s, 403, "this link is none of ours", a);
		return;
	}
	http_header(a, "Cache-Control", slice_text("no-store"));
	a->status = s->counts.lost != lost ? 503 : r->method == METHOD_POST ? 204 : 200;
	if (a->status == 200) {
		a->type = "image/gif";
		a->body = slice_of(pixel, sizeof pixel);
	}
}

/* Who clicks gets where he wants to, whether that can be counted or not. */
static void
click(struct site *s, const struct http_request *r, struct http_answer *a)
{
	struct link_parts parts;

	if (!tell(s, r, LINK_CLICK, &parts) || !link_leads(parts.target)) {
		answer_wrong(s, 403, "this link is none of ours", a);
		return;
	}
	a->status = 302;
	http_header(a, "Location", parts.target);
	http_header(a, "Cache-Control", slice_text("no-store"));
}

/* --- Events -------------------------------------------------------------------------- */

static const char *
take_event(struct site *s, struct slice map, bool signal, instant now)
{
	if (!has_room(s, DESK_EVENT_ROOM)) {
		s->counts.lost++;
		return "there is no room now: send it again";
	}
	return desk_event(s->desk, map, signal, now);
}

/* The good ones are taken, and of the others it is said which they are. */
static void
events(struct site *s, const struct http_request *r, struct http_answer *a)
{
	bool msgpack = is_msgpack(r->header[HEADER_CONTENT_TYPE]),
	     signal = slice_is(r->header[HEADER_SEC_GPC], "1");
	uint64_t lost = s->counts.lost;
	struct slice map, list, key, item;
	const char *wrong = ask_body(&s->asker, r->body, msgpack, &map);
	uint32_t taken = 0, refused = 0, i = 0;
	struct value_walk walk;
	struct build b;
	size_t open;

	if (wrong == NULL && !value_get(map, "events", &list)) {
		wrong = take_event(s, map, signal, site_now(s));
		list = (struct slice){ (const uint8_t *)"\x90", 1 }; /* none */
		taken = 1;
	} else if (wrong == NULL &&
	    (value_type(list) != VALUE_ARRAY || value_count(list) == 0 ||
		value_count(list) > SITE_EVENTS_MAX)) {
		wrong = "events is no list of 1 to 1000";
	}
	if (wrong != NULL) {
		answer_wrong(s, s->counts.lost != lost ? 503 : 400, wrong, a);
		return;
	}
	build_init(&b, s->pack, SITE_ANSWER_MAX);
	build_map(&b, 2);
	build_text(&b, "refused");
	open = build_open(&b);
	for (value_open(list, &walk); value_next(&walk, &key, &item); i++) {
		wrong = take_event(s, item, signal, site_now(s));
		taken += wrong == NULL;
		if (wrong == NULL)
			continue;
		refused++;
		build_map(&b, 2);
		build_text(&b, "index");
		build_uint(&b, i);
		build_text(&b, "error");
		build_text(&b, wrong);
	}
	build_close_array(&b, open, refused);
	build_text(&b, "taken");
	build_uint(&b, taken);
	s->desk->counts.refused += refused;
	a->status = s->counts.lost != lost ? 503 : taken > 0 ? 200 : 400;
	answer_map(&b, msgpack, a);
}

/* --- About the server ---------------------------------------------------------------- */

static void
ready(struct site *s, struct http_answer *a)
{
	if (s->draining)
		answer_text(a, 503, "going away\n");
	else if (catalogue_counts(s->desk->catalogue).creatives == 0)
		answer_text(a, 503, "no creatives\n");
	else if (!has_room(s, DESK_ROOM))
		answer_text(a, 503, "the output is full\n");
	else
		answer_text(a, 200, "ready\n");
}

static void
count(struct http_answer *a, const char *name, const char *about, uint64_t value)
{
	http_print(a,
	    "# HELP bannerpipe_serve_%s %s\n# TYPE bannerpipe_serve_%s counter\n"
	    "bannerpipe_serve_%s %llu\n",
	    name, about, name, name, (unsigned long long)value);
}

static void
metrics(struct site *s, struct http_answer *a)
{
	const struct desk_counts *d = &s->desk->counts;

	a->type = HTTP_METRICS_TYPE;
	if (s->http != NULL)
		http_metrics(s->http, a);
	count(a, "requests_total", "Requests decided.", d->requests);
	count(a, "decisions_total", "Banners decided.", d->decisions);
	count(a, "empty_total", "Requests without any banner.", d->empty);
	count(a, "contextual_total", "Requests without consent.", d->contextual);
	count(a, "forgotten_total", "Users who took consent back.", d->forgotten);
	count(a, "impressions_total", "Impressions counted.", d->impressions);
	count(a, "clicks_total", "Clicks counted.", d->clicks);
	count(a, "events_total", "Events of the shop taken.", d->events);
	count(a, "repeated_total", "Impressions and clicks that came before.",
	    d->repeated);
	count(a, "unknown_total", "Those of decisions that are forgotten.", d->unknown);
	count(a, "refused_total", "Requests and events that were wrong.", d->refused);
	count(a, "capped_total", "Candidates over a cap.", d->capped);
	count(a, "unknown_bids_total", "Candidates whose bid the model cannot tell.",
	    d->unknown_bids);
	count(a, "unfunded_total", "Candidates without budget.", d->unfunded);
	count(a, "throttled_total", "Candidates that sat out.", d->throttled);
	count(a, "shed_total", "Requests answered with the fallback.", s->counts.shed);
	count(a, "lost_total", "Impressions, clicks, events refused for want of room.",
	    s->counts.lost);
	count(a, "forged_total", "Links that are none of ours.", s->counts.forged);
	count(a, "late_total", "Links that count no more.", s->counts.late);
	if (s->desk->model.since != WHEN_NEVER)
		http_print(a,
		    "# HELP bannerpipe_serve_model_version Examples it has learned.\n"
		    "# TYPE bannerpipe_serve_model_version gauge\n"
		    "bannerpipe_serve_model_version %llu\n"
		    "# HELP bannerpipe_serve_model_age_seconds Since it was new.\n"
		    "# TYPE bannerpipe_serve_model_age_seconds gauge\n"
		    "bannerpipe_serve_model_age_seconds %.6f\n",
		    (unsigned long long)s->desk->model.version,
		    (double)(s->now - s->desk->model.since) / 1e6);
	http_print(a,
	    "# HELP bannerpipe_serve_waiting_bytes Records not written yet.\n"
	    "# TYPE bannerpipe_serve_waiting_bytes gauge\n"
	    "bannerpipe_serve_waiting_bytes %llu\n",
	    (unsigned long long)journal_size(s->desk->journal));
}

static void
script(struct site *s, const struct http_request *r, struct http_answer *a)
{
	(void)s;
	(void)r;
	a->type = "text/javascript";
	a->body = slice_of(banner_js, banner_js_size);
	http_header(a, "Cache-Control", slice_text("max-age=3600"));
	http_header(a, "X-Content-Type-Options", slice_text("nosniff"));
}

static void
about(struct site *s, const struct http_request *r, struct http_answer *a)
{
	(void)r;
	if (a->route == HEALTH)
		answer_text(a, 200, "ok\n");
	else if (a->route == READY)
		ready(s, a);
	else
		metrics(s, a);
}

/* They are of the server's own origin, and run nothing of others. */
static void
page(struct site *s, const struct http_request *r, struct http_answer *a)
{
	const struct page *found = pages_find(s->pages, r->path);

	if (found == NULL) {
		answer_wrong(s, 404, "there is nothing here", a);
		return;
	}
	a->route = PAGES;
	a->type = found->type;
	a->body = found->body;
	http_header(a, "Cache-Control", slice_text("no-cache"));
	http_header(a, "X-Content-Type-Options", slice_text("nosniff"));
	http_header(a, "Content-Security-Policy",
	    slice_text("default-src 'self'; img-src * data:; object-src 'none'; "
		       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
}

/* --- Routes -------------------------------------------------------------------------- */

void
site_handle(void *context, const struct http_request *r, struct http_answer *a)
{
	static const struct {
		const char *path;
		bool get, head, post;
		void (*answer)(struct site *s, const struct http_request *r,
		    struct http_answer *a);
	} routes[PAGES] = {
		[DECIDE] = { "/v1/decide", true, false, true, decide },
		[IMPRESSION] = { "/v1/impression", true, true, true, impression },
		[CLICK] = { "/v1/click", true, true, false, click },
		[EVENTS] = { "/v1/events", false, false, true, events },
		[SCRIPT] = { "/v1/banner.js", true, true, false, script },
		[HEALTH] = { "/healthz", true, true, false, about },
		[READY] = { "/readyz", true, true, false, about },
		[METRICS] = { "/metrics", true, true, false, about },
	};
	struct site *s = context;

	for (unsigned i = 0; i < PAGES; i++) {
		if (!slice_is(r->path, routes[i].path))
			continue;
		a->route = i;
		if (r->method == METHOD_POST       ? routes[i].post
			: r->method == METHOD_HEAD ? routes[i].head
						   : routes[i].get)
			routes[i].answer(s, r, a);
		else
			answer_wrong(s, 405, "not by this method", a);
		return;
	}
	if (r->method == METHOD_POST)
		answer_wrong(s, 404, "there is nothing here", a);
	else
		page(s, r, a);
}
