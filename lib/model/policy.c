/* SPDX-License-Identifier: MIT */
#include "lib/model/policy.h"

#include <math.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/vec.h"

static const char *const names[POLICY_KINDS] = { "thompson", "linucb", "epsilon",
	"softmax", "squarecb", "greedy", "uniform" };

const char *
policy_name(enum policy_kind kind)
{
	assert(kind < POLICY_KINDS);
	return names[kind];
}

int
policy_check(const struct policy *p, struct error *error)
{
	if (!(p->alpha >= 0 && p->alpha <= 1e6))
		return error_set(error, "alpha must be in 0 .. 1000000");
	if (!(p->epsilon >= 0 && p->epsilon <= 1))
		return error_set(error, "epsilon must be in 0 .. 1");
	if (!(p->temperature >= 1e-6 && p->temperature <= 1e6))
		return error_set(error, "temperature must be in 0.000001 .. 1000000");
	if (!(p->gamma >= 0 && p->gamma <= 1e12))
		return error_set(error, "gamma must be in 0 .. 1e12");
	if (!(p->floor >= 0 && p->floor <= 1))
		return error_set(error, "floor must be in 0 .. 1");
	return 0;
}

const char *
policy_fault_text(enum policy_fault fault)
{
	switch (fault) {
	case POLICY_NONE:
		return "there are no candidates";
	case POLICY_MANY:
		return "more than 1024 candidates";
	case POLICY_ESTIMATE:
		return "a candidate's prediction is no probability with a variance";
	case POLICY_VALUE:
		return "a candidate's value is negative or not finite";
	default:
		return "nothing is wrong";
	}
}

enum policy_fault
policy_candidates_check(const struct policy_candidate *candidates, unsigned n)
{
	if (n == 0)
		return POLICY_NONE;
	if (n > POLICY_MAX)
		return POLICY_MANY;
	for (unsigned i = 0; i < n; i++) {
		const struct policy_candidate *c = &candidates[i];

		if (!(c->p >= 0 && c->p <= 1) || !isfinite(c->z) ||
		    !(c->variance >= 0 && isfinite(c->variance)))
			return POLICY_ESTIMATE;
		if (c->value != 0 &&
		    !(c->value >= 1 / POLICY_VALUE_MAX && c->value <= POLICY_VALUE_MAX))
			return POLICY_VALUE;
	}
	return POLICY_FINE;
}

/* --- Each policy ------------------------------------------------------------------ */

static unsigned
largest(const double *x, unsigned n)
{
	unsigned best = 0;

	for (unsigned i = 1; i < n; i++)
		best = x[i] > x[best] ? i : best;
	return best;
}

/* `rest` in equal parts for all, and the rest of 1 for the best. */
static void
weigh_best(const double *score, unsigned n, double rest, double *w)
{
	for (unsigned i = 0; i < n; i++)
		w[i] = rest / n;
	w[largest(score, n)] += 1 - rest;
}

static void
weigh_thompson(const struct policy *p, const struct policy_candidate *c, unsigned n,
    struct policy_weights *to)
{
	for (unsigned i = 0; i < n; i++)
		to->arms[i] = (struct thompson_arm){
			.mean = vec_clamp(c[i].z, -VEC_LOGIT_MAX, VEC_LOGIT_MAX),
			.variance = vec_clamp(p->alpha * p->alpha * c[i].variance, 0,
			    THOMPSON_VARIANCE_MAX),
			.value = c[i].value,
		};
	to->error = thompson_weigh(&to->thompson, to->arms, n, to->probability);
}

static void
weigh_linucb(const struct policy *p, const struct policy_candidate *c, unsigned n,
    struct policy_weights *to)
{
	for (unsigned i = 0; i < n; i++)
		to->score[i] =
		    vec_sigmoid(c[i].z + p->alpha * sqrt(c[i].variance)) * c[i].value;
	weigh_best(to->score, n, 0, to->probability);
}

/* (s / largest)^(1 / temperature), over their sum. */
static void
weigh_softmax(double temperature, unsigned n, struct policy_weights *to)
{
	double most = to->score[largest(to->score, n)], sum = 0, *w = to->probability;

	for (unsigned i = 0; i < n; i++) {
		double part = most > 0 ? to->score[i] / most : 1;

		w[i] = part > 1e-300 ? part : 1e-300;
	}
	vec_log_all(w, w, n);
	for (unsigned i = 0; i < n; i++)
		w[i] /= temperature;
	vec_exp_all(w, w, n);
	for (unsigned i = 0; i < n; i++) {
		w[i] = most > 0 && to->score[i] <= 0 ? 0 : w[i];
		sum += w[i];
	}
	for (unsigned i = 0; i < n; i++)
		w[i] /= sum;
}

static void
weigh_squarecb(double gamma, const struct policy_candidate *c, unsigned n,
    struct policy_weights *to)
{
	unsigned best = largest(to->score, n);
	double most = 0, rest = 1, *w = to->probability;

	for (unsigned i = 0; i < n; i++)
		most = c[i].value > most ? c[i].value : most;
	for (unsigned i = 0; i < n; i++) {
		double gap = to->score[best] - to->score[i];

		w[i] = 1 / (n + gamma * (most > 0 ? gap / most : 0));
		rest -= i == best ? 0 : w[i];
	}
	w[best] = rest;
}

void
policy_weigh(const struct policy *p, const struct policy_candidate *c, unsigned n,
    struct policy_weights *to)
{
	double floor = p->floor * n > 1 ? 1.0 / n : p->floor;

	assert(n >= 1 && n <= POLICY_MAX);
	to->error = 0;
	for (unsigned i = 0; i < n; i++)
		to->score[i] = c[i].p * c[i].value;
	switch (p->kind) {
	case POLICY_THOMPSON:
		weigh_thompson(p, c, n, to);
		break;
	case POLICY_LINUCB:
		weigh_linucb(p, c, n, to);
		break;
	case POLICY_SOFTMAX:
		weigh_softmax(p->temperature, n, to);
		break;
	case POLICY_SQUARECB:
		weigh_squarecb(p->gamma, c, n, to);
		break;
	case POLICY_EPSILON:
		weigh_best(to->score, n, p->epsilon, to->probability);
		break;
	case POLICY_UNIFORM:
		weigh_best(to->score, n, 1, to->probability);
		break;
	default:
		weigh_best(to->score, n, 0, to->probability);
		break;
	}
	if (floor > 0)
		for (unsigned i = 0; i < n; i++)
			to->probability[i] =
			    floor + (1 - n * floor) * to->probability[i];
}

/* --- The draw --------------------------------------------------------------------- */

unsigned
policy_draw(
    const struct policy_weights *w, unsigned n, uint64_t draw, unsigned position)
{
	double u = hash_uniform(hash_pair(draw, position)), sum = 0;
	unsigned last = 0;

	assert(n >= 1 && n <= POLICY_MAX);
	for (unsigned i = 0; i < n; i++) {
		if (w->probability[i] <= 0)
			continue;
		sum += w->probability[i];
		last = i;
		if (u < sum)
			return i;
	}
	return last; /* the sum is below 1 by its last bits */
}
