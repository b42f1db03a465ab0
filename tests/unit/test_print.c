/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text/cell.h"
#include "lib/text/columns.h"
#include "lib/text/json.h"
#include "lib/text/page.h"
#include "lib/text/print.h"
#include "lib/text/utf8.h"

enum { STORAGE = 1 << 16 };

static struct {
	struct json *json;
	uint8_t built[STORAGE + RECORD_PADDING];
	char text[STORAGE];
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

/* The map that the JSON says; valid until the next. */
static struct slice
record(const char *json)
{
	static char line[STORAGE + JSON_PADDING];
	struct fault fault;
	struct build to;

	assert_true(strlen(json) < STORAGE);
	strcpy(line, json);
	build_init(&to, t.built, STORAGE);
	if (!json_parse(t.json, slice_of(line, strlen(json)), &to, &fault))
		fail_msg("%s: %s", json, fault.reason);
	return build_slice(&to);
}

/* The value of "v". */
static struct slice
value(const char *json)
{
	char text[4096];
	struct slice v;

	snprintf(text, sizeof text, "{\"v\":%s}", json);
	assert_true(value_get(record(text), "v", &v));
	return v;
}

static const char *
terminated(const struct build *b)
{
	struct slice text = build_slice(b);

	assert_false(build_full(b));
	assert_true(text.size < sizeof t.text);
	t.text[text.size] = '\0';
	return t.text;
}

static const char *
cell(const char *json, enum print_style style)
{
	struct build to;

	build_init(&to, t.text, sizeof t.text - 1);
	print_cell(value(json), style, &to);
	return terminated(&to);
}

static void
a_cell_is_quoted_as_its_style_says(void **state)
{
	(void)state;
	assert_string_equal(cell("\"plain text\"", PRINT_CSV), "plain text");
	assert_string_equal(cell("\"a,\\\"b\\\"\"", PRINT_CSV), "\"a,\"\"b\"\"\"");
	assert_string_equal(cell("\"\"", PRINT_CSV), "\"\"");
	assert_string_equal(cell("\"12\"", PRINT_CSV), "\"12\"");
	assert_string_equal(cell("12", PRINT_CSV), "12");
	assert_string_equal(cell("null", PRINT_CSV), "");
	assert_string_equal(cell("[1,\"a\"]", PRINT_CSV), "\"[1,\"\"a\"\"]\"");
	assert_string_equal(cell("{\"$number\":\"NaN\"}", PRINT_CSV),
	    "\"{\"\"$number\"\":\"\"NaN\"\"}\"");
	assert_string_equal(cell("\"a\\tb\\\\c\\nd\"", PRINT_TSV), "a\\tb\\\\c\\nd");
	assert_string_equal(cell("[\"a\\t\"]", PRINT_TSV), "[\"a\\\\t\"]");
	assert_string_equal(cell("\"a b\"", PRINT_LOGFMT), "\"a b\"");
	assert_string_equal(cell("\"a=b\"", PRINT_LOGFMT), "\"a=b\"");
	assert_string_equal(cell("\"\\u0001\"", PRINT_LOGFMT), "\"\\u0001\"");
	assert_string_equal(cell("\"\"", PRINT_LOGFMT), "\"\"");
	assert_string_equal(cell("true", PRINT_LOGFMT), "true");
}

static void
a_name_of_logfmt_has_no_spaces(void **state)
{
	struct build to;

	(void)state;
	build_init(&to, t.text, sizeof t.text - 1);
	print_name(slice_text("a b=\"c\""), PRINT_LOGFMT, &to);
	assert_string_equal(terminated(&to), "a_b__c_");
}

static const char *
shown(const char *name, const char *json)
{
	struct build to;

	build_init(&to, t.text, sizeof t.text - 1);
	(void)cell_format(slice_text(name), value(json), &to);
	return terminated(&to);
}

static void
a_person_reads_units_from_the_name_of_the_column(void **state)
{
	(void)state;
	assert_string_equal(
	    shown("timestamp", "1574553793442536"), "2019-11-24T00:03:13.442536Z");
	assert_string_equal(
	    shown("dims.starts_at", "1574553793000000"), "2019-11-24T00:03:13Z");
	assert_string_equal(shown("timestamp", "12"), "12");
	assert_string_equal(shown("price_micros", "12340000"), "12.34");
	assert_string_equal(shown("price_micros", "-5"), "-0.000005");
	assert_string_equal(shown("price_micros", "1000000"), "1.00");
	assert_string_equal(
	    shown("price_micros", "-9223372036854775808"), "-9223372036854.775808");
	assert_string_equal(shown("delay_us", "250"), "250us");
	assert_string_equal(shown("delay_us", "-12345678"), "-12.3s");
	assert_string_equal(shown("window_us", "5400000000"), "1h30m");
	assert_string_equal(shown("window_us", "-5400000000"), "-1h30m");
	assert_string_equal(shown("ctr", "0.00508259114456"), "0.005083");
	assert_string_equal(shown("x", "0.00000512345"), "0.0000051");
	assert_string_equal(shown("x", "1234.5678"), "1234.57");
	assert_string_equal(shown("x", "-0.0"), "0");
	assert_string_equal(shown("x", "{\"$number\":\"NaN\"}"), "nan");
	assert_string_equal(shown("x", "{\"$number\":\"-Infinity\"}"), "-inf");
	assert_string_equal(shown("ci", "[0.0123456,0.5]"), "[0.01235, 0.5]");
	assert_string_equal(shown("x", "{\"$binary\":\"AAE=\"}"), "<2 bytes>");
	assert_string_equal(shown("x", "{\"a\":[1]}"), "{\"a\":[1]}");
	assert_string_equal(shown("x", "null"), "-");
}

static void
no_text_can_steer_the_terminal(void **state)
{
	(void)state;
	assert_string_equal(shown("x", "\"a\\u001b[31m\\u0085\\u202e\\u200fb\\n\""),
	    "a\xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	    "b\xef\xbf\xbd");
	assert_string_equal(shown("x", "{\"$string\":\"YWL/\"}"), "ab\xef\xbf\xbd");
}

static void
width_counts_what_a_terminal_shows(void **state)
{
	size_t width;
	struct slice cut;

	(void)state;
	assert_int_equal(cell_width(slice_text("abc")), 3);
	assert_int_equal(cell_width(slice_text("\xe6\x97\xa5\xe6\x9c\xac")), 4);
	assert_int_equal(cell_width(slice_text("e\xcc\x81")), 1);
	assert_int_equal(cell_width(slice_text("\xf0\x9f\x98\x80")), 2);
	cut = cell_cut(slice_text("a\xe6\x97\xa5\xe6\x9c\xac"), 4, &width);
	assert_int_equal(cut.size, 4);
	assert_int_equal(width, 3);
	cut = cell_cut(slice_text("e\xcc\x81x"), 1, &width);
	assert_int_equal(cut.size, 3);
	assert_int_equal(utf8_width(0x3042), 2);
	assert_int_equal(utf8_width(0xe9), 1);
	assert_int_equal(utf8_width(0x0301), 0);
}

static void
columns_are_paths_into_nested_maps(void **state)
{
	struct columns *c = columns_new();
	struct slice values[COLUMNS_MAX];
	struct slice map = record("{\"a\":1,\"b\":{\"c\":2,\"d\":{\"e\":3}},\"f\":{},"
				  "\"g\":[{\"h\":4}]}");

	(void)state;
	assert_non_null(c);
	assert_int_equal(columns_add_leaves(c, map), 5);
	assert_true(slice_is(columns_name(c, 1), "b.c"));
	assert_true(slice_is(columns_name(c, 2), "b.d.e"));
	assert_true(slice_is(columns_name(c, 3), "f"));
	assert_int_equal(columns_match(c, map, values), 0);
	assert_int_equal(values[2].at[0], 3);
	map = record("{\"b\":{\"x\":1,\"c\":7},\"a\":5,\"z\":{\"y\":1}}");
	assert_int_equal(columns_match(c, map, values), 2);
	assert_int_equal(values[0].at[0], 5);
	assert_int_equal(values[1].at[0], 7);
	assert_null(values[2].at);
	columns_clear(c);
	assert_true(columns_add(c, slice_text("b.c")));
	assert_true(columns_add(c, slice_text("b")));
	assert_true(columns_add(c, slice_text("b")));
	assert_int_equal(columns_count(c), 2);
	map = record("{\"b\":{\"c\":9}}");
	assert_int_equal(columns_match(c, map, values), 0);
	assert_int_equal(values[0].at[0], 9);
	assert_int_equal(value_type(values[1]), VALUE_MAP);
	map = record("{\"b.c\":8}");
	(void)columns_match(c, map, values);
	assert_int_equal(values[0].at[0], 8);
	columns_free(c);
}

static void
more_columns_than_there_is_room_for_are_refused(void **state)
{
	struct columns *c = columns_new();
	char name[32];

	(void)state;
	for (unsigned i = 0; i <= COLUMNS_MAX; i++) {
		snprintf(name, sizeof name, "c%u", i);
		assert_int_equal(columns_add(c, slice_text(name)), i < COLUMNS_MAX);
	}
	columns_free(c);
}

/* The lines of a page. */
static const char *
lines(struct page *p)
{
	struct build to;

	build_init(&to, t.text, sizeof t.text - 1);
	while (page_line(p, &to))
		;
	return terminated(&to);
}

static void
a_page_is_aligned_and_the_next_goes_on_below_it(void **state)
{
	struct page *p = page_new(2, 0);

	(void)state;
	assert_non_null(p);
	assert_string_equal(lines(p), "");
	assert_true(page_add(p, record("{\"name\":\"ab\",\"n\":5}")));
	assert_true(page_add(p, record("{\"name\":\"abcdef\",\"n\":123}")));
	assert_false(page_add(p, record("{\"name\":\"x\",\"n\":1}")));
	assert_string_equal(lines(p),
	    "name      n\n"
	    "------  ---\n"
	    "ab        5\n"
	    "abcdef  123\n");
	assert_true(page_add(p, record("{\"n\":1,\"name\":\"x\"}")));
	assert_string_equal(lines(p), "x         1\n");
	assert_true(page_add(p, record("{\"name\":\"x\",\"n\":1234}")));
	assert_string_equal(lines(p),
	    "\nname     n\n"
	    "----  ----\n"
	    "x     1234\n");
	assert_true(page_add(p, record("{\"other\":true}")));
	assert_string_equal(lines(p), "\nother\n-----\ntrue\n");
	page_free(p);
}

static void
a_narrow_page_cuts_texts_and_then_leaves_columns_out(void **state)
{
	struct page *p = page_new(10, 40);

	(void)state;
	assert_true(page_add(p,
	    record("{\"a\":\"0123456789012345678901234567890123456789\",\"b\":77,"
		   "\"c\":\"0123456789\"}")));
	assert_string_equal(lines(p),
	    "a                          b  c\n"
	    "------------------------  --  ----------\n"
	    "01234567890123456789012\xe2\x80\xa6  77  0123456789\n");
	assert_true(page_add(p,
	    record(
		"{\"long_number\":1234567890123456789,\"b\":\"01234567890123456789\","
		"\"c\":\"0123456789\",\"d\":1}")));
	assert_string_equal(lines(p),
	    "\n        long_number  +3 more\n"
	    "-------------------\n"
	    "1234567890123456789\n");
	page_free(p);
}

static void
a_page_goes_on_from_what_it_remembers(void **state)
{
	struct page *a = page_new(2, 0), *b = page_new(2, 0);
	static uint8_t layout[STORAGE], records[STORAGE];
	struct slice held;
	struct build to;

	(void)state;
	assert_true(page_add(a, record("{\"name\":\"abcdef\",\"n\":123}")));
	(void)lines(a);
	assert_true(page_add(a, record("{\"name\":\"x\",\"n\":1}")));
	build_init(&to, layout, sizeof layout);
	page_layout(a, &to);
	held = page_records(a);
	memcpy(records, held.at, held.size);
	assert_true(page_restore(b, slice_of(records, held.size), build_slice(&to)));
	assert_true(page_add(b, record("{\"name\":\"y\",\"n\":2}")));
	assert_true(page_is_full(b));
	assert_string_equal(lines(b),
	    "x         1\n"
	    "y         2\n");
	page_free(a);
	page_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cell_is_quoted_as_its_style_says),
		cmocka_unit_test(a_name_of_logfmt_has_no_spaces),
		cmocka_unit_test(a_person_reads_units_from_the_name_of_the_column),
		cmocka_unit_test(no_text_can_steer_the_terminal),
		cmocka_unit_test(width_counts_what_a_terminal_shows),
		cmocka_unit_test(columns_are_paths_into_nested_maps),
		cmocka_unit_test(more_columns_than_there_is_room_for_are_refused),
		cmocka_unit_test(a_page_is_aligned_and_the_next_goes_on_below_it),
		cmocka_unit_test(a_narrow_page_cuts_texts_and_then_leaves_columns_out),
		cmocka_unit_test(a_page_goes_on_from_what_it_remembers),
	};

	return cmocka_run_group_tests(tests, open_parser, close_parser);
}
