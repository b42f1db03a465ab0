/* SPDX-License-Identifier: MIT
 *
 * floors: what an impression has to be worth in each slot of a shop.
 */
#ifndef BANNERPIPE_SERVE_FLOORS_H
#define BANNERPIPE_SERVE_FLOORS_H

#include "lib/base/error.h"
#include "lib/base/slice.h"

enum { FLOORS_MAX = 256 }; /* slots with one of their own */

struct floors {
	struct slice slot[FLOORS_MAX]; /* borrowed from the text */
	double own[FLOORS_MAX], rest;  /* micros of an impression */
	unsigned count;
};

/* "300", "top=500,side=200", "top=500,300": what has no name is of all other slots. The text
 * (NULL: no floors) stays. -1 and error. */
int floors_parse(struct floors *f, const char *text, struct error *error);
/* Of the slot, a text; absent: it has none. 0: there is no floor. */
double floors_of(const struct floors *f, struct slice slot);

#endif
