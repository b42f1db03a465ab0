/* SPDX-License-Identifier: MIT
 *
 * openrtb_bid: an answer to an exchange: bids, or why there is none. Source: IAB Tech Lab,
 * "OpenRTB Specification 2.6", section 4.
 */
#ifndef BANNERPIPE_SERVE_OPENRTB_BID_H
#define BANNERPIPE_SERVE_OPENRTB_BID_H

#include "lib/compose/template.h"
#include "lib/serve/link.h"
#include "lib/serve/openrtb_fit.h"

enum { OPENRTB_BID_ROOM = 48 << 10 }; /* that one bid may take */

struct openrtb_bid {
	struct slice impid, decision;      /* texts */
	int64_t price;                     /* micros for a thousand */
	struct slice creative;             /* its record */
	const struct openrtb_terms *terms; /* of it */
	const struct template *template;   /* of the markup */
	struct openrtb_size size;
	uint64_t expires; /* seconds that the reservation holds; 0: it holds nothing */
	instant now;      /* of its links */
};

/* Append a bid. False, and nothing is appended: it takes more than OPENRTB_BID_ROOM, or
 * what there is. */
bool openrtb_bid(
    const struct links *links, const struct openrtb_bid *bid, struct build *to);

#endif
