/* SPDX-License-Identifier: MIT
 *
 * rates: how often banners are clicked, as a table says: what was measured of real ones.
 *
 * CSV with a header: creative_id, and either rate, in (0, 1), or impressions and clicks;
 * campaign_id when there is one. What was counted is drawn to the rate of all, m, as if
 * there had been one click more of 1/m impressions: (clicks + 1) / (impressions + 1/m), so
 * that none is 0.
 */
#ifndef BANNERPIPE_SIMULATE_RATES_H
#define BANNERPIPE_SIMULATE_RATES_H

#include "lib/base/error.h"
#include "lib/base/slice.h"

enum {
	RATES_TEXT_MAX = 1 << 19,
	RATES_MAX = 1024, /* rows */
	RATES_NAME_MAX =
	    31, /* bytes of a creative_id or campaign_id, in printable ASCII */
};

struct rates {
	unsigned n;
	struct rate {
		char creative[RATES_NAME_MAX + 1], campaign[RATES_NAME_MAX + 1];
		double rate;                /* in (0, 1) */
		double impressions, clicks; /* 0 where the table has a rate */
	} row[RATES_MAX];
};

/* -1 with the error, which names the line. */
int rates_read(struct rates *to, struct slice text, struct error *error);
/* Leave out all but those of this campaign. -1: there is none. */
int rates_keep(struct rates *r, const char *campaign, struct error *error);
/* n of them, 1..RATES_MAX, called b0, b1, ...: log-normal about 0.03, at most 0.3. */
void rates_make(struct rates *to, unsigned n, uint64_t seed);

#endif
