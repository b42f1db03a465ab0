/* SPDX-License-Identifier: MIT
 *
 * exact: the heads of counts and linear, whose state is sums of whole numbers: they forget
 * without a trace. Private to head and
 * modeltool.
 *
 * What is said of an example is no sum over its features: all come in one head_add.
 *
 * counts   mean and standard deviation are those of the Beta posterior; z has the exact mean
 *          and variance of its logit, which is taken as normal: intervals, and the draws of a
 *          policy, follow from that. The mean of z is below the logit of the mean.
 * linear   mean and standard deviation are those of x'theta, the mean held to (0, 1) for
 *          probabilities. To explorers z is linear in it, tangent to the logit at the base
 *          rate, so that candidates are compared exactly as on the scale of the label.
 */
#ifndef BANNERPIPE_MODEL_EXACT_H
#define BANNERPIPE_MODEL_EXACT_H

#include "lib/model/head.h"

/* Linear knows amounts in units of a million: of a currency, where labels are micros. */
#define EXACT_AMOUNT 1e6

void exact_add(
    const struct head_options *o, const struct head_features *f, struct head_sum *s);
void exact_conclude(const struct head *h, const struct head_options *o,
    const struct head_sum *s, struct estimate *to);
void exact_learn(struct head *h, const struct head_options *o,
    const struct head_features *f, double label, double weight, struct estimate *to);
/* What another model has learned of a feature, and of all, too. */
void exact_merge_cell(const struct head_options *o, void *to, const void *from);
void exact_merge(
    struct head *to, const struct head *from, const struct head_options *o);
/* Of linear: what its unit is, and the variance of a label in it. */
double exact_scale(const struct head_options *o);
double exact_noise(const struct head *h, const struct head_options *o);
/* As estimate_quantile, of linear. */
double exact_quantile(
    const struct head_options *o, const struct estimate *e, double deviations);

#endif
