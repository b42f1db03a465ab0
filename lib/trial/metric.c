/* SPDX-License-Identifier: MIT */
#include "lib/trial/metric.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/record/pair.h"
#include "lib/trial.h"
#include "lib/trial/dims.h"

static void
put_if(struct build *b, unsigned *pairs, bool defined, const char *name, double value)
{
	if (!defined)
		return;
	pair_double(b, name, value);
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

/* The sums that only a statistician asks for. */
static void
put_sums(struct build *b, const double *s)
{
	build_text(b, "sums");
	build_map(b, 6);
	pair_number(b, "not_viewable", s[TALLY_NOT_VIEWABLE]);
	pair_number(b, "impressions_squared", s[TALLY_IMPRESSIONS_SQUARED]);
	pair_number(b, "clicks_squared", s[TALLY_CLICKS_SQUARED]);
	pair_number(b, "cost_squared", s[TALLY_COST_SQUARED]);
	pair_number(b, "revenue_squared", s[TALLY_REVENUE_SQUARED]);
	pair_number(b, "cost_revenue", s[TALLY_COST_REVENUE]);
}

/* What would count if nothing had been found invalid. */
static void
put_gross(struct build *b, const struct tally_row *row)
{
	static const struct {
		const char *name;
		enum tally_sum net, out;
	} gross[] = {
		{ "n", TALLY_EVENTS, TALLY_VOID_EVENTS },
		{ "impressions", TALLY_IMPRESSIONS, TALLY_VOID_IMPRESSIONS },
		{ "clicks", TALLY_CLICKS, TALLY_VOID_CLICKS },
		{ "conversions", TALLY_CONVERSIONS, TALLY_VOID_CONVERSIONS },
		{ "cost_micros", TALLY_COST, TALLY_VOID_COST },
		{ "revenue_micros", TALLY_REVENUE, TALLY_VOID_REVENUE },
	};
	unsigned n = sizeof gross / sizeof *gross;

	build_text(b, "gross");
	build_map(b, n);
	for (unsigned i = 0; i < n; i++)
		pair_number(
		    b, gross[i].name, tally_row_gross(row, gross[i].net, gross[i].out));
}

static void
put_invalid(struct build *b, const struct tally *t, const struct tally_row *row)
{
	struct slice word;
	unsigned pairs = 0;
	size_t open;
	double n;

	build_text(b, "invalid");
	open = build_open(b);
	for (unsigned i = 0; i <= TALLY_REASONS; i++) {
		if (!tally_invalid(t, row, i, &word, &n))
			continue;
		build_str(b, word);
		build_number(b, n);
		pairs++;
	}
	build_close_map(b, open, pairs);
}

void
metric_build(struct build *b, const struct tally *t, const struct tally_row *row,
    const struct slice *names, unsigned dims)
{
	size_t open = build_open(b);
	double s[TALLY_SUMS];
	unsigned pairs = 17;
	instant from, to;
	char id[96];

	for (unsigned i = 0; i < TALLY_SUMS; i++)
		s[i] = tally_row_sum(row, i);
	tally_window(t, row, &from, &to);
	(void)snprintf(id, sizeof id, "metric:%" PRId64 ":%016" PRIx64 ":%" PRIu64,
	    from, row->key, row->revision);
	pair_text(b, "event", "metric");
	pair_text(b, "event_id", id);
	pair_int(b, "timestamp", to);
	pair_int(b, "window_start", from);
	pair_int(b, "window_end", to);
	build_text(b, "revision");
	build_uint(b, row->revision);
	dims_build(b, tally_dims(row), names, dims);
	pair_number(b, "n", s[TALLY_EVENTS]);
	pair_number(b, "impressions", s[TALLY_IMPRESSIONS]);
	pair_number(b, "clicks", s[TALLY_CLICKS]);
	pair_number(b, "conversions", s[TALLY_CONVERSIONS]);
	pair_number(b, "cost_micros", s[TALLY_COST]);
	pair_number(b, "revenue_micros", s[TALLY_REVENUE]);
	pair_number(b, "click_conversion_gap", s[TALLY_GAP]);
	put_ratios(b, &pairs, s);
	put_sums(b, s);
	put_gross(b, row);
	put_invalid(b, t, row);
	build_close_map(b, open, pairs);
}
