/* SPDX-License-Identifier: MIT */
#include "lib/trial.h"

#include <math.h>

bool
trial_wilson(double successes, double n, double z, struct trial_interval *to)
{
	double p, centre, half, size;

	if (!(n > 0 && successes >= 0 && successes <= n))
		return false;
	p = successes / n;
	size = 1 + z * z / n;
	centre = (p + z * z / (2 * n)) / size;
	half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / size;
	/* At 0 and n the ends are exact; rounding must not push them out. */
	to->low = successes == 0 ? 0 : fmax(centre - half, 0);
	to->high = successes == n ? 1 : fmin(centre + half, 1);
	return true;
}

bool
trial_wilson_weighted(double successes, double weight, double weight_squared, double z,
    struct trial_interval *to)
{
	double n;

	if (!(weight > 0 && weight_squared > 0))
		return false;
	n = weight * weight / weight_squared;
	return trial_wilson(n * (successes / weight), n, z, to);
}

void
trial_add(struct trial_sums *s, double x, double y, double weight)
{
	s->n += weight;
	s->x += weight * x;
	s->y += weight * y;
	s->xx += weight * x * x;
	s->xy += weight * x * y;
	s->yy += weight * y * y;
}

bool
trial_ratio(
    const struct trial_sums *s, double z, double *ratio, struct trial_interval *to)
{
	double r, residual, half;

	if (!(s->n >= 2 && s->x > 0))
		return false;
	r = s->y / s->x;
	/* The sum of (y - r x)^2, whose mean is 0 by the choice of r. */
	residual = fmax(s->yy - 2 * r * s->xy + r * r * s->xx, 0);
	half = z * sqrt(residual * s->n / (s->n - 1)) / s->x;
	*ratio = r;
	to->low = r - half;
	to->high = r + half;
	return true;
}

static bool
over(double numerator, double denominator, double *to)
{
	if (!(denominator > 0))
		return false;
	*to = numerator / denominator;
	return true;
}

bool
trial_ctr(double clicks, double impressions, double *to)
{
	return over(clicks, impressions, to);
}

bool
trial_cvr(double conversions, double clicks, double *to)
{
	return over(conversions, clicks, to);
}

bool
trial_ecpm(double cost_micros, double impressions, double *micros)
{
	return over(1000 * cost_micros, impressions, micros);
}

bool
trial_roi(double revenue, double cost, double *to)
{
	return over(revenue - cost, cost, to);
}

bool
trial_roas(double revenue, double cost, double *to)
{
	return over(revenue, cost, to);
}
