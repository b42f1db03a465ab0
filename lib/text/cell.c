/* SPDX-License-Identifier: MIT */
#include "lib/text/cell.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/number.h"
#include "lib/record/value.h"
#include "lib/text/print.h"
#include "lib/text/utf8.h"
#include "lib/when.h"

/* A timestamp before 1973 is more likely a count. */
#define EARLIEST INT64_C(100000000000000)

enum { LIST_MAX = 8 }; /* items of a list that are shown as numbers */

static bool
ends_with(struct slice name, const char *end)
{
	size_t size = strlen(end);

	return name.size >= size && slice_is(slice_from(name, name.size - size), end);
}

static bool
is_harmless(uint32_t c)
{
	return c >= 0x20 && (c < 0x7f || c >= 0xa0) && (c < 0x200b || c > 0x200f) &&
	    (c < 0x2028 || c > 0x202e) && (c < 0x2060 || c > 0x206f) && c != 0xfeff &&
	    (c < 0xfff9 || c > 0xfffb) && c < 0xe0000;
}

void
cell_text(struct slice text, struct build *to)
{
	for (size_t i = 0; i < text.size;) {
		struct slice rest = slice_from(text, i);
		uint32_t c;
		unsigned size = utf8_decode(rest, &c);

		if (size > 0 && is_harmless(c))
			build_raw(to, slice_of(rest.at, size));
		else
			build_raw(to, slice_text("\xef\xbf\xbd"));
		i += size > 0 ? size : 1;
	}
}

static void
put(struct build *to, const char *text)
{
	build_raw(to, slice_text(text));
}

/* A double that a person compares with others: four digits, or two decimals. */
static void
put_number(double value, struct build *to)
{
	char text[64];

	if (value == 0 || !isfinite(value))
		(void)snprintf(
		    text, sizeof text, isnan(value) ? "nan" : "%g", value + 0.0);
	else if (fabs(value) >= 1e15 || fabs(value) < 1e-6)
		(void)snprintf(text, sizeof text, "%.3e", value);
	else if (fabs(value) >= 1000)
		(void)snprintf(text, sizeof text, "%.2f", value);
	else if (fabs(value) >= 1e-4)
		(void)snprintf(text, sizeof text, "%.4g", value);
	else
		(void)snprintf(text, sizeof text, "%.7f", value);
	put(to, text);
}

/* Micros as money: exact, with two decimals at least. */
static void
put_micros(int64_t micros, struct build *to)
{
	uint64_t size = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
	char text[64];
	int n = snprintf(text, sizeof text, "%s%" PRIu64 ".%06" PRIu64,
	    micros < 0 ? "-" : "", size / 1000000, size % 1000000);

	for (int zeros = 0; zeros < 4 && text[n - 1] == '0'; zeros++)
		n--;
	build_raw(to, slice_of(text, (size_t)n));
}

static void
put_span(int64_t us, struct build *to)
{
	char text[64];
	double size = fabs((double)us);

	if (size < 1000)
		(void)snprintf(text, sizeof text, "%" PRId64 "us", us);
	else if (size < 1e6)
		(void)snprintf(text, sizeof text, "%.3gms", (double)us / 1e3);
	else if (size < 60e6)
		(void)snprintf(text, sizeof text, "%.3gs", (double)us / 1e6);
	else
		(void)when_format_span(
		    (struct span){ llabs(us) / WHEN_SECOND * WHEN_SECOND }, text);
	if (size >= 60e6 && us < 0)
		put(to, "-");
	put(to, text);
}

static bool
is_instant(struct slice name, struct slice value, instant *when)
{
	return (ends_with(name, "timestamp") || ends_with(name, "_at") ||
		   ends_with(name, "window_start") || ends_with(name, "window_end")) &&
	    value_type(value) != VALUE_FLOAT && value_instant(value, when) &&
	    *when >= EARLIEST && *when <= WHEN_MAX;
}

static bool
put_scalar_number(struct slice name, struct slice value, struct build *to)
{
	int64_t integer;
	double number;
	char text[40];

	if (is_instant(name, value, &integer)) {
		(void)when_format(integer, text);
		put(to, text);
		return true;
	}
	if (!value_number(value, &number))
		return false;
	if (!value_int(value, &integer)) {
		if (value_type(value) == VALUE_FLOAT && ends_with(name, "_micros"))
			put_number(number / 1e6, to);
		else if (value_type(value) == VALUE_FLOAT)
			put_number(number, to);
		else
			print_json(value, to);
	} else if (ends_with(name, "_micros")) {
		put_micros(integer, to);
	} else if (ends_with(name, "_us")) {
		put_span(integer, to);
	} else {
		print_json(value, to);
	}
	return true;
}

/* A short list of scalars; false, and nothing is written, when it is none. */
static bool
put_list(struct slice name, struct slice list, struct build *to)
{
	uint8_t *before = to->at;
	struct value_walk walk;
	struct slice key, item, text;

	if (value_type(list) != VALUE_ARRAY || value_count(list) > LIST_MAX)
		return false;
	put(to, "[");
	for (value_open(list, &walk); value_next(&walk, &key, &item);) {
		if (to->at != before + 1)
			put(to, ", ");
		if (value_str(item, &text)) {
			cell_text(text, to);
		} else if (!put_scalar_number(name, item, to)) {
			to->at = before;
			return false;
		}
	}
	put(to, "]");
	return true;
}

bool
cell_format(struct slice name, struct slice value, struct build *to)
{
	struct slice text, json;
	char size[32];
	uint8_t storage[4096];
	struct build scratch;

	if (put_scalar_number(name, value, to))
		return true;
	if (value_str(value, &text)) {
		cell_text(text, to);
		return false;
	}
	if (value_bin(value, &text)) {
		(void)snprintf(size, sizeof size, "<%zu bytes>", text.size);
		put(to, size);
		return false;
	}
	if (value_type(value) == VALUE_NIL) {
		put(to, "-");
		return false;
	}
	if (put_list(name, value, to))
		return false;
	build_init(&scratch, storage, sizeof storage);
	print_json(value, &scratch);
	json = build_slice(&scratch);
	cell_text(json, to);
	return false;
}

struct slice
cell_cut(struct slice text, size_t limit, size_t *width)
{
	size_t i = 0;

	*width = 0;
	while (i < text.size) {
		uint32_t c = 0;
		unsigned size = utf8_decode(slice_from(text, i), &c);
		unsigned columns = size == 0 ? 1 : utf8_width(c);

		if (*width + columns > limit)
			break;
		*width += columns;
		i += size == 0 ? 1 : size;
	}
	return slice_of(text.at, i);
}

size_t
cell_width(struct slice text)
{
	size_t width;

	(void)cell_cut(text, SIZE_MAX, &width);
	return width;
}
