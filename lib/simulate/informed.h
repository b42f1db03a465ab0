/* SPDX-License-Identifier: MIT
 *
 * informed: the best that a policy can do that knows every rate, but of a visitor only what
 * is said of it: the category of the page, its favourite where it has consented, and then
 * how often it was shown what. For each of these, the click probability of a banner is the
 * mean over all visits that look the same. That is what a contextual policy can come to;
 * one that keeps a visitor's history may know more, the oracle knows all of it.
 */
#ifndef BANNERPIPE_SIMULATE_INFORMED_H
#define BANNERPIPE_SIMULATE_INFORMED_H

#include "lib/simulate/world.h"

enum { INFORMED_FAVOURITES = WORLD_CATEGORIES + 1 /* the last: it is not known */ };

struct informed {
	unsigned n;
	float *mean; /* owned: of favourites, of pages, of n banners */
};

/* Bytes for n banners. */
uint64_t informed_bytes(unsigned n);
/* -1: no memory. */
int informed_init(struct informed *f, unsigned n);
void informed_fini(struct informed *f);

/* Look at the world as it is. Cost: about 50 ns for each banner and visitor, of
 * WORLD_SAMPLE at most. */
void informed_learn(struct informed *f, const struct world *w);
/* What it believes of the first n banners. */
void informed_clicks(const struct informed *f, const struct world *w, uint32_t visitor,
    bool known, unsigned page, unsigned n, double *p);

#endif
