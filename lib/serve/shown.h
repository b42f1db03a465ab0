/* SPDX-License-Identifier: MIT
 *
 * shown: what the desk remembers of a decision that was given out; for its own files.
 */
#ifndef BANNERPIPE_SERVE_SHOWN_H
#define BANNERPIPE_SERVE_SHOWN_H

#include "lib/serve/desk.h"

struct shown {
	struct caps_user who;
	uint64_t id[CAPS_SUBJECTS]; /* 0: there is none */
	struct cap cap[CAPS_SUBJECTS];
	int64_t bid;  /* of an impression that is sold, thousandths of a micro; 0: it is
		       * none */
	uint8_t came; /* bit i: event i of enum desk_event */
	uint8_t pairs;
	uint16_t size;
	uint8_t about[DESK_ABOUT_MAX]; /* pairs that the records of its events have */
};

/* Such an impression is paid for as one, whatever the campaign's own bid is for. */
static inline void
shown_price(struct budget_of *of, int64_t price)
{
	of->type = BID_CPM;
	of->price = price;
}

/* The pairs that each record begins with: event, event_id, timestamp. */
void desk_build_head(struct build *b, const char *event, struct slice id, instant now);
/* What was written counts for the features of what comes. */
void desk_learn(struct desk *k, struct slice record);

#endif
