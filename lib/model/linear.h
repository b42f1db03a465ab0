/* SPDX-License-Identifier: MIT
 *
 * linear: Bayesian linear regression of the label on up to LINEAR_MAX features, with all of
 * their covariances.
 *
 *	A = l2 I + sum w x x',  b = l2 mean e_0 + sum w y x,  theta = inv(A) b,
 *	y | x  ~  N(x'theta, noise x' inv(A) x)
 *
 * where x_0 = 1 is the intercept. That is ridge regression, and what LinUCB and linear
 * Thompson sampling explore by (Li, Chu, Langford and Schapire, WWW 2010, Alg. 1; Agrawal and
 * Goyal, ICML 2013). The noise is the variance of the label.
 *
 * What is learned are the sums, and they are whole numbers: cells of the model's table
 * (cells.h), one for each feature (struct linear_cell) and one for each pair that came
 * together, whose key is linear_pair. Taking an example out again, in whatever order, leaves
 * no trace in them. inv(A) and theta follow from the sums: an example changes them by a
 * matrix of rank 1 (Sherman and Morrison, 1950), and every LINEAR_REBUILD examples, or where
 * that would lose digits, they are made afresh (Cholesky).
 *
 * Features beyond the most that may be are left out and counted.
 */
#ifndef BANNERPIPE_MODEL_LINEAR_H
#define BANNERPIPE_MODEL_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/cells.h"
#include "lib/model/features.h"

enum {
	LINEAR_MAX = 256, /* dimensions, the intercept not counted */
	LINEAR_HEADS = 3,
	LINEAR_REBUILD = 1024,
	LINEAR_SOON = 64, /* examples until what lost its digits is made afresh */
};

/* Sums in units of 2^-40; labels of up to 1e9, values and weights of up to 1e6. */
__extension__ typedef __int128 linear_sum;

/* Of one head: of a feature x the sums of w x x, w x y and w x; of a pair that of w x x'. */
struct linear_cell {
	linear_sum square, label, once;
};

/* Of one head: the sums of w, w y and w y y. */
struct linear_totals {
	linear_sum n, label, square;
};

double linear_value(linear_sum s);
void linear_count(struct linear_totals *t, double label, double weight);

void linear_totals_merge(struct linear_totals *to, const struct linear_totals *from);
void linear_merge(struct linear_cell *to, const struct linear_cell *from);

/* The key of what two features say together. No feature has a key like it. */
uint64_t linear_pair(uint64_t a, uint64_t b);
static inline bool
linear_is_pair(uint64_t key)
{
	return key >> 48 == 0xffff;
}
/* The key under which a feature is known. */
static inline uint64_t
linear_key(uint64_t key)
{
	key = cells_key(key);
	return linear_is_pair(key) ? key ^ UINT64_C(1) << 48 : key;
}

struct linear_options {
	unsigned dimensions; /* 1 .. LINEAR_MAX */
	double l2;           /* > 0 */
	double mean;         /* of the intercept's prior */
};

struct linear; /* what follows from the sums of one model */

/* Bytes of one; and of the table that its sums may need. */
uint64_t linear_bytes(unsigned dimensions, unsigned heads);
uint64_t linear_cells(unsigned dimensions);
/* NULL: no memory. heads <= LINEAR_HEADS; offset: of each head's part in a cell. */
struct linear *linear_new(
    const struct linear_options *o, unsigned heads, const unsigned *offset);
void linear_free(struct linear *l);

/* The sums of a model, as of a version of it. */
struct linear_sums {
	const struct cells *cells;
	const struct linear_totals *totals[LINEAR_HEADS];
	uint64_t version;
};

/* Make it afresh. Cost: n^3 ns for n features, and a walk through the table. */
void linear_rebuild(struct linear *l, const struct linear_sums *from);
/* The same where the sums have gone on without: they were loaded, or another process learns;
 * then when it is behind by a 64th. */
void linear_follow(struct linear *l, const struct linear_sums *from);

/* The features of the examples to come; x: their values, or NULL for all 1. To learn, so that
 * new ones get cells in a table of which `now` is the next update. How many were left out. */
void linear_look(struct linear *l, const struct features *f, const float *x);
unsigned linear_take_up(struct linear *l, struct cells *c, const struct features *f,
    const float *x, uint64_t now);

/* What a head says of them: x'theta and x' inv(A) x. */
void linear_say(struct linear *l, unsigned head, double *mean, double *variance);
/* Learn the label; weight < 0: take it back. After linear_take_up and linear_say. */
void linear_learn(struct linear *l, unsigned head, double label, double weight);
/* All heads have learned the example. */
void linear_done(struct linear *l, const struct linear_sums *from);

/* The weight of a feature and its part of the variance; false: it is none. */
bool linear_weight(const struct linear *l, unsigned head, uint64_t key, double *weight,
    double *variance);

/* As it is, so that a run goes on the same to the last bit. */
void linear_save(const struct linear *l, struct state_writer *to);
int linear_load(struct linear *l, struct state_reader *from, struct error *error);
void linear_copy(struct linear *to, const struct linear *from);

#endif
