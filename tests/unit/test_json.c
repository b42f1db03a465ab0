/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/text/base64.h"
#include "lib/text/json.h"
#include "lib/text/print.h"
#include "lib/text/utf8.h"
#include "tests/unit/seed.h"

enum { STORAGE = 2 * RECORD_SIZE_MAX };

/* One of each, for all tests of this file. */
static struct {
	struct json *json;
	uint8_t built[STORAGE], again[STORAGE];
	uint8_t line[STORAGE];
	uint8_t text[PRINT_SIZE_MAX];
	struct fault fault;
} t;

static int
open_parser(void **state)
{
	(void)state;
	t.json = json_new();
	return t.json == NULL;
}

static int
close_parser(void **state)
{
	(void)state;
	json_free(t.json);
	return 0;
}

/* Parse a copy whose padding is of the byte given. */
static bool
parse_padded(struct slice text, struct build *to, uint8_t padding)
{
	assert_true(text.size + JSON_PADDING <= sizeof t.line);
	memcpy(t.line, text.at, text.size);
	memset(t.line + text.size, padding, JSON_PADDING);
	build_init(to, t.built, sizeof t.built);
	t.fault = (struct fault){ SIZE_MAX, NULL };
	return json_parse(t.json, slice_of(t.line, text.size), to, &t.fault);
}

static struct slice
parse(const char *text)
{
	struct build to;

	if (!parse_padded(slice_text(text), &to, '}'))
		fail_msg("%s: byte %zu: %s", text, t.fault.at, t.fault.reason);
	return build_slice(&to);
}

static void
expect_bytes(const char *text, const char *bytes, size_t size)
{
	struct slice built = parse(text);

	assert_int_equal(built.size, size);
	assert_memory_equal(built.at, bytes, size);
}

#define EXPECT(text, bytes) expect_bytes(text, bytes, sizeof(bytes) - 1)

static void
an_object_becomes_a_map_of_the_shortest_forms(void **state)
{
	(void)state;
	EXPECT("{}", "\x80");
	EXPECT(" \t{ } \r", "\x80");
	EXPECT("{\"a\":1}",
	    "\x81\xa1"
	    "a\x01");
	EXPECT("{\"a\":-1,\"b\":128}",
	    "\x82\xa1"
	    "a\xff\xa1"
	    "b\xcc\x80");
	EXPECT("{\"a\":18446744073709551615}",
	    "\x81\xa1"
	    "a\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
	EXPECT("{\"a\":-9223372036854775808}",
	    "\x81\xa1"
	    "a\xd3\x80\0\0\0\0\0\0\0");
	EXPECT("{\"a\":1.0}",
	    "\x81\xa1"
	    "a\xcb\x3f\xf0\0\0\0\0\0\0");
	EXPECT("{\"a\":-0.0}",
	    "\x81\xa1"
	    "a\xcb\x80\0\0\0\0\0\0\0");
	EXPECT("{\"a\":1E3}",
	    "\x81\xa1"
	    "a\xcb\x40\x8f\x40\0\0\0\0\0");
	EXPECT("{\"a\" : [ true , false,null ] }",
	    "\x81\xa1"
	    "a\x93\xc3\xc2\xc0");
	EXPECT("{\"a\":{\"b\":[]},\"\":\"\"}",
	    "\x82\xa1"
	    "a\x81\xa1"
	    "b\x90\xa0\xa0");
}

static void
escapes_are_undone_in_keys_and_values(void **state)
{
	(void)state;
	EXPECT("{\"\\u0061\\\"\":\"\\b\\f\\n\\r\\t\\/\\\\\"}",
	    "\x81\xa2"
	    "a\"\xa7\b\f\n\r\t/\\");
	EXPECT("{\"a\":\"\\u00e9\\u20AC\\uD83D\\uDE00\\u0000\"}",
	    "\x81\xa1"
	    "a\xaa\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0");
	EXPECT("{\"a\":\"x\\\\\",\"b\":\"\\\\\\\"\"}",
	    "\x82\xa1"
	    "a\xa2x\\\xa1"
	    "b\xa2\\\"");
}

struct refused {
	const char *text;
	size_t at;
	const char *reason;
};

static void
a_malformed_text_is_refused_with_the_place_and_the_reason(void **state)
{
	static const struct refused cases[] = {
		{ "", 0, "an empty line" },
		{ "  ", 0, "an empty line" },
		{ "[1]", 0, "not a JSON object" },
		{ "\"a\"", 0, "not a JSON object" },
		{ "7", 0, "not a JSON object" },
		{ "{\"a\":1}}", 7, "something after the object" },
		{ "{\"a\":1} x", 8, "something after the object" },
		{ "{\"a\":1}{\"b\":2}", 7, "something after the object" },
		{ "{\"a\":1", 6, "a comma or closing brace is missing" },
		{ "{\"a\":", 5, "it ends too early" },
		{ "{\"a\"", 4, "a colon is missing" },
		{ "{", 1, "a key is missing" },
		{ "{,}", 1, "a key is missing" },
		{ "{\"a\":1,}", 7, "a key is missing" },
		{ "{\"a\":1 \"b\":2}", 7, "a comma or closing brace is missing" },
		{ "{\"a\",1}", 4, "a colon is missing" },
		{ "{\"a\":,}", 5, "a value is missing" },
		{ "{\"a\":}", 5, "a value is missing" },
		{ "{a:1}", 1, "a key is missing" },
		{ "{1:1}", 1, "a key is missing" },
		{ "{'a':1}", 1, "a key is missing" },
		{ "{\"a\":[1,]}", 8, "a value is missing" },
		{ "{\"a\":[1", 7, "a comma or closing bracket is missing" },
		{ "{\"a\":[1}", 7, "a comma or closing bracket is missing" },
		{ "{\"a\":01}", 5, "a number that begins with 0" },
		{ "{\"a\":-01.5}", 5, "a number that begins with 0" },
		{ "{\"a\":1.}", 5, "a number that is malformed or beyond float64" },
		{ "{\"a\":1.e3}", 5, "a number that is malformed or beyond float64" },
		{ "{\"a\":1e400}", 5, "a number that is malformed or beyond float64" },
		{ "{\"a\":1e}", 5, "a number that is malformed or beyond float64" },
		{ "{\"a\":-}", 5, "neither a number nor true, false, null" },
		{ "{\"a\":.5}", 5, "neither a number nor true, false, null" },
		{ "{\"a\":+1}", 5, "neither a number nor true, false, null" },
		{ "{\"a\":0x1}", 5, "neither a number nor true, false, null" },
		{ "{\"a\":NaN}", 5, "neither a number nor true, false, null" },
		{ "{\"a\":12\"b\"}", 5, "neither a number nor true, false, null" },
		{ "{\"a\":truer}", 5, "neither a number nor true, false, null" },
		{ "{\"a\":nul}", 5, "neither a number nor true, false, null" },
		{ "{\"a\":18446744073709551616}", 5,
		    "an integer of more than 64 bits" },
		{ "{\"a\":-9223372036854775809}", 5,
		    "an integer of more than 64 bits" },
		{ "{\"a\":123456789012345678901234}", 5,
		    "an integer of more than 64 bits" },
		{ "{\"a\":1,\"b\":2,\"a\":3}", 13, "a key that occurs twice" },
		{ "{\"a\":{\"b\":2,\"\\u0062\":3}}", 12, "a key that occurs twice" },
		{ "{\"a\":\"b}", 5, "a string that is not closed" },
		{ "{\"a\":\"b\\\"}", 5, "a string that is not closed" },
		{ "{\"a\":\"b\tc\"}", 7, "a control character in a string" },
		{ "{\"a\":\"b\xff\"}", 7, "not UTF-8" },
		{ "{\"a\":\"\xed\xa0\x80\"}", 6, "not UTF-8" },
		{ "{\"a\":\"\\x\"}", 6, "an unknown escape" },
		{ "{\"a\":\"\\u12g4\"}", 6, "a \\u escape that is no character" },
		{ "{\"a\":\"\\ud800\"}", 6, "a \\u escape that is no character" },
		{ "{\"a\":\"\\udc00\\ud800\"}", 6,
		    "a \\u escape that is no character" },
		{ "{\"a\":\"\\ud800\\n\"}", 6, "a \\u escape that is no character" },
		{ "{\"a\":1}\"", 7, "a string that is not closed" },
	};
	struct build to;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct refused *c = &cases[i];

		if (parse_padded(slice_text(c->text), &to, '}'))
			fail_msg("%s was accepted", c->text);
		assert_int_equal(build_slice(&to).size, 0);
		if (t.fault.at != c->at || strcmp(t.fault.reason, c->reason) != 0)
			fail_msg(
			    "%s: byte %zu: %s", c->text, t.fault.at, t.fault.reason);
	}
}

static void
a_text_cut_off_anywhere_is_refused_whatever_follows_it(void **state)
{
	static const char text[] = "{\"a\":[1,-2.5,{\"b\":\"c\\u00e9\"}],\"$x\":"
				   "{\"$binary\":\"AAE=\"},\"d\":null}";
	static const uint8_t paddings[] = "}\"]0 \n\\";
	struct build to;

	(void)state;
	for (size_t size = 0; size < sizeof text - 1; size++)
		for (size_t p = 0; p < sizeof paddings; p++)
			if (parse_padded(slice_of(text, size), &to, paddings[p]))
				fail_msg("the first %zu bytes were accepted", size);
	for (size_t p = 0; p < sizeof paddings; p++)
		assert_true(parse_padded(slice_text(text), &to, paddings[p]));
}

/* {"k":{"k":...1...}} with so many objects. */
static size_t
nest(char *to, unsigned depth, bool arrays)
{
	size_t n = (size_t)sprintf(to, "{\"k\":");

	for (unsigned i = 1; i < depth; i++)
		n += (size_t)sprintf(to + n, arrays ? "[" : "{\"k\":");
	n += (size_t)sprintf(to + n, "1");
	for (unsigned i = 1; i < depth; i++)
		n += (size_t)sprintf(to + n, arrays ? "]" : "}");
	return n + (size_t)sprintf(to + n, "}");
}

static void
the_limits_of_a_record_are_kept(void **state)
{
	static char text[STORAGE / 2];
	struct build to;
	size_t n;

	(void)state;
	for (unsigned arrays = 0; arrays < 2; arrays++) {
		n = nest(text, RECORD_DEPTH_MAX, arrays);
		assert_true(parse_padded(slice_of(text, n), &to, 0));
		n = nest(text, RECORD_DEPTH_MAX + 1, arrays);
		assert_false(parse_padded(slice_of(text, n), &to, 0));
		assert_string_equal(t.fault.reason, "nested deeper than 8");
	}
	n = nest(text, RECORD_DEPTH_MAX + 1, false);
	memcpy(strstr(text, "{\"k\":1}"), "{     }", 7);
	assert_false(parse_padded(slice_of(text, n), &to, 0));
	for (unsigned keys = RECORD_KEYS_MAX; keys <= RECORD_KEYS_MAX + 1; keys++) {
		n = (size_t)sprintf(text, "{");
		for (unsigned i = 0; i < keys; i++)
			n += (size_t)sprintf(
			    text + n, "%s\"%u\":%u", i ? "," : "", i, i);
		n += (size_t)sprintf(text + n, "}");
		assert_int_equal(
		    parse_padded(slice_of(text, n), &to, 0), keys == RECORD_KEYS_MAX);
	}
	assert_string_equal(t.fault.reason, "an object of more than 256 keys");
	for (size_t size = RECORD_STRING_MAX; size <= RECORD_STRING_MAX + 1; size++) {
		n = (size_t)sprintf(text, "{\"a\":\"%0*d\"}", (int)size, 0);
		assert_int_equal(
		    parse_padded(slice_of(text, n), &to, 0), size == RECORD_STRING_MAX);
	}
	assert_string_equal(t.fault.reason, "a string of more than 64 KiB");
	for (size_t size = RECORD_KEY_SIZE_MAX; size <= RECORD_KEY_SIZE_MAX + 1;
	     size++) {
		n = (size_t)sprintf(text, "{\"%0*d\":1}", (int)size, 0);
		assert_int_equal(parse_padded(slice_of(text, n), &to, 0),
		    size == RECORD_KEY_SIZE_MAX);
	}
	assert_string_equal(t.fault.reason, "a key of more than 255 bytes");
	memset(text, ' ', sizeof text);
	memcpy(text, "{}", 2);
	assert_true(parse_padded(slice_of(text, RECORD_SIZE_MAX), &to, 0));
	memset(t.line, ' ', sizeof t.line);
	build_init(&to, t.built, sizeof t.built);
	assert_false(
	    json_parse(t.json, slice_of(t.line, RECORD_SIZE_MAX + 1), &to, &t.fault));
}

static void
a_builder_that_becomes_full_is_a_fault_and_is_left_as_it_was(void **state)
{
	static const char text[] = "{\"a\":\"0123456789\",\"b\":[1,2,3]}";
	size_t whole = parse(text).size;
	struct build to;

	(void)state;
	memcpy(t.line, text, sizeof text);
	for (size_t size = 0; size <= whole + 16; size++) {
		build_init(&to, t.built, size);
		if (json_parse(
			t.json, slice_of(t.line, sizeof text - 1), &to, &t.fault)) {
			assert_true(size >= whole);
			assert_int_equal(build_slice(&to).size, whole);
		} else {
			assert_true(size < whole + 9);
			assert_int_equal(build_slice(&to).size, 0);
			assert_false(build_full(&to));
		}
	}
}

static void
what_json_lacks_has_a_form_of_its_own(void **state)
{
	(void)state;
	EXPECT("{\"a\":{\"$binary\":\"AAEC\"}}",
	    "\x81\xa1"
	    "a\xc4\x03\0\1\2");
	EXPECT("{\"a\":{\"$string\":\"/w==\"}}",
	    "\x81\xa1"
	    "a\xa1\xff");
	EXPECT("{\"a\":{\"$ext\":[-1,\"AAAAAA==\"]}}",
	    "\x81\xa1"
	    "a\xd6\xff\0\0\0\0");
	EXPECT("{\"a\":{\"$float32\":1.5}}",
	    "\x81\xa1"
	    "a\xca\x3f\xc0\0\0");
	EXPECT("{\"a\":{\"$float32\":\"NaN\"}}",
	    "\x81\xa1"
	    "a\xca\x7f\xc0\0\0");
	EXPECT("{\"a\":{\"$number\":\"-Infinity\"}}",
	    "\x81\xa1"
	    "a\xcb\xff\xf0\0\0\0\0\0\0");
	EXPECT("{\"a\":{\"$number\":\"NaN(0x7ff0000000000001)\"}}",
	    "\x81\xa1"
	    "a\xcb\x7f\xf0\0\0\0\0\0\1");
	EXPECT("{\"a\":{\"$map\":[[1,2],[\"b\",{\"$map\":[]}]]}}",
	    "\x81\xa1"
	    "a\x82\1\2\xa1"
	    "b\x80");
	EXPECT("{\"$ext\":[66,\"AQ==\"]}", "\xd4\x42\x01");
	EXPECT("{\"$map\":[[{\"$string\":\"/w==\"},1]]}", "\x81\xa1\xff\1");
}

static void
a_key_that_begins_with_a_dollar_is_plain_where_it_is_not_mistaken(void **state)
{
	(void)state;
	EXPECT("{\"$set\":1}", "\x81\xa4$set\1");
	EXPECT("{\"$$set\":1}", "\x81\xa5$$set\1");
	EXPECT("{\"$binary\":\"AA==\"}",
	    "\x81\xa7$binary\xa4"
	    "AA==");
	EXPECT("{\"$$binary\":\"AA==\"}",
	    "\x81\xa7$binary\xa4"
	    "AA==");
	EXPECT("{\"a\":{\"$$binary\":\"AA==\"}}",
	    "\x81\xa1"
	    "a\x81\xa7$binary\xa4"
	    "AA==");
	EXPECT("{\"a\":{\"$$$ext\":1}}",
	    "\x81\xa1"
	    "a\x81\xa5$$ext\1");
	EXPECT("{\"a\":{\"$binary\":\"A\"}}",
	    "\x81\xa1"
	    "a\x81\xa7$binary\xa1"
	    "A");
	EXPECT("{\"a\":{\"$ext\":[200,\"AA==\"]}}",
	    "\x81\xa1"
	    "a\x81\xa4$ext\x92\xcc\xc8\xa4"
	    "AA==");
	EXPECT("{\"a\":{\"$number\":12}}",
	    "\x81\xa1"
	    "a\x81\xa7$number\x0c");
	EXPECT("{\"a\":{\"$binary\":\"AA==\",\"b\":1}}",
	    "\x81\xa1"
	    "a\x82\xa7$binary\xa4"
	    "AA==\xa1"
	    "b\1");
	EXPECT("{\"a\":{\"$map\":1}}",
	    "\x81\xa1"
	    "a\x81\xa4$map\1");
}

static void
a_map_form_that_is_wrong_or_no_record_is_refused(void **state)
{
	static const char *const cases[] = { "{\"a\":{\"$map\":[1]}}",
		"{\"a\":{\"$map\":[[1]]}}", "{\"a\":{\"$map\":[[1,2,3]]}}",
		"{\"$map\":[[1,2]]}", "{\"$map\":[[\"a\",1],[\"a\",2]]}" };
	struct build to;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_false(parse_padded(slice_text(cases[i]), &to, 0));
		assert_string_equal(
		    t.fault.reason, "$map wants a list of [key, value] pairs");
	}
}

/* --- Random records --------------------------------------------------------------- */

static void
random_bytes(struct random *r, uint8_t *to, size_t size)
{
	bool ascii = random_next(r) % 2 == 0;

	for (size_t i = 0; i < size; i++) {
		uint64_t c = random_next(r);

		to[i] = (uint8_t)(ascii ? 0x20 + c % 0x5f : c);
	}
}

static size_t
random_size(struct random *r)
{
	return (size_t)(random_next(r) % (random_next(r) % 16 == 0 ? 300 : 12));
}

static void
random_text(struct random *r, struct build *b)
{
	static const char *const names[] = { "$binary", "$$ext", "$map", "$", "$string",
		"\"", "\\", "\n", "\xc3\xa9", "\xf0\x9f\x98\x80", "a" };
	uint8_t bytes[300];
	size_t size = random_size(r);

	if (random_next(r) % 3 == 0) {
		build_text(b, names[random_next(r) % (sizeof names / sizeof *names)]);
		return;
	}
	random_bytes(r, bytes, size);
	build_str(b, slice_of(bytes, size));
}

static void
random_scalar(struct random *r, struct build *b)
{
	uint64_t bits = random_next(r);
	uint8_t bytes[300];
	uint32_t half = (uint32_t)bits;
	size_t size = random_size(r);
	double d;
	float f;

	switch (random_next(r) % 9) {
	case 0:
		build_nil(b);
		break;
	case 1:
		build_bool(b, bits & 1);
		break;
	case 2:
		build_int(b, (int64_t)bits >> (random_next(r) % 64));
		break;
	case 3:
		build_uint(b, bits >> (random_next(r) % 64));
		break;
	case 4:
		bits |= random_next(r) % 4 == 0 ? UINT64_C(0x7ff) << 52 : 0;
		memcpy(&d, &bits, sizeof d);
		if (random_next(r) % 2 == 0)
			d = (double)(int64_t)(bits >> 40) / 1000;
		build_double(b, d);
		break;
	case 5:
		half |= random_next(r) % 4 == 0 ? UINT32_C(0xff) << 23 : 0;
		memcpy(&f, &half, sizeof f);
		build_float(b, f);
		break;
	case 6:
		random_bytes(r, bytes, size);
		build_bin(b, slice_of(bytes, size));
		break;
	case 7:
		random_bytes(r, bytes, size);
		build_ext(b, (int8_t)bits, slice_of(bytes, size));
		break;
	default:
		random_text(r, b);
	}
}

static void
random_value(struct random *r, struct build *b, unsigned depth)
{
	uint32_t n = (uint32_t)(random_next(r) % (random_next(r) % 32 == 0 ? 40 : 4));
	bool map = random_next(r) % 2 == 0;

	if (depth > RECORD_DEPTH_MAX || random_next(r) % 4 != 0) {
		random_scalar(r, b);
		return;
	}
	if (map)
		build_map(b, n);
	else
		build_array(b, n);
	for (uint32_t i = 0; i < n; i++) {
		if (map && random_next(r) % 8 == 0)
			random_value(r, b, depth + 1);
		else if (map)
			random_text(r, b);
		random_value(r, b, depth + 1);
	}
}

static void
any_record_survives_being_printed_and_parsed(void **state)
{
	struct random r = seeded();
	struct reader *reader = reader_new();
	struct build b, text, again;
	struct printer *printer = printer_new();
	struct record record;
	struct slice fast;
	unsigned records = 0;
	size_t need;

	(void)state;
	while (records < 20000) {
		uint32_t n = (uint32_t)(random_next(&r) % 5);

		build_init(&b, t.again, sizeof t.again - RECORD_PADDING);
		build_map(&b, n);
		for (uint32_t i = 0; i < n; i++) {
			random_text(&r, &b);
			random_value(&r, &b, 2);
		}
		/* A key may occur twice: then it is no record. */
		if (record_scan(reader, build_slice(&b), &record, &t.fault, &need) !=
		    SCAN_RECORD)
			continue;
		records++;
		build_init(&text, t.text, sizeof t.text);
		printer_record(printer, &record, &text);
		fast = build_slice(&text);
		text.start = text.at;
		print_json(build_slice(&b), &text);
		assert_true(slice_equal(fast, build_slice(&text)));
		assert_false(build_full(&text));
		if (!parse_padded(build_slice(&text), &again, '"'))
			fail_msg("%.*s: byte %zu: %s", (int)build_slice(&text).size,
			    (const char *)t.text, t.fault.at, t.fault.reason);
		if (!slice_equal(build_slice(&b), build_slice(&again)))
			fail_msg(
			    "%.*s", (int)build_slice(&text).size, (const char *)t.text);
	}
	printer_free(printer);
	reader_free(reader);
}

static void
base64_agrees_with_the_vectors_of_rfc_4648(void **state)
{
	static const char *const plain[] = { "", "f", "fo", "foo", "foob", "fooba",
		"foobar" };
	static const char *const coded[] = { "", "Zg==", "Zm8=", "Zm9v",
		"Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	static const char *const wrong[] = { "Zg=", "Zg",
		"Z===", "====", "Zh==", "Zm9=", "Zm9v=", "Zm 9", "Zg==Zg==", "Zm-_" };
	uint8_t to[16];
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		base64_encode(slice_text(plain[i]), to);
		assert_int_equal(base64_size(strlen(plain[i])), strlen(coded[i]));
		assert_memory_equal(to, coded[i], strlen(coded[i]));
		assert_true(base64_decoded_size(slice_text(coded[i]), &size));
		assert_int_equal(size, strlen(plain[i]));
		assert_true(base64_decode(slice_text(coded[i]), to));
		assert_memory_equal(to, plain[i], size);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(base64_decode(slice_text(wrong[i]), to));
}

static void
utf8_is_every_scalar_value_and_nothing_else(void **state)
{
	static const char *const wrong[] = { "\x80", "\xc0\x80", "\xc1\xbf",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82",
		"\xf0\x9f\x98" };
	uint8_t bytes[4];
	uint32_t back;

	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		unsigned size;

		if (c == 0xd800)
			c = 0xe000;
		size = utf8_encode(c, bytes);
		if (utf8_decode(slice_of(bytes, size), &back) != size || back != c)
			fail_msg("U+%04X", c);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(utf8_decode(slice_text(wrong[i]), &back), 0);
		assert_int_equal(utf8_valid(slice_text(wrong[i])), 0);
	}
	assert_int_equal(utf8_valid(slice_text("0123456789abcde\xc3\xa9\xff")), 17);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_becomes_a_map_of_the_shortest_forms),
		cmocka_unit_test(escapes_are_undone_in_keys_and_values),
		cmocka_unit_test(
		    a_malformed_text_is_refused_with_the_place_and_the_reason),
		cmocka_unit_test(
		    a_text_cut_off_anywhere_is_refused_whatever_follows_it),
		cmocka_unit_test(the_limits_of_a_record_are_kept),
		cmocka_unit_test(
		    a_builder_that_becomes_full_is_a_fault_and_is_left_as_it_was),
		cmocka_unit_test(what_json_lacks_has_a_form_of_its_own),
		cmocka_unit_test(
		    a_key_that_begins_with_a_dollar_is_plain_where_it_is_not_mistaken),
		cmocka_unit_test(a_map_form_that_is_wrong_or_no_record_is_refused),
		cmocka_unit_test(any_record_survives_being_printed_and_parsed),
		cmocka_unit_test(base64_agrees_with_the_vectors_of_rfc_4648),
		cmocka_unit_test(utf8_is_every_scalar_value_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, open_parser, close_parser);
}
