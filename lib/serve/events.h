/* SPDX-License-Identifier: MIT
 *
 * events: what comes of decisions, and what else happens in the shop: counted, paid for, and
 * written into the journal, once. The journal has DESK_EVENT_ROOM.
 */
#ifndef BANNERPIPE_SERVE_EVENTS_H
#define BANNERPIPE_SERVE_EVENTS_H

#include "lib/serve/desk.h"

enum desk_event {
	DESK_IMPRESSION,
	DESK_CLICK,
	DESK_CONVERSION, /* with a purchase only */
	DESK_WIN,        /* the last three: notices of an exchange */
	DESK_BILLING,
	DESK_LOSS,
};

/* It came of a decision. The link was good. */
void desk_tell(struct desk *k, enum desk_event event, struct slice decision,
    const struct client *client, instant now);
/* Its impression was fetched ahead of time: it counts when it is told again, or clicked. */
void desk_fetch_ahead(struct desk *k, struct slice decision);
/* What an exchange has told of a bid. Prices are thousandths of a micro, of an impression;
 * -1: not told. */
struct desk_notice {
	enum desk_event event;
	int64_t bid;    /* what the link was signed with */
	int64_t price;  /* that it cleared at */
	int64_t least;  /* that would have won */
	int64_t reason; /* of a loss, in the list of OpenRTB 3.0 */
};

/* Count and write it, once. What pays commits the price that it cleared at, never more
 * than the bid; a loss releases what was reserved. */
void desk_notice(struct desk *k, const struct desk_notice *notice,
    struct slice decision, instant now);
/* An event of the shop; `allowed`: nothing around it denies consent. NULL, or what is wrong
 * with it. */
const char *desk_event(struct desk *k, struct slice map, bool allowed, bool signal,
    const struct client *client, instant now);

/* --- Of these made, and what arrival.h is made of ----------------------------------- */

/* Its campaign pays, if it was decided here: the price of the decision, even when its
 * reservation is forgotten. */
void desk_pay(struct desk *k, const struct shown *s, uint64_t decision,
    enum budget_event event, instant now);
/* Such an event, or the decision itself (SHOWN_DECIDED), is taken back, or counts after
 * all: its caps and what it paid with it. False: that is so already. */
bool desk_turn(struct desk *k, struct shown *s, uint64_t decision, unsigned event,
    bool out, instant now);
/* What a notice means for the decision of that hash: the first of its kind, counted. The
 * price that it pays, or the notice's own. */
int64_t desk_settle(struct desk *k, const struct desk_notice *notice, struct shown *s,
    uint64_t decision, instant now);
/* The decision that a purchase says led to it, and its id as msgpack: believed when the
 * banner was clicked, once, and paid then. NULL: none. */
const struct shown *desk_convert(
    struct desk *k, struct slice map, instant now, struct slice *id);
/* The pairs that each record begins with: event, event_id, timestamp. */
void desk_build_head(struct build *b, const char *event, struct slice id, instant now);

#endif
