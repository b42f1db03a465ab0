/* SPDX-License-Identifier: MIT */
#include "lib/trial/race.h"

#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/trial/confidence.h"
#include "lib/vec.h"

/* exp(RACE_REACH) and its root, of odds. */
#define REACH_ODDS 7.38905609893065
#define HALF_ODDS 2.718281828459045

/* A fortune stays within what is cheap to calculate with: a lower one is none, of a
 * higher one nothing is said that 1e200 does not say. Both only make an e-value smaller. */
#define FORTUNE_MIN 1e-200
#define FORTUNE_MAX 1e200

static const double share[RACE_BETS] = { 0x1p-1, 0x1p-2, 0x1p-3, 0x1p-4, 0x1p-5, 0x1p-6,
	0x1p-7, 0x1p-8 };

/* --- Gamblers -------------------------------------------------------------------------- */

static double
fortune_of(const struct race_side *s, unsigned start)
{
	double sum = 0;

	for (unsigned k = 0; k < RACE_BETS; k++)
		sum += s->fortune[start][k];
	return sum;
}

static double
fortune_of_all(const struct race_side *s)
{
	double sum = 0;

	for (unsigned i = 0; i < RACE_STARTS; i++)
		sum += fortune_of(s, i);
	return sum;
}

static unsigned
richest(const struct race_side *s)
{
	unsigned best = 0;

	for (unsigned i = 1; i < RACE_STARTS; i++)
		if (fortune_of(s, i) > fortune_of(s, best))
			best = i;
	return best;
}

static void
begin(struct race_side *s, uint64_t number)
{
	double j = (double)number;
	unsigned place = 0;

	for (unsigned i = 1; i < RACE_STARTS; i++)
		if (fortune_of(s, i) < fortune_of(s, place))
			place = i;
	s->sum[place] = 0;
	for (unsigned k = 0; k < RACE_BETS; k++)
		s->fortune[place][k] = 1 / ((j + 1) * (j + 2) * RACE_BETS);
}

/* x in [-1, 1] */
static void
bet(struct race_side *s, double x, double d)
{
	double factor[RACE_BETS];

	for (unsigned k = 0; k < RACE_BETS; k++)
		factor[k] = 1 + share[k] * x;
	for (unsigned i = 0; i < RACE_STARTS; i++) {
		s->sum[i] += d;
		for (unsigned k = 0; k < RACE_BETS; k++) {
			double f = s->fortune[i][k] * factor[k];

			s->fortune[i][k] = f < FORTUNE_MIN ? 0
			    : f > FORTUNE_MAX              ? FORTUNE_MAX
							   : f;
		}
	}
}

/* --- Races ------------------------------------------------------------------------------ */

void
race_init(struct race *r)
{
	memset(r, 0, sizeof *r);
}

/* Two probabilities not further apart than the reach. */
static void
hold(double p[2])
{
	double a = p[0] / (1 - p[0]), b = p[1] / (1 - p[1]), middle = sqrt(a) * sqrt(b);
	double low = middle / HALF_ODDS, high = middle * HALF_ODDS;

	if (a <= b * REACH_ODDS && b <= a * REACH_ODDS)
		return;
	p[0] = a < b ? low / (1 + low) : high / (1 + high);
	p[1] = a < b ? high / (1 + high) : low / (1 + low);
}

void
race_add(
    struct race *r, double champion, double challenger, double label, double weight)
{
	double p[2] = { champion, challenger }, before, after, x;

	assert(champion > 0 && champion < 1 && challenger > 0 && challenger < 1);
	if (!(weight > 0))
		return;
	before = vec_log_loss(champion, label);
	after = vec_log_loss(challenger, label);
	hold(p);
	x = (vec_log_loss(p[0], label) - vec_log_loss(p[1], label)) / RACE_REACH;
	r->weight += weight;
	r->loss[0] += weight * before;
	r->loss[1] += weight * after;
	if (r->examples++ % RACE_STRETCH == 0) {
		begin(&r->better, r->examples / RACE_STRETCH);
		begin(&r->worse, r->examples / RACE_STRETCH);
	}
	if (r->weight_most > 0) {
		double w = fmin(weight / r->weight_most, 1);

		x = w * vec_clamp(x, -1, 1);
		bet(&r->better, x, weight * (before - after));
		bet(&r->worse, -x, weight * (after - before));
		r->n += 1;
		r->d += x;
		r->dd += x * x;
	}
	r->weight_most = fmax(r->weight_most, weight);
}

double
race_better(const struct race *r)
{
	return fortune_of_all(&r->better);
}

double
race_worse(const struct race *r)
{
	return fortune_of_all(&r->worse);
}

static bool
is_decided(const struct race_side *s, double alpha)
{
	return fortune_of_all(s) * alpha >= 1 && s->sum[richest(s)] > 0;
}

bool
race_is_won(const struct race *r, double alpha)
{
	return is_decided(&r->better, alpha);
}

bool
race_is_lost(const struct race *r, double alpha)
{
	return is_decided(&r->worse, alpha);
}

/* Of 1/2 + x/2, which lies between 0 and 1. */
static double
lower(double n, double sum, double squares, double alpha)
{
	struct confidence_sums s = { n, (n + sum) / 2, (n + 2 * sum + squares) / 4 };

	return RACE_REACH * (2 * confidence_lower(&s, alpha) - 1);
}

struct race_figures
race_figures(const struct race *r, double alpha)
{
	double mean = r->d / r->n;

	return (struct race_figures){
		.n = r->weight,
		.estimate = (r->loss[0] - r->loss[1]) / r->weight,
		.se = RACE_REACH * sqrt(fmax(r->dd / r->n - mean * mean, 0) / r->n),
		.low = lower(r->n, r->d, r->dd, alpha / 2),
		.high = -lower(r->n, -r->d, r->dd, alpha / 2),
	};
}

/* --- Snapshots ---------------------------------------------------------------------------- */

void
race_save(const struct race *r, struct state_writer *to)
{
	state_put(to, r, sizeof *r);
}

static bool
side_is_sound(const struct race_side *s)
{
	for (unsigned i = 0; i < RACE_STARTS; i++) {
		if (!isfinite(s->sum[i]))
			return false;
		for (unsigned k = 0; k < RACE_BETS; k++)
			if (!(s->fortune[i][k] >= 0 && s->fortune[i][k] <= FORTUNE_MAX))
				return false;
	}
	return true;
}

int
race_load(struct race *r, struct state_reader *from)
{
	if (state_get(from, r, sizeof *r) < 0 || !side_is_sound(&r->better) ||
	    !side_is_sound(&r->worse))
		return -1;
	return isfinite(r->weight) && r->weight_most >= 0 && isfinite(r->weight_most) &&
		isfinite(r->n) && isfinite(r->d) && isfinite(r->dd) &&
		isfinite(r->loss[0]) && isfinite(r->loss[1])
	    ? 0
	    : -1;
}
