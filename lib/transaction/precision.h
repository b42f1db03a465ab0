/* SPDX-License-Identifier: MIT
 *
 * precision: how good the order of the scores is, where few are fraud. Scores are counted
 * in bins of equal ratios of the odds (lib/model/report.h), so that a label that comes days
 * later, changes or is taken back is counted with the score that was given, in constant
 * memory; what the bins leave open is stated as an error.
 */
#ifndef BANNERPIPE_TRANSACTION_PRECISION_H
#define BANNERPIPE_TRANSACTION_PRECISION_H

#include "lib/model/report.h"

enum { PRECISION_RATES = 3 };
/* Shares of all transactions that somebody looks at. */
extern const double precision_rates[PRECISION_RATES]; /* 0.001, 0.005, 0.01 */

struct precision_figures {
	double n, fraud; /* sums of weight */
	/* The mean over the frauds, from the highest score down, of the share of fraud among
	 * what scores as high or higher; the members of a bin count as tied. A random order
	 * has the share of fraud. NaN without fraud, as are all below. */
	double average_precision;
	double average_precision_error; /* the exact one is not further away */
	double auc, auc_error;          /* as in struct report_figures */
	/* The share of the frauds among the highest scores, so many of all. */
	double recall[PRECISION_RATES];
};

/* What was scored so, log-odds, is fraud or is not; negative: it is taken out. */
void precision_note(struct report *r, float score, bool fraud, double weight);
struct precision_figures precision_figures(const struct report *r);

#endif
