/* SPDX-License-Identifier: MIT
 *
 * visit: what a visitor does: the sessions, pages and purchases of a shop. Each is given the
 * happening that it is about, and plans what follows; 0, or -1 when an end of the shop
 * failed.
 */
#ifndef BANNERPIPE_SIMULATE_VISIT_H
#define BANNERPIPE_SIMULATE_VISIT_H

#include "lib/simulate/market.h"

enum visit_kind {
	VISIT_ARRIVAL = 1,
	VISIT_PAGE,
	VISIT_SHOW,
	VISIT_CLICK,
	VISIT_CLICK_AGAIN,
	VISIT_LOGIN,
	VISIT_PURCHASE,
	VISIT_REFUND,
	VISIT_CHARGEBACK,
	VISIT_BIRTH,    /* of a banner: the shop's */
	VISIT_MIDNIGHT, /* the shop's */
	VISIT_REPORT,   /* the shop's */
};

/* How often visitors come at that time, of the mean; the most of all times. */
double visit_profile(instant at);
double visit_profile_max(void);
/* The same of its day as a whole. */
double visit_profile_day(instant at);

int visit_arrival(struct market *s, const struct happening *h);
int visit_page(struct market *s, const struct happening *h);
int visit_purchase(struct market *s, const struct happening *h);
int visit_refund(struct market *s, const struct happening *h);

/* Add to the agenda; false: there is no room. What must not be lost finds some always. */
bool visit_plan(struct market *s, const struct happening *h, bool must);

#endif
