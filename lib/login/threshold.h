/* SPDX-License-Identifier: MIT
 *
 * threshold: from which score on something is done: log-odds ("4.5"), or a rate of all
 * logins ("1%"), which is that quantile of the scores so far.
 */
#ifndef BANNERPIPE_LOGIN_THRESHOLD_H
#define BANNERPIPE_LOGIN_THRESHOLD_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/sketch/quantile.h"

struct threshold {
	bool is_rate;
	double rate;  /* in (0, 1) */
	double score; /* what exceeds it is over it */
};

/* Scores are told apart by so much of themselves. */
#define THRESHOLD_SCORES ((struct quantile_rule){ 0.01, 0.01, 100 })
/* A rate needs so many scores; until then the preset holds. */
enum { THRESHOLD_SCORES_MIN = 1000 };

/* The text of an option; preset: what holds while there are too few scores. -1 and error. */
int threshold_parse(
    struct threshold *t, const char *text, double preset, struct error *error);
/* Of a rate: at most that share of the scores is over it from now on, and never less than
 * `least`. */
void threshold_adapt(struct threshold *t, const struct quantile *scores, double least);

#endif
