/* SPDX-License-Identifier: MIT
 *
 * merge: two models that learned from different examples become one that is close to a
 * model that learned from all. And a model without some of its features.
 *
 * Lanes: a weight's posterior is the product of both, divided by the prior that both began
 * with: precisions (1 / variance) add up beyond the prior's, and the mean is that of both
 * weighted by precision. The same with intercept and calibration. Mixture weights multiply,
 * base rates and counts add up.
 *
 * Other algorithms have no posterior. A weight that both have becomes their mean, weighted
 * by what they know of it: FTRL and AdaGrad by its sum of squared gradients, Adam by how
 * often it was touched, SGD by the examples of each model. The sums add up; of FTRL, z
 * becomes what belongs to that weight.
 *
 * Rows of factors are first turned to one basis (align.h), then merged as lanes are.
 *
 * Source of the product: Bayes' rule for independent examples; as a method, the Bayesian
 * committee machine (Tresp, Neural Computation 2000).
 */
#ifndef BANNERPIPE_MODELTOOL_MERGE_H
#define BANNERPIPE_MODELTOOL_MERGE_H

#include "lib/modeltool/open.h"

/* A new model of both, which must have the same options, and with field-aware factors their
 * fields in the same order, within `memory` bytes. What has
 * learned nothing changes nothing: the other model comes back as it is, byte for byte.
 * NULL and the error. */
struct model *model_merge(const struct model *a, const struct model *b, uint64_t memory,
    const struct os *os, struct error *error);

/* A new model without the features of these n keys (as they are stored, ascending, each
 * once), as if they had never been seen, but for
 * what the others learned beside them. The cells that stay are placed afresh. *found: how
 * many of them it had. */
struct model *model_without(const struct model *m, const uint64_t *keys, size_t n,
    uint64_t memory, const struct os *os, size_t *found, struct error *error);

#endif
