/* SPDX-License-Identifier: MIT
 *
 * peers: how often something comes of something among all sources of a kind (clicks of
 * impressions, purchases of clicks), and how far one of them is from the others.
 *
 * The rate p is over all sources, each piece of news from one being cut to what p makes
 * plausible (within three deviations and one more, Huber's idea), so that a few wild ones
 * move it little; news fade when they are many. phi, 1 or more, is how much more sources
 * differ than chance alone: the mean of squared deviations, cut at 9. For k of n,
 *
 *	z = (k - n p) / sqrt(phi n p (1 - p) + 1)
 *
 * in which the 1 shrinks what is told by few.
 */
#ifndef BANNERPIPE_FRAUD_PEERS_H
#define BANNERPIPE_FRAUD_PEERS_H

#include <stdint.h>

/* Without padding. */
struct peers {
	double n, k;            /* faded sums */
	double squares, pieces; /* of squared deviations, and how many */
	uint64_t news;
};

enum { PEERS_NEWS_MIN = 50 };

/* Of a source came n more, k of them such. Sources tell in portions of a size: deviations
 * are those of portions. */
void peers_tell(struct peers *p, uint32_t n, uint32_t k);
/* p; 0 before PEERS_NEWS_MIN news. */
double peers_rate(const struct peers *p);
/* NaN before PEERS_NEWS_MIN news, or when n is 0. Cost: 10 ns. */
float peers_deviation(const struct peers *p, uint32_t n, uint32_t k);

#endif
