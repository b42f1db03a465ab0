/* SPDX-License-Identifier: MIT */
#include "lib/login/travel.h"

#include <math.h>

static double
radians(int16_t angle)
{
	return angle / PLACE_UNITS * (M_PI / 180);
}

static double
square(double x)
{
	return x * x;
}

double
travel_km(struct place a, struct place b)
{
	double north = radians(a.latitude), south = radians(b.latitude);
	double h = square(sin((north - south) / 2)) +
	    cos(north) * cos(south) *
		square(sin((radians(a.longitude) - radians(b.longitude)) / 2));

	return 2 * TRAVEL_RADIUS_KM * asin(sqrt(fmin(h, 1)));
}

static bool
is_sure(struct place p)
{
	return p.known != 0 && !network_hides((enum network_kind)p.network);
}

double
travel_speed(struct place from, instant left, struct place to, instant came)
{
	int64_t us = came > left ? came - left : left - came;
	double km;

	if (!is_sure(from) || !is_sure(to))
		return 0;
	if (from.latitude == to.latitude && from.longitude == to.longitude)
		return 0;
	km = travel_km(from, to) - from.within_km - to.within_km;
	if (km < TRAVEL_NEAR_KM)
		return 0;
	/* Clocks of seconds: nobody was at two places at once. */
	return km * ((double)WHEN_HOUR / (double)(us < WHEN_SECOND ? WHEN_SECOND : us));
}
