/* SPDX-License-Identifier: MIT
 *
 * exact: sums of doubles that do not depend on their order, and from which what was added
 * can be taken away to the last bit.
 *
 * A sum is an integer of 128 bits, in units of 2^-scale. Each number is rounded to a unit
 * by itself, alike for x and -x, so that the sum is that of the rounded numbers, without an
 * error that grows. At scale 64 a number of at least 2^-12 is not rounded at all, and sums
 * reach 2^63; at scale 32 they reach 2^95. What is larger stays at the end of the range.
 * The idea is Kulisch's: U. Kulisch, "Computer Arithmetic and Validity", de Gruyter 2008.
 */
#ifndef BANNERPIPE_BASE_EXACT_H
#define BANNERPIPE_BASE_EXACT_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

__extension__ typedef __int128 exact;

#define EXACT_MAX ((exact)(((exact)1 << 126) - 1 + ((exact)1 << 126)))

/* A number in units; 0 <= scale <= 64. An infinite one is the end of the range, and what is
 * none, as a product of 0 and infinity, is 0. */
static inline exact
exact_of(double x, unsigned scale)
{
	double size = fabs(x), whole, rest;
	exact units;

	if (size < 0x1p62) {
		int64_t floor = (int64_t)size;

		units = (exact)floor << scale;
		rest = size - (double)floor;
		if (rest != 0)
			units += (exact)(uint64_t)ldexp(rest, (int)scale);
	} else {
		whole = ldexp(size, (int)scale);
		units = whole < 0x1p127 ? (exact)whole : isnan(x) ? 0 : EXACT_MAX;
	}
	return x < 0 ? -units : units;
}

/* a + b, or the end of the range. */
static inline exact
exact_plus(exact a, exact b)
{
	exact sum;

	if (__builtin_expect(__builtin_add_overflow(a, b, &sum), 0))
		return b < 0 ? -EXACT_MAX : EXACT_MAX;
	return sum;
}

/* The double that is nearest to the sum. */
static inline double
exact_value(exact sum, unsigned scale)
{
	return ldexp((double)sum, -(int)scale);
}

#endif
