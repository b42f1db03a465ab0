/* SPDX-License-Identifier: MIT
 *
 * link: the URLs by which a banner tells that it was seen or clicked. Whoever has not the
 * key can neither make one nor change one: not the decision, not where a click leads, not
 * until when it counts.
 *
 *	BASE/v1/impression?d=DECISION&e=SECONDS&m=MAC
 *	BASE/v1/click?d=DECISION&e=SECONDS&u=TARGET&m=MAC
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

enum link_kind { LINK_IMPRESSION, LINK_CLICK };

struct links {
	struct mac *mac;  /* borrowed */
	const char *base; /* "https://ads.shop.example", or "" for relative ones */
	struct span life; /* how long they count */
};

/* Whether a click may lead there: http or https, printable, not too long. */
bool link_leads(struct slice target);

/* Append the str of one. The target is absent in those of impressions. */
void link_build(const struct links *l, enum link_kind kind, struct slice decision,
    struct slice target, instant now, struct build *to);

enum link_verdict {
	LINK_FORGED, /* or damaged: believe nothing of it */
	LINK_LATE,   /* it was ours: it leads where it says, and counts no more */
	LINK_GOOD,
};

/* What came back: decoded parts of the query, any bytes. */
struct link_parts {
	struct slice decision, expires, target, mac;
};

enum link_verdict link_check(const struct links *l, enum link_kind kind,
    const struct link_parts *parts, instant now);

#endif
