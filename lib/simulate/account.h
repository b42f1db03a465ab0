/* SPDX-License-Identifier: MIT
 *
 * account: how visitors sign up and in, and forget their passwords.
 */
#ifndef BANNERPIPE_SIMULATE_ACCOUNT_H
#define BANNERPIPE_SIMULATE_ACCOUNT_H

#include "lib/simulate/market.h"

/* A session begins: plan that its visitor signs in, if it does. */
void account_enter(struct market *s, const struct happening *page);
/* VISIT_LOGIN of whoever it is; 0, or -1 when an end of the shop failed. */
int account_login(struct market *s, const struct happening *h);

#endif
