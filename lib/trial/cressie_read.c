/* SPDX-License-Identifier: MIT */
#include "lib/trial/cressie_read.h"

#include <math.h>

#define NOTHING 1e-12 /* of a variance relative to the squares: it is rounding */

/* The n + 1 outcomes; the last of weight w and reward r. u = 1/n throughout is the limit
 * for a w beyond all bounds. */
struct region {
	double least;  /* sum u^2 / (n + 1), the smallest */
	double centre; /* sum q w r there */
	double spread; /* the variance of w r that w does not explain */
};

static bool
region_of(const struct cressie_read *l, double w, double r, struct region *to)
{
	double n = l->n, m = n + 1, a, s, c, cross, squares, gain;

	if (isinf(w)) {
		/* What it lacks of mean weight is the unseen one's: r + w (r_i - r). */
		gain = l->wr - r * l->w;
		to->least = 1 / n;
		to->centre = r + gain / n;
		to->spread = (r * r * l->ww - 2 * r * l->wwr + l->wwrr) / m -
		    gain * gain / (n * m);
		return true;
	}
	a = (l->w + w) / m;
	s = (l->ww + w * w) / m - a * a;
	if (!(s > NOTHING * a * a))
		return false;
	c = (l->wr + w * r) / m;
	cross = (l->wwr + w * w * r) / m - a * c;
	squares = (l->wwrr + w * w * r * r) / m - c * c;
	to->least = (1 - a) * (1 - a) / s;
	to->centre = c + (1 - a) * cross / s;
	to->spread = squares - cross * cross / s;
	return true;
}

/* The smallest (side -1) or largest (1) value when the unseen outcome has reward r. */
static double
end(const struct cressie_read *l, double radius, double r, double side)
{
	const double unseen[] = { 0, l->w_max };
	double worst = -INFINITY;
	struct region region;

	for (unsigned i = 0; i < 2; i++)
		if (region_of(l, unseen[i], r, &region) && region.least <= radius)
			worst = fmax(worst,
			    side * region.centre +
				sqrt((radius - region.least) * fmax(region.spread, 0)));
	return isinf(worst) ? r : fmin(fmax(side * worst, 0), 1);
}

/* The quantile of Student's t at 0.975, n >= 30 degrees of freedom, within 1e-5
 * (Abramowitz and Stegun, 26.7.5). */
static double
student(double n)
{
	double z = TRIAL_Z95, z2 = z * z;

	return z + z * (z2 + 1) / (4 * n) +
	    z * (5 * z2 * z2 + 16 * z2 + 3) / (96 * n * n) +
	    z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * n * n * n);
}

/* Of the mean of w r - slope w. */
static double
error_of(const struct cressie_read *l, double slope)
{
	double sum = l->wr - slope * l->w;
	double squares = l->wwrr - 2 * slope * l->wwr + slope * slope * l->ww;

	return sqrt(fmax(squares - sum * sum / l->n, 0) / (l->n - 1) / l->n);
}

bool
cressie_read_value(
    const struct cressie_read *l, double *value, double *se, struct trial_interval *to)
{
	double n = l->n, m = n + 1, logged = l->r / n, slope = logged;
	double w = l->w < n ? l->w_max : 0, one = m / n, tilt = 0, t, radius;
	double variance = l->ww / n - l->w / n * (l->w / n);
	struct region region;

	if (!(n >= CRESSIE_READ_MIN) || !region_of(l, w, 0, &region))
		return false;
	/* q = (one + tilt w) / m; what weight the seen lack has the log's reward. */
	if (!isinf(w)) {
		double a = (l->w + w) / m;

		tilt = (1 - a) / ((l->ww + w * w) / m - a * a);
		one = 1 - tilt * a;
		if (variance > NOTHING * l->ww / n)
			slope = (l->wwr - l->wr * l->w / n) / (n * variance);
	}
	*value = (one * l->wr + tilt * l->wwr) / m;
	*value += fmax(0, 1 - (one * l->w + tilt * l->ww) / m) * logged;
	*se = error_of(l, slope);
	t = student(n);
	radius = region.least + t * t / m;
	to->low = end(l, radius, 0, -1);
	to->high = end(l, radius, 1, 1);
	return true;
}
