/* SPDX-License-Identifier: MIT
 *
 * desk: decides what is shown, and writes the record of each decision into the journal.
 * Everything goes by the time that is told it.
 *
 * Its parts: eligible.h, who may answer; shown.h, what is remembered of decisions; events.h,
 * what comes of them. floors.h and lib/delivery/offers.h say what things are worth.
 */
#ifndef BANNERPIPE_SERVE_DESK_H
#define BANNERPIPE_SERVE_DESK_H

#include "lib/delivery/budget.h"
#include "lib/delivery/caps.h"
#include "lib/delivery/catalogue.h"
#include "lib/delivery/offers.h"
#include "lib/delivery/visitor.h"
#include "lib/rank/decider.h"
#include "lib/serve/client.h"
#include "lib/serve/eligible.h"
#include "lib/serve/floors.h"
#include "lib/serve/journal.h"
#include "lib/table.h"

enum {
	DESK_POSITIONS_MAX = 16,     /* of a slot */
	DESK_ROOM = 2 << 20,         /* of the journal that a decision may take */
	DESK_EVENT_ROOM = 512 << 10, /* that anything else may take */
};

struct desk_counts {
	uint64_t requests, decisions, empty;  /* empty: nothing may be shown */
	uint64_t contextual;                  /* requests without consent */
	uint64_t forgotten;                   /* users who took consent back */
	uint64_t capped, unfunded, throttled; /* candidates left out */
	uint64_t unknown_bids;                /* left out: the model cannot tell them */
	uint64_t crowded;                     /* left out: others were 1024 already */
	uint64_t impressions, clicks, events;
	uint64_t repeated; /* impressions and clicks that came before */
	uint64_t returned; /* events that were taken back */
	uint64_t ahead;    /* impressions fetched before anybody saw them */
	uint64_t unknown;  /* impressions and clicks of decisions that are forgotten */
	uint64_t refused;  /* requests and events that were wrong */
	uint64_t wins, billings, losses; /* that exchanges told */
	uint64_t overpriced; /* cleared at more than was bid; the bid was paid */
};

/* The shop's wishes. */
struct desk_rules {
	struct offer_rules offers;
	struct floors floors;
	bool second; /* the price is what was needed, not the bid */
	bool one_of_campaign, one_of_category; /* in an answer */
};

enum { FORGET_MAX = 64 };

/* Who has taken consent back (forget.h). */
struct forget {
	struct table *known; /* owned; of whom something is remembered */
	uint64_t left[FORGET_MAX];
	unsigned n;
};

/* When the model said something new last, as far as could be seen. */
struct desk_model {
	uint64_t version;
	instant since; /* WHEN_NEVER: there is none */
};

struct desk {
	struct catalogue *catalogue; /* borrowed, as all up to `preset` */
	struct decider *decider;
	struct caps *caps;
	struct budgets *budgets;
	struct journal *journal;
	struct reader *reader; /* of the decider */
	struct cap preset[CAPS_SUBJECTS];
	struct desk_rules rules;
	bool count_decisions; /* they count for caps; else impressions do */
	unsigned
	    pays; /* enum desk_event, of a bid in an auction: impression, win, billing */
	const char *currency; /* of such bids */

	const char *users; /* borrowed: the keys that tell a user */
	struct visitor_keys visitor;
	struct key slot_id, creative_id;
	struct hash_key hash;
	struct table *shown; /* owned: struct shown, by the hash of the decision's id */
	struct eligible eligible;
	struct forget forget;
	struct desk_model model;
	uint8_t *pairs, *first; /* owned scratch */
	char instance[32];      /* ids of requests begin so */
	uint64_t number;        /* of requests */
	struct desk_counts counts;
};

/* Before the reader's first scan; users as visitor_keys_init; ids of requests are by chance.
 * -1 and error. */
int desk_init(struct desk *k, const struct os *os, uint64_t seed, const char *users,
    uint64_t memory_bytes, struct error *error);
void desk_fini(struct desk *k);

/* The creatives of the catalogue may be others: what is known of them is told anew. */
void desk_introduce(struct desk *k, instant now);

/* There is a model, which was written at this time. And see whether it is still the same: to
 * be called often, as its age is told by when it was seen to change. */
void desk_model(struct desk *k, instant written);
void desk_watch(struct desk *k, instant now);

/* What was asked for one slot: maps that were checked (ask.h). Clients say these; what
 * follows is for who can be trusted, as an exchange. */
struct desk_ask {
	struct slice map, slot; /* slot's pairs go before; absent: none */
	bool consents, signal;
	instant now;
	/* Of the same client and time as the one before: what that was given counts. */
	bool more;

	/* Micros of an impression; where the shop's own floor is more, that holds. */
	double floor_micros;
	/* The price is what was needed, whatever the shop's rule is. */
	bool second;
	/* Whether a row may answer, by its campaign, say, or its category; NULL: any may. */
	bool (*accepts)(void *context, const struct catalogue *c, uint32_t row);
	void *context;
	/* An impression that an exchange sells: it is paid for by the impression, whatever
	 * the campaign's own bid is for. */
	bool sold;
	const struct client *client; /* who asked; NULL: an exchange did */
	bool rehearsal; /* decide, but reserve, remember and write nothing */
};

/* A pair of the slot, or else of the map. */
bool desk_ask_value(const struct desk_ask *a, const char *name, struct slice *to);

struct desk_banner {
	unsigned position;
	uint32_t row; /* of the catalogue */
	enum bid_type bid_type;
	int64_t price_micros; /* in the terms of the bid; 0: it does not bid */
	double worth_micros;  /* of this impression, as expected */
	struct slice id;      /* the decision's; in `text` */
	struct slice record;  /* the decision; in the journal, until its next use */
	char text[DECISION_ID_MAX];
};

/* A price of an impression in thousandths of a micro, which is micros for a thousand. */
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

/* What was written counts for the features of what comes. */
void desk_learn(struct desk *k, struct slice record);
/* Whether the bytes are one record. */
bool desk_scan(struct desk *k, struct slice bytes, struct record *to);

void desk_save(struct desk *k, struct state_writer *to);
int desk_load(struct desk *k, struct state_reader *from, struct error *error);

#endif
