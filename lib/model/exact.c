/* SPDX-License-Identifier: MIT */
#include "lib/model/exact.h"

#include <math.h>

#include "lib/model/features.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static bool
is_counts(const struct head_options *o)
{
	return o->optimiser.algorithm == OPTIMISER_COUNTS;
}

double
exact_scale(const struct head_options *o)
{
	return o->likelihood == LIKELIHOOD_BERNOULLI ? 1 : EXACT_AMOUNT;
}

/* A feature of value 0 is not there. */
static bool
is_there(const struct head_features *f, unsigned i)
{
	return f->x == NULL || (double)f->x[i] != 0;
}

/* --- Saying ----------------------------------------------------------------------------- */

void
exact_add(
    const struct head_options *o, const struct head_features *f, struct head_sum *s)
{
	struct counts counts[FEATURES_MAX];
	unsigned n = 0;

	if (!is_counts(o)) {
		linear_say(f->linear, f->which, &s->linear, &s->doubt);
		return;
	}
	for (unsigned i = 0; i < f->n; i++)
		if (is_there(f, i))
			counts[n++] = counts_read((const void *)f->cells[i]);
	s->arm = counts_arm(counts, n, o->likelihood,
	    likelihood_mean(o->likelihood, s->offset), o->optimiser.l2);
}

/* The variance of the label, as if one more had come whose square is that of the base. */
double
exact_noise(const struct head *h, const struct head_options *o)
{
	double base = head_base(h, o), n, sum;

	if (o->likelihood == LIKELIHOOD_BERNOULLI)
		return base * (1 - base);
	n = fmax(linear_value(h->totals.n), 0);
	sum = linear_value(h->totals.label);
	base /= EXACT_AMOUNT;
	return (fmax(linear_value(h->totals.square) - (n > 0 ? sum * sum / n : 0), 0) +
		   base * base) /
	    (n + 1);
}

static void
say_counts(const struct head_options *o, const struct head_sum *s, struct estimate *to)
{
	struct counts_said said = counts_say(s->arm, o->likelihood);

	to->mean = said.mean;
	to->sd = said.sd;
	to->raw = likelihood_link(o->likelihood, said.mean);
	to->z = to->open_z = said.z;
	to->deviation = to->open_deviation = sqrt(said.variance);
}

static void
say_linear(const struct head *h, const struct head_options *o, const struct head_sum *s,
    struct estimate *to)
{
	double base = likelihood_mean(o->likelihood, s->offset), slope;
	double mean = isfinite(s->linear) ? s->linear * exact_scale(o) : base;

	to->sd = exact_scale(o) * sqrt(exact_noise(h, o) * fmin(s->doubt, 1e300));
	if (o->likelihood == LIKELIHOOD_BERNOULLI) {
		slope = base * (1 - base);
		to->mean = vec_clamp(
		    mean, vec_sigmoid(-VEC_LOGIT_MAX), 1 - vec_sigmoid(-VEC_LOGIT_MAX));
		to->open_z = s->offset + (mean - base) / slope;
	} else {
		slope = to->mean = fmax(mean, base * 1e-9);
		to->open_z = likelihood_link(o->likelihood, to->mean);
	}
	to->raw = to->z = likelihood_link(o->likelihood, to->mean);
	to->deviation = to->open_deviation = to->sd / slope;
}

void
exact_conclude(const struct head *h, const struct head_options *o,
    const struct head_sum *s, struct estimate *to)
{
	if (is_counts(o))
		say_counts(o, s, to);
	else
		say_linear(h, o, s, to);
}

double
exact_quantile(
    const struct head_options *o, const struct estimate *e, double deviations)
{
	double value = e->mean + deviations * e->sd;

	return o->likelihood == LIKELIHOOD_BERNOULLI ? vec_clamp(value, 0, 1)
						     : fmax(value, 0);
}

/* --- Learning --------------------------------------------------------------------------- */

static void
learn_counts(struct head *h, const struct head_options *o,
    const struct head_features *f, double label, double weight)
{
	struct counts one = { 0, 0 };

	counts_add(&one, o->likelihood, label, weight);
	for (unsigned i = 0; i < f->n; i++)
		if (f->cells[i] != NULL && is_there(f, i))
			counts_merge((void *)f->cells[i], &one);
	counts_merge(&h->counts, &one);
}

static void
learn_linear(struct head *h, const struct head_options *o,
    const struct head_features *f, double label, double weight)
{
	label /= exact_scale(o);
	linear_learn(f->linear, f->which, label, weight);
	linear_count(&h->totals, label, weight);
}

static void
count(struct head *h, const struct head_options *o)
{
	if (is_counts(o)) {
		h->seen = counts_trials(&h->counts);
		h->sum = counts_successes(&h->counts, o->likelihood);
	} else {
		h->seen = linear_value(h->totals.n);
		h->sum = linear_value(h->totals.label) * exact_scale(o);
	}
}

void
exact_learn(struct head *h, const struct head_options *o, const struct head_features *f,
    double label, double weight, struct estimate *to)
{
	head_predict(h, o, f, to);
	(is_counts(o) ? learn_counts : learn_linear)(h, o, f, label, weight);
	count(h, o);
}

/* --- Two of them -------------------------------------------------------------------------- */

void
exact_merge_cell(const struct head_options *o, void *to, const void *from)
{
	if (is_counts(o))
		counts_merge(to, from);
	else
		linear_merge(to, from);
}

void
exact_merge(struct head *to, const struct head *from, const struct head_options *o)
{
	counts_merge(&to->counts, &from->counts);
	linear_totals_merge(&to->totals, &from->totals);
	count(to, o);
}
