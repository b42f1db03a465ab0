/* SPDX-License-Identifier: MIT
 *
 * report: how good progressive predictions are (predict first, then look at the label),
 * in constant memory. Every sum is linear in the signed weight, so that what was added
 * can be taken out again, and reports of parts add up to the report of the whole.
 */
#ifndef BANNERPIPE_MODEL_REPORT_H
#define BANNERPIPE_MODEL_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/state.h"

/* Predictions are binned by their odds, 32 bins to each doubling, over all odds that a
 * probability of vec_sigmoid can have. */
enum {
	REPORT_BINS_OCTAVE = 32,
	REPORT_OCTAVES = 88,
	REPORT_BINS = REPORT_BINS_OCTAVE * REPORT_OCTAVES,
	REPORT_GROUPS = 10,
};

struct report {
	double n;         /* sum of weight */
	double positive;  /* sum of weight times label */
	double predicted; /* sum of weight times prediction */
	double loss;      /* sum of weight times log loss, nats */
	/* Sums of weight of negatives and of positives, and of weight times prediction. */
	double bins[REPORT_BINS][3];
};

/* Each is NaN where the examples do not define it (no example, no positive, ...). */
struct report_figures {
	double n;
	double log_loss; /* mean, nats */
	/* log_loss over the entropy of the mean label; below 1 is better than a
	 * constant. Source: He et al., ADKDD 2014. */
	double normalised_entropy;
	double calibration; /* mean prediction over mean label */
	/* The probability that a positive is ranked above a negative, ties counting one
	 * half, from the bins: within auc_error of the exact one. */
	double auc;
	double auc_error; /* half the probability that the two share a bin */
	/* The expected calibration error over ten groups of about equal weight in the order
	 * of the predictions: the mean of |mean prediction - mean label|. */
	double ece;
};

void report_clear(struct report *r);

/* p in [0, 1], y in [0, 1], both finite; weight finite, negative to take out. Cost:
 * about 20 ns. */
void report_add(struct report *r, double p, double y, double weight);
/* Add another report `times` over; -1 takes it out. */
void report_merge(struct report *r, const struct report *other, double times);

/* Cost: a walk through the bins. */
struct report_figures report_figures(const struct report *r);

void report_save(const struct report *r, struct state_writer *to);
/* 0, or -1 when the body is too short. */
int report_load(struct report *r, struct state_reader *from);

#endif
