/* SPDX-License-Identifier: MIT
 *
 * head: what a model knows of one target besides the features' cells: an intercept, the mean
 * so far, which lanes to believe, how to correct what they say. And how all of it, with the
 * cells of one example, predicts and learns.
 *
 *	z = offset + intercept + sum over the features of weight x (+ factors.h)
 *
 * The offset is the link of the base rate, known or estimated as the examples come, so that
 * a cold model predicts it and rare features are judged against it.
 */
#ifndef BANNERPIPE_MODEL_HEAD_H
#define BANNERPIPE_MODEL_HEAD_H

#include "lib/model/calibration.h"
#include "lib/model/counts.h"
#include "lib/model/examination.h"
#include "lib/model/factors.h"
#include "lib/model/lanes.h"
#include "lib/model/likelihood.h"
#include "lib/model/linear.h"
#include "lib/model/mixture.h"
#include "lib/model/optimiser.h"

struct head_options {
	enum likelihood likelihood;
	struct optimiser optimiser; /* OPTIMISER_LANES: the lanes */
	struct lanes_options lanes;
	struct factors_options factors; /* k = 0: none */
	enum calibration_method calibration;
	/* The mean label where it is known; 0: estimate it. */
	double base_rate;
};

/* Plain data, which may be mapped by others while it changes. */
struct head {
	struct lanes_cell intercept;
	struct weight linear_intercept; /* of other algorithms than lanes */
	struct mixture mixture;
	struct calibration calibration;
	double seen, sum;         /* of weight, and of weight times label */
	double deviance, degrees; /* gamma: what the dispersion is estimated from */
	/* Of counts and linear, whose seen and sum follow from it. */
	struct counts counts;
	struct linear_totals totals;
};

/* A cell of a feature, of this head: a struct lanes_cell, weight, counts or linear_cell; all
 * but the first are aligned to 16. */
union head_cell;

/* Of algorithms other than lanes, whose cells lie closer than the union would. */
static inline struct weight *
head_weight(union head_cell *cell)
{
	return (struct weight *)(void *)cell;
}

/* Bytes of a feature's cell: 64 for lanes, 48 for linear, 16 for others. */
unsigned head_cell_size(const struct head_options *o);

/* What is believed of the lanes, where it is not that of all examples (slices.h). */
struct head_belief {
	struct mixture mixture;
	struct calibration calibration;
};

/* The cells of one example; NULL: a feature without one. */
struct head_features {
	union head_cell **cells; /* n, and room for one more */
	float *x;                /* n, and room for one more; NULL: all 1 */
	unsigned n;
	struct factors_example *factors; /* borrowed, changes; NULL: none */
	struct linear *linear;           /* the same, that has looked the example up */
	unsigned which;                  /* head of it */
	struct head_belief *belief;      /* the same */
	/* The probability that what is shown is not looked at (examination.h): learned is
	 * what it says if it is. */
	double hidden;
};

/* What is said of a label. */
struct estimate {
	double mean; /* calibrated: a probability, or an amount */
	double raw;  /* before calibration */
	double z;    /* the link of the mean */
	double
	    deviation; /* the standard deviation of z; 0 where nothing is known of it */
	/* For those who explore: z before calibration and its standard deviation by the lane
	 * of the widest prior that does not drift. Its posterior is normal, as that of the
	 * mixture is not, and least prejudiced against a difference that has not been seen
	 * yet. z and deviation where there are no lanes.
	 * By predictions only. */
	double open_z, open_deviation;
	double sd; /* of the mean; 0: it follows from that of z */
};

/* The mean where z is `deviations` standard deviations away: +-1.96 for 95 %. */
double estimate_quantile(
    const struct head_options *o, const struct estimate *e, double deviations);

void head_init(struct head *h, const struct head_options *o);

/* What the features of an example add up to, so far. */
struct head_sum {
	const struct mixture *mixture; /* borrowed: what is believed */
	const struct calibration *calibration;
	struct lanes z, v;
	double linear, offset;
	struct counts_arm arm; /* of counts */
	double doubt;          /* of linear: x' inv(A) x */
};

/* What is said of the features, given in parts: begin with none, add some, conclude. A sum
 * that has some can be copied and given others, as where candidates share features. Nothing
 * changes. */
void head_begin(const struct head *h, const struct head_options *o,
    const struct head_belief *belief, struct head_sum *s);
void head_add(
    const struct head_options *o, const struct head_features *f, struct head_sum *s);
void head_conclude(const struct head *h, const struct head_options *o,
    const struct head_sum *s, struct estimate *to);

/* The lane of the widest prior that does not drift: that of open_z. */
unsigned head_open_lane(const struct lanes_options *o);

static inline void
head_predict(const struct head *h, const struct head_options *o,
    const struct head_features *f, struct estimate *to)
{
	struct head_sum s;

	head_begin(h, o, f->belief, &s);
	head_add(o, f, &s);
	head_conclude(h, o, &s, to);
}

/* The same, and then learn the label with a weight that is not 0. A negative weight takes back
 * what an example of its opposite has taught: the last one to within rounding where only
 * one place leads to where the lanes are (loss v (1 + v gain (1 - 2 p)) < 1 in each). So it
 * is with features that are known, and nearly always with new ones; not with weights of 3
 * and more on new ones, nor with most amounts far from the mean. Those, and one of before,
 * approximately. */
void head_learn(struct head *h, const struct head_options *o,
    const struct head_features *f, double label, double weight, struct estimate *to);

/* The base rate, known or as estimated so far: the mean label of all examples. */
double head_base(const struct head *h, const struct head_options *o);
bool head_is_sound(const struct head *h);

#endif
