/* SPDX-License-Identifier: MIT */
#include "lib/trial/confidence.h"

#include <math.h>

#include "lib/base/assert.h"
#include "lib/vec.h"

/* l from 1/2 down to 2^-25: means of up to some 10^14 observations. */
enum { GRID = 49, HALVINGS = 60 };

/* Above this the boundary could rise with m; no mean up to 1 has such an average but by
 * wonder, and 0 is a bound always. */
#define AVERAGE_MAX 1.25

/* -log(1 - l) - l = l^2/2 + l^3/3 + ..., 0 < l <= 1/2. */
static double
psi(double l)
{
	double power = l * l, sum = 0;

	for (int i = 2; power > 0x1p-53 * sum; i++, power *= l)
		sum += power / i;
	return sum;
}

/* exp(z), z <= 0, within 1e-11; what is below exp(-30) is nothing here. */
static double
exponential(double z)
{
	double s;

	if (z < -VEC_LOGIT_MAX)
		return 0;
	s = vec_sigmoid(z);
	return s / (1 - s);
}

struct grid {
	double l[GRID], psi[GRID];
};

static void
grid_init(struct grid *g)
{
	double l = 0.5;

	for (int k = 0; k < GRID; k++, l *= 0x1.6a09e667f3bcdp-1) {
		g->l[k] = l;
		g->psi[k] = psi(l);
	}
}

/* Whether the mixture at m has reached exp(goal). */
static bool
reached(const struct confidence_sums *s, const struct grid *g, double m, double goal)
{
	double sum = s->x - s->n * m, squares = s->xx - 2 * m * s->x + s->n * m * m;
	double exponents[GRID], largest = -INFINITY, total = 0;

	for (int k = 0; k < GRID; k++) {
		exponents[k] = g->l[k] * sum - g->psi[k] * squares;
		largest = fmax(largest, exponents[k]);
	}
	for (int k = 0; k < GRID; k++)
		total += exponential(exponents[k] - largest) / ((k + 1) * (k + 2));
	return total > 0 && largest + vec_log(total) >= goal;
}

double
confidence_lower(const struct confidence_sums *s, double alpha)
{
	double low = 0, high, goal;
	struct grid grid;

	assert(alpha > 0 && alpha < 1);
	if (!(s->n > 0 && s->x > 0 && s->xx > 0) || s->x / s->n > AVERAGE_MAX)
		return 0;
	grid_init(&grid);
	goal = -vec_log(alpha);
	high = fmin(s->x / s->n, 1);
	if (!reached(s, &grid, 0, goal))
		return 0;
	if (reached(s, &grid, high, goal))
		return high;
	for (int i = 0; i < HALVINGS; i++) {
		double middle = (low + high) / 2;

		if (reached(s, &grid, middle, goal))
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool
confidence_excludes(const struct confidence_sums *s, double mean, double alpha)
{
	struct grid grid;

	assert(alpha > 0 && alpha < 1 && mean >= 0 && mean <= 1);
	if (!(s->n > 0 && s->x > 0 && s->xx > 0) || s->x <= s->n * mean ||
	    s->x / s->n > AVERAGE_MAX)
		return false;
	grid_init(&grid);
	return reached(s, &grid, mean, -vec_log(alpha));
}
