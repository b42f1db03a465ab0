/* SPDX-License-Identifier: MIT */
#include "lib/login/threshold.h"

#include <math.h>

#include "lib/base/number.h"

int
threshold_parse(
    struct threshold *t, const char *text, double preset, struct error *error)
{
	struct slice number = slice_text(text);
	bool good;

	*t = (struct threshold){ .score = preset };
	t->is_rate = number_parse_percent(number, &t->rate);
	good = t->is_rate ? t->rate > 0 && t->rate < 1
			  : number_parse_double(number, &t->score);
	return good ? 0
		    : error_set(error,
			  "'%s' is neither log-odds (4.5) nor a rate above 0%% and "
			  "below 100%% (1%%)",
			  text);
}

void
threshold_adapt(struct threshold *t, const struct quantile *scores, double least)
{
	double score;

	if (!t->is_rate || quantile_weight(scores) < THRESHOLD_SCORES_MIN)
		return;
	/* Above all of the bucket that it is in. */
	score = quantile_at(scores, 1 - t->rate);
	score += fabs(score) * 2 * THRESHOLD_SCORES.error + THRESHOLD_SCORES.least;
	t->score = score > least ? score : least;
}
