/* SPDX-License-Identifier: MIT
 *
 * site: what is asked over HTTP, and what is answered (bp-serve(1) has the whole of it):
 *
 *	GET, POST /v1/decide      banners for one slot or several
 *	GET, POST /v1/impression  a banner was seen
 *	GET /v1/click             a banner was clicked: go where it leads
 *	POST /v1/events           events of the shop, one or a batch
 *	GET /v1/banner.js         a script that asks, shows and tells
 *	POST /openrtb2            bids for the impressions of an exchange
 *	GET, POST /openrtb2/win, /openrtb2/billing, /openrtb2/loss
 *	                          what has become of one
 *	GET /healthz, /readyz, /metrics
 *	GET /, /NAME              a page of the operator's, where there are some
 *
 * While the journal has no room for another decision, who asks is shown the fallback, and
 * nothing is written; what came of banners is refused only when there is no room at all.
 */
#ifndef BANNERPIPE_SERVE_SITE_H
#define BANNERPIPE_SERVE_SITE_H

#include "lib/compose/template.h"
#include "lib/http/http.h"
#include "lib/serve/ask.h"
#include "lib/serve/events.h"
#include "lib/serve/link.h"
#include "lib/serve/openrtb.h"
#include "lib/serve/pages.h"

enum {
	SITE_SLOTS_MAX = 16,
	SITE_EVENTS_MAX = 1000, /* of a batch */
	SITE_ANSWER_MAX = 256 << 10,
	SITE_HTML_MAX =
	    64 << 10,            /* of an answer: beyond it banners come without HTML */
	SITE_EXPLAINED_MAX = 64, /* candidates that an answer explains */
	SITE_ROUTES = 13,
};

struct site_counts {
	uint64_t shed;        /* decisions answered with the fallback */
	uint64_t lost;        /* impressions, clicks and events that had no room */
	uint64_t forged;      /* links that are not ours */
	uint64_t late;        /* links that count no more */
	uint64_t bids, tests; /* tests: requests that were rehearsed */
	uint64_t no_bids[OPENRTB_REASONS]; /* impressions that got none, by reason */
};

struct site {
	const struct os *os;
	struct desk *desk;       /* borrowed, as these are */
	const struct http *http; /* for its metrics; NULL: none */
	struct links links;
	const char *fallback;            /* the id of a creative; NULL: no banner */
	const struct template *template; /* borrowed; NULL: banners without HTML */
	struct template *plain;          /* owned; for exchanges, which want HTML */
	struct openrtb_rules auction;
	struct span hold;      /* how long a bid's reservation holds */
	struct pages *pages;   /* owned; NULL: none */
	enum client_told told; /* what records say of who asks */
	bool explain;          /* answers say what was thought of the candidates */
	bool draining;

	struct asker asker;
	uint8_t *pack; /* owned; an answer as msgpack */
	uint8_t *asks; /* owned; what is asked for an impression of an exchange */
	instant now;   /* it never goes back */
	struct site_counts counts;
};

extern const char *const site_routes[SITE_ROUTES];

/* -1: no memory. What is borrowed is set by the caller, before. */
int site_init(struct site *s);
void site_fini(struct site *s);
/* Event time: the wall clock, but for when that goes back. */
instant site_now(struct site *s);
/* The handler of struct http_config, its context a struct site. */
void site_handle(
    void *context, const struct http_request *request, struct http_answer *answer);

#endif
