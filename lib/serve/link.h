/* SPDX-License-Identifier: MIT
 *
 * link: the URLs by which a banner tells that it was seen or clicked. Whoever has not the
 * key can neither make one nor change one: not the decision, not where a click leads, not
 * until when it counts.
 *
 *	BASE/v1/impression?d=DECISION&e=SECONDS&m=MAC
 *	BASE/v1/click?d=DECISION&e=SECONDS&u=TARGET&m=MAC
 *
 * and those by which an exchange tells what became of a bid; it puts its own data in the
 * place of the macros at their ends, which nobody has signed:
 *
 *	BASE/openrtb2/win?d=DECISION&e=SECONDS&b=BID&m=MAC&p=${AUCTION_PRICE}
 *	BASE/openrtb2/billing?...   the same
 *	BASE/openrtb2/loss?...&r=${AUCTION_LOSS}&w=${AUCTION_MIN_TO_WIN}
 */
#ifndef BANNERPIPE_SERVE_LINK_H
#define BANNERPIPE_SERVE_LINK_H

#include "lib/net/mac.h"
#include "lib/record/build.h"
#include "lib/when.h"

enum {
	LINK_TARGET_MAX = 2048, /* bytes of where a click leads */
	LINK_ID_MAX = 256,
	LINK_MAX = 3 * LINK_TARGET_MAX + 3 * LINK_ID_MAX + 512, /* bytes of one */
};

enum link_kind {
	LINK_IMPRESSION,
	LINK_CLICK,
	LINK_WIN,
	LINK_BILLING,
	LINK_LOSS,
	LINK_KINDS,
};

struct links {
	struct mac *mac;  /* borrowed */
	const char *base; /* "https://ads.shop.example", or "" for relative ones */
	struct span life; /* how long they count */
};

/* Whether a click may lead there: http or https, printable, not too long. */
bool link_leads(struct slice target);

/* Append the str of one. The target is absent in those of impressions; in those of bids it
 * is what was bid, in decimal digits. */
void link_build(const struct links *l, enum link_kind kind, struct slice decision,
    struct slice target, instant now, struct build *to);

enum link_verdict {
	LINK_FORGED, /* or damaged: believe nothing of it */
	LINK_LATE,   /* it was ours: it leads where it says, and counts no more */
	LINK_GOOD,
};

/* What came back: decoded parts of the query, any bytes; absent: not there. */
struct link_parts {
	struct slice decision, expires, target, mac;
	struct slice price, reason, least; /* that an exchange has put in */
};

/* Read them from a query, decoded into `room`, of query.size bytes at least. */
void link_read(struct slice query, uint8_t *room, struct link_parts *to);

enum link_verdict link_check(const struct links *l, enum link_kind kind,
    const struct link_parts *parts, instant now);

#endif
