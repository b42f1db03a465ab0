/* SPDX-License-Identifier: MIT
 *
 * chance: random numbers that belong to something: the same session, page or position has
 * the same luck whatever was decided before, so that two policies meet the same visitors.
 */
#ifndef BANNERPIPE_SIMULATE_CHANCE_H
#define BANNERPIPE_SIMULATE_CHANCE_H

#include <math.h>

#include "lib/hash.h"
#include "lib/vec.h"

/* A generator of its own for the `which`-th of a kind of thing. */
static inline struct random
chance_of(uint64_t seed, uint64_t what, uint64_t which)
{
	return (struct random){ hash_pair(hash_pair(seed, what), which) };
}

/* In [0, 1). */
static inline double
chance_uniform(struct random *r)
{
	return hash_uniform(random_next(r));
}

/* Exponential, of mean 1. */
static inline double
chance_exponential(struct random *r)
{
	return -vec_log(1 - chance_uniform(r));
}

/* How often something goes on that does so with probability `more`, < 1; at most 1000. */
static inline unsigned
chance_geometric(struct random *r, double more)
{
	unsigned n = 0;

	while (n < 1000 && chance_uniform(r) < more)
		n++;
	return n;
}

/* Standard normal (the polar method of Marsaglia and Bray, SIAM Review 1964). */
static inline double
chance_normal(struct random *r)
{
	double x, y, s;

	do {
		x = 2 * chance_uniform(r) - 1;
		y = 2 * chance_uniform(r) - 1;
		s = x * x + y * y;
	} while (s >= 1 || s < 1e-300);
	return x * sqrt(-2 * vec_log(s) / s);
}

#endif
