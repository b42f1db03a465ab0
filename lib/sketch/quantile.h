/* SPDX-License-Identifier: MIT
 *
 * quantile: quantiles of a stream with a relative error, by counts in logarithmic
 * buckets (Masson, Rim and Lee, "DDSketch", PVLDB 12(12), 2019). The answer for
 * quantile p is within a factor of 1 +- error of the value whose rank is p, whatever
 * the distribution, as long as its size lies between `least` and `largest`; smaller
 * values answer as 0, larger ones as the largest. Negative values have buckets of their
 * own.
 *
 * Counts are signed: a value added with weight -w takes one of weight w back exactly.
 * Sketches of the same shape merge by addition.
 */
#ifndef BANNERPIPE_SKETCH_QUANTILE_H
#define BANNERPIPE_SKETCH_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"

struct quantile_rule {
	double error;   /* relative, 0.001 .. 0.5 */
	double least;   /* the smallest size told from 0, positive */
	double largest; /* the largest size told apart, above least */
};

struct quantile;

/* Memory: 8 bytes a bucket, 2 ln(largest / least) / (2 error) buckets about: 1 % from 1
 * us to a year takes 25 KB. NULL when there is none. Owned by the caller. */
struct quantile *quantile_new(struct quantile_rule rule);
void quantile_free(struct quantile *q);

/* value must be finite. Cost: 15 ns (a logarithm). */
void quantile_add(struct quantile *q, double value, double weight);
/* The value at p, 0 <= p <= 1; 0 when the total weight is not positive. */
double quantile_at(const struct quantile *q, double p);
double quantile_weight(const struct quantile *q);
/* Both must have been made with the same rule. */
void quantile_merge(struct quantile *into, const struct quantile *from);

/* The counts as one block for a snapshot, borrowed until the next change; and back,
 * into one made with the same rule. Another size or a number that is not finite is an
 * error. */
struct slice quantile_bytes(const struct quantile *q);
int quantile_load(struct quantile *q, struct slice bytes, struct error *error);

#endif
