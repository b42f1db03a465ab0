/* SPDX-License-Identifier: MIT */
#include "lib/tune/result.h"

#include <stdio.h>

#include "lib/record/pair.h"

void
result_build(const struct result *r, struct build *to)
{
	struct race_figures f = race_figures(r->race, r->alpha);
	size_t open = build_open(to);
	unsigned pairs = 9;
	char id[256];

	(void)snprintf(id, sizeof id, "tune:%s:%s:%s:%llu", r->decision, r->champion,
	    r->challenger, (unsigned long long)r->examples);
	pair_text(to, "event", "experiment_result");
	pair_text(to, "event_id", id);
	pair_int(to, "timestamp", r->when == WHEN_NEVER ? 0 : r->when);
	pair_text(to, "champion", r->champion);
	pair_text(to, "challenger", r->challenger);
	pair_text(to, "target", r->target);
	pair_text(to, "decision", r->decision);
	pair_text(to, "method", "betting");
	pairs += pair_figure(to, "n", f.n);
	pairs += pair_figure(to, "estimate", f.estimate);
	pairs += pair_figure(to, "se", f.se);
	build_text(to, "cs");
	build_array(to, 2);
	build_double(to, f.low);
	build_double(to, f.high);
	pairs += pair_figure(to, "e_value", race_better(r->race));
	pairs += pair_figure(to, "e_value_worse", race_worse(r->race));
	pairs += pair_figure(to, "alpha", r->alpha);
	build_close_map(to, open, pairs);
}
