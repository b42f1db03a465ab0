/* SPDX-License-Identifier: MIT
 *
 * visits: a simulated shop before a running bp-serve, in the loop of a filter: what happens
 * there is told to the server, whose answers decide what happens. It is the input of the
 * run, which has nothing to read, and ends when the last day is over and all is answered.
 */
#ifndef BANNERPIPE_FILTER_VISITS_H
#define BANNERPIPE_FILTER_VISITS_H

#include "lib/filter.h"
#include "lib/simulate/browser.h"

/* As the options say. */
struct visits_options {
	const char *url, *speed; /* "60x", or "max" */
	uint64_t connections;
	struct span timeout;
};

struct visits {
	struct run *run;
	struct source source;
	struct market *market; /* borrowed */
	struct fetch_server server;
	struct browser browser;
	double
	    speed; /* seconds of the shop in one of the clock; 0: as fast as it goes */
	int64_t began_us; /* by the monotonic clock; -1: not yet */
	bool stopping;
};

/* In start, before the market is made: where the server is. 0, or -1 after run_usage or
 * run_fail. `ends` gets those of a server. */
int visits_open(struct visits *v, struct run *run, const struct visits_options *o,
    struct market_ends *ends);
/* Then, once it is. */
int visits_start(
    struct visits *v, const struct visits_options *o, struct market *market);
void visits_stop(struct visits *v);

#endif
