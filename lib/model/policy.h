/* SPDX-License-Identifier: MIT
 *
 * policy: which of several candidates to show, and with what probability each of them.
 *
 * A policy turns what a model thinks of the candidates into probabilities; one of them is
 * drawn. The draw is from the very probabilities that are logged, so that they are the
 * propensities whatever the policy's arithmetic is. For several positions: weigh, draw,
 * take the candidate out, and weigh those that are left.
 *
 * policy       its probabilities w, before the floor; s is p x value
 * thompson     of being the best when logits are drawn from N(z, alpha^2 variance);
 *              thompson.h. With alpha < 1 it explores less than belief is uncertain, which
 *              pays off where there are many candidates for the time that there is
 *              (Chapelle and Li, NIPS 2011, 4)
 * linucb       1 for the largest sigmoid(z + alpha sqrt(variance)) x value (Li, Chu,
 *              Langford and Schapire, WWW 2010)
 * epsilon      1 - epsilon for the largest s, and epsilon in equal parts for all
 * softmax      proportional to s^(1 / temperature); over several positions this is the
 *              model of Plackett (1975) and Luce (1959)
 * squarecb     1 / (n + gamma (largest s - s)), the largest what is left; s over the
 *              largest value, so that it is in [0, 1] (Foster and Rakhlin, ICML 2020)
 * greedy       1 for the largest s
 * uniform      1 / n
 *
 * Of equals the first is the larger. With a floor every probability becomes
 * f + (1 - n f) w; f is held to 1 / n.
 */
#ifndef BANNERPIPE_MODEL_POLICY_H
#define BANNERPIPE_MODEL_POLICY_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/model/thompson.h"

enum { POLICY_MAX = THOMPSON_MAX }; /* candidates of one decision */

/* What values that are not 0, and their inverses, cannot exceed. */
#define POLICY_VALUE_MAX 1e300

enum policy_kind {
	POLICY_THOMPSON,
	POLICY_LINUCB,
	POLICY_EPSILON,
	POLICY_SOFTMAX,
	POLICY_SQUARECB,
	POLICY_GREEDY,
	POLICY_UNIFORM,
	POLICY_KINDS,
};

#define POLICY_WORDS "thompson|linucb|epsilon|softmax|squarecb|greedy|uniform"

struct policy {
	enum policy_kind kind;
	double alpha;       /* thompson, linucb, >= 0 */
	double epsilon;     /* 0 .. 1 */
	double temperature; /* softmax, > 0 */
	double gamma;       /* squarecb, >= 0 */
	double floor;       /* 0 .. 1; 0: none */
};

/* Its word. */
const char *policy_name(enum policy_kind kind);
/* 0, or -1 and the first option that is out of its range. */
int policy_check(const struct policy *p, struct error *error);

struct policy_candidate {
	double p;        /* of the reward, [0, 1] */
	double z;        /* the logit's mean; beyond +-VEC_LOGIT_MAX it is held there */
	double variance; /* of the logit, >= 0; held to THOMPSON_VARIANCE_MAX */
	double
	    value; /* what the reward is worth, 0 or within POLICY_VALUE_MAX; 1 when all
		       * are worth the same */
};

/* What is wrong with candidates. */
enum policy_fault {
	POLICY_FINE,
	POLICY_NONE,     /* there is none */
	POLICY_MANY,     /* more than POLICY_MAX */
	POLICY_ESTIMATE, /* one whose p, z or variance is no such number */
	POLICY_VALUE,    /* one whose value is negative, not finite, or beyond */
};

/* A constant text for a reject. */
const char *policy_fault_text(enum policy_fault fault);
enum policy_fault policy_candidates_check(
    const struct policy_candidate *candidates, unsigned n);

/* What a policy makes of candidates; about 180 KB. */
struct policy_weights {
	double probability[POLICY_MAX]; /* they add up to 1, but for the last bits */
	double score[POLICY_MAX];       /* by which it ranks; p x value */
	double error; /* thompson: how far a probability may be from the exact one */
	struct thompson thompson;
	struct thompson_arm arms[POLICY_MAX];
};

/* Candidates that were checked, n >= 1. Nothing of `to` matters before. Cost: 2 ns a
 * candidate for uniform and greedy, 10 for the others; thompson.h for thompson. */
void policy_weigh(const struct policy *p, const struct policy_candidate *candidates,
    unsigned n, struct policy_weights *to);

/* Draw one of n: `draw` is a hash of what the decision is about (the seed, the request),
 * and position tells its draws from one another. Only a candidate of probability above 0
 * is drawn. */
unsigned policy_draw(
    const struct policy_weights *w, unsigned n, uint64_t draw, unsigned position);

#endif
