/* SPDX-License-Identifier: MIT */
#include "lib/base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

bool
number_parse_uint(struct slice text, uint64_t *to)
{
	uint64_t value = 0;

	if (text.size == 0)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (!is_digit(text.at[i]))
			return false;
		if (i >= 19 &&
		    (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(
			    value, (uint64_t)(text.at[i] - '0'), &value)))
			return false;
		else if (i < 19)
			value = value * 10 + (uint64_t)(text.at[i] - '0');
	}
	*to = value;
	return true;
}

bool
number_parse_int(struct slice text, int64_t *to)
{
	bool negative = text.size > 0 && text.at[0] == '-';
	uint64_t limit = (uint64_t)INT64_MAX + negative;
	uint64_t value;

	if (!number_parse_uint(negative ? slice_from(text, 1) : text, &value) ||
	    value > limit)
		return false;
	*to = negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

/* JSON's number grammar, but leading zeros pass: logs and prices have them. */
static bool
is_decimal(struct slice text, bool exponent_allowed)
{
	size_t i = text.size > 0 && text.at[0] == '-';
	size_t digits = 0;

	for (; i < text.size && is_digit(text.at[i]); i++)
		digits++;
	if (digits == 0)
		return false;
	if (i < text.size && text.at[i] == '.') {
		i++;
		if (i == text.size || !is_digit(text.at[i]))
			return false;
		while (i < text.size && is_digit(text.at[i]))
			i++;
	}
	if (exponent_allowed && i < text.size && (text.at[i] | 0x20) == 'e') {
		i++;
		if (i < text.size && (text.at[i] == '+' || text.at[i] == '-'))
			i++;
		if (i == text.size || !is_digit(text.at[i]))
			return false;
		while (i < text.size && is_digit(text.at[i]))
			i++;
	}
	return i == text.size;
}

/* Clinger's exact case: both the digits and the power of ten are doubles without error,
 * so one division rounds once. Most numbers of a log are of this kind. False when it is
 * another, or no number. */
static bool
parse_exact(struct slice text, double *to)
{
	static const double power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8,
		1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	const uint8_t *at = text.at, *end = text.at + text.size, *whole, *point;
	bool negative = text.size > 0 && *at == '-';
	uint64_t digits = 0;

	if (text.size > 17)
		return false;
	for (whole = at += negative; at < end && is_digit(*at); at++)
		digits = digits * 10 + (uint64_t)(*at - '0');
	point = at;
	if (at < end && *at == '.')
		for (at++; at < end && is_digit(*at); at++)
			digits = digits * 10 + (uint64_t)(*at - '0');
	if (at < end || point == whole || at - point == 1 || at - whole > 16)
		return false;
	*to = (double)digits;
	if (at > point)
		*to /= power[at - point - 1];
	if (negative)
		*to = -*to;
	return true;
}

bool
number_parse_double(struct slice text, double *to)
{
	char copy[512];
	double value;

	if (parse_exact(text, to))
		return true;
	if (!is_decimal(text, true) || text.size >= sizeof copy)
		return false;
	memcpy(copy, text.at, text.size);
	copy[text.size] = '\0';
	value = strtod(copy, NULL); /* no program of ours calls setlocale */
	if (!isfinite(value))
		return false;
	*to = value;
	return true;
}

bool
number_parse_percent(struct slice text, double *to)
{
	double percent;

	if (text.size == 0 || text.at[--text.size] != '%' ||
	    !number_parse_double(text, &percent) || !(percent >= 0 && percent <= 100))
		return false;
	*to = percent / 100;
	return true;
}

bool
number_parse_decimal(struct slice text, unsigned scale, int64_t *to)
{
	bool negative = text.size > 0 && text.at[0] == '-';
	unsigned places = 0;
	bool point = false, up = false;
	int64_t value = 0;

	assert(scale <= 18);
	if (!is_decimal(text, false))
		return false;
	for (size_t i = negative; i < text.size; i++) {
		if (text.at[i] == '.') {
			point = true;
			continue;
		}
		if (point && places == scale) {
			up = text.at[i] >= '5';
			break;
		}
		places += point;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, text.at[i] - '0', &value))
			return false;
	}
	for (; places < scale; places++)
		if (__builtin_mul_overflow(value, 10, &value))
			return false;
	if (__builtin_add_overflow(value, (int64_t)up, &value))
		return false;
	*to = negative ? -value : value;
	return true;
}

bool
number_parse_size(struct slice text, uint64_t *to)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	uint64_t value;
	unsigned shift = 0;

	if (text.size > 1 && !is_digit(text.at[text.size - 1])) {
		suffix = memchr(suffixes, text.at[text.size - 1], 4);
		if (suffix == NULL)
			return false;
		shift = 10 * (unsigned)(suffix - suffixes + 1);
		text.size--;
	}
	if (!number_parse_uint(text, &value) || value > UINT64_MAX >> shift)
		return false;
	*to = value << shift;
	return true;
}

static unsigned
format_digits(uint64_t value, char *to)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	for (unsigned i = 0; i < n; i++)
		to[i] = digits[n - 1 - i];
	return n;
}

unsigned
number_format_uint(uint64_t value, char to[NUMBER_TEXT_MAX])
{
	static const char pairs[] = "0001020304050607080910111213141516171819"
				    "2021222324252627282930313233343536373839"
				    "4041424344454647484950515253545556575859"
				    "6061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	char digits[20];
	unsigned at = sizeof digits, n;

	for (; value >= 100; value /= 100)
		memcpy(digits + (at -= 2), pairs + 2 * (value % 100), 2);
	if (value >= 10)
		memcpy(digits + (at -= 2), pairs + 2 * value, 2);
	else
		digits[--at] = (char)('0' + value);
	n = (unsigned)sizeof digits - at;
	memcpy(to, digits + at, n);
	return n;
}

unsigned
number_format_int(int64_t value, char to[NUMBER_TEXT_MAX])
{
	if (value >= 0)
		return format_digits((uint64_t)value, to);
	to[0] = '-';
	return 1 + format_digits(0 - (uint64_t)value, to + 1);
}

/* A decimal of at most 15 digits in the range that is written without an exponent: the
 * first power of ten that makes an integer of it. As in parse_exact the division rounds
 * once, so equality proves that the text reads back. Most numbers of a log are such. */
static unsigned
format_short(double value, char to[NUMBER_TEXT_MAX])
{
	static const double power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8,
		1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18 };
	double size = fabs(value);
	char digits[NUMBER_TEXT_MAX];
	unsigned places = 0, n, whole, at = 0;
	uint64_t scaled;

	if (size != 0 && (size < 1e-4 || size >= 1e15))
		return 0;
	for (;; places++) {
		double product = size * power[places] + 0.5;

		if (places == 18 || product >= 1e15)
			return 0;
		scaled = (uint64_t)product;
		if ((double)scaled / power[places] == size)
			break;
	}
	n = number_format_uint(scaled, digits);
	if (signbit(value))
		to[at++] = '-';
	whole = n > places ? n - places : 0;
	memcpy(to + at, digits, whole);
	at += whole;
	if (whole == 0)
		to[at++] = '0';
	to[at++] = '.';
	for (unsigned zeros = places - (n - whole); zeros > 0; zeros--)
		to[at++] = '0';
	memcpy(to + at, digits + whole, n - whole);
	at += n - whole;
	if (places == 0)
		to[at++] = '0';
	return at;
}

unsigned
number_format_double(double value, char to[NUMBER_TEXT_MAX])
{
	int n = (int)format_short(value, to);

	assert(isfinite(value));
	if (n > 0)
		return (unsigned)n;
	for (int precision = isnormal(value) ? 15 : 1; precision <= 17; precision++) {
		n = snprintf(to, NUMBER_TEXT_MAX, "%.*g", precision, value);
		if (strtod(to, NULL) == value)
			break;
	}
	if (strpbrk(to, ".e") == NULL) {
		memcpy(to + n, ".0", 2);
		n += 2;
	}
	return (unsigned)n;
}
