/* SPDX-License-Identifier: MIT */
#include "lib/model/calibration.h"

#include <math.h>
#include <string.h>

#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#define WIDTH 0.5
#define LOWEST (-CALIBRATION_BINS / 2 * WIDTH)

/* As sure of the slope and the shift at the beginning as if each had a standard deviation
 * of 0.05. */
static const double prior_precision = 400;
/* What Platt says of a bin counts as so many examples; steps are made anew after so many. */
static const double prior_seen = 20, steps_every = 256;

void
calibration_init(struct calibration *c)
{
	memset(c, 0, sizeof *c);
	c->slope = 1;
	c->precision[0] = c->precision[2] = prior_precision;
	for (unsigned i = 0; i < CALIBRATION_BINS; i++)
		c->step[i] = LOWEST + (i + 0.5) * WIDTH;
}

static double
interpolate(const struct calibration *c, double z)
{
	double at = (z - LOWEST) / WIDTH - 0.5;
	unsigned i;

	if (at <= 0)
		return c->step[0] + at * WIDTH;
	if (at >= CALIBRATION_BINS - 1)
		return c->step[CALIBRATION_BINS - 1] +
		    (at - (CALIBRATION_BINS - 1)) * WIDTH;
	i = (unsigned)at;
	return c->step[i] + (at - i) * (c->step[i + 1] - c->step[i]);
}

double
calibration_apply(const struct calibration *c, enum calibration_method method, double z)
{
	switch (method) {
	case CALIBRATION_PLATT:
		return c->slope * z + c->shift;
	case CALIBRATION_ISOTONIC:
		return interpolate(c, z);
	case CALIBRATION_NONE:
		break;
	}
	return z;
}

/* Adjacent bins that are out of order become one. */
static void
make_steps(struct calibration *c)
{
	double n[CALIBRATION_BINS], y[CALIBRATION_BINS];
	unsigned width[CALIBRATION_BINS], blocks = 0, bin = 0;

	for (unsigned i = 0; i < CALIBRATION_BINS; i++) {
		double z = LOWEST + (i + 0.5) * WIDTH;
		double said = vec_sigmoid(c->slope * z + c->shift);

		n[blocks] = prior_seen + fmax(c->seen[i], 0);
		y[blocks] = prior_seen * said + fmax(c->positive[i], 0);
		width[blocks++] = 1;
		while (blocks > 1 &&
		    y[blocks - 2] * n[blocks - 1] >= y[blocks - 1] * n[blocks - 2]) {
			blocks--;
			n[blocks - 1] += n[blocks];
			y[blocks - 1] += y[blocks];
			width[blocks - 1] += width[blocks];
		}
	}
	for (unsigned b = 0; b < blocks; b++)
		for (unsigned k = 0; k < width[b]; k++)
			c->step[bin++] = vec_logit(y[b] / n[b]);
	c->since = 0;
}

static void
count(struct calibration *c, double z, double label, double weight)
{
	double at = vec_clamp((z - LOWEST) / WIDTH, 0, CALIBRATION_BINS - 1);
	unsigned i = (unsigned)at;

	c->seen[i] += weight;
	c->positive[i] += weight * label;
	if ((c->since += 1) >= steps_every)
		make_steps(c);
}

/* The example's score and information at these parameters. */
static double
pull(double slope, double shift, double z, double label, double *information)
{
	double p = vec_sigmoid(slope * z + shift);

	*information = p * (1 - p);
	return label - p;
}

/* theta += P' x w (y - p), where P' is the covariance after the example. */
static void
move(struct calibration *c, double z, double amount)
{
	const double *q = c->precision;
	double determinant = q[0] * q[2] - q[1] * q[1];

	c->slope += amount * (q[2] * z - q[1]) / determinant;
	c->shift += amount * (q[0] - q[1] * z) / determinant;
	c->slope = vec_clamp(c->slope, 0.1, 10);
	c->shift = vec_clamp(c->shift, -10, 10);
}

static void
inform(struct calibration *c, double z, double information)
{
	c->precision[0] += information * z * z;
	c->precision[1] += information * z;
	c->precision[2] += information;
}

/* The parameters before an example are where its pull would have led to those of now. */
static void
go_back(struct calibration *c, double z, double label, double weight)
{
	const struct calibration now = *c;
	double information, residual;

	for (unsigned i = 0; i < 20; i++) {
		residual = pull(c->slope, c->shift, z, label, &information);
		c->slope = now.slope;
		c->shift = now.shift;
		move(c, z, -weight * residual);
	}
	inform(c, z, -weight * information);
	if (c->precision[0] < prior_precision || c->precision[2] < prior_precision ||
	    c->precision[0] * c->precision[2] - c->precision[1] * c->precision[1] <= 0)
		memcpy(c->precision, now.precision, sizeof c->precision);
}

void
calibration_learn(struct calibration *c, enum calibration_method method, double z,
    double label, double weight)
{
	double information, residual;

	if (method == CALIBRATION_NONE)
		return;
	if (weight < 0) {
		go_back(c, z, label, -weight);
	} else {
		residual = pull(c->slope, c->shift, z, label, &information);
		inform(c, z, weight * information);
		move(c, z, weight * residual);
	}
	if (method == CALIBRATION_ISOTONIC)
		count(c, z, label, weight);
}

/* Precisions add up beyond the prior's; means are weighted by them, the prior's with -1. */
static void
multiply(struct calibration *to, const struct calibration *from)
{
	const double *a = to->precision, *b = from->precision;
	double q[3] = { a[0] + b[0] - prior_precision, a[1] + b[1],
		a[2] + b[2] - prior_precision };
	double pull[2] = { a[0] * to->slope + a[1] * to->shift + b[0] * from->slope +
		    b[1] * from->shift - prior_precision,
		a[1] * to->slope + a[2] * to->shift + b[1] * from->slope +
		    b[2] * from->shift };
	double determinant = q[0] * q[2] - q[1] * q[1];

	if (!(determinant > 0) || !isfinite(determinant))
		return;
	to->slope = vec_clamp((q[2] * pull[0] - q[1] * pull[1]) / determinant, 0.1, 10);
	to->shift = vec_clamp((q[0] * pull[1] - q[1] * pull[0]) / determinant, -10, 10);
	memcpy(to->precision, q, sizeof q);
}

void
calibration_merge(struct calibration *to, const struct calibration *from,
    enum calibration_method method)
{
	multiply(to, from);
	for (unsigned i = 0; i < CALIBRATION_BINS; i++) {
		to->seen[i] += from->seen[i];
		to->positive[i] += from->positive[i];
	}
	if (method == CALIBRATION_ISOTONIC)
		make_steps(to);
}

bool
calibration_is_sound(const struct calibration *c)
{
	double determinant =
	    c->precision[0] * c->precision[2] - c->precision[1] * c->precision[1];
	bool sound = isfinite(c->slope) && isfinite(c->shift) &&
	    isfinite(determinant) && determinant > 0 && c->precision[0] > 0;

	for (unsigned i = 0; i < CALIBRATION_BINS; i++)
		sound = sound && isfinite(c->seen[i]) && isfinite(c->positive[i]) &&
		    isfinite(c->step[i]);
	return sound;
}
