/* SPDX-License-Identifier: MIT
 *
 * customer: what is known of one who buys: his transactions by age, the last amounts that he
 * spent, when he signed up.
 */
#ifndef BANNERPIPE_TRANSACTION_CUSTOMER_H
#define BANNERPIPE_TRANSACTION_CUSTOMER_H

#include "lib/transaction/bands.h"
#include "lib/transaction/typical.h"

struct customer {
	struct bands bands;
	struct typical typical; /* of the last transactions that count */
	uint64_t from;          /* none of these is before it; 0: there are none */
	instant from_when;
	uint64_t bought; /* transactions that count, those dropped too */
	instant signed_up;
	uint8_t has_signed_up; /* 0: no */
};

static inline float
customer_amount(const struct transaction *t)
{
	return (float)((double)t->value_micros / 1e6);
}

/* Number n comes; false when it is too late to be put in its place. */
bool customer_add(
    const struct bands_kind *kind, struct ledger *l, struct customer *c, uint64_t n);
/* It will be dropped from the ledger. */
void customer_drop(
    const struct bands_kind *kind, struct ledger *l, struct customer *c, uint64_t n);
/* It counts from now on, or does not any more: what is typical follows, as if it had always
 * been so; its weight says so already. */
void customer_enter(struct ledger *l, unsigned link, struct customer *c, uint64_t n);
void customer_leave(struct ledger *l, unsigned link, struct customer *c, uint64_t n);
/* Whether its last amounts are those that the ledger says, where its list is sound. */
bool customer_is_sound(const struct ledger *l, unsigned link, const struct customer *c);
/* Since the last transaction that counts, before `when`; negative: there was none. What is
 * held no more is as long ago as can be. */
int64_t customer_pause_us(
    const struct ledger *l, unsigned link, const struct customer *c, instant when);

#endif
