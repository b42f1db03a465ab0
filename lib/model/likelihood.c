/* SPDX-License-Identifier: MIT */
#include "lib/model/likelihood.h"

#include <math.h>

#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#define LEAST 1e-30

double
likelihood_mean(enum likelihood of, double z)
{
	return of == LIKELIHOOD_BERNOULLI
	    ? vec_sigmoid(z)
	    : vec_exp(vec_clamp(z, -VEC_LOGIT_MAX, VEC_LOGIT_MAX));
}

double
likelihood_link(enum likelihood of, double mean)
{
	if (of == LIKELIHOOD_BERNOULLI)
		return vec_logit(mean);
	return mean > 0 ? vec_clamp(vec_log(mean), -VEC_LOGIT_MAX, VEC_LOGIT_MAX)
			: -VEC_LOGIT_MAX;
}

static double
to_the_power(const struct likelihood_example *e, double mean)
{
	if (e->of == LIKELIHOOD_BERNOULLI)
		return vec_exp(-e->weight * vec_log_loss(mean, e->label));
	return vec_exp(-e->weight / e->dispersion *
	    (vec_log(mean / e->label) + e->label / mean - 1));
}

void
likelihood_of(
    const struct likelihood_example *e, const double *mean, unsigned n, double *to)
{
	bool plain = e->of == LIKELIHOOD_BERNOULLI && e->weight == 1 &&
	    (e->label == 0 || e->label == 1);
	double base = 1 - e->label, sign = 2 * e->label - 1;

	for (unsigned k = 0; k < n; k++) {
		double l = plain ? base + sign * mean[k] : to_the_power(e, mean[k]);

		to[k] = l > LEAST ? l : LEAST;
	}
}

void
likelihood_means(enum likelihood of, const struct lanes *z, double mean[LANES])
{
	double wide[LANES];

	if (of == LIKELIHOOD_BERNOULLI) {
		for (unsigned k = 0; k < LANES; k++)
			wide[k] = (double)z->of[k];
		vec_sigmoid_eight(wide, mean);
		return;
	}
	for (unsigned k = 0; k < LANES; k++)
		mean[k] = likelihood_mean(of, (double)z->of[k]);
}

/* No example is so heavy that rounding could make a variance 0. */
static void
hold_losses(const struct lanes *v, struct lanes *loss)
{
	for (unsigned k = 0; k < LANES; k++)
		if ((double)loss->of[k] * (double)v->of[k] > LANES_LOSS_MAX)
			loss->of[k] = (float)(LANES_LOSS_MAX / (double)v->of[k]);
}

/* The residual y - p is bounded, so one step of the filter will do. */
static void
step_bernoulli(const struct likelihood_example *e, const double mean[LANES],
    const struct lanes *v, struct lanes *gain, struct lanes *loss)
{
	const double weight = e->weight, label = e->label;
	double hv[LANES], sum = 0;

	for (unsigned k = 0; k < LANES; k++) {
		double h = weight * mean[k] * (1 - mean[k]), damp;

		hv[k] = h * (double)v->of[k];
		damp = 1 / (1 + hv[k]);
		gain->of[k] = (float)(weight * (label - mean[k]) * damp);
		loss->of[k] = (float)(h * damp);
	}
	for (unsigned k = 0; k < LANES; k++)
		sum += hv[k];
	if (__builtin_expect(sum > 0.5 / (1 - LANES_LOSS_MAX), 0))
		hold_losses(v, loss);
}

/* The solution u of u + ln u = l, Lambert's W(exp l); by Newton's method on a concave
 * function from below its root (Corless et al., Advances in Computational Mathematics 1996). */
static double
lambert(double l)
{
	double u = l > 1 ? l - vec_log(l) : vec_exp(l) / (1 + vec_exp(l));

	for (unsigned i = 0; i < 20; i++) {
		double next = u * (1 + l - vec_log(u)) / (1 + u);

		if (!(next > u * (1 + 1e-14)))
			break;
		u = next;
	}
	return u;
}

/* y / mu - 1 is not: an amount a hundred times the mean would throw the filter. It goes to
 * the mode of the posterior instead, along the one direction in which z can move: where
 * d = v w (y exp(-z - d) - 1), so that u = d + v w is Lambert's. */
static void
step_gamma(
    const struct likelihood_example *e, double z, double v, float *gain, float *loss)
{
	double w = e->weight / e->dispersion, vw = v * w, u;

	if (!(vw > 1e-12)) {
		double ratio = e->label * vec_exp(-z);

		*gain = (float)(w * (ratio - 1));
		*loss = (float)(w * ratio);
		return;
	}
	u = lambert(vec_log(vw) + vw + vec_log(e->label) - z);
	*gain = (float)((u - vw) / v);
	*loss = (float)(u / v / (1 + u));
}

void
likelihood_step(const struct likelihood_example *e, const struct lanes *z,
    const double mean[LANES], const struct lanes *v, struct lanes *gain,
    struct lanes *loss)
{
	if (e->of == LIKELIHOOD_BERNOULLI) {
		step_bernoulli(e, mean, v, gain, loss);
		return;
	}
	for (unsigned k = 0; k < LANES; k++)
		step_gamma(
		    e, (double)z->of[k], (double)v->of[k], &gain->of[k], &loss->of[k]);
	hold_losses(v, loss);
}

void
likelihood_step_to(const struct likelihood_example *e, const struct lanes *z,
    const struct lanes *v, struct lanes *gain, struct lanes *loss)
{
	double w = e->weight / e->dispersion;

	for (unsigned k = 0; k < LANES; k++) {
		double h = w * e->label * vec_exp(-(double)z->of[k]);

		gain->of[k] = (float)(h - w);
		loss->of[k] = (float)(h / (1 + h * (double)v->of[k]));
	}
	hold_losses(v, loss);
}
