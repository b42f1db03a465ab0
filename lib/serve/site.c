/* SPDX-License-Identifier: MIT */
#include "lib/serve/site.h"

#include <stdlib.h>
#include <string.h>

#include "lib/serve/site_route.h"
#include "lib/text/print.h"

const char *const site_routes[SITE_ROUTES] = { "decide", "impression", "click",
	"events", "banner_js", "openrtb2", "win", "billing", "loss", "healthz",
	"readyz", "metrics", "pages" };

#define JSON_TYPE "application/json"
#define MSGPACK_TYPE "application/msgpack"

int
site_init(struct site *s)
{
	struct error error; /* it was written right: only memory can be short */

	s->now = WHEN_NEVER;
	s->plain = template_new(slice_text(template_built_in), &error);
	s->pack = malloc(SITE_ANSWER_MAX + RECORD_PADDING);
	s->asks = malloc(2 * (OPENRTB_ROOM + RECORD_PADDING));
	return s->plain != NULL && s->pack != NULL && s->asks != NULL &&
		asker_init(&s->asker) == 0
	    ? 0
	    : -1;
}

void
site_fini(struct site *s)
{
	asker_fini(&s->asker);
	pages_free(s->pages);
	free(s->pack);
	free(s->asks);
	template_free(s->plain);
}

instant
site_now(struct site *s)
{
	instant wall = s->os->wall_us(s->os);

	if (wall > s->now)
		s->now = wall;
	return s->now;
}

bool
site_has_room(const struct site *s, size_t size)
{
	return journal_room(s->desk->journal) >= size;
}

/* --- Answers ----------------------------------------------------------------------- */

bool
site_is_msgpack(struct slice type)
{
	static const char *const types[] = { MSGPACK_TYPE, "application/x-msgpack",
		"application/vnd.msgpack" };
	size_t end = slice_find(type, ';');

	for (unsigned i = 0; i < sizeof types / sizeof *types; i++)
		if (slice_is(slice_trim(slice_of(type.at, end)), types[i]))
			return true;
	return false;
}

void
site_answer_map(const struct build *b, bool msgpack, struct http_answer *a)
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

void
site_answer_wrong(
    struct site *s, unsigned status, const char *wrong, struct http_answer *a)
{
	struct build b;

	s->desk->counts.refused += status == 400;
	a->status = status;
	build_init(&b, s->pack, SITE_ANSWER_MAX);
	build_map(&b, 1);
	build_text(&b, "error");
	build_text(&b, wrong);
	site_answer_map(&b, false, a);
}

/* --- Routes -------------------------------------------------------------------------- */

void
site_handle(void *context, const struct http_request *r, struct http_answer *a)
{
	static const struct {
		const char *path;
		bool get, head, post;
		site_answer *answer;
	} routes[PAGES] = {
		[DECIDE] = { "/v1/decide", true, false, true, site_decide },
		[IMPRESSION] = { "/v1/impression", true, true, true, site_impression },
		[CLICK] = { "/v1/click", true, true, false, site_click },
		[EVENTS] = { "/v1/events", false, false, true, site_events },
		[SCRIPT] = { "/v1/banner.js", true, true, false, site_script },
		[AUCTION] = { "/openrtb2", false, false, true, site_auction },
		[WIN] = { "/openrtb2/win", true, false, true, site_notice },
		[BILLING] = { "/openrtb2/billing", true, false, true, site_notice },
		[LOSS] = { "/openrtb2/loss", true, false, true, site_notice },
		[HEALTH] = { "/healthz", true, true, false, site_about },
		[READY] = { "/readyz", true, true, false, site_about },
		[METRICS] = { "/metrics", true, true, false, site_about },
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
			site_answer_wrong(s, 405, "not by this method", a);
		return;
	}
	if (r->method == METHOD_POST)
		site_answer_wrong(s, 404, "there is nothing here", a);
	else
		site_page(s, r, a);
}
