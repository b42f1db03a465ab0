/* SPDX-License-Identifier: MIT */
#include "lib/simulate/regret.h"

#include "lib/base/number.h"
#include "lib/record/pair.h"
#include "lib/trial.h"

void
regret_add(struct regret *to, const struct regret *more)
{
	to->impressions += more->impressions;
	to->clicks += more->clicks;
	to->policy += more->policy;
	to->uniform += more->uniform;
	to->informed += more->informed;
	to->oracle += more->oracle;
}

static void
put(struct build *to, const char *name, double value, uint32_t *pairs)
{
	pair_double(to, name, value);
	(*pairs)++;
}

static void
put_dims(struct build *to, const struct regret_frame *f)
{
	build_text(to, "dims");
	build_map(to, f->group != NULL ? 3 : 2);
	pair_text(to, "scope", "simulate");
	pair_text(to, "window", f->total ? "total" : f->day ? "day" : "part");
	if (f->group != NULL)
		pair_text(to, "group", f->group);
}

/* Of the way from uniform to there, if that is one beyond rounding. */
static void
put_share(struct build *to, const char *name, const struct regret *r, double end,
    uint32_t *pairs)
{
	if (end > r->uniform * (1 + 1e-9))
		put(to, name, (r->policy - r->uniform) / (end - r->uniform), pairs);
}

static void
put_rates(struct build *to, const struct regret *r, uint32_t *pairs)
{
	double n = (double)r->impressions;
	struct trial_interval ctr;

	if (trial_wilson((double)r->clicks, n, TRIAL_Z95, &ctr)) {
		put(to, "ctr", (double)r->clicks / n, pairs);
		put(to, "ctr_low", ctr.low, pairs);
		put(to, "ctr_high", ctr.high, pairs);
		put(to, "expected_ctr", r->policy / n, pairs);
		put(to, "uniform_ctr", r->uniform / n, pairs);
		put(to, "informed_ctr", r->informed / n, pairs);
		put(to, "oracle_ctr", r->oracle / n, pairs);
		put(to, "regret", r->oracle - r->policy, pairs);
	}
	put_share(to, "share", r, r->oracle, pairs);
	put_share(to, "informed_share", r, r->informed, pairs);
}

void
regret_build(const struct regret *r, struct build *to, const struct regret_frame *frame)
{
	char id[8 + NUMBER_TEXT_MAX] = "regret-";
	size_t open = build_open(to);
	uint32_t pairs = 8;

	pair_text(to, "event", "metric");
	build_text(to, "event_id");
	build_str(to, slice_of(id, 7 + number_format_uint(frame->number, id + 7)));
	pair_int(to, "timestamp", frame->end);
	pair_int(to, "window_start", frame->start);
	pair_int(to, "window_end", frame->end);
	put_dims(to, frame);
	build_text(to, "impressions");
	build_uint(to, r->impressions);
	build_text(to, "clicks");
	build_uint(to, r->clicks);
	put_rates(to, r, &pairs);
	if (frame->more != NULL)
		pairs += frame->more(frame->context, frame->total, to);
	build_close_map(to, open, pairs);
}
