/* SPDX-License-Identifier: MIT
 *
 * browser: what the visitors of a shop ask and tell a running bp-serve over HTTP: which
 * banners to show, that they were seen and clicked, and what else happens in the shop.
 *
 * What one visitor does goes over one connection, in its order. A request that a broken
 * connection or a slow answer leaves open is sent again: the server counts impressions and
 * clicks once, and events by their event_id; a page may be decided twice.
 */
#ifndef BANNERPIPE_SIMULATE_BROWSER_H
#define BANNERPIPE_SIMULATE_BROWSER_H

#include "lib/http/fetch.h"
#include "lib/http/metrics.h"
#include "lib/simulate/market.h"

enum {
	BROWSER_LINK_MAX = 512, /* bytes of an impression_url or click_url */
	BROWSER_ROOM = 64,      /* requests that a happening may make, and more */
};

struct browser_counts {
	uint64_t refused; /* answers that were none, or said that something was wrong */
	uint64_t foreign; /* banners that are none of the shop */
	uint64_t shed;    /* pages that got the fallback, or nothing for want of room */
	uint64_t requests; /* that were answered */
};

struct browser {
	const struct os *os;
	struct market *market; /* borrowed */
	struct fetch *fetch;
	struct reader *reader;
	struct links_of *page; /* owned: of each page and position */
	struct metrics_latency part,
	    total;                 /* of decisions, from when one could be sent */
	int64_t part_us, total_us; /* when they began, by the monotonic clock */
	struct browser_counts counts;
	uint64_t part_requests;
	uint64_t banners, empty; /* banners that were decided; pages that got none */
	uint64_t told;           /* of events, for their ids */
	void (*say)(void *context, const char *text);
	void *context;
	bool said_refused, said_foreign, said_empty;
	bool failed;
	struct error error;
};

/* What it takes besides what connections hold. */
uint64_t browser_bytes(void);
/* Connects with the first request. market, say and context are set. -1 and error;
 * browser_fini in any case. */
int browser_init(
    struct browser *b, const struct fetch_config *config, struct error *error);
void browser_fini(struct browser *b);

/* The ends of a market with MARKET_SERVER, whose `server` is the browser. */
int browser_ask(void *context, unsigned page, unsigned lane, struct slice request);
int browser_seen(
    void *context, unsigned page, unsigned position, unsigned lane, bool click);
int browser_event(void *context, unsigned lane, struct slice record);
/* Pairs of a metric: requests, wall_us, and latency_p50_us, latency_p99_us of decisions. */
unsigned browser_more(void *context, bool total, struct build *to);

int browser_wait_ms(const struct browser *b);
/* Whether another happening can be told. */
bool browser_has_room(const struct browser *b);
/* Take what has been answered, send what waits; without waiting. -1 and error: there is no
 * bp-serve. */
int browser_step(struct browser *b, struct error *error);

#endif
