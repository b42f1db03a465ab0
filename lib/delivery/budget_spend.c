/* SPDX-License-Identifier: MIT
 *
 * What is paid, and given back.
 */
#include "lib/delivery/budget.h"

#include "lib/delivery/budget_inside.h"

static enum budget_event
pays_at(uint64_t type)
{
	return type == BID_CPM ? BUDGET_IMPRESSION
	    : type == BID_CPC  ? BUDGET_CLICK
			       : BUDGET_CONVERSION;
}

static void
alert(struct budgets *b, const struct reservation *r, struct account *a, bool daily,
    int64_t spent, int64_t most)
{
	uint64_t mark_spent = daily ? DAY_SPENT : TOTAL_SPENT;
	uint64_t mark_over = daily ? DAY_OVER : TOTAL_OVER, mark;
	struct budget_alert made = { r->campaign, spent > most, daily, a->day,
		most > 0 ? (double)spent / (double)most : 1 };

	if (most < 0)
		return;
	if (most - spent >= r->price) {
		a->alerted &= ~(mark_spent | mark_over);
		return;
	}
	mark = made.over ? mark_over : mark_spent;
	if ((a->alerted & mark) == 0 && b->alert_count < BUDGET_ALERTS_MAX)
		b->alerts[b->alert_count++] = made;
	a->alerted |= mark;
}

/* More than was spent cannot be given back: the account may be another by now. */
static void
give_back(int64_t *sum, int64_t amount)
{
	*sum = *sum > amount ? *sum - amount : 0;
}

/* The account that pays; NULL: it is forgotten. */
static struct account *
payer(struct budgets *b, const struct reservation *r)
{
	instant last = WHEN_NEVER;
	bool fresh;

	return table_touched(b->accounts, r->campaign, &last)
	    ? table_touch(b->accounts, r->campaign, last, &fresh)
	    : NULL;
}

static void
charge(struct budgets *b, const struct reservation *r, struct account *a)
{
	budget_add(&a->spent, r->price);
	budget_add(&a->exceeded, r->uncovered);
	if (a->day == r->day) {
		budget_add(&a->day_spent, r->price);
		budget_add(&a->day_exceeded, r->uncovered);
		alert(b, r, a, true, a->day_spent, r->daily);
	}
	alert(b, r, a, false, a->spent, r->total);
}

static void
pay(struct budgets *b, struct reservation *r, uint32_t number)
{
	struct account *a;

	r->uncovered = r->price;
	if (queue_has(&b->queue, number)) {
		queue_remove(&b->queue, number);
		budget_let_go(b, r);
		r->uncovered = r->price > r->held ? r->price - r->held : 0;
	} else {
		b->counts.late++;
	}
	r->settled = 1;
	b->counts.paid++;
	a = payer(b, r);
	if (a == NULL)
		return;
	budget_resolve(a, r->price > r->held ? r->price : r->held, r->price);
	charge(b, r, a);
}

/* It was given back, and is to be paid after all. */
static void
pay_again(struct budgets *b, const struct reservation *r)
{
	struct account *a = payer(b, r);

	b->counts.paid++;
	if (a == NULL)
		return;
	a->paid += (double)r->price;
	charge(b, r, a);
}

enum budget_outcome
budgets_commit(struct budgets *b, const struct budget_of *of, uint64_t decision,
    enum budget_event event, instant when)
{
	bool known = table_find(b->reservations, decision) != NULL, fresh;
	struct reservation *r;
	uint32_t number;

	b->alert_count = b->alert_next = 0;
	if (!known) {
		if (of == NULL)
			return BUDGET_UNKNOWN;
		if (budget_is_free(of) || pays_at(of->type) != event)
			return BUDGET_NOTHING;
		b->counts.unreserved++;
		r = budget_remember(
		    b, of, decision, budget_account(b, of, when)->day, 0, when);
	} else {
		r = table_touch(b->reservations, decision, when, &fresh);
	}
	number = (uint32_t)table_slot(b->reservations, r) + 1;
	if (pays_at(r->type) == event) {
		if (r->paying++ > 0)
			return BUDGET_AGAIN;
		if (r->settled)
			pay_again(b, r);
		else
			pay(b, r, number);
		return BUDGET_PAID;
	}
	/* It goes on: what it led to is waited for. */
	if (event < pays_at(r->type) && queue_has(&b->queue, number))
		queue_set(&b->queue, number, when + b->rules.wait[event + 1].us,
		    decision, QUEUE_NO_LANE);
	return BUDGET_NOTHING;
}

/* The reservation of a decision that is neither paid nor forgotten; its last touch. */
static struct reservation *
unpaid(struct budgets *b, uint64_t decision, instant *last)
{
	struct reservation *r;
	bool fresh;

	if (!table_touched(b->reservations, decision, last))
		return NULL;
	r = table_touch(b->reservations, decision, *last, &fresh);
	return r->settled ? NULL : r;
}

bool
budgets_clear(struct budgets *b, uint64_t decision, int64_t price)
{
	instant last;
	struct reservation *r = unpaid(b, decision, &last);

	if (r == NULL || price < 0 || price > r->price)
		return false;
	r->price = price;
	return true;
}

bool
budgets_release(struct budgets *b, uint64_t decision)
{
	instant last;
	struct reservation *r = unpaid(b, decision, &last);
	uint32_t number;

	if (r == NULL)
		return false;
	number = (uint32_t)table_slot(b->reservations, r) + 1;
	if (!queue_has(&b->queue, number))
		return false;
	queue_remove(&b->queue, number);
	b->counts.released++;
	budget_release(b, r);
	return true;
}

bool
budgets_return(struct budgets *b, uint64_t decision, enum budget_event event)
{
	instant last = WHEN_NEVER;
	struct reservation *r;
	struct account *a;
	bool fresh;

	if (!table_touched(b->reservations, decision, &last))
		return false;
	r = table_touch(b->reservations, decision, last, &fresh);
	if (r->paying == 0 || pays_at(r->type) != event || --r->paying > 0)
		return false;
	b->counts.returned++;
	a = payer(b, r);
	if (a == NULL)
		return true;
	a->paid = a->paid > (double)r->price ? a->paid - (double)r->price : 0;
	give_back(&a->spent, r->price);
	give_back(&a->exceeded, r->uncovered);
	if (a->day == r->day) {
		give_back(&a->day_spent, r->price);
		give_back(&a->day_exceeded, r->uncovered);
	}
	return true;
}

bool
budgets_alert(struct budgets *b, struct budget_alert *to)
{
	if (b->alert_next == b->alert_count)
		return false;
	*to = b->alerts[b->alert_next++];
	return true;
}
