/* SPDX-License-Identifier: MIT
 *
 * examination: how probably one looks at what stands at a place (a position, or a slot and a
 * position), learned beside r(x), how probably it is clicked by those who look: the
 * position-based model of Craswell, Zoeter, Taylor and Ramsey, WSDM 2008,
 *
 *	P(click | place k, features x) = e(k) r(x)
 *
 * and regression EM for it (Wang, Golbandi, Bendersky, Metzler and Najork, WSDM 2018), online.
 * E step: who clicked has looked; who did not has looked with the probability
 *
 *	q = e(k) (1 - r) / (1 - e(k) r)
 *
 * so that r learns a negative of weight q. That is the gradient of log P(click | k, x).
 * M step: e(k) goes with the clicks at k per click that r expects of those who look, and the
 * best place has 1:
 *
 *	ratio(k) = (20 + sum of w click) / (20 + sum of w r)
 *	e(k)     = ratio(k) / largest ratio
 *
 * EM would take the mean of q instead. The two end at the same e where r is small, but the
 * mean goes r (1 - e) of the way in a pass over the data, as nearly all examples say nothing
 * but what was believed before: at click rates of 3 % that is a hundred passes, and a stream
 * comes once. Both sums fade as EXAMINATION_CLICKS more clicks are expected: r knew less then,
 * and pages change.
 *
 * What can be known: only products e r are seen.
 * - One factor is free, hence the best place's 1: e is relative to it, and r is the rate there.
 *   A ratio of ratios does not depend on the level of r, so nothing drifts towards 0.
 * - Where a place has banners of its own, and no features but theirs, its clicks may be due to it
 *   or to them. What the first ones say, when r is the mean of all banners, goes to the place, and
 *   what more comes to the banners; then the ratio stays, and e with it. The prior (20
 *   expected clicks that all came, never forgotten) pulls it to 1.
 * - With one place e is 1, and all as without it, to the bit.
 * e is as sure as its clicks are many: with n at a place and m at the best one its relative
 * standard error is about sqrt(1/n + 1/m). Where a policy puts better banners to worse places
 * e begins too high, and comes down as the rates of banners become known, by what the places
 * have in common: it takes as long as some of each banner's showings are elsewhere.
 * - A feature of the position takes what e should: leave it out.
 */
#ifndef BANNERPIPE_MODEL_EXAMINATION_H
#define BANNERPIPE_MODEL_EXAMINATION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"

enum {
	EXAMINATION_KEYS = 4,     /* whose values make a place */
	EXAMINATION_PLACES = 128, /* of a model; then the stalest is given up */
	EXAMINATION_LABEL = 24,   /* bytes of a label, with a 0 */
	EXAMINATION_CLICKS = 10000
};

/* Plain data, which others may read while it changes; zeros are a start. */
struct examination {
	uint64_t count, evicted;
	double best; /* the largest ratio; 0: there is none */
	uint64_t key[EXAMINATION_PLACES];
	double ratio[EXAMINATION_PLACES];
	double clicks[EXAMINATION_PLACES], expected[EXAMINATION_PLACES];
	uint64_t touched[EXAMINATION_PLACES];              /* by which example */
	char label[EXAMINATION_PLACES][EXAMINATION_LABEL]; /* for people */
};

/* Where an example is shown. */
struct examination_place {
	uint64_t key; /* 0: it is not said, and one looks for sure */
	unsigned n;
	struct slice value[EXAMINATION_KEYS]; /* msgpack, borrowed */
};

/* The key of a place, value by value, from 0; never 0. An integer is the same in any width. */
uint64_t examination_key(uint64_t before, struct slice value);
uint64_t examination_key_int(uint64_t before, int64_t value);

/* e of the place, in (0, 1]; of one that was never seen as if all of the prior were true. Safe
 * beside a process that writes. Cost: 1 ns a place. */
double examination_of(const struct examination *x, uint64_t key);

/* An example of this weight at the place, learned as the now-th: what was clicked, and what r
 * said. A negative weight takes back: the last one to within rounding, but for weights
 * beyond half of all that the place had; one of before with what it would weigh now. */
void examination_note(struct examination *x, const struct examination_place *place,
    double click, double r, double weight, uint64_t now);

/* The E step: what r learns from a label in [0, 1] (an expectation). */
static inline void
examination_complete(double e, double r, double *label, double *weight)
{
	double q = e * (1 - r) / (1 - e * r), looked = *label + (1 - *label) * q;

	*label /= looked;
	*weight *= looked;
}

/* As if `to` had seen what `from` has seen too; of places that do not fit those with the fewest
 * clicks are left out. */
void examination_merge(struct examination *to, const struct examination *from);
/* After clicks and expected were set by hand. */
void examination_settle(struct examination *x);
bool examination_is_sound(const struct examination *x);

#endif
