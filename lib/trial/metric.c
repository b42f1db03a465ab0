/* SPDX-License-Identifier: MIT */
#include "lib/trial/metric.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lib/record/value.h"
#include "lib/trial.h"

/* Counts of whole weights are integers. */
static void
put(struct build *b, const char *name, double value)
{
	build_text(b, name);
	if (value == nearbyint(value) && fabs(value) < 0x1p53)
		build_int(b, (int64_t)value);
	else
		build_double(b, value);
}

static void
put_if(struct build *b, unsigned *pairs, bool defined, const char *name, double value)
{
	if (!defined)
		return;
	build_text(b, name);
	build_double(b, value);
	++*pairs;
}

static void
put_interval(struct build *b, unsigned *pairs, bool defined, const char *name,
    const struct trial_interval *i)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%s_low", name);
	put_if(b, pairs, defined, text, i->low);
	(void)snprintf(text, sizeof text, "%s_high", name);
	put_if(b, pairs, defined, text, i->high);
}

static void
put_ratios(struct build *b, unsigned *pairs, const double *s)
{
	struct trial_interval i = { 0, 0 };
	double value = 0;
	bool defined;

	defined = trial_ctr(s[TALLY_CLICKS], s[TALLY_IMPRESSIONS], &value);
	put_if(b, pairs, defined, "ctr", value);
	defined = trial_wilson_weighted(s[TALLY_CLICKS], s[TALLY_IMPRESSIONS],
	    s[TALLY_IMPRESSIONS_SQUARED], TRIAL_Z95, &i);
	put_interval(b, pairs, defined, "ctr", &i);
	defined = trial_cvr(s[TALLY_CONVERSIONS], s[TALLY_CLICKS], &value);
	put_if(b, pairs, defined, "cvr", value);
	defined = trial_wilson_weighted(s[TALLY_CONVERSIONS], s[TALLY_CLICKS],
	    s[TALLY_CLICKS_SQUARED], TRIAL_Z95, &i);
	put_interval(b, pairs, defined, "cvr", &i);
	defined = trial_ecpm(s[TALLY_COST], s[TALLY_IMPRESSIONS], &value);
	put_if(b, pairs, defined, "ecpm_micros", value);
	defined = trial_roi(s[TALLY_REVENUE], s[TALLY_COST], &value);
	put_if(b, pairs, defined, "roi", value);
	defined = trial_roas(s[TALLY_REVENUE], s[TALLY_COST], &value);
	put_if(b, pairs, defined, "roas", value);
}

static void
put_dims(struct build *b, const struct tally_row *row, const struct slice *names,
    unsigned dims)
{
	struct slice rest = tally_dims(row);

	build_text(b, "dims");
	build_map(b, dims);
	for (unsigned i = 0; i < dims; i++) {
		build_str(b, names[i]);
		if (rest.size == 0) {
			build_text(b, "(other)");
			continue;
		}
		build_raw(b, slice_of(rest.at, value_size(rest.at)));
		rest = slice_from(rest, value_size(rest.at));
	}
}

/* The sums that only a statistician asks for. */
static void
put_sums(struct build *b, const double *s)
{
	build_text(b, "sums");
	build_map(b, 6);
	put(b, "not_viewable", s[TALLY_NOT_VIEWABLE]);
	put(b, "impressions_squared", s[TALLY_IMPRESSIONS_SQUARED]);
	put(b, "clicks_squared", s[TALLY_CLICKS_SQUARED]);
	put(b, "cost_squared", s[TALLY_COST_SQUARED]);
	put(b, "revenue_squared", s[TALLY_REVENUE_SQUARED]);
	put(b, "cost_revenue", s[TALLY_COST_REVENUE]);
}

void
metric_build(struct build *b, const struct tally *t, const struct tally_row *row,
    const struct slice *names, unsigned dims)
{
	size_t open = build_open(b);
	const double *s = row->sums;
	unsigned pairs = 15;
	instant from, to;
	char id[96];

	tally_window(t, row, &from, &to);
	(void)snprintf(id, sizeof id, "metric:%" PRId64 ":%016" PRIx64 ":%" PRIu64,
	    from, row->key, row->revision);
	build_text(b, "event");
	build_text(b, "metric");
	build_text(b, "event_id");
	build_text(b, id);
	build_text(b, "timestamp");
	build_int(b, to);
	build_text(b, "window_start");
	build_int(b, from);
	build_text(b, "window_end");
	build_int(b, to);
	build_text(b, "revision");
	build_uint(b, row->revision);
	put_dims(b, row, names, dims);
	put(b, "n", s[TALLY_EVENTS]);
	put(b, "impressions", s[TALLY_IMPRESSIONS]);
	put(b, "clicks", s[TALLY_CLICKS]);
	put(b, "conversions", s[TALLY_CONVERSIONS]);
	put(b, "cost_micros", s[TALLY_COST]);
	put(b, "revenue_micros", s[TALLY_REVENUE]);
	put(b, "click_conversion_gap", s[TALLY_GAP]);
	put_ratios(b, &pairs, s);
	put_sums(b, s);
	build_close_map(b, open, pairs);
}
