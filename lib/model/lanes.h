/* SPDX-License-Identifier: MIT
 *
 * lanes: eight Bayesian linear models side by side, one cache line a feature.
 *
 * Each lane holds a normal posterior of every weight, a mean and a variance, as if the
 * weights were independent, and follows the examples by an extended Kalman filter (assumed
 * density filtering): no learning rate. Lanes differ in the variance of the prior and in the
 * process noise by which a weight may drift each time that it is seen. What a lane says of
 * an example is normal too:
 *
 *	z = sum of mean x,  v = sum of variance x^2
 *
 * An example moves all of it by two numbers for each lane, which follow from its likelihood
 * (lib/model/likelihood.h):
 *
 *	mean <- mean + variance x gain
 *	variance <- variance - variance^2 x^2 loss + noise
 *
 * with loss <= LANES_LOSS_MAX / v, so that a variance stays one. A feature of x = 0 is one that is not there. Sources: Chapelle and Li,
 * NIPS 2011 (diagonal posterior); Graepel et
 * al., ICML 2010 (assumed density); West, JASA 1985 (dynamic models).
 */
#ifndef BANNERPIPE_MODEL_LANES_H
#define BANNERPIPE_MODEL_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANES = 8 };

#define LANES_LOSS_MAX 0.99999

/* A feature; zeros before its first example. */
struct lanes_cell {
	_Alignas(64) float mean[LANES];
	float variance[LANES];
};

_Static_assert(sizeof(struct lanes_cell) == 64, "a cell is a cache line");

/* One number for each lane. */
struct lanes {
	_Alignas(32) float of[LANES];
};

/* What makes the lanes different. */
struct lanes_options {
	struct lanes
	    prior; /* variance of a weight times x^2, before its first example */
	struct lanes noise; /* added to the variance by each */
};

/* Priors from 0.005 to 0.3, each without noise and with. */
extern const struct lanes_options lanes_default;

/* *z and *v grow by what the n features say; cells[i] NULL or never taught: a mean of 0, the
 * prior's variance. x == NULL: all 1. Sums go in the order of i: the same bits on every
 * machine. Cost: 2 ns a feature in cache. */
void lanes_score(const struct lanes_options *o, const struct lanes_cell *const *cells,
    const float *x, unsigned n, struct lanes *z, struct lanes *v);

/* What some features add to z and v. */
struct lanes_sum {
	struct lanes z, v;
};

/* What the features from begin[i] to begin[i + 1] add, for each i < n, as by lanes_score. */
void lanes_sum_up(const struct lanes_options *o, const struct lanes_cell *const *cells,
    const float *x, const uint32_t *begin, unsigned n, struct lanes_sum *to);
/* Add those of some sums: of[0], of[stride], of[2 stride], ... n of them. False when that is
 * not finite. Cost: 1 ns each. */
bool lanes_add(const struct lanes_sum *sums, const uint16_t *of, size_t stride,
    unsigned n, struct lanes_sum *to);

/* Move them; one that was never taught begins with the prior, a NULL is passed over. A cell
 * may occur twice. Cost: 3 ns a feature. */
void lanes_learn(const struct lanes_options *o, struct lanes_cell *const *cells,
    const float *x, unsigned n, const struct lanes *gain, const struct lanes *loss);

/* What lanes_score said before lanes_learn moved the cells by gain and loss, and move them
 * back there: within rounding when nothing came between. */
void lanes_score_before(const struct lanes_options *o,
    const struct lanes_cell *const *cells, const float *x, unsigned n,
    const struct lanes *gain, const struct lanes *loss, struct lanes *z,
    struct lanes *v);
void lanes_unlearn(const struct lanes_options *o, struct lanes_cell *const *cells,
    const float *x, unsigned n, const struct lanes *gain, const struct lanes *loss);

/* How sure the surest lane without noise is that the weight is not 0: mean^2 / variance. */
float lanes_worth(const struct lanes_cell *cell);
/* Finite means, and variances that are positive, or all zeros. */
bool lanes_is_sound(const struct lanes_cell *cell);

#endif
