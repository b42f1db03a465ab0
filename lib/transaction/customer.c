/* SPDX-License-Identifier: MIT */
#include "lib/transaction/customer.h"

/* How far to look past what was taken back. */
enum { STEPS_MAX = 64 };

static const int64_t pause_longest = 3650 * WHEN_DAY;

/* The next one, or the one before, that counts; 0: none, or too far. */
static uint64_t
counted_from(const struct ledger *l, unsigned link, const struct customer *c,
    uint64_t n, bool back)
{
	for (unsigned i = 0; i < STEPS_MAX && bands_hold(&c->bands, l, n); i++) {
		const struct transaction *t = ledger_at(l, n);

		if (t->weight > 0)
			return n;
		n = back ? t->link[link].before : t->link[link].next;
	}
	return 0;
}

static uint64_t
neighbour(const struct ledger *l, unsigned link, const struct customer *c, uint64_t n,
    bool back)
{
	const struct ledger_link *k = &ledger_at(l, n)->link[link];

	return counted_from(l, link, c, back ? k->before : k->next, back);
}

static bool
is_earlier(const struct ledger *l, uint64_t a, uint64_t b)
{
	instant x = ledger_at(l, a)->when, y = ledger_at(l, b)->when;

	return x != y ? x < y : a < b;
}

/* --- The last amounts ---------------------------------------------------------------- */

/* The first of them leaves, and the next one is the first. */
static void
give_way(struct ledger *l, unsigned link, struct customer *c)
{
	uint64_t n = c->from;

	typical_remove(&c->typical, customer_amount(ledger_at(l, n)));
	ledger_change(l, n)->gone |= LEDGER_LEFT;
	c->from = neighbour(l, link, c, n, false);
}

static void
enter(struct ledger *l, unsigned link, struct customer *c, uint64_t n)
{
	if (c->typical.n == TYPICAL_MAX && is_earlier(l, n, c->from)) {
		ledger_change(l, n)->gone |= LEDGER_LEFT;
		return;
	}
	if (c->typical.n == TYPICAL_MAX)
		give_way(l, link, c);
	typical_add(&c->typical, customer_amount(ledger_at(l, n)));
	ledger_change(l, n)->gone &= (uint8_t)~LEDGER_LEFT;
	if (c->from == 0 || is_earlier(l, n, c->from))
		c->from = n;
}

/* It is one of them no more. */
static void
leave(struct ledger *l, unsigned link, struct customer *c, uint64_t n)
{
	typical_remove(&c->typical, customer_amount(ledger_at(l, n)));
	ledger_change(l, n)->gone |= LEDGER_LEFT;
	if (c->from == n)
		c->from = neighbour(l, link, c, n, false);
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
	older = neighbour(l, link, c, c->from, true);
	leave(l, link, c, n);
	if (older == 0)
		return;
	typical_add(&c->typical, customer_amount(ledger_at(l, older)));
	ledger_change(l, older)->gone &= (uint8_t)~LEDGER_LEFT;
	c->from = older;
}

/* --- Coming and going ---------------------------------------------------------------- */

bool
customer_add(const struct bands_kind *kind, struct ledger *l, struct customer *c,
    uint64_t n)
{
	if (!bands_add(kind, l, &c->bands, n))
		return false;
	customer_enter(l, kind->link, c, n);
	return true;
}

void
customer_drop(const struct bands_kind *kind, struct ledger *l, struct customer *c,
    uint64_t n)
{
	if ((ledger_at(l, n)->gone & LEDGER_LEFT) == 0)
		leave(l, kind->link, c, n);
	bands_drop(kind, l, &c->bands, n);
}

int64_t
customer_pause_us(
    const struct ledger *l, unsigned link, const struct customer *c, instant when)
{
	uint64_t n = counted_from(l, link, c, c->bands.newest, true);
	int64_t pause;

	if (c->bought == 0)
		return -1;
	if (n == 0)
		return pause_longest;
	pause = when - ledger_at(l, n)->when;
	return pause < 0 ? 0 : pause;
}
