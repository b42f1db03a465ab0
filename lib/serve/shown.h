/* SPDX-License-Identifier: MIT
 *
 * shown: what is remembered of a decision until it is known what came of it: whose caps it
 * counts for, what it costs, and what the records of its events say of it.
 */
#ifndef BANNERPIPE_SERVE_SHOWN_H
#define BANNERPIPE_SERVE_SHOWN_H

#include "lib/delivery/budget.h"
#include "lib/delivery/caps.h"
#include "lib/delivery/catalogue.h"
#include "lib/record/record.h"
#include "lib/table.h"

enum { SHOWN_ABOUT_MAX = 226 }; /* bytes of pairs */
enum {
	SHOWN_CONVERTED = 2,
	SHOWN_DECIDED = 6, /* of `out`: the decision itself */
	SHOWN_FOREIGN = 7, /* another process has decided it, and pays for it */
};

/* Bits of `is`. */
enum {
	SHOWN_CONSENTED = 1, /* whoever asked has */
	SHOWN_AHEAD = 2, /* its impression was fetched before anybody could see it */
};

struct shown {
	struct caps_user who;
	uint64_t id[CAPS_SUBJECTS]; /* 0: there is none */
	struct cap cap[CAPS_SUBJECTS];
	instant decided;      /* here; else 0 */
	instant seen;         /* when its impression counted for caps */
	int64_t price_micros; /* in the terms of the bid; 0: it does not bid */
	int64_t sold;     /* bid for an impression that is sold, thousandths of a micro;
			       * 0: it is none */
	uint8_t bid_type; /* enum bid_type */
	uint8_t came;     /* bit i: event i of enum desk_event, or of these */
	uint8_t is;       /* SHOWN_CONSENTED, SHOWN_AHEAD */
	uint8_t out;      /* likewise: it is taken back, the decision itself too */
	uint8_t pairs;
	uint8_t size;
	uint8_t about[SHOWN_ABOUT_MAX]; /* pairs that the records of its events have */
};

/* Such an impression is paid for as one, whatever the campaign's own bid is for. */
static inline void
shown_price(struct budget_of *of, int64_t price)
{
	of->type = BID_CPM;
	of->price = price;
}

/* By the hash of the decision's id; NULL: no memory. */
struct table *shown_new(uint64_t memory_bytes);
/* What a snapshot has brought is whole; or -1 and error. */
int shown_check(const struct table *t, struct error *error);
/* It counts `weight` more for the caps of all that it is of. */
void shown_count(const struct shown *s, struct caps *caps, instant now, double weight);
/* Say of it what the records of its events will have: its place, banner and what that is
 * composed of (msgpack; absent: nothing), price, and who and where the request says that it was. What does not fit is left out. */
void shown_describe(struct shown *s, unsigned position, struct slice creative_id,
    struct slice composed_of, const struct record *request);
/* Keep only `position`, `creative_id`, `composed_of`, what it costs, and pairs whose key may stay. */
void shown_strip(struct shown *s, bool (*stays)(struct slice name));

#endif
