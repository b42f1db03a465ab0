/* SPDX-License-Identifier: MIT */
#include "lib/simulate/regret.h"

#include "lib/base/number.h"
#include "lib/record/pair.h"

void
regret_add(struct regret *to, const struct regret *more)
{
	to->impressions += more->impressions;
	to->clicks += more->clicks;
	to->policy += more->policy;
	to->uniform += more->uniform;
	to->oracle += more->oracle;
}

static void
put(struct build *to, const char *name, double value, uint32_t *pairs)
{
	pair_double(to, name, value);
	(*pairs)++;
}

void
regret_build(const struct regret *r, struct build *to, uint64_t number,
    const char *window, instant start, instant end)
{
	char id[8 + NUMBER_TEXT_MAX] = "regret-";
	double n = (double)r->impressions;
	size_t open = build_open(to);
	uint32_t pairs = 8;

	pair_text(to, "event", "metric");
	build_text(to, "event_id");
	build_str(to, slice_of(id, 7 + number_format_uint(number, id + 7)));
	pair_int(to, "timestamp", end);
	pair_int(to, "window_start", start);
	pair_int(to, "window_end", end);
	build_text(to, "dims");
	build_map(to, 2);
	pair_text(to, "scope", "simulate");
	pair_text(to, "window", window);
	build_text(to, "impressions");
	build_uint(to, r->impressions);
	build_text(to, "clicks");
	build_uint(to, r->clicks);
	if (r->impressions > 0) {
		put(to, "ctr", (double)r->clicks / n, &pairs);
		put(to, "expected_ctr", r->policy / n, &pairs);
		put(to, "uniform_ctr", r->uniform / n, &pairs);
		put(to, "oracle_ctr", r->oracle / n, &pairs);
		put(to, "regret", r->oracle - r->policy, &pairs);
	}
	if (r->oracle > r->uniform * (1 + 1e-9)) /* beyond rounding */
		put(to, "share", (r->policy - r->uniform) / (r->oracle - r->uniform),
		    &pairs);
	build_close_map(to, open, pairs);
}
