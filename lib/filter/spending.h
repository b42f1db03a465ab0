/* SPDX-License-Identifier: MIT
 *
 * spending: what a filter that spends budgets says of them.
 */
#ifndef BANNERPIPE_FILTER_SPENDING_H
#define BANNERPIPE_FILTER_SPENDING_H

#include "lib/delivery/budget.h"
#include "lib/filter/shop.h"

/* In start: the run counts them; `counts` outlives it. */
void spending_show(struct run *run, const struct budget_counts *counts);
/* Emit the alerts of the last commit, before what has spent or exceeded the budget. 0 or
 * FAIL. */
int spending_alerts(
    struct run *run, const struct shop *s, struct budgets *b, instant when);

#endif
