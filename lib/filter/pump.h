/* SPDX-License-Identifier: MIT
 *
 * pump: a site in the loop of a filter: requests are answered and standard input is taken
 * between reads, and the journal is what is read. No more is handed on than the output
 * takes without waiting, so that a reader that is slow or stands still never stops the
 * server; then standard input waits.
 */
#ifndef BANNERPIPE_FILTER_PUMP_H
#define BANNERPIPE_FILTER_PUMP_H

#include "lib/filter.h"
#include "lib/filter/inlet.h"
#include "lib/http/http.h"
#include "lib/serve/site.h"

struct pump {
	struct run *run;
	struct source source;
	struct http *http; /* owned */
	struct inlet inlet;
	uint64_t taken; /* records of it */
	struct site *site;
	struct span tick;  /* how often event time is told */
	struct span drain; /* how long open connections may go on at the end */
	instant ticked;
	bool done;
};

/* In start: listen, and say where. run, site, tick and drain are set. The config's os,
 * routes and handler are set here. 0, or -1 after run_fail or run_usage. */
int pump_start(struct pump *p, struct http_config *config);
void pump_stop(struct pump *p);

#endif
