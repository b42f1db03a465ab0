/* SPDX-License-Identifier: MIT
 *
 * position: how likely it is that what stands at a position is looked at at all.
 *
 * In the position-based model a banner at position k is clicked with the probability
 * e(k) x a: e(k) is the examination of the position, a the banner's attractiveness, the
 * probability of a click if it is seen (Craswell, Zoeter, Taylor and Ramsey, WSDM 2008).
 * So e(k) is the ratio of clicks to the sum of a at position k, relative to position 0,
 * whose examination is 1:
 *
 *	e(k) = (clicks(k) / sum of a at k) / (clicks(0) / sum of a at 0)
 *
 * From impressions whose banner was drawn without regard to the position, a need not be
 * known: it is the same on average everywhere (Joachims, Swaminathan and Schnabel, WSDM
 * 2017). From all others a is a model's prediction, whose general bias cancels, but one
 * that differs by position does not: it must come of a model that learns with the
 * examination divided out, or without the position's influence (Wang et al., WSDM 2018,
 * estimate both by turns, which is what such a loop does). The random ones alone are
 * asked as soon as they have POSITION_RANDOM_LEAST clicks at both positions.
 *
 * All sums are linear in weight: what is taken back leaves no trace.
 */
#ifndef BANNERPIPE_DELIVERY_POSITION_H
#define BANNERPIPE_DELIVERY_POSITION_H

#include <stdbool.h>
#include <stdint.h>

enum { POSITION_MAX = 64, POSITION_RANDOM_LEAST = 100 };

/* Plain bytes; zero is not a start, position_init is. */
struct position_model {
	double clicks[POSITION_MAX], expected[POSITION_MAX];
	double random_clicks[POSITION_MAX], random_shown[POSITION_MAX];
};

/* As if `prior` clicks had been expected at each position k, and 1 / (k + 1) of them had
 * come. */
void position_init(struct position_model *m, double prior);
/* An impression at the position and whether it was clicked. attractiveness: in (0, 1),
 * the predicted probability of a click if it is seen; for another number only the random
 * sums count it. random: it was drawn without regard to the position. Positions from
 * POSITION_MAX on are the last one. */
void position_see(struct position_model *m, uint64_t position, bool clicked,
    double attractiveness, bool random, double weight);
/* e(k), in [0.001, 1]. Divide a click's weight by it to learn as if all stood at the first
 * position. */
double position_examination(const struct position_model *m, uint64_t position);

#endif
