/* SPDX-License-Identifier: MIT
 *
 * site_route: what the files of the site share: its routes, and how they answer.
 */
#ifndef BANNERPIPE_SERVE_SITE_ROUTE_H
#define BANNERPIPE_SERVE_SITE_ROUTE_H

#include "lib/serve/site.h"

enum {
	DECIDE,
	IMPRESSION,
	CLICK,
	EVENTS,
	SCRIPT,
	AUCTION,
	WIN,
	BILLING,
	LOSS,
	HEALTH,
	READY,
	METRICS,
	PAGES,
};

/* The answers of the routes, by file. */
typedef void site_answer(
    struct site *s, const struct http_request *r, struct http_answer *a);

site_answer site_decide;                              /* site_decide.c */
site_answer site_impression, site_click, site_events; /* site_events.c */
site_answer site_script, site_page, site_about;       /* site_about.c */

site_answer site_auction, site_notice; /* site_auction.c */

/* The parts of a link that came back, read into the asker's room, and what they are worth:
 * counted, when that is not good. */
enum link_verdict site_link(struct site *s, const struct http_request *r,
    enum link_kind kind, struct link_parts *parts, instant now);
/* Whether the journal has room for so many bytes. */
bool site_has_room(const struct site *s, size_t size);
/* Whether a Content-Type is one of msgpack's. */
bool site_is_msgpack(struct slice type);
/* Answer with a map that was built in s->pack. */
void site_answer_map(const struct build *b, bool msgpack, struct http_answer *a);
/* {"error": "..."}; 400 counts as refused. */
void site_answer_wrong(
    struct site *s, unsigned status, const char *wrong, struct http_answer *a);

#endif
