/* SPDX-License-Identifier: MIT
 *
 * raid: what attackers do that visitors do not. Each returns 0, or -1 when an end of the
 * shop failed.
 */
#ifndef BANNERPIPE_SIMULATE_RAID_H
#define BANNERPIPE_SIMULATE_RAID_H

#include "lib/simulate/chance.h"
#include "lib/simulate/market.h"

/* A session of an attack begins, with this happening, whose page is not planned yet. */
void raid_enter(struct market *s, struct happening *page, struct random *r);
/* A try to sign in. */
int raid_login(struct market *s, const struct happening *h, const struct person *p,
    double rtt_ms, struct random *r);
/* The last page was seen: what is paid with others' cards. */
void raid_check_out(struct market *s, const struct happening *h, struct random *r);
/* What an order is worth that is no visitor's, of the price; and its card. */
double raid_value(const struct happening *h, double price, struct random *r);
uint64_t raid_card(const struct happening *h);
/* An order was made: its owner may want the money back. */
void raid_order(struct market *s, const struct happening *h, uint64_t order);
int raid_chargeback(struct market *s, const struct happening *h);

#endif
