/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/text/csv.h"
#include "lib/text/print.h"
#include "tests/unit/seed.h"

enum { STORAGE = 4 << 20 };

static struct {
	uint8_t input[STORAGE];
	uint8_t built[STORAGE];
	uint8_t text[STORAGE];
	struct fault fault;
} t;

static const struct csv_format comma = { .separator = ',', .quotes = true };
static const struct csv_format comma_infer = {
	.separator = ',', .quotes = true, .infer = true
};
static const struct csv_format tab = { .separator = '\t' };

/* A parser whose header has been read. */
static struct csv *
with_header(struct csv_format format, const char *header)
{
	struct csv *csv = csv_new(format);

	assert_non_null(csv);
	assert_true(strlen(header) + CSV_PADDING < sizeof t.input);
	strcpy((char *)t.input, header);
	if (!csv_header(csv, slice_of(t.input, strlen(header)), &t.fault))
		fail_msg("%s: byte %zu: %s", header, t.fault.at, t.fault.reason);
	return csv;
}

static bool
row(struct csv *csv, struct slice text, struct build *to)
{
	assert_true(text.size + CSV_PADDING < sizeof t.input);
	memcpy(t.input, text.at, text.size);
	memset(t.input + text.size, ',', CSV_PADDING);
	build_init(to, t.built, sizeof t.built);
	return csv_row(csv, slice_of(t.input, text.size), to, &t.fault);
}

/* The row as JSON. */
static const char *
row_json(struct csv *csv, const char *text)
{
	struct build to, json;

	if (!row(csv, slice_text(text), &to))
		fail_msg("%s: byte %zu: %s", text, t.fault.at, t.fault.reason);
	build_init(&json, t.text, sizeof t.text - 1);
	print_json(build_slice(&to), &json);
	t.text[build_slice(&json).size] = '\0';
	return (const char *)t.text;
}

static void
fields_are_paired_with_the_names_of_the_header(void **state)
{
	struct csv *csv = with_header(comma, "a,b,c");

	(void)state;
	assert_string_equal(row_json(csv, "1,x y,\xc3\xa9"),
	    "{\"a\":\"1\",\"b\":\"x y\",\"c\":\"\xc3\xa9\"}");
	assert_string_equal(row_json(csv, "12345678,123456789,1234567"),
	    "{\"a\":\"12345678\",\"b\":\"123456789\",\"c\":\"1234567\"}");
	csv_free(csv);
}

static void
an_empty_field_is_absent_and_an_empty_text_in_quotes_is_not(void **state)
{
	struct csv_format keep = comma;
	struct csv *csv = with_header(comma, "a,b,c");

	(void)state;
	assert_string_equal(row_json(csv, ",,"), "{}");
	assert_string_equal(row_json(csv, ",\"\","), "{\"b\":\"\"}");
	csv_free(csv);
	keep.keep_empty = true;
	csv = with_header(keep, "a,b,c");
	assert_string_equal(row_json(csv, ",,"), "{\"a\":\"\",\"b\":\"\",\"c\":\"\"}");
	csv_free(csv);
}

static void
quotes_protect_separators_line_breaks_and_quotes(void **state)
{
	struct csv *csv = with_header(comma, "a,\"b,\"\"c\"");

	(void)state;
	assert_string_equal(row_json(csv, "\"1,2\",\"x\r\ny\""),
	    "{\"a\":\"1,2\",\"b,\\\"c\":\"x\\r\\ny\"}");
	assert_string_equal(row_json(csv, "\"a\"\"\"\"b\"\"\",5\" disk"),
	    "{\"a\":\"a\\\"\\\"b\\\"\",\"b,\\\"c\":\"5\\\" disk\"}");
	csv_free(csv);
}

static void
tsv_has_backslashes_and_no_quotes(void **state)
{
	struct csv *csv = with_header(tab, "a\tb");

	(void)state;
	assert_string_equal(row_json(csv, "x\\ty\\nz\\\\\\r\t\"q\""),
	    "{\"a\":\"x\\ty\\nz\\\\\\r\",\"b\":\"\\\"q\\\"\"}");
	assert_string_equal(
	    row_json(csv, "C:\\dir\tend\\"), "{\"a\":\"C:\\\\dir\",\"b\":\"end\\\\\"}");
	csv_free(csv);
}

static void
only_canonical_numbers_become_numbers(void **state)
{
	static const char *const cases[][2] = { { "0", "0" }, { "7", "7" },
		{ "-7", "-7" }, { "18446744073709551615", "18446744073709551615" },
		{ "-9223372036854775808", "-9223372036854775808" }, { "0.0", "0.0" },
		{ "-0.0", "-0.0" }, { "1.50", "1.5" }, { "0.029411764705882353", NULL },
		{ "1e+20", "1e+20" }, { "1e-07", "1e-07" },
		{ "18446744073709551616", "" }, { "-9223372036854775809", "" },
		{ "007", "" }, { "00.5", "" }, { "-0", "" }, { "+5", "" },
		{ "1e5", "" }, { "12e4567", "" }, { "1e+999", "" }, { ".5", "" },
		{ "5.", "" }, { "-", "" }, { "1 ", "" }, { "0x10", "" },
		{ "1.2.3", "" }, { "NaN", "" }, { "--1", "" }, { "\"7\"", "\"7\"" } };
	struct csv *csv = with_header(comma_infer, "a");
	char expected[128];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *text = cases[i][0], *json = cases[i][1];

		if (json == NULL)
			json = text;
		snprintf(expected, sizeof expected,
		    *json == '\0' ? "{\"a\":\"%s\"}" : "{\"a\":%s}",
		    *json == '\0' ? text : json);
		assert_string_equal(row_json(csv, text), expected);
	}
	csv_free(csv);
}

static void
a_wrong_row_is_refused_with_the_place_and_the_reason(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *reason;
	} cases[] = {
		{ "", 0, "an empty line" },
		{ "1", 1, "fewer fields than the header" },
		{ "1,2,3", 4, "more fields than the header" },
		{ "1,2,,3", 5, "more fields than the header" },
		{ "1,2,\"\"", 4, "more fields than the header" },
		{ "\"1,2", 0, "a quote that is not closed" },
		{ "1,\"2\"3", 5, "text after a closing quote" },
		{ "1,\"2\"\"", 2, "a quote that is not closed" },
	};
	struct csv *csv = with_header(comma, "a,b");
	struct build to;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (row(csv, slice_text(cases[i].text), &to))
			fail_msg("%s was accepted", cases[i].text);
		assert_int_equal(build_slice(&to).size, 0);
		assert_int_equal(t.fault.at, cases[i].at);
		assert_string_equal(t.fault.reason, cases[i].reason);
	}
	csv_free(csv);
}

static void
a_field_and_a_header_have_limits(void **state)
{
	struct csv *csv = with_header(comma, "a,b");
	static uint8_t text[2 * RECORD_STRING_MAX + 16];
	struct build to;
	size_t n = 0;

	(void)state;
	memset(text, 'x', sizeof text);
	text[RECORD_STRING_MAX] = ',';
	assert_true(row(csv, slice_of(text, RECORD_STRING_MAX + 2), &to));
	text[RECORD_STRING_MAX] = 'x';
	text[RECORD_STRING_MAX + 1] = ',';
	assert_false(row(csv, slice_of(text, RECORD_STRING_MAX + 3), &to));
	assert_string_equal(t.fault.reason, "a field of more than 64 KiB");
	memset(text, '"', sizeof text);
	text[2 * RECORD_STRING_MAX + 2] = ',';
	assert_true(row(csv, slice_of(text, 2 * RECORD_STRING_MAX + 4), &to) == false);
	text[2 * RECORD_STRING_MAX + 3] = 'x';
	assert_true(row(csv, slice_of(text, 2 * RECORD_STRING_MAX + 4), &to));
	text[2 * RECORD_STRING_MAX + 2] = text[2 * RECORD_STRING_MAX + 3] = '"';
	text[2 * RECORD_STRING_MAX + 4] = ',';
	assert_false(row(csv, slice_of(text, 2 * RECORD_STRING_MAX + 5), &to));
	for (unsigned i = 0; i <= RECORD_KEYS_MAX; i++)
		n += (size_t)sprintf((char *)t.input + n, "%sc%u", i ? "," : "", i);
	assert_false(csv_header(csv, slice_of(t.input, n), &t.fault));
	assert_string_equal(t.fault.reason, "a header of more than 256 columns");
	csv_free(csv);
	csv = with_header(comma, "\xef\xbb\xbfid,,z");
	assert_true(slice_is(csv_column(csv, 0), "id"));
	assert_true(slice_is(csv_column(csv, 1), "column_2"));
	strcpy((char *)t.input, "a,b,a");
	assert_false(csv_header(csv, slice_of(t.input, 5), &t.fault));
	assert_int_equal(t.fault.at, 4);
	csv_free(csv);
}

static void
a_row_ends_with_the_first_line_break_outside_of_quotes(void **state)
{
	static const struct {
		const char *text;
		bool end;
		size_t size;
	} cases[] = {
		{ "a,b\nc", false, 4 },
		{ "a,b\r\nc", false, 5 },
		{ "a,b", false, 0 },
		{ "a,b", true, 3 },
		{ "\n", false, 1 },
		{ "\"a\nb\",c\nd", false, 8 },
		{ "x,\"a\nb\"\nd", false, 8 },
		{ "x,\"a\nb\"\r\nd", false, 9 },
		{ "\"a\"\"\nb\"\nd", false, 8 },
		{ "5\" disk\n\"\n", false, 8 },
		{ "\"a\nb", false, 0 },
		{ "\"a\nb", true, 3 },
		{ "\"a", true, 2 },
		{ "\"a\nb\"", false, 0 },
		{ "\"a\nb\"", true, 5 },
		{ "\"a\nb\"c\nd\n", false, 3 },
		{ "\"a\"b\nd\n", false, 5 },
		{ "\"a\",\"b\nc\",\"d\n", true, 7 },
	};
	struct csv *csv = with_header(comma, "a,b");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (csv_frame(csv, slice_text(cases[i].text), cases[i].end) !=
		    cases[i].size)
			fail_msg("%s: %zu", cases[i].text,
			    csv_frame(csv, slice_text(cases[i].text), cases[i].end));
	memset(t.text, 'x', RECORD_SIZE_MAX);
	memcpy(t.text, "\"a\n", 3);
	assert_int_equal(csv_frame(csv, slice_of(t.text, RECORD_SIZE_MAX), false), 3);
	csv_free(csv);
}

/* Fields of bytes that the dialect must protect, printed, framed and parsed again. */
static void
any_fields_survive_being_printed_and_parsed(void **state)
{
	static const char alphabet[] = ",\"\n\r\t\\ 0-1.xe+";
	struct random r = seeded();
	uint8_t field[3][8], value[16], again[4096];
	struct csv *parser[2] = { NULL, NULL };
	static const char *const names[] = { "a", "b", "c" };

	(void)state;
	for (unsigned n = 0; n < 100000; n++) {
		bool quotes = n % 2 == 0;
		struct csv *csv = parser[quotes];
		struct build text, record, expected;
		size_t size;

		if (csv == NULL) {
			struct csv_format format = { quotes ? ',' : '\t', quotes,
				quotes, !quotes, false };

			csv = parser[quotes] =
			    with_header(format, quotes ? "a,b,c" : "a\tb\tc");
		}
		build_init(&text, t.text, sizeof t.text);
		build_init(&expected, again, sizeof again);
		build_map(&expected, 3);
		for (unsigned i = 0; i < 3; i++) {
			struct build one;

			size = random_next(&r) % sizeof field[i];
			for (size_t k = 0; k < size; k++)
				field[i][k] = (uint8_t)
				    alphabet[random_next(&r) % (sizeof alphabet - 1)];
			build_init(&one, value, sizeof value);
			build_str(&one, slice_of(field[i], size));
			build_text(&expected, names[i]);
			build_raw(&expected, build_slice(&one));
			if (i > 0)
				build_byte(&text, quotes ? ',' : '\t');
			print_cell(
			    build_slice(&one), quotes ? PRINT_CSV : PRINT_TSV, &text);
		}
		build_byte(&text, '\n');
		size = csv_frame(csv, build_slice(&text), false);
		if (size != build_slice(&text).size)
			fail_msg("framed %zu of %.*s", size,
			    (int)build_slice(&text).size, (const char *)t.text);
		if (!row(csv, slice_of(t.text, size - 1), &record))
			fail_msg("%.*s: %s", (int)size, (const char *)t.text,
			    t.fault.reason);
		if (!slice_equal(build_slice(&record), build_slice(&expected)))
			fail_msg("%.*s", (int)size, (const char *)t.text);
	}
	csv_free(parser[0]);
	csv_free(parser[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_paired_with_the_names_of_the_header),
		cmocka_unit_test(
		    an_empty_field_is_absent_and_an_empty_text_in_quotes_is_not),
		cmocka_unit_test(quotes_protect_separators_line_breaks_and_quotes),
		cmocka_unit_test(tsv_has_backslashes_and_no_quotes),
		cmocka_unit_test(only_canonical_numbers_become_numbers),
		cmocka_unit_test(a_wrong_row_is_refused_with_the_place_and_the_reason),
		cmocka_unit_test(a_field_and_a_header_have_limits),
		cmocka_unit_test(
		    a_row_ends_with_the_first_line_break_outside_of_quotes),
		cmocka_unit_test(any_fields_survive_being_printed_and_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
