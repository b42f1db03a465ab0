/* SPDX-License-Identifier: MIT */
#include "lib/transaction/alert.h"

#include <math.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/vec.h"

/* The limit follows every so many; the scores fade so that about so many count. */
enum { EVERY = 256, MOST = 1 << 17 };

int
alert_parse(struct alert *a, const char *text, struct error *error)
{
	struct slice number = slice_text(text);
	bool good;

	*a = (struct alert){ .limit = INFINITY };
	good = number_parse_percent(number, &a->share)
	    ? a->share > 0 && a->share < 1
	    : number_parse_double(number, &a->limit);
	return good ? 0
		    : error_set(error,
			  "'%s' is neither log-odds (4.5) nor a share above 0%% and "
			  "below 100%% (0.5%%)",
			  text);
}

static void
follow(struct alert *a)
{
	uint64_t all = 0, above = 0;
	unsigned i = ALERT_BINS;

	for (unsigned k = 0; k < ALERT_BINS; k++)
		all += a->bins[k];
	while (i > 0 && (double)(above + a->bins[i - 1]) <= a->share * (double)all)
		above += a->bins[--i];
	a->limit = i == ALERT_BINS && above == 0 ? INFINITY : i / 16.0 - 32;
	for (unsigned k = 0; all >= MOST && k < ALERT_BINS; k++)
		a->bins[k] /= 2;
}

bool
alert_note(struct alert *a, double score)
{
	bool tell = score > a->limit;

	if (a->share == 0)
		return tell;
	a->bins[(unsigned)vec_clamp((score + 32) * 16, 0, ALERT_BINS - 1)]++;
	if (++a->seen % EVERY == 0)
		follow(a);
	return tell;
}
