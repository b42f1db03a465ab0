/* SPDX-License-Identifier: MIT
 *
 * summary: what people want to know of a model, and of two.
 */
#ifndef BANNERPIPE_MODEL_SUMMARY_H
#define BANNERPIPE_MODEL_SUMMARY_H

#include "lib/model/names.h"
#include "lib/model/open.h"
#include "lib/model/sheet.h"

/* Append a map: options, examples, features, memory, and of each head its base rate,
 * calibration, and the lanes with their priors, noise and weights. */
void summary_build(const struct model *m, const char *path, struct build *to);

/* One row for each of the `top` features (0: all) whose weights for the target are largest,
 * the largest |mean| first: namespace, feature, mean and, of lanes, sd, low, high (95 % of
 * the posterior), significance (|mean| / sd). `names` may be NULL. -1 and error when there
 * is no memory, or the model does not have the target. */
int summary_features(const struct model *m, enum model_target target, uint64_t top,
    const struct names *names, struct sheet *to, struct error *error);

/* What differs. */
struct summary_difference {
	unsigned options;        /* of them */
	bool state;              /* examples, or anything of a head */
	uint64_t only_a, only_b; /* features */
	uint64_t changed, same;  /* features that both have */
};

static inline bool
summary_is_same(const struct summary_difference *d)
{
	return d->options == 0 && !d->state && d->only_a == 0 && d->only_b == 0 &&
	    d->changed == 0;
}

/* Compare all that a prediction depends on, to the bit; not when features were last seen, nor
 * what is known of newcomers. Unless `to` is NULL: a list of what differs, then a row for
 * each of the `top` features that differ most, in standard deviations of a's where there
 * are any. -1 and error when there is no memory. */
int summary_compare(const struct model *a, const struct model *b, uint64_t top,
    const struct names *names, struct sheet *to, struct summary_difference *d,
    struct error *error);

#endif
