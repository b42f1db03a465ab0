/* SPDX-License-Identifier: MIT */
#include "lib/model/residual.h"

#include <math.h>

/* The log-odds of the first target, without what calibration makes of them. */
static double
log_odds(const struct model *m, const struct features *f)
{
	struct model_estimates said;

	return model_predict(m, f, &said) == FEATURES_FINE ? said.of[m->first].raw
							   : NAN;
}

static void
note(struct residual *r, uint64_t identity, double weight, double move)
{
	struct residual_move *at = &r->of[identity / RESIDUAL_SHARE % RESIDUAL_KEPT];
	double rest;

	if (weight > 0) {
		*at = (struct residual_move){ identity, move };
		return;
	}
	if (at->identity != identity)
		return;
	rest = fabs(at->move + move);
	r->measured++;
	r->sum += rest;
	r->max = fmax(r->max, rest);
	at->identity = 0;
}

enum features_fault
residual_learn(struct residual *r, struct model *m, const struct features *f,
    const struct model_example *e, uint64_t identity, struct model_estimates *to)
{
	enum features_fault fault;
	double before = NAN, after;

	if (identity % RESIDUAL_SHARE != 0 || identity == 0)
		return model_learn(m, f, e, to);
	before = log_odds(m, f);
	fault = model_learn(m, f, e, to);
	after = fault == FEATURES_FINE ? log_odds(m, f) : NAN;
	if (isfinite(before) && isfinite(after))
		note(r, identity, e->weight, after - before);
	return fault;
}

void
residual_save(const struct residual *r, struct state_writer *to)
{
	state_put_u64(to, r->measured);
	state_put_double(to, r->sum);
	state_put_double(to, r->max);
	state_put(to, r->of, sizeof r->of);
}

int
residual_load(struct residual *r, struct state_reader *from)
{
	return state_get_u64(from, &r->measured) < 0 ||
		state_get_double(from, &r->sum) < 0 ||
		state_get_double(from, &r->max) < 0 ||
		state_get(from, r->of, sizeof r->of) < 0 || !isfinite(r->sum) ||
		!isfinite(r->max)
	    ? -1
	    : 0;
}
