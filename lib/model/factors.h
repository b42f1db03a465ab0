/* SPDX-License-Identifier: MIT
 *
 * factors: what two features say together: a factorisation machine, learned online.
 *
 * Each feature has a row of k factors, or, field-aware, k for each other field. Its field is
 * its namespace, the top 16 bits of its key.
 *
 *	z = sum over pairs i < j of different fields of <row_i, row_j> x_i x_j
 *	z = the same with <row_i[field_j], row_j[field_i]>
 *
 * Two features of one field say nothing together: they are the values of one thing, or the
 * numbers of one vector. With them left out all is a function of sums over fields, and the
 * cost is linear in the features: T[s][t] = sum over i in field s of row_i[t] x_i,
 *
 *	z = 1/2 sum over s of <T[s], G[s]>, where dz / drow_i[t] = x_i G[s][t]
 *	G[s] = (sum of all T) - T[s], or field-aware G[s][t] = T[t][s], t != s
 *
 * Each factor has a normal posterior, a mean and a variance, that follows the examples by the
 * extended Kalman filter of the lanes (lanes.h), linear around the means: no learning rate.
 * All pairs together begin with a variance of z of FACTORS_PRIOR. The means begin apart from
 * 0, or they would stay there, by a hash of the key: an evicted row comes back the same.
 *
 * Sources: Rendle, ICDM 2010 (FM); Juan et al., RecSys 2016 (FFM). With two fields, users
 * and items, this is matrix factorisation under the logistic loss.
 */
#ifndef BANNERPIPE_MODEL_FACTORS_H
#define BANNERPIPE_MODEL_FACTORS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	FACTORS_STEP = 4,    /* k is a multiple of it */
	FACTORS_MAX = 16,    /* k at most */
	FACTORS_FIELDS = 32, /* that are told apart; further ones share their numbers */
};

/* Variance of z before the first example, and what part of a factor's is in its mean. */
#define FACTORS_PRIOR 1.0
#define FACTORS_APART 0.02

struct factors_options {
	unsigned k; /* 0: no factors */
	bool field_aware;
};

/* Fields are numbered as they come; plain data. */
struct factors_fields {
	uint32_t count;
	uint16_t space[FACTORS_FIELDS];
};

/* The number of a namespace. A new one gets the next number; while `frozen` it only would,
 * which makes no difference to what has no row. */
unsigned factors_field(struct factors_fields *f, uint16_t space, bool frozen);
bool factors_fields_are_sound(const struct factors_fields *f);

/* Bytes, a multiple of 16, as rows are aligned. For each field that a row tells apart (one,
 * or all): k means, k variances. Zeros before its
 * first example. */
unsigned factors_row_size(const struct factors_options *o);

/* One example, and what is said of it; room for work. */
struct factors_example {
	float **row;          /* n of factors_row_size; NULL or zeros: none */
	const uint8_t *field; /* n numbers */
	const uint64_t *key;  /* n */
	const float *x;       /* n; NULL: all 1 */
	unsigned n;

	double z, v;   /* what the factors add to the mean and variance of z */
	uint32_t used; /* bits of the fields that have rows */
	_Alignas(64) float sum[FACTORS_FIELDS * FACTORS_FIELDS * FACTORS_MAX]; /* T */
	_Alignas(64) float slope[FACTORS_FIELDS * FACTORS_MAX]; /* G of an FM */
};

/* Give rows of zeros their beginning. */
void factors_begin(const struct factors_options *o, struct factors_example *e);

/* Set z, held to +-VEC_LOGIT_MAX, and v. Cost: 2 ns a feature and four factors; field-aware
 * as much for each pair. */
void factors_score(const struct factors_options *o, struct factors_example *e);

/* After factors_score: mean += variance x G gain; variance -= (variance x G)^2 loss, with
 * loss < 1 / v and the gain held to +-1. Nothing moves where v is beyond reason. Cost: as much again. */
void factors_learn(const struct factors_options *o, struct factors_example *e,
    double gain, double loss);

/* Set z and v to what they were before factors_learn by this gain and loss, given about what
 * they were, which is what e holds: one round of a fixed point. And move the rows back there:
 * within rounding when nothing came between, and the step was not so large that several
 * pasts lead to the same present. */
void factors_score_before(const struct factors_options *o, struct factors_example *e,
    double gain, double loss);
void factors_unlearn(const struct factors_options *o, struct factors_example *e,
    double gain, double loss);

/* After factors_score: the part of feature i in z (before z is held to its bounds), when each
 * pair counts half for either: the Shapley value of the interactions. They add up to z. */
double factors_effect(
    const struct factors_options *o, struct factors_example *e, unsigned i);

/* What the beginning of a row was, where examples have so many fields and each x was 1. */
void factors_beginning(
    const struct factors_options *o, unsigned fields, uint64_t key, float *row);

/* How sure it is that the factors are not 0: the mean of mean^2 / variance. */
float factors_worth(const struct factors_options *o, const float *row);
/* Means within their bounds and variances that are positive, or all zeros. */
bool factors_is_sound(const struct factors_options *o, const float *row);

#endif
