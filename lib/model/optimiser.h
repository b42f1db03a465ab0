/* SPDX-License-Identifier: MIT
 *
 * optimiser: how one weight follows its gradients. Every optimiser keeps its state
 * beside the weight it moves, and takes an example of weight s as s times its gradient;
 * the sums of squares grow by s |s| g^2 and never fall below zero, so that an example
 * of weight -s takes back, to first order, what the same example of weight s has done.
 */
#ifndef BANNERPIPE_MODEL_OPTIMISER_H
#define BANNERPIPE_MODEL_OPTIMISER_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"

enum optimiser_algorithm {
	OPTIMISER_LANES, /* none: see lanes.h */
	/* FTRL-Proximal: McMahan et al., KDD 2013, Alg. 1. */
	OPTIMISER_FTRL,
	/* AdaGrad: Duchi, Hazan and Singer, JMLR 2011, on one coordinate:
	 * eta = rate / (beta + sqrt(sum g^2)), then as SGD. */
	OPTIMISER_ADAGRAD,
	/* theta <- theta - eta grad - eta l2 theta, eta = rate. */
	OPTIMISER_SGD,
	/* Adam: Kingma and Ba, ICLR 2015, on one coordinate, with the corrections for
	 * the number of times that the weight was touched, and the decay apart from the
	 * gradient (Loshchilov and Hutter, ICLR 2019). */
	OPTIMISER_ADAM,
	/* None either, but sums of whole numbers, which forget exactly: see counts.h and
	 * linear.h. */
	OPTIMISER_COUNTS,
	OPTIMISER_LINEAR,
	OPTIMISER_COUNT
};

#define OPTIMISER_WORDS "lanes|ftrl|adagrad|sgd|adam|counts|linear"

/* Whether what it learns can be taken back without a trace, in whatever order. */
static inline bool
optimiser_is_exact(enum optimiser_algorithm a)
{
	return a >= OPTIMISER_COUNTS;
}

/* The letters are those of Alg. 1; rate is its alpha. SGD and Adam know no beta. Of counts l2
 * is the successes that a prior is worth, of linear that of ridge regression. l1 and l2
 * act when the weight is touched: in FTRL as in its paper, in the others as a step of
 * eta l1 towards 0, and of eta l2 theta. */
struct optimiser {
	enum optimiser_algorithm algorithm;
	double rate; /* 1e-6 .. 1000 */
	double beta; /* 1e-6 .. 1e6 */
	double l1;   /* 0 .. 1e6 */
	double l2;   /* 0 .. 1e6 */
};

/* A weight and its optimiser's state; all zero before the first gradient. */
struct weight {
	float value;
	float state[3]; /* FTRL: z, n, sqrt(n); AdaGrad: -, n, sqrt(n); Adam: m, v, t */
};

/* A weight is held to +-OPTIMISER_VALUE_MAX, so that no input makes it infinite. */
#define OPTIMISER_VALUE_MAX 1e6f

/* Of one that comes from a file: finite, and no sum of squares is negative. */
bool weight_is_sound(const struct weight *w);

/* What is usual for the algorithm: a start for tuning. */
struct optimiser optimiser_default(enum optimiser_algorithm algorithm);

/* By its word; false when it is none of them. */
bool optimiser_parse(struct slice name, enum optimiser_algorithm *to);
const char *optimiser_name(enum optimiser_algorithm algorithm);

/* 0, or -1 and the first setting that is out of its range or unknown to the algorithm.
 */
int optimiser_check(const struct optimiser *o, struct error *error);

/* One step by the gradient g of an example of weight s; both are finite. Cost: a square
 * root and a division, except for SGD. */
void optimiser_step(const struct optimiser *o, struct weight *w, float g, float s);

/* The same for the n weights w[i], each with the gradient g x[i]; x == NULL means
 * all 1. A weight may occur twice. */
void optimiser_step_each(const struct optimiser *o, struct weight *const *w,
    const float *x, unsigned n, float g, float s);

#endif
