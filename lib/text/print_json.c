/* SPDX-License-Identifier: MIT */
#include "lib/text/print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/record/value.h"
#include "lib/text/base64.h"
#include "lib/text/json.h"
#include "lib/text/utf8.h"

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* The high bit of each byte that JSON escapes or that is not ASCII (and of some bytes
 * that follow one: only the lowest bit set is exact). */
static inline uint64_t
special_bytes(uint64_t word)
{
	uint64_t quote = word ^ EACH_BYTE * '"', backslash = word ^ EACH_BYTE * '\\';

	return (word | (word - EACH_BYTE * 0x20) | (quote - EACH_BYTE) |
		   (backslash - EACH_BYTE)) &
	    EACH_BYTE * 0x80;
}

/* The same for 16 bytes at once: whether there is one. Below a space are also the signed
 * bytes of what is not ASCII. */
static inline bool
any_special(const uint8_t *at)
{
	typedef int8_t block __attribute__((vector_size(16)));
	block bytes, found;
	uint64_t half[2];

	memcpy(&bytes, at, sizeof bytes);
	found = (bytes < ' ') | (bytes == '"') | (bytes == '\\');
	memcpy(half, &found, sizeof half);
	return (half[0] | half[1]) != 0;
}

/* The end of the bytes from i on that JSON takes as they are; of those that are not ASCII
 * too, where `utf8` says that they have been checked. */
static inline size_t
plain_run(struct slice text, size_t i, bool utf8)
{
	while (text.size - i >= 16 && !any_special(text.at + i))
		i += 16;
	if (text.size - i >= 8 && special_bytes(bytes_load_le64(text.at + i)) == 0)
		i += 8;
	for (; i < text.size; i++) {
		uint8_t c = text.at[i];

		if (c < 0x20 || c == '"' || c == '\\' || (c >= 0x80 && !utf8))
			break;
	}
	return i;
}

static void
json_escape(uint8_t c, struct build *to)
{
	static const char digits[] = "0123456789abcdef", from[] = "\"\\\b\f\n\r\t",
			  letter[] = "\"\\bfnrt";
	const char *simple = c == 0 ? NULL : strchr(from, c);

	build_byte(to, '\\');
	if (simple != NULL) {
		build_byte(to, (uint8_t)letter[simple - from]);
		return;
	}
	build_raw(to, slice_text("u00"));
	build_byte(to, (uint8_t)digits[c >> 4]);
	build_byte(to, (uint8_t)digits[c & 15]);
}

/* Copy a text that JSON takes as it is, and ASCII; false when it is none. The last piece
 * overlaps the one before it. */
static inline bool
copy_plain(struct slice text, uint8_t *to)
{
	size_t last = text.size;
	bool special = false;

	if (text.size >= 16) {
		for (size_t i = 0; i < text.size - 15 && !special; i += 16) {
			special = any_special(text.at + i);
			memcpy(to + i, text.at + i, 16);
		}
		last -= 16;
		memcpy(to + last, text.at + last, 16);
		return !special && !any_special(text.at + last);
	}
	if (text.size >= 8) {
		last -= 8;
		memcpy(to, text.at, 8);
		memcpy(to + last, text.at + last, 8);
		return (special_bytes(bytes_load_le64(text.at)) |
			   special_bytes(bytes_load_le64(text.at + last))) == 0;
	}
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = to[i] = text.at[i];

		special |= c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
	}
	return !special;
}

/* The string in quotes. False, and nothing is written, when it is not UTF-8. */
static bool
json_string(struct slice text, struct build *to)
{
	uint8_t *before = to->at;
	bool utf8 = false;

	if (__builtin_expect(
		(size_t)(to->end - to->at) >= text.size + 2 && !to->full, 1) &&
	    copy_plain(text, to->at + 1)) {
		to->at[0] = to->at[text.size + 1] = '"';
		to->at += text.size + 2;
		return true;
	}

	build_byte(to, '"');
	for (size_t i = 0; i < text.size;) {
		size_t end = plain_run(text, i, utf8);

		build_raw(to, slice_of(text.at + i, end - i));
		if (end == text.size)
			break;
		i = end;
		if (text.at[i] < 0x80) {
			json_escape(text.at[i++], to);
			continue;
		}
		if (utf8_valid(slice_from(text, i)) < text.size - i) {
			to->at = before;
			return false;
		}
		utf8 = true;
	}
	build_byte(to, '"');
	return true;
}

static void
json_base64(struct slice bytes, struct build *to)
{
	size_t size = base64_size(bytes.size);

	build_byte(to, '"');
	if (build_room(to, size)) {
		base64_encode(bytes, to->at);
		to->at += size;
	}
	build_byte(to, '"');
}

/* What JSON lacks: {"$name":value}. */
static void
open_special(const char *name, struct build *to)
{
	build_raw(to, slice_text("{\"$"));
	build_raw(to, slice_text(name));
	build_raw(to, slice_text("\":"));
}

static void
json_number(const char *text, int size, struct build *to)
{
	build_raw(to, slice_of(text, (size_t)size));
}

/* A float that is not finite, in quotes; bits of so many hexadecimal digits. */
static void
json_infinite(double value, uint64_t bits, int digits, struct build *to)
{
	uint64_t nan = digits == 16 ? UINT64_C(0x7ff8) << 48 : UINT64_C(0x7fc0) << 16;
	char text[64];
	int size;

	if (isinf(value))
		size = snprintf(
		    text, sizeof text, value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
	else if (bits == nan)
		size = snprintf(text, sizeof text, "\"NaN\"");
	else
		size = snprintf(text, sizeof text, "\"NaN(0x%0*llx)\"", digits,
		    (unsigned long long)bits);
	json_number(text, size, to);
}

static void
json_float32(struct slice bytes, struct build *to)
{
	uint32_t bits = bytes_load_be32(bytes.at + 1);
	char text[NUMBER_TEXT_MAX];
	float value;
	int size = 0;

	memcpy(&value, &bits, sizeof value);
	open_special("float32", to);
	if (isfinite(value)) {
		for (int precision = 6; precision <= 9; precision++) {
			size = snprintf(
			    text, sizeof text, "%.*g", precision, (double)value);
			if ((float)strtod(text, NULL) == value)
				break;
		}
		json_number(text, size, to);
	} else {
		json_infinite((double)value, bits, 8, to);
	}
	build_byte(to, '}');
}

static void
json_float(struct slice bytes, struct build *to)
{
	char text[NUMBER_TEXT_MAX];
	uint64_t bits;
	double value;

	if (bytes.size == 5) {
		json_float32(bytes, to);
		return;
	}
	bits = bytes_load_be64(bytes.at + 1);
	memcpy(&value, &bits, sizeof value);
	if (isfinite(value)) {
		json_number(text, (int)number_format_double(value, text), to);
		return;
	}
	open_special("number", to);
	json_infinite(value, bits, 16, to);
	build_byte(to, '}');
}

static void
json_integer(struct slice bytes, struct build *to)
{
	char text[NUMBER_TEXT_MAX];
	uint64_t positive;
	int64_t integer = 0;

	if (value_uint(bytes, &positive))
		json_number(text, (int)number_format_uint(positive, text), to);
	else if (value_int(bytes, &integer))
		json_number(text, (int)number_format_int(integer, text), to);
}

/* Whether all the keys are strs of UTF-8, each different: what JSON's objects can hold.
 * A bit for each kind of key seen saves most comparisons. */
static bool
are_plain_keys(struct slice map)
{
	struct slice names[RECORD_KEYS_MAX], key, item, text;
	struct value_walk walk;
	uint64_t seen = 0;
	unsigned count = 0;

	assert(value_count(map) <= RECORD_KEYS_MAX);
	for (value_open(map, &walk); value_next(&walk, &key, &item);) {
		uint64_t bit = 1;

		if (!value_str(key, &text) || utf8_valid(text) < text.size)
			return false;
		if (text.size > 0)
			bit <<=
			    (text.size * 5 + text.at[0] * 3u + text.at[text.size - 1]) %
			    64;
		for (unsigned i = 0; (seen & bit) != 0 && i < count; i++)
			if (slice_equal(names[i], text))
				return false;
		seen |= bit;
		names[count++] = text;
	}
	return true;
}

static void
json_pairs(struct slice map, struct build *to)
{
	struct value_walk walk;
	struct slice key, item;
	const char *separator = "";

	open_special("map", to);
	build_byte(to, '[');
	for (value_open(map, &walk); value_next(&walk, &key, &item);) {
		build_raw(to, slice_text(separator));
		separator = ",";
		build_byte(to, '[');
		print_json(key, to);
		build_byte(to, ',');
		print_json(item, to);
		build_byte(to, ']');
	}
	build_raw(to, slice_text("]}"));
}

/* A map whose keys are plain. */
static void
json_object(struct slice map, struct build *to)
{
	bool alone = value_count(map) == 1;
	struct value_walk walk;
	struct slice key, item, text = { NULL, 0 };
	enum json_special special;
	size_t dollars;
	uint8_t separator = '{';

	if (value_count(map) == 0)
		build_byte(to, '{');
	for (value_open(map, &walk); value_next(&walk, &key, &item);) {
		build_byte(to, separator);
		separator = ',';
		(void)value_str(key, &text);
		if (alone && json_special(text, &special, &dollars)) {
			build_raw(to, slice_text("\"$"));
			build_raw(to, text);
			build_byte(to, '"');
		} else {
			(void)json_string(text, to);
		}
		build_byte(to, ':');
		print_json(item, to);
	}
	build_byte(to, '}');
}

static void
json_array(struct slice array, struct build *to)
{
	struct value_walk walk;
	struct slice key, item;
	uint8_t separator = '[';

	if (value_count(array) == 0)
		build_byte(to, '[');
	for (value_open(array, &walk); value_next(&walk, &key, &item);) {
		build_byte(to, separator);
		separator = ',';
		print_json(item, to);
	}
	build_byte(to, ']');
}

static void
json_bytes(struct slice value, enum value_type type, struct build *to)
{
	struct slice bytes = { NULL, 0 };
	char text[NUMBER_TEXT_MAX];
	int8_t ext;

	if (type == VALUE_EXT && value_ext(value, &ext, &bytes)) {
		open_special("ext", to);
		build_byte(to, '[');
		json_number(text, (int)number_format_int(ext, text), to);
		build_byte(to, ',');
		json_base64(bytes, to);
		build_byte(to, ']');
	} else if (value_text(value, &bytes)) {
		open_special(type == VALUE_BIN ? "binary" : "string", to);
		json_base64(bytes, to);
	}
	build_byte(to, '}');
}

void
print_json(struct slice value, struct build *to)
{
	enum value_type type = value_type(value);
	struct slice text;
	bool truth;

	switch (type) {
	case VALUE_NIL:
		build_raw(to, slice_text("null"));
		return;
	case VALUE_BOOL:
		truth = value_bool(value, &truth) && truth;
		build_raw(to, truth ? slice_text("true") : slice_text("false"));
		return;
	case VALUE_INT:
		json_integer(value, to);
		return;
	case VALUE_FLOAT:
		json_float(value, to);
		return;
	case VALUE_ARRAY:
		json_array(value, to);
		return;
	case VALUE_MAP:
		if (are_plain_keys(value))
			json_object(value, to);
		else
			json_pairs(value, to);
		return;
	case VALUE_STR:
		if (value_str(value, &text) && json_string(text, to))
			return;
		break;
	case VALUE_BIN:
	case VALUE_EXT:
		break;
	}
	json_bytes(value, type, to);
}

/* --- Records ---------------------------------------------------------------------- */

enum { SHAPES = 64, KEYS_TEXT_MAX = 4096 };

/* The keys of a shape as JSON, each with what stands before and behind it. */
struct shape_text {
	uint64_t shape;
	bool usable;
	uint16_t end[RECORD_KEYS_MAX];
	uint8_t text[KEYS_TEXT_MAX];
};

struct printer {
	struct shape_text shape[SHAPES];
};

struct printer *
printer_new(void)
{
	return calloc(1, sizeof(struct printer));
}

void
printer_free(struct printer *p)
{
	free(p);
}

/* The keys of a record, unless one is not UTF-8, all are too long, or the only one has a
 * special name. */
static void
learn_keys(struct shape_text *s, const struct record *r)
{
	enum json_special special;
	struct build text;
	size_t dollars;

	s->shape = record_shape_id(r);
	s->usable = r->count > 0 &&
	    (r->count > 1 || !json_special(record_key_at(r, 0), &special, &dollars));
	build_init(&text, s->text, sizeof s->text);
	for (unsigned i = 0; i < r->count && s->usable; i++) {
		build_byte(&text, i == 0 ? '{' : ',');
		s->usable = json_string(record_key_at(r, i), &text);
		build_byte(&text, ':');
		s->usable &= !build_full(&text);
		s->end[i] = (uint16_t)build_slice(&text).size;
	}
}

void
printer_record(struct printer *p, const struct record *r, struct build *to)
{
	struct shape_text *s = &p->shape[record_shape_id(r) % SHAPES];
	unsigned start = 0;

	if (s->shape != record_shape_id(r))
		learn_keys(s, r);
	if (!s->usable) {
		print_json(slice_of(r->bytes, r->size), to);
		return;
	}
	for (unsigned i = 0; i < r->count; i++) {
		build_raw(to, slice_of(s->text + start, s->end[i] - start));
		start = s->end[i];
		print_json(record_value_at(r, i), to);
	}
	build_byte(to, '}');
}
