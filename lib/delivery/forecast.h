/* SPDX-License-Identifier: MIT
 *
 * forecast: how much traffic to expect between two instants, learned from the stream.
 *
 * Requests are counted by hour of the week (UTC). When an hour is over, what is expected
 * of its like is moved towards its count by the part FORECAST_STEP: an exponentially
 * weighted mean over weeks (Brown, "Statistical forecasting for inventory control", 1959),
 * so that an hour of last week weighs 3/10 and one of ten weeks ago next to nothing. Of
 * an hour that was never seen, the mean of those that were is expected; at the very
 * start, that all are alike.
 *
 * Hours without a request are seen as such once a later request comes; after a gap of
 * more than a week it is taken for an outage, and nothing is learned from it.
 */
#ifndef BANNERPIPE_DELIVERY_FORECAST_H
#define BANNERPIPE_DELIVERY_FORECAST_H

#include <stdint.h>

#include "lib/state.h"
#include "lib/when.h"

enum { FORECAST_HOURS = 7 * 24 };

#define FORECAST_STEP 0.3

struct forecast {
	double expected[FORECAST_HOURS];   /* requests; 0: Monday, 00:00 */
	double before[FORECAST_HOURS + 1]; /* sums of what is expected up to each */
	uint64_t seen[FORECAST_HOURS];     /* how often; 0: never */
	int64_t hour;                      /* since the epoch, that is counted now */
	uint64_t count;                    /* of it so far */
	uint64_t begun; /* 1 in the hour of the first request, 2 after it */
};

void forecast_init(struct forecast *f);
/* A request has come. Those of an hour that is over are counted with the current one.
 * Cost: 5 ns; at the end of an hour 1 us. */
void forecast_see(struct forecast *f, instant when);
/* The traffic expected in [from, to), in requests (in hours, before any is known); 0 when
 * to <= from. Cost: 20 ns. */
double forecast_between(const struct forecast *f, instant from, instant to);

void forecast_save(const struct forecast *f, struct state_writer *to);
int forecast_load(struct forecast *f, struct state_reader *from);

#endif
