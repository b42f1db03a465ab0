/* SPDX-License-Identifier: MIT
 *
 * summary: what people want to know of a model, and of two.
 */
#ifndef BANNERPIPE_MODELTOOL_SUMMARY_H
#define BANNERPIPE_MODELTOOL_SUMMARY_H

#include "lib/model/names.h"
#include "lib/modeltool/open.h"
#include "lib/modeltool/sheet.h"

/* Append a map: options, examples, features, rows of factors, memory, places, and of each head its base rate,
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
	unsigned options; /* of them */
	bool state; /* examples, or anything of a head, or of the fields of rows */
	struct summary_counts {
		uint64_t only_a, only_b; /* features */
		uint64_t changed, same;  /* features that both have */
	} of[LAYOUT_TABLES];             /* cells, and rows of factors */
};

static inline bool
summary_is_same(const struct summary_difference *d)
{
	bool same = d->options == 0 && !d->state;

	for (unsigned t = 0; t < LAYOUT_TABLES; t++)
		same = same && d->of[t].only_a == 0 && d->of[t].only_b == 0 &&
		    d->of[t].changed == 0;
	return same;
}

/* Compare all that a prediction depends on, to the bit; not when features were last seen, nor
 * what is known of newcomers. Unless `to` is NULL: a list of what differs, then a row for
 * each of the `top` features that differ most, in standard deviations of a's where there
 * are any; the same of the rows of factors. -1 and error when there is no memory. */
int summary_compare(const struct model *a, const struct model *b, uint64_t top,
    const struct names *names, struct sheet *to, struct summary_difference *d,
    struct error *error);

#endif
