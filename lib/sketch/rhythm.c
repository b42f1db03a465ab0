/* SPDX-License-Identifier: MIT */
#include "lib/sketch/rhythm.h"

#include <math.h>

#define UNIT 0x1p20

static const int64_t period_us[RHYTHM_PERIODS] = {
	WHEN_SECOND,
	5 * WHEN_SECOND,
	10 * WHEN_SECOND,
	15 * WHEN_SECOND,
	30 * WHEN_SECOND,
	WHEN_MINUTE,
	5 * WHEN_MINUTE,
	10 * WHEN_MINUTE,
	15 * WHEN_MINUTE,
	30 * WHEN_MINUTE,
	WHEN_HOUR,
	WHEN_DAY,
};

static void
sum(int64_t *to, double value, int32_t amount)
{
	*to = (int64_t)((uint64_t)*to +
	    (uint64_t)((int64_t)llrint(value * UNIT) * (int64_t)amount));
}

static double
value(int64_t fixed)
{
	return (double)fixed / UNIT;
}

static void
add_phases(struct rhythm *r, instant when, int32_t amount)
{
	static const double turn = 2 * 3.14159265358979323846;

	for (unsigned i = 0; i < RHYTHM_PERIODS; i++) {
		int64_t phase = when % period_us[i];
		double angle = turn * (double)phase / (double)period_us[i];

		sum(&r->x[i], cos(angle), amount);
		sum(&r->y[i], sin(angle), amount);
	}
}

void
rhythm_add(
    struct rhythm *r, instant when, struct span gap, struct span before, int32_t amount)
{
	double x, y;

	r->events += amount;
	add_phases(r, when, amount);
	if (gap.us <= 0)
		return;
	y = log((double)gap.us);
	r->gaps += amount;
	sum(&r->log, y, amount);
	sum(&r->square, y * y, amount);
	if (before.us <= 0)
		return;
	x = log((double)before.us);
	r->pairs += amount;
	sum(&r->first, x, amount);
	sum(&r->second, y, amount);
	sum(&r->product, x * y, amount);
	sum(&r->first_square, x * x, amount);
	sum(&r->second_square, y * y, amount);
}

static void
merge(int64_t *into, int64_t from)
{
	*into = (int64_t)((uint64_t)*into + (uint64_t)from);
}

void
rhythm_merge(struct rhythm *into, const struct rhythm *from)
{
	merge(&into->events, from->events);
	merge(&into->gaps, from->gaps);
	merge(&into->pairs, from->pairs);
	merge(&into->log, from->log);
	merge(&into->square, from->square);
	merge(&into->first, from->first);
	merge(&into->second, from->second);
	merge(&into->product, from->product);
	merge(&into->first_square, from->first_square);
	merge(&into->second_square, from->second_square);
	for (unsigned i = 0; i < RHYTHM_PERIODS; i++) {
		merge(&into->x[i], from->x[i]);
		merge(&into->y[i], from->y[i]);
	}
}

static double
variance(int64_t n, int64_t sum_of, int64_t squares)
{
	double mean = value(sum_of) / (double)n;

	return fmax(value(squares) / (double)n - mean * mean, 0);
}

/* Rounding to 2^-20 leaves a variance of that size where there is none. */
#define LEAST_VARIANCE 1e-4

static double
correlation(const struct rhythm *r)
{
	double n = (double)r->pairs, both, covariance;

	if (r->pairs < 3)
		return 0;
	both = variance(r->pairs, r->first, r->first_square) *
	    variance(r->pairs, r->second, r->second_square);
	covariance =
	    value(r->product) / n - value(r->first) / n * (value(r->second) / n);
	return both < LEAST_VARIANCE * LEAST_VARIANCE
	    ? 0
	    : fmin(fmax(covariance / sqrt(both), -1), 1);
}

/* The usual period on whose circle the events lie closest together. */
static void
find_phase(const struct rhythm *r, struct rhythm_answer *a)
{
	double longest = r->gaps > 0 ? 2 * exp(value(r->log) / (double)r->gaps) : 0;

	for (unsigned i = 0; r->events > 0 && i < RHYTHM_PERIODS; i++) {
		double length =
		    hypot(value(r->x[i]), value(r->y[i])) / (double)r->events;

		if (length <= a->phase || (double)period_us[i] > longest)
			continue;
		a->phase = fmin(length, 1);
		a->period.us = period_us[i];
	}
	a->rayleigh = (double)r->events * a->phase * a->phase;
}

struct rhythm_answer
rhythm_read(const struct rhythm *r)
{
	struct rhythm_answer a = { .events = r->events,
		.gaps = r->gaps,
		.deviation = (double)INFINITY,
		.correlation = correlation(r) };

	if (r->gaps >= 2)
		a.deviation = sqrt(variance(r->gaps, r->log, r->square));
	find_phase(r, &a);
	return a;
}
