/* SPDX-License-Identifier: MIT
 *
 * openrtb: a bid request as we see it: who asks, for what, and what must not be shown.
 * Source: IAB Tech Lab, "OpenRTB Specification 2.6", section 3.
 *
 * Each impression (imp) is a request of ours of its own, with the keys that bp-parse gives
 * it: what is of the auction, its site or app and its device is in the `context`.
 */
#ifndef BANNERPIPE_SERVE_OPENRTB_H
#define BANNERPIPE_SERVE_OPENRTB_H

#include "lib/record/build.h"
#include "lib/record/value.h"
#include "lib/when.h"

enum {
	OPENRTB_IMPS_MAX = 16,   /* impressions of a request that are looked at */
	OPENRTB_SIZES_MAX = 32,  /* of a banner */
	OPENRTB_ID_MAX = 512,    /* bytes of the ids that are sent back */
	OPENRTB_ROOM = 64 << 10, /* that the pairs of one map may take */
};

/* Prices: micros of the currency for a thousand impressions, which is thousandths of a
 * micro for one. */
#define OPENRTB_PRICE_MAX (INT64_C(1) << 50)

/* Why there is no bid, and the code (nbr) that says so: of the list of OpenRTB 3.0; those
 * from 500 on are our own. */
enum openrtb_reason {
	OPENRTB_NOBODY,   /* nothing of ours may be shown, or is worth it: no code */
	OPENRTB_BUSY,     /* 1: technical error */
	OPENRTB_HURRY,    /* 15: insufficient auction time */
	OPENRTB_CURRENCY, /* 500: bids or the floor are to be in another one */
	OPENRTB_SEAT,     /* 501: ours may not bid */
	OPENRTB_FORMAT,   /* 502: no banner is wanted, or none of a fixed size */
	OPENRTB_DEAL,     /* 503: private, and no deal of it is ours */
	OPENRTB_SECURE,   /* 504: by HTTPS only, which the base URL is not */
	OPENRTB_REASONS,
};

/* Its word, for metrics; its code, 0 for none. */
const char *openrtb_reason_name(enum openrtb_reason reason);
unsigned openrtb_reason_code(enum openrtb_reason reason);

/* Who we are. */
struct openrtb_rules {
	const char *seat;     /* NULL: none */
	const char *currency; /* of bids; "USD" */
	struct span hurry;    /* with a tmax below it there is no use in answering */
	bool secure;          /* our own URLs are HTTPS */
};

struct openrtb_size {
	uint32_t width, height; /* px; 1 to 65535 */
};

/* Slices are msgpack values of the request, absent where it has none, but for ids, which
 * are texts. */
struct openrtb_imp {
	struct slice map, id, banner, deals;
	struct openrtb_size size[OPENRTB_SIZES_MAX]; /* that are wanted */
	unsigned sizes;                              /* 0: any */
	bool flexible;                               /* none of those wanted is fixed */
	int64_t floor;                               /* of the price */
	bool secure, closed;                         /* by HTTPS only; for deals only */
	bool foreign; /* its floor is in another currency */
};

struct openrtb_request {
	struct slice map, id, user, device, site, app, regs;
	struct slice wseat, bseat, bcat, acat, badv, wlang; /* lists */
	uint64_t taxonomy;                                  /* of categories */
	int64_t tmax_ms;                                    /* 0: not told */
	unsigned auction; /* 1: first price, 2: second price */
	bool test;        /* nobody pays for it */
	bool consents;    /* to be known */
	bool signal;      /* he asks not to be followed */
	struct openrtb_imp imp[OPENRTB_IMPS_MAX];
	unsigned imps;
};

/* Read a map that was checked (ask.h) and is borrowed. NULL, or what is malformed: of what
 * limits us everything is checked, so that no limit is overlooked. */
const char *openrtb_read(
    const struct openrtb_rules *rules, struct slice map, struct openrtb_request *to);
/* Why there can be no bid at all, or for that impression: OPENRTB_NOBODY: nothing is in
 * the way. */
enum openrtb_reason openrtb_refuse(
    const struct openrtb_rules *rules, const struct openrtb_request *r);
enum openrtb_reason openrtb_refuse_imp(
    const struct openrtb_rules *rules, const struct openrtb_imp *imp);

/* The floor that all have to reach: deals have their own. */
static inline int64_t
openrtb_least(const struct openrtb_imp *imp)
{
	return value_count(imp->deals) > 0 ? 0 : imp->floor;
}

/* The deal of that id; its floor and whether our seat may use it. False: there is none. */
bool openrtb_deal(const struct openrtb_rules *rules, const struct openrtb_imp *imp,
    struct slice id, int64_t *floor);
/* Whether a list has the text. */
bool openrtb_lists(struct slice list, struct slice text);

/* Append the map of what all impressions share, and of what is of one alone: desk_ask's
 * map and slot. Without consent it has nothing that tells a person. */
void openrtb_build_shared(const struct openrtb_request *r, struct build *to);
void openrtb_build_imp(const struct openrtb_rules *rules,
    const struct openrtb_request *r, const struct openrtb_imp *imp, struct build *to);

#endif
