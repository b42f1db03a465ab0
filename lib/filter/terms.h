/* SPDX-License-Identifier: MIT
 *
 * terms: on which terms a desk gives its places away: caps, budgets, prices; options, and
 * what is made of them.
 */
#ifndef BANNERPIPE_FILTER_TERMS_H
#define BANNERPIPE_FILTER_TERMS_H

#include "lib/filter.h"
#include "lib/serve/events.h"
#include "lib/serve/openrtb.h"

enum { TERMS_PROCESSES_MAX = 1024 };

struct terms {
	const char *caps[CAPS_SUBJECTS], *users, *floors, *seat, *currency;
	struct span pause, wait[BUDGET_EVENTS], tmax;
	uint64_t house, processes;
	int count, diversity, pays;
	bool second, unpaced;
};

/* Options of a filter whose struct `type` has a struct terms `t`. */
#define TERMS_OPTIONS(type, t)                                                         \
	OPTION(0, "slot-floor", type, t.floors, NULL,                                  \
	    "micros that an impression must be worth: 300, top=500,300", "FLOORS"),    \
	    OPTION(0, "second-price", type, t.second, NULL,                            \
		"who bids pays what was needed, not the bid"),                         \
	    OPTION_RARE_CHOICE(0, "one-of", type, t.diversity,                         \
		"banner|campaign|category|both", "what comes once in an answer"),      \
	    OPTION(0, "cap-banner", type, t.caps[CAPS_BANNER], NULL,                   \
		"cap of banners without one: 20, 2/session, 3/24h", "CAPS"),           \
	    OPTION(0, "cap-campaign", type, t.caps[CAPS_CAMPAIGN], NULL,               \
		"cap of campaigns without one", "CAPS"),                               \
	    OPTION_RARE(                                                               \
		0, "cap-slot", type, t.caps[CAPS_SLOT], NULL, "cap of slots", "CAPS"), \
	    OPTION_CHOICE('n', "count", type, t.count, "impressions|decisions",        \
		"what counts for caps"),                                               \
	    OPTION('u', "user", type, t.users, "user_id,anonymous_id",                 \
		"keys that tell a user, the first that is there", "NAMES"),            \
	    OPTION('x', "unpaced", type, t.unpaced, NULL,                              \
		"spend as fast as it goes, not as the traffic is expected"),           \
	    OPTION_RARE('j', "processes", type, t.processes, "1",                      \
		"so many share the port, and each has its part of the budgets"),       \
	    OPTION_RARE(0, "seat", type, t.seat, NULL,                                 \
		"for whom is bid, in auctions of exchanges", "ID"),                    \
	    OPTION_RARE(0, "currency", type, t.currency, "USD",                        \
		"of the catalogue's money: the one that is bid in", "CODE"),           \
	    OPTION_RARE_CHOICE(0, "pays", type, t.pays, "billing|win|impression",      \
		"what a bid is paid on"),                                              \
	    OPTION_RARE(0, "tmax", type, t.tmax, "10ms",                               \
		"bid for no exchange that waits for less"),                            \
	    OPTION_RARE(0, "house-micros", type, t.house, "0",                         \
		"what the reward is worth of who has no bid and no value"),            \
	    OPTION_RARE(0, "pause", type, t.pause, "30m",                              \
		"a pause that ends a session without session_id"),                     \
	    OPTION_RARE(0, "wait-impression", type, t.wait[BUDGET_IMPRESSION], "5m",   \
		"how long a decision holds its price"),                                \
	    OPTION_RARE(0, "wait-click", type, t.wait[BUDGET_CLICK], "30m",            \
		"how long an impression holds it, of a bid cpc or cpa"),               \
	    OPTION_RARE(0, "wait-conversion", type, t.wait[BUDGET_CONVERSION], "24h",  \
		"how long a click holds it, of a bid cpa")

/* In start: make the desk's caps and budgets, of so many bytes each, and its rules. 0, or -1
 * after run_usage or run_fail. */
int terms_start(
    const struct terms *t, struct run *run, struct desk *desk, uint64_t memory_bytes);
/* Who bids in auctions; base: what our own URLs begin with. */
struct openrtb_rules terms_auction(const struct terms *t, const char *base);
void terms_stop(struct desk *desk);

#endif
