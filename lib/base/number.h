/* SPDX-License-Identifier: MIT
 *
 * number: strict numbers in text, in the C locale whatever the user's is. A parse takes
 * the whole slice or fails; no spaces, no leading '+', nothing after the last digit.
 */
#ifndef BANNERPIPE_BASE_NUMBER_H
#define BANNERPIPE_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"

enum { NUMBER_TEXT_MAX = 32 }; /* bytes that a formatted number can take */

/* Decimal integers in the range of the type. Cost: about 1 ns a digit. */
bool number_parse_uint(struct slice text, uint64_t *to);
bool number_parse_int(struct slice text, int64_t *to);

/* A decimal fraction with an optional exponent, as JSON writes it ("-1.5e3"), correctly
 * rounded; no infinity, no NaN, nothing out of the range of a double. */
bool number_parse_double(struct slice text, double *to);
/* The same with a "%" behind it, from 0% to 100%, as a share: 0.005 of "0.5%". */
bool number_parse_percent(struct slice text, double *to);

/* An exact decimal times 10^scale, rounded half away from zero:
 * number_parse_decimal("12.34", 6) is 12340000, the micros of a price. No exponent.
 * False when it does not fit. */
bool number_parse_decimal(struct slice text, unsigned scale, int64_t *to);

/* Bytes of a size with an optional suffix K, M, G or T (powers of 1024): "64M". */
bool number_parse_size(struct slice text, uint64_t *to);

/* The value of a hexadecimal digit of either case, or -1. */
static inline int
number_hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Write the number without a terminator and return its length. The double is the
 * shortest text that reads back as the same double, and always has a '.' or an exponent
 * in it, so that it stays a double; it must be finite. */
unsigned number_format_uint(uint64_t value, char to[NUMBER_TEXT_MAX]);
unsigned number_format_int(int64_t value, char to[NUMBER_TEXT_MAX]);
unsigned number_format_double(double value, char to[NUMBER_TEXT_MAX]);

#endif
