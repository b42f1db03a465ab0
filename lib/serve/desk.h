/* SPDX-License-Identifier: MIT
 *
 * desk: decides what is shown, remembers what was until it is known what came of it, and
 * writes a record of each into the journal. Everything goes by the time that is told it.
 */
#ifndef BANNERPIPE_SERVE_DESK_H
#define BANNERPIPE_SERVE_DESK_H

#include "lib/delivery/budget.h"
#include "lib/delivery/caps.h"
#include "lib/delivery/catalogue.h"
#include "lib/delivery/visitor.h"
#include "lib/rank/decider.h"
#include "lib/serve/journal.h"
#include "lib/table.h"

enum {
	DESK_POSITIONS_MAX = 16,     /* of a slot */
	DESK_ABOUT_MAX = 216,        /* bytes of what is remembered of a decision */
	DESK_ROOM = 2 << 20,         /* of the journal that a decision may take */
	DESK_EVENT_ROOM = 512 << 10, /* that anything else may take */
};

struct desk_counts {
	uint64_t requests, decisions, empty;  /* empty: nothing may be shown */
	uint64_t contextual;                  /* requests without consent */
	uint64_t capped, unfunded, throttled; /* candidates left out */
	uint64_t impressions, clicks, events;
	uint64_t repeated; /* impressions and clicks that came before */
	uint64_t unknown;  /* impressions and clicks of decisions that are forgotten */
	uint64_t refused;  /* requests and events that were wrong */
	uint64_t wins, billings, losses; /* that exchanges told */
	uint64_t overpriced; /* cleared at more than was bid; the bid was paid */
};

struct desk {
	struct catalogue *catalogue; /* borrowed, as all up to `count_decisions` */
	struct decider *decider;
	struct caps *caps;
	struct budgets *budgets;
	struct journal *journal;
	struct reader *reader; /* of the decider */
	struct cap preset[CAPS_SUBJECTS];
	bool count_decisions; /* they count for caps; else impressions do */
	unsigned pays; /* enum desk_event, of a bid: impression, win or billing */
	const char *currency; /* of bids */

	struct visitor_keys visitor;
	struct key slot_id;
	struct hash_key hash;
	struct table *shown; /* owned: struct shown, by the hash of the decision's id */
	uint8_t *pairs, *first; /* owned scratch */
	uint32_t *rows;         /* owned; candidates */
	uint8_t *mark;          /* owned; of each row, whether it was named */
	char instance[32];      /* ids of requests begin so */
	uint64_t number;        /* of requests */
	struct desk_counts counts;
};

/* Before the reader's first scan; users as visitor_keys_init. -1 and error. */
int desk_init(struct desk *k, uint64_t seed, const char *users, uint64_t memory_bytes,
    struct error *error);
void desk_fini(struct desk *k);

/* The creatives of the catalogue may be others: what is known of them is told anew. */
void desk_introduce(struct desk *k, instant now);

/* An impression that somebody else sells: it is paid for by the impression, whatever the
 * campaign's own bid is for. */
struct desk_auction {
	/* Whether the creative of that row may answer; called for all that are eligible. */
	bool (*fits)(const void *context, uint32_t row);
	const void *context;
	bool rehearsal; /* decide, but reserve, remember and write nothing */
};

/* What was asked for one slot: maps that were checked (ask.h). */
struct desk_ask {
	struct slice map, slot; /* slot's pairs go before; absent: none */
	bool consents, signal;
	instant now;
	const struct desk_auction *auction; /* NULL: the slot is ours */
	double floor_micros;                /* of an impression; 0: none */
};

struct desk_banner {
	unsigned position;
	uint32_t row;        /* of the catalogue */
	struct slice id;     /* the decision's; in `text` */
	double price_micros; /* what an impression of it is worth to its campaign */
	char text[DECISION_ID_MAX];
};

/* Such a price in thousandths of a micro, which is micros for a thousand impressions. */
static inline int64_t
desk_price(double micros)
{
	return (int64_t)(micros * (double)BUDGET_MILLI + 0.5);
}

struct desk_answer {
	struct desk_banner banner[DESK_POSITIONS_MAX];
	unsigned n;
};

/* Decide, reserve, write the records. NULL, or what is wrong with it. The journal has
 * DESK_ROOM. */
const char *desk_decide(
    struct desk *k, const struct desk_ask *ask, struct desk_answer *to);

enum desk_event {
	DESK_IMPRESSION,
	DESK_CLICK,
	DESK_CONVERSION, /* with a purchase only */
	DESK_WIN,        /* the last three: notices of an exchange */
	DESK_BILLING,
	DESK_LOSS,
};

/* It came of a decision: count and write it, once. The link was good. The journal has
 * DESK_EVENT_ROOM, here and below. */
void desk_tell(
    struct desk *k, enum desk_event event, struct slice decision, instant now);

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
/* An event of the shop. NULL, or what is wrong with it. */
const char *desk_event(struct desk *k, struct slice map, bool signal, instant now);

void desk_save(const struct desk *k, struct state_writer *to);
int desk_load(struct desk *k, struct state_reader *from, struct error *error);

#endif
