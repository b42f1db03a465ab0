/* SPDX-License-Identifier: MIT */
#include "lib/delivery/forecast.h"

#include <string.h>

/* Below any hour with a request, so that an hour of none does not end all spending. */
#define LEAST 0.01

static int64_t
hour_of(instant when)
{
	return when / WHEN_HOUR - (when % WHEN_HOUR < 0);
}

/* 1970 began on a Thursday. */
static unsigned
place_of(int64_t hour)
{
	int64_t place = (hour + 3 * 24) % FORECAST_HOURS;

	return (unsigned)(place < 0 ? place + FORECAST_HOURS : place);
}

static void
sum_up(struct forecast *f)
{
	double sum = 0, mean;
	unsigned seen = 0;

	for (unsigned i = 0; i < FORECAST_HOURS; i++)
		if (f->seen[i] > 0) {
			sum += f->expected[i];
			seen++;
		}
	mean = seen > 0 && sum > 0 ? sum / seen : 1;
	for (unsigned i = 0; i < FORECAST_HOURS; i++) {
		double e = f->seen[i] > 0 ? f->expected[i] : mean;

		f->before[i + 1] = f->before[i] + (e > LEAST ? e : LEAST);
	}
}

void
forecast_init(struct forecast *f)
{
	memset(f, 0, sizeof *f);
	sum_up(f);
}

static void
learn(struct forecast *f, int64_t hour, double count)
{
	unsigned i = place_of(hour);

	f->expected[i] += f->seen[i] == 0 ? count - f->expected[i]
					  : FORECAST_STEP * (count - f->expected[i]);
	f->seen[i]++;
}

void
forecast_see(struct forecast *f, instant when)
{
	int64_t hour = hour_of(when);

	if (f->begun == 0) {
		f->begun = 1;
		f->hour = hour;
	}
	if (hour > f->hour) {
		/* The first hour was seen in part only, as a rule. */
		if (f->begun == 2)
			learn(f, f->hour, (double)f->count);
		if (hour - f->hour <= FORECAST_HOURS)
			while (++f->hour < hour)
				learn(f, f->hour, 0);
		f->begun = 2;
		f->hour = hour;
		f->count = 0;
		sum_up(f);
	}
	f->count++;
}

/* What is expected from the start of its week up to the instant. */
static double
in_week(const struct forecast *f, instant when)
{
	int64_t hour = hour_of(when);
	unsigned i = place_of(hour);
	double part = (double)(when - hour * WHEN_HOUR) / (double)WHEN_HOUR;

	return f->before[i] + part * (f->before[i + 1] - f->before[i]);
}

double
forecast_between(const struct forecast *f, instant from, instant to)
{
	int64_t first = hour_of(from), last = hour_of(to), weeks;

	if (to <= from)
		return 0;
	weeks = (last - place_of(last) - (first - place_of(first))) / FORECAST_HOURS;
	return (double)weeks * f->before[FORECAST_HOURS] + in_week(f, to) -
	    in_week(f, from);
}

void
forecast_save(const struct forecast *f, struct state_writer *to)
{
	state_put(to, f, sizeof *f);
}

int
forecast_load(struct forecast *f, struct state_reader *from)
{
	return state_get(from, f, sizeof *f);
}
