/* SPDX-License-Identifier: MIT
 *
 * What came of banners: /v1/impression, /v1/click, /v1/events.
 */
#include "lib/serve/site_route.h"

/* One transparent pixel: the smallest GIF89a that all browsers take. */
static const uint8_t pixel[] = { 'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0,
	0, 0, 0, 0xff, 0xff, 0xff, 0x21, 0xf9, 4, 1, 0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0,
	1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b };

enum link_verdict
site_link(struct site *s, const struct http_request *r, enum link_kind kind,
    struct link_parts *parts, instant now)
{
	enum link_verdict verdict = LINK_FORGED;

	if (r->query.size <= ASK_BODY_MAX) {
		link_read(r->query, s->asker.text, parts);
		verdict = link_check(&s->links, kind, parts, now);
	}
	s->counts.forged += verdict == LINK_FORGED;
	s->counts.late += verdict == LINK_LATE;
	return verdict;
}

/* What came of a banner, by its link; whether it is one of ours. */
static bool
tell(struct site *s, const struct http_request *r, enum link_kind kind,
    struct link_parts *parts)
{
	instant now = site_now(s);
	enum link_verdict verdict = site_link(s, r, kind, parts, now);
	struct client client = client_of(r, s->told);

	if (verdict != LINK_GOOD || r->method == METHOD_HEAD)
		return verdict != LINK_FORGED;
	if (client_is_ahead(&client)) {
		if (kind == LINK_IMPRESSION)
			desk_fetch_ahead(s->desk, parts->decision);
	} else if (site_has_room(s, DESK_EVENT_ROOM))
		desk_tell(s->desk, kind == LINK_CLICK ? DESK_CLICK : DESK_IMPRESSION,
		    parts->decision, &client, now);
	else
		s->counts.lost++;
	return true;
}

void
site_impression(struct site *s, const struct http_request *r, struct http_answer *a)
{
	struct link_parts parts;
	uint64_t lost = s->counts.lost;

	if (!tell(s, r, LINK_IMPRESSION, &parts)) {
		site_answer_wrong(s, 403, "this link is none of ours", a);
		return;
	}
	http_header(a, "Cache-Control", slice_text("no-store"));
	a->status = s->counts.lost != lost ? 503 : r->method == METHOD_POST ? 204 : 200;
	if (a->status == 200) {
		a->type = "image/gif";
		a->body = slice_of(pixel, sizeof pixel);
	}
}

/* Who clicks gets where he wants to, whether that can be counted or not. A browser that
 * only might is refused, so that it asks again when he does. */
void
site_click(struct site *s, const struct http_request *r, struct http_answer *a)
{
	struct client client = client_of(r, s->told);
	struct link_parts parts;

	if (!tell(s, r, LINK_CLICK, &parts) || !link_leads(parts.target)) {
		site_answer_wrong(s, 403, "this link is none of ours", a);
		return;
	}
	if (client_is_ahead(&client)) {
		site_answer_wrong(s, 503, "it was not clicked yet", a);
		return;
	}
	a->status = 302;
	http_header(a, "Location", parts.target);
	http_header(a, "Cache-Control", slice_text("no-store"));
}

/* --- Events -------------------------------------------------------------------------- */

static const char *
take_event(struct site *s, const struct http_request *r, struct slice map, bool allowed,
    bool signal)
{
	struct client client = client_of(r, s->told);

	if (!site_has_room(s, DESK_EVENT_ROOM)) {
		s->counts.lost++;
		return "there is no room now: send it again";
	}
	return desk_event(s->desk, map, allowed, signal, &client, site_now(s));
}

/* The good ones are taken, and of the others it is said which they are. */
void
site_events(struct site *s, const struct http_request *r, struct http_answer *a)
{
	bool msgpack = site_is_msgpack(r->header[HEADER_CONTENT_TYPE]),
	     signal = slice_is(r->header[HEADER_SEC_GPC], "1"), allowed;
	uint64_t lost = s->counts.lost;
	struct slice map, list, key, item;
	const char *wrong = ask_body(&s->asker, r->body, msgpack, &map);
	uint32_t taken = 0, refused = 0, i = 0;
	struct value_walk walk;
	struct build b;
	size_t open;

	if (wrong == NULL && !value_get(map, "events", &list)) {
		wrong = take_event(s, r, map, true, signal);
		list = (struct slice){ (const uint8_t *)"\x90", 1 }; /* none */
		taken = 1;
	} else if (wrong == NULL &&
	    (value_type(list) != VALUE_ARRAY || value_count(list) == 0 ||
		value_count(list) > SITE_EVENTS_MAX)) {
		wrong = "events is no list of 1 to 1000";
	}
	if (wrong != NULL) {
		site_answer_wrong(s, s->counts.lost != lost ? 503 : 400, wrong, a);
		return;
	}
	allowed = ask_consents(map, false);
	build_init(&b, s->pack, SITE_ANSWER_MAX);
	build_map(&b, 2);
	build_text(&b, "refused");
	open = build_open(&b);
	for (value_open(list, &walk); value_next(&walk, &key, &item); i++) {
		wrong = take_event(s, r, item, allowed, signal);
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
	site_answer_map(&b, msgpack, a);
}
