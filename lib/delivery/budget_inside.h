/* SPDX-License-Identifier: MIT
 *
 * budget_inside: what the files of budgets share.
 */
#ifndef BANNERPIPE_DELIVERY_BUDGET_INSIDE_H
#define BANNERPIPE_DELIVERY_BUDGET_INSIDE_H

#include "lib/delivery/budget.h"
#include "lib/pending/queue.h"
#include "lib/table.h"

enum { BUDGET_ALERTS_MAX = 4 };

/* Alerts of an account, given already. */
enum { TOTAL_SPENT = 1, TOTAL_OVER = 2, DAY_SPENT = 4, DAY_OVER = 8 };

struct account {
	int64_t spent, reserved, exceeded;
	int64_t day, day_spent, day_reserved, day_exceeded;
	int64_t plan; /* of the day; -1: none */
	instant from; /* where the plan of the day begins */
	int64_t second;
	double pace, lag;
	double paid, resolved; /* prices, fading */
	uint64_t alerted;
};

struct reservation {
	uint64_t campaign;
	int64_t price, held, uncovered; /* uncovered: of the price, when it was paid */
	int64_t day;
	int64_t total, daily; /* limits, thousandths; -1: none */
	uint32_t type;        /* enum bid_type */
	uint32_t settled;     /* 1: it has been paid, though it may be given back */
	uint64_t paying;      /* events that pay for it now */
};

struct budgets {
	struct budget_rules rules;
	struct forecast forecast;
	struct table *accounts;     /* owned; by campaign */
	struct table *reservations; /* owned; by decision; of all that are known */
	struct queue queue;         /* of those in force: slot + 1, by when they end */
	instant now;
	struct budget_counts counts;
	struct budget_alert alerts[BUDGET_ALERTS_MAX];
	unsigned alert_count, alert_next;
};

/* Sums that are far beyond any budget stay there, so that none overflows, nor the sum of
 * three. */
static inline void
budget_add(int64_t *sum, int64_t amount)
{
	const int64_t most = INT64_C(1) << 61;

	*sum += amount;
	*sum = *sum > most ? most : *sum < -most ? -most : *sum;
}

/* It costs nothing. */
static inline bool
budget_is_free(const struct budget_of *of)
{
	return of->price == 0 || of->type == BID_NONE;
}

/* The campaign's account, made if it has none, as of that time. */
struct account *budget_account(
    struct budgets *b, const struct budget_of *of, instant when);
/* A decision that is not known yet. */
struct reservation *budget_remember(struct budgets *b, const struct budget_of *of,
    uint64_t decision, int64_t day, int64_t held, instant when);
/* A reservation in force is no more: because it is paid, or because nothing came of it. */
void budget_let_go(struct budgets *b, const struct reservation *r);
void budget_release(struct budgets *b, const struct reservation *r);
/* What was reserved, or would have been, was paid so far: the yield learns of it. */
void budget_resolve(struct account *a, int64_t asked, int64_t paid);

#endif
