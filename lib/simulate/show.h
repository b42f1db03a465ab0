/* SPDX-License-Identifier: MIT
 *
 * show: banners on the pages of a shop: they are asked for, shown, looked at, clicked.
 * Each returns 0, or -1 when an end of the shop failed.
 */
#ifndef BANNERPIPE_SIMULATE_SHOW_H
#define BANNERPIPE_SIMULATE_SHOW_H

#include "lib/simulate/market.h"

/* Ask for the banners of a page of that category. */
int show_request(struct market *s, const struct happening *h, const struct person *p,
    unsigned category);
/* They are there: VISIT_SHOW. */
int show_banners(struct market *s, const struct happening *h);
/* VISIT_CLICK. */
int show_click(struct market *s, const struct happening *h);
/* VISIT_CLICK_AGAIN: of those who click twice. */
int show_click_again(struct market *s, const struct happening *h);

/* The decision that led to an order; absent: none, or it is not to be told. Then the order
 * is done with it. */
struct slice show_cause(const struct market *s, const struct happening *h);
void show_done(struct market *s, const struct happening *h);

#endif
