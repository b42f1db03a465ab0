/* SPDX-License-Identifier: MIT */
#include "lib/transaction/customer.h"

#include <string.h>

/* How far to look past what was taken back. */
enum { STEPS_MAX = 64 };

static const int64_t pause_longest = 3650 * WHEN_DAY;

/* The newest one from n back that counts; 0: none, or too far. */
static uint64_t
counted_from(
    const struct ledger *l, unsigned link, const struct customer *c, uint64_t n)
{
	for (unsigned i = 0; i < STEPS_MAX && bands_hold(&c->bands, l, n); i++) {
		const struct transaction *t = ledger_at(l, n);

		if (t->weight > 0)
			return n;
		n = t->link[link].before;
	}
	return 0;
}

/* --- The last amounts ---------------------------------------------------------------- */

static void
begin_at(struct customer *c, uint64_t n, instant when)
{
	c->from = n;
	c->from_when = when;
}

/* Whether it comes before all of them. */
static bool
is_before(const struct customer *c, const struct transaction *t, uint64_t n)
{
	return t->when != c->from_when ? t->when < c->from_when : n < c->from;
}

static void
put(struct customer *c, struct transaction *t, uint64_t n)
{
	typical_add(&c->typical, customer_amount(t));
	t->gone &= (uint8_t)~LEDGER_LEFT;
	if (c->from == 0 || is_before(c, t, n))
		begin_at(c, n, t->when);
}

/* It is one of them no more. */
static void
leave(struct ledger *l, unsigned link, struct customer *c, uint64_t n)
{
	struct transaction *t = ledger_change(l, n);

	typical_remove(&c->typical, customer_amount(t));
	t->gone |= LEDGER_LEFT;
	if (c->from == n)
		begin_at(c, t->link[link].next, t->link[link].next_when);
}

/* The first of them leaves. What was taken back is passed over. */
static void
give_way(struct ledger *l, unsigned link, struct customer *c)
{
	const struct transaction *t;

	while (t = ledger_at(l, c->from), (t->gone & LEDGER_LEFT) != 0)
		begin_at(c, t->link[link].next, t->link[link].next_when);
	leave(l, link, c, c->from);
}

static void
enter(struct ledger *l, unsigned link, struct customer *c, uint64_t n)
{
	struct transaction *t = ledger_change(l, n);

	if (c->typical.n == TYPICAL_MAX && is_before(c, t, n)) {
		t->gone |= LEDGER_LEFT;
		return;
	}
	if (c->typical.n == TYPICAL_MAX)
		give_way(l, link, c);
	put(c, t, n);
}

void
customer_enter(struct ledger *l, unsigned link, struct customer *c, uint64_t n)
{
	c->bought++;
	enter(l, link, c, n);
}

void
customer_leave(struct ledger *l, unsigned link, struct customer *c, uint64_t n)
{
	uint64_t older;

	c->bought -= c->bought > 0;
	if ((ledger_at(l, n)->gone & LEDGER_LEFT) != 0)
		return;
	older = counted_from(l, link, c, ledger_at(l, c->from)->link[link].before);
	leave(l, link, c, n);
	if (older == 0)
		return;
	put(c, ledger_change(l, older), older);
}

/* --- Coming and going ---------------------------------------------------------------- */

bool
customer_add(
    const struct bands_kind *kind, struct ledger *l, struct customer *c, uint64_t n)
{
	if (!bands_add(kind, l, &c->bands, n))
		return false;
	customer_enter(l, kind->link, c, n);
	return true;
}

void
customer_drop(
    const struct bands_kind *kind, struct ledger *l, struct customer *c, uint64_t n)
{
	if ((ledger_at(l, n)->gone & LEDGER_LEFT) == 0)
		leave(l, kind->link, c, n);
	if (c->from == n)
		begin_at(c, ledger_at(l, n)->link[kind->link].next,
		    ledger_at(l, n)->link[kind->link].next_when);
	bands_drop(kind, l, &c->bands, n);
}

int64_t
customer_pause_us(
    const struct ledger *l, unsigned link, const struct customer *c, instant when)
{
	uint64_t n = counted_from(l, link, c, c->bands.newest);
	int64_t pause;

	if (c->bought == 0)
		return -1;
	if (n == 0)
		return pause_longest;
	pause = when - ledger_at(l, n)->when;
	return pause < 0 ? 0 : pause;
}

bool
customer_is_sound(const struct ledger *l, unsigned link, const struct customer *c)
{
	struct typical last = { .n = 0 };
	bool beyond = c->from == 0;

	for (uint64_t n = c->bands.newest; bands_hold(&c->bands, l, n);) {
		const struct transaction *t = ledger_at(l, n);

		if ((t->gone & LEDGER_LEFT) == 0) {
			if (beyond || last.n == TYPICAL_MAX)
				return false;
			typical_add(&last, customer_amount(t));
		}
		beyond = beyond || n == c->from;
		n = t->link[link].before;
	}
	return beyond && last.n == c->typical.n &&
	    memcmp(last.sorted, c->typical.sorted, last.n * sizeof *last.sorted) == 0 &&
	    ledger_instant_holds(c->signed_up) && ledger_instant_holds(c->from_when);
}
