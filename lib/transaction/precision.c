/* SPDX-License-Identifier: MIT */
#include "lib/transaction/precision.h"

#include <math.h>

#include "lib/vec.h"

const double precision_rates[PRECISION_RATES] = { 0.001, 0.005, 0.01 };

void
precision_note(struct report *r, float score, bool fraud, double weight)
{
	report_add(r, vec_sigmoid((double)score), fraud, weight);
}

/* The sum of the precisions at the k-th of p frauds, k = 1 .. p, when t frauds and f others
 * come before all of these: the integral of (t + x) / (t + x + f) from 0 to p, which it
 * exceeds by no more than the last precision less the first. */
static double
sum_of_precisions(double p, double t, double f)
{
	return f > 0 ? p - f * vec_log((t + p + f) / (t + f)) : p;
}

static double
at(double t, double f)
{
	return t + f > 0 ? t / (t + f) : 1;
}

/* From the highest bin down. */
static void
walk(const struct report *r, struct precision_figures *to)
{
	double t = 0, f = 0, tied = 0, low = 0, high = 0;

	for (unsigned i = REPORT_BINS; i-- > 0;) {
		double n = fmax(r->bins[i][0], 0), p = fmax(r->bins[i][1], 0);

		for (unsigned k = 0; k < PRECISION_RATES; k++) {
			double room = precision_rates[k] * r->n - (t + f);

			if (room > 0 && n + p > 0)
				to->recall[k] += p * fmin(room / (n + p), 1);
		}
		if (p > 0) {
			double first = at(t, f), last = at(t + p, f);

			tied += p * at(t + p, f + n);
			low += sum_of_precisions(p, t, f + n);
			high +=
			    fmin(sum_of_precisions(p, t, f) + last - first, p * last);
		}
		t += p;
		f += n;
	}
	to->average_precision = tied / t;
	to->average_precision_error = fmax(high - tied, tied - low) / t;
	for (unsigned k = 0; k < PRECISION_RATES; k++)
		to->recall[k] /= t;
}

/* What rounding may leave of weights that are all taken back. */
static const double nothing = 1e-9;

struct precision_figures
precision_figures(const struct report *r)
{
	struct report_figures of = report_figures(r);
	struct precision_figures to = { .n = r->n,
		.fraud = r->positive,
		.auc = of.auc,
		.auc_error = of.auc_error };

	if (r->positive > nothing)
		walk(r, &to);
	else
		to.average_precision = to.average_precision_error = to.auc =
		    to.auc_error = to.recall[0] = to.recall[1] = to.recall[2] = NAN;
	return to;
}
