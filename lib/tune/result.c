/* SPDX-License-Identifier: MIT */
#include "lib/tune/result.h"

#include <math.h>
#include <stdio.h>

static void
put_text(struct build *b, const char *name, const char *value)
{
	build_text(b, name);
	build_text(b, value);
}

static unsigned
put_figure(struct build *b, const char *name, double value)
{
	if (!isfinite(value))
		return 0;
	build_text(b, name);
	build_double(b, value);
	return 1;
}

void
result_build(const struct result *r, struct build *to)
{
	struct race_figures f = race_figures(r->race, r->alpha);
	size_t open = build_open(to);
	unsigned pairs = 9;
	char id[256];

	(void)snprintf(id, sizeof id, "tune:%s:%s:%s:%llu", r->decision, r->champion,
	    r->challenger, (unsigned long long)r->examples);
	put_text(to, "event", "experiment_result");
	put_text(to, "event_id", id);
	build_text(to, "timestamp");
	build_int(to, r->when == WHEN_NEVER ? 0 : r->when);
	put_text(to, "champion", r->champion);
	put_text(to, "challenger", r->challenger);
	put_text(to, "target", r->target);
	put_text(to, "decision", r->decision);
	put_text(to, "method", "betting");
	pairs += put_figure(to, "n", f.n);
	pairs += put_figure(to, "estimate", f.estimate);
	pairs += put_figure(to, "se", f.se);
	build_text(to, "cs");
	build_array(to, 2);
	build_double(to, f.low);
	build_double(to, f.high);
	pairs += put_figure(to, "e_value", race_better(r->race));
	pairs += put_figure(to, "e_value_worse", race_worse(r->race));
	pairs += put_figure(to, "alpha", r->alpha);
	build_close_map(to, open, pairs);
}
