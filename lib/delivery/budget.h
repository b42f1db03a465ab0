/* SPDX-License-Identifier: MIT
 *
 * budget: what campaigns have spent, what is reserved for what was decided, and how fast
 * they may go on.
 *
 * A decision reserves the price of what it may lead to: of an impression (cpm), a click
 * (cpc) or a conversion (cpa). When that comes, the reservation becomes spending; when it
 * does not come in time, it is released; what comes later still is spending all the same,
 * as the campaign owes it. At all times, in total and of each day,
 *
 *	spent + reserved <= budget + exceeded
 *
 * where exceeded is the price, as far as it was not covered, of what came without a
 * reservation in force: after its release, or without a decision that was seen. With
 * `share` below 1 a reservation is that part of the price, and what it did not cover
 * counts as exceeded too. So nothing is ever decided that the budget does not cover, and
 * what is over it is at most what came unreserved. An alert is due when a budget
 * is spent, and when it is exceeded.
 *
 * Of a day (UTC, moved by `midnight`) is what was decided in it, whenever it is paid, and
 * whenever that is given back: of a day that is over only the totals tell.
 *
 * Pacing: the plan of a day is its budget, spread as the traffic that is expected of it
 * (Agarwal, Ghosh, Wei and You, "Budget pacing for targeted online advertising at
 * LinkedIn", KDD 2014). A campaign takes part in a request with a probability, which a
 * proportional-integral controller in velocity form moves at each second of event time
 * (Astrom and Hagglund, "PID controllers", 1995; its clamp to [PACE_LEAST, 1] is the
 * anti-windup), by the lag of what is spent behind the plan, in units of what the plan
 * has for BUDGET_HORIZON. Of what is reserved, the part that was paid of late counts as
 * spent already.
 *
 * Amounts are in thousandths of a micro, so that the price of one of a thousand
 * impressions is whole. Tens of thousands of campaigns have room; of decisions, when the
 * memory is full, the stalest are forgotten, and their reservations released.
 */
#ifndef BANNERPIPE_DELIVERY_BUDGET_H
#define BANNERPIPE_DELIVERY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/delivery/catalogue.h"
#include "lib/delivery/forecast.h"
#include "lib/record/build.h"
#include "lib/state.h"
#include "lib/when.h"

#define BUDGET_MILLI INT64_C(1000) /* thousandths of a micro */
#define BUDGET_HORIZON (5 * WHEN_MINUTE)
#define PACE_LEAST 0.001

enum budget_event { BUDGET_IMPRESSION, BUDGET_CLICK, BUDGET_CONVERSION, BUDGET_EVENTS };

struct budget_rules {
	struct span
	    wait[BUDGET_EVENTS]; /* for an impression after its decision, a click
					  * after its impression, a conversion after its
					  * click; positive */
	double share;            /* of a price of cpc and cpa that is reserved */
	struct span midnight;    /* when days begin, after 00:00 UTC */
	bool unpaced;            /* as fast as it goes */
	unsigned parts; /* so many processes have a part each of every budget; 0: one */
};

struct budgets;

/* NULL when the memory is too little or not there. */
struct budgets *budgets_new(struct budget_rules rules, uint64_t memory_bytes);
void budgets_free(struct budgets *b);
uint64_t budgets_memory_min(void);

/* A campaign as budgets know it. Make one from the catalogue's row. */
struct budget_of {
	uint64_t campaign; /* hash of its id, not 0 */
	int64_t price;     /* thousandths of a micro; 0: free of charge */
	enum bid_type type;
	int64_t total, daily; /* micros; -1: not limited */
	instant starts_at, ends_at;
};

struct budget_of budget_of(const struct campaign *c);
/* A price in the terms of a bid, micros, as one that is paid. */
int64_t budget_price(enum bid_type type, int64_t micros);
/* It pays this price, in the terms of its bid, as far as that is below the bid. */
void budget_lower(struct budget_of *of, enum bid_type type, int64_t micros);
/* That of the campaign of this hash, or false: 0, not in the catalogue, free of charge. */
bool budget_find(const struct catalogue *c, uint64_t campaign, struct budget_of *of);

/* Event time has come to this: release what waited for too long. Instants before the
 * latest change nothing. To be called before what follows. Cost: of what is released. */
void budgets_reach(struct budgets *b, instant when);
/* A request has come: the forecast learns of it. */
void budgets_traffic(struct budgets *b, instant when);

enum budget_verdict { BUDGET_FREE, BUDGET_TOTAL, BUDGET_DAY, BUDGET_PACE };

const char *budget_verdict_name(enum budget_verdict verdict);

/* Whether the campaign may take part in a request, whose draw is a hash (of the request's
 * and the campaign's id) that nothing else uses. Cost: 40 ns. */
enum budget_verdict budgets_ask(
    struct budgets *b, const struct budget_of *of, uint64_t draw, instant when);
/* How many prices may be reserved now, one after the other; INT64_MAX: any number. */
int64_t budgets_room(struct budgets *b, const struct budget_of *of, instant when);

/* It was decided: reserve. BUDGET_FREE, or why it must not be shown (nothing has changed,
 * and never BUDGET_PACE). A decision that is known already is not reserved again. */
enum budget_verdict budgets_reserve(
    struct budgets *b, const struct budget_of *of, uint64_t decision, instant when);

enum budget_outcome {
	BUDGET_NOTHING, /* it is not what is paid for */
	BUDGET_PAID,
	BUDGET_AGAIN,   /* another event of its kind has paid, and still does */
	BUDGET_UNKNOWN, /* no such decision is known, and `of` is NULL */
};

/* An event of a decision has come. `of`: its campaign, for when no decision was seen
 * (which then counts as decided at `when`); may be NULL. */
enum budget_outcome budgets_commit(struct budgets *b, const struct budget_of *of,
    uint64_t decision, enum budget_event event, instant when);
/* An auction cleared below the price that was reserved for the decision: it is to pay so
 * much, in thousandths of a micro. False: it was paid, is not known, or that is more. */
bool budgets_clear(struct budgets *b, uint64_t decision, int64_t price);
/* What was reserved for the decision is not needed: nothing will come of it. False: it is
 * paid, released or forgotten already. */
bool budgets_release(struct budgets *b, uint64_t decision);
/* Such an event, which was committed, is taken back: when none of its kind is left, what
 * was paid is given back, in all and of the day if that is still the current one. One that
 * is committed again pays again, and what was not covered then is not covered now. False:
 * nothing is given back. To be called once for each commit. */
bool budgets_return(struct budgets *b, uint64_t decision, enum budget_event event);

struct budget_state {
	int64_t spent, reserved, exceeded; /* in all; thousandths of a micro */
	int64_t day;                       /* since the epoch */
	int64_t day_spent, day_reserved, day_exceeded;
	double pace;
};

/* Of a campaign; zeros when nothing is known of it. */
struct budget_state budgets_state(const struct budgets *b, uint64_t campaign);

struct budget_alert {
	uint64_t campaign;
	bool over;    /* exceeded; else spent to the last price */
	bool daily;   /* of a day; else in all */
	int64_t day;  /* since the epoch */
	double spent; /* as a part of the budget */
};

/* The alerts that the last commit has made, one after the other. */
bool budgets_alert(struct budgets *b, struct budget_alert *to);
/* Append the alert as a record: kind `spend` or `overspend`, the subject is the campaign's
 * id. */
void budget_alert_build(
    const struct budget_alert *a, struct slice campaign, instant when, struct build *b);

struct budget_counts {
	uint64_t reserved, released, paid, late, evicted, unreserved;
	uint64_t returned; /* payments given back */
	uint64_t open;     /* reservations in force */
};

struct budget_counts budgets_counts(const struct budgets *b);

void budgets_save(struct budgets *b, struct state_writer *to);
/* Into one made with the same arguments. */
int budgets_load(struct budgets *b, struct state_reader *from, struct error *error);

#endif
