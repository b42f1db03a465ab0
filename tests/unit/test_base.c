/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/number.h"
#include "lib/hash.h"
#include "tests/unit/seed.h"

static void
integers_are_read_to_the_ends_of_their_range(void **state)
{
	static const char *no_uint[] = { "", "-1", "+1", " 1", "1 ", "1.0", "0x1",
		"18446744073709551616", "99999999999999999999", "1a" };
	static const char *no_int[] = { "", "-", "--1", "9223372036854775808",
		"-9223372036854775809", "1-" };
	uint64_t u;
	int64_t i;

	(void)state;
	assert_true(number_parse_uint(slice_text("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	assert_true(number_parse_uint(slice_text("00000000000000000000000007"), &u));
	assert_int_equal(u, 7);
	assert_true(number_parse_int(slice_text("-9223372036854775808"), &i));
	assert_true(i == INT64_MIN);
	assert_true(number_parse_int(slice_text("9223372036854775807"), &i));
	assert_true(i == INT64_MAX);
	for (size_t n = 0; n < sizeof no_uint / sizeof no_uint[0]; n++)
		if (number_parse_uint(slice_text(no_uint[n]), &u))
			fail_msg("\"%s\" was taken for a count", no_uint[n]);
	for (size_t n = 0; n < sizeof no_int / sizeof no_int[0]; n++)
		if (number_parse_int(slice_text(no_int[n]), &i))
			fail_msg("\"%s\" was taken for an integer", no_int[n]);
}

static void
integers_are_written_as_printf_does(void **state)
{
	struct random r = seeded();
	char ours[NUMBER_TEXT_MAX], theirs[NUMBER_TEXT_MAX];

	(void)state;
	for (int n = 0; n < 100000; n++) {
		uint64_t u = random_next(&r) >> (n % 64);
		int64_t i = (int64_t)u;

		snprintf(theirs, sizeof theirs, "%" PRIu64, u);
		assert_int_equal(number_format_uint(u, ours), strlen(theirs));
		assert_memory_equal(ours, theirs, strlen(theirs));
		snprintf(theirs, sizeof theirs, "%" PRId64, i);
		assert_int_equal(number_format_int(i, ours), strlen(theirs));
		assert_memory_equal(ours, theirs, strlen(theirs));
	}
}

static void
a_double_survives_being_written_and_read(void **state)
{
	struct random r = seeded();
	char text[NUMBER_TEXT_MAX];

	(void)state;
	for (int n = 0; n < 50000; n++) {
		uint64_t bits = random_next(&r);
		double x, back;
		unsigned size;

		memcpy(&x, &bits, sizeof x);
		if (!isfinite(x))
			continue;
		if (n % 2 == 0) /* as logs have them */
			x = (double)(bits % 100000000) / 1000.0;
		size = number_format_double(x, text);
		assert_true(size < NUMBER_TEXT_MAX);
		assert_true(number_parse_double(slice_of(text, size), &back));
		assert_memory_equal(&x, &back, sizeof x);
		assert_true(memchr(text, '.', size) != NULL || memchr(text, 'e', size));
	}
	assert_int_equal(number_format_double(0.1, text), 3);
	assert_memory_equal(text, "0.1", 3);
	assert_int_equal(number_format_double(5, text), 3);
	assert_memory_equal(text, "5.0", 3);
}

static void
a_double_is_read_as_strtod_reads_it(void **state)
{
	struct random r = seeded();
	char text[64];

	(void)state;
	for (int n = 0; n < 100000; n++) {
		uint64_t digits = random_next(&r) >> (random_next(&r) % 64);
		int point = (int)(random_next(&r) % 23);
		double ours, theirs;

		switch (n % 3) {
		case 0:
			snprintf(
			    text, sizeof text, "%" PRIu64 "e%d", digits, point - 11);
			break;
		case 1:
			snprintf(text, sizeof text, "-%" PRIu64 ".%0*" PRIu64,
			    digits >> 32, point + 1, digits & 0xffff);
			break;
		default:
			snprintf(text, sizeof text, "%" PRIu64, digits);
		}
		theirs = strtod(text, NULL);
		assert_true(number_parse_double(slice_text(text), &ours));
		if (memcmp(&ours, &theirs, sizeof ours) != 0)
			fail_msg("%s: %a, not %a", text, ours, theirs);
	}
}

static void
a_text_that_is_no_number_is_refused(void **state)
{
	static const char *cases[] = { "", "-", ".", "1.", ".5", "1e", "1e+", "e5",
		"nan", "inf", "Infinity", "0x10", "1e999", "-1e999", "1 ", "+1", "1,5",
		"--1", "1.2.3", "1e5.0" };
	double x;

	(void)state;
	for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++)
		if (number_parse_double(slice_text(cases[n]), &x))
			fail_msg("\"%s\" was taken for a number", cases[n]);
}

static void
a_percentage_is_a_share(void **state)
{
	static const char *wrong[] = { "", "%", "5", "5%%", "5% ", "-1%", "100.1%",
		"nan%", "1e400%", "%5" };
	double x = 3;

	(void)state;
	assert_true(number_parse_percent(slice_text("0.5%"), &x) && x == 0.005);
	assert_true(number_parse_percent(slice_text("0%"), &x) && x == 0);
	assert_true(number_parse_percent(slice_text("1e2%"), &x) && x == 1);
	for (size_t n = 0; n < sizeof wrong / sizeof wrong[0]; n++)
		if (number_parse_percent(slice_text(wrong[n]), &x))
			fail_msg("\"%s\" was taken for a percentage", wrong[n]);
	assert_true(x == 1);
}

static void
a_decimal_is_scaled_exactly(void **state)
{
	static const struct {
		const char *text;
		unsigned scale;
		int64_t value;
	} cases[] = { { "12.34", 6, 12340000 }, { "0.1", 6, 100000 },
		{ "-0.1", 6, -100000 }, { "19.99", 2, 1999 }, { "1.005", 2, 101 },
		{ "-1.005", 2, -101 }, { "1.0049", 2, 100 }, { "2.5", 0, 3 },
		{ "-2.5", 0, -3 }, { "7", 0, 7 },
		{ "9223372036854.775807", 6, INT64_MAX }, { "0.0000004999999", 6, 0 },
		{ "0.0000005", 6, 1 } };
	static const char *refused[] = { "", "1e3", "9223372036854.775808", "1.", "x",
		"99999999999999999999" };
	int64_t value;

	(void)state;
	for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
		assert_true(number_parse_decimal(
		    slice_text(cases[n].text), cases[n].scale, &value));
		assert_int_equal(value, cases[n].value);
	}
	for (size_t n = 0; n < sizeof refused / sizeof refused[0]; n++)
		if (number_parse_decimal(slice_text(refused[n]), 6, &value))
			fail_msg("\"%s\" was taken for a decimal", refused[n]);
}

static void
a_size_has_a_suffix_in_powers_of_1024(void **state)
{
	static const char *refused[] = { "", "K", "64m", "1.5G", "1KB", "16777216T",
		"-1" };
	uint64_t size;

	(void)state;
	assert_true(number_parse_size(slice_text("64M"), &size));
	assert_int_equal(size, 64 << 20);
	assert_true(number_parse_size(slice_text("0"), &size));
	assert_int_equal(size, 0);
	assert_true(number_parse_size(slice_text("16777215T"), &size));
	assert_int_equal(size, UINT64_C(16777215) << 40);
	for (size_t n = 0; n < sizeof refused / sizeof refused[0]; n++)
		if (number_parse_size(slice_text(refused[n]), &size))
			fail_msg("\"%s\" was taken for a size", refused[n]);
}

static void
bytes_are_stored_in_the_order_named(void **state)
{
	uint8_t at[9];
	size_t sum;

	(void)state;
	bytes_store_be64(at + 1, UINT64_C(0x0102030405060708));
	assert_memory_equal(at + 1, "\1\2\3\4\5\6\7\10", 8);
	assert_true(bytes_load_be64(at + 1) == UINT64_C(0x0102030405060708));
	assert_true(bytes_load_le64(at + 1) == UINT64_C(0x0807060504030201));
	bytes_store_le32(at + 1, 0x01020304);
	assert_memory_equal(at + 1, "\4\3\2\1", 4);
	assert_int_equal(bytes_load_be32(at + 1), 0x04030201);
	bytes_store_be16(at + 1, 0x0102);
	assert_int_equal(bytes_load_be16(at + 1), 0x0102);
	assert_false(bytes_add(SIZE_MAX, 1, &sum));
	assert_true(bytes_add(SIZE_MAX - 1, 1, &sum));
	assert_false(bytes_multiply(SIZE_MAX / 2, 3, &sum));
	assert_int_equal(bytes_power_of_two(0), 0);
	assert_int_equal(bytes_power_of_two(1023), 512);
	assert_int_equal(bytes_power_of_two(1024), 1024);
}

static void
slices_are_compared_searched_and_trimmed(void **state)
{
	struct slice s = slice_text("\t a b \t");

	(void)state;
	assert_true(slice_is(slice_trim(s), "a b"));
	assert_true(slice_is(slice_trim(slice_text(" \t ")), ""));
	assert_int_equal(slice_find(s, 'b'), 4);
	assert_int_equal(slice_find(s, 'x'), s.size);
	assert_int_equal(slice_find(slice_of(NULL, 0), 'x'), 0);
	assert_true(slice_compare(slice_text("a"), slice_text("ab")) < 0);
	assert_true(slice_compare(slice_text("b"), slice_text("ab")) > 0);
	assert_true(slice_compare(slice_text("\x80"), slice_text("a")) > 0);
	assert_int_equal(slice_compare(slice_text(""), slice_of(NULL, 0)), 0);
	assert_false(slice_equal(slice_text("a"), slice_text("b")));
}

static void
an_error_text_is_cut_to_fit(void **state)
{
	struct error error;
	char large[2000];

	(void)state;
	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	assert_int_equal(error_set(&error, "%d %s", 7, large), -1);
	assert_int_equal(strlen(error.text), sizeof error.text - 1);
	assert_memory_equal(error.text, "7 xxx", 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_read_to_the_ends_of_their_range),
		cmocka_unit_test(integers_are_written_as_printf_does),
		cmocka_unit_test(a_double_survives_being_written_and_read),
		cmocka_unit_test(a_double_is_read_as_strtod_reads_it),
		cmocka_unit_test(a_text_that_is_no_number_is_refused),
		cmocka_unit_test(a_percentage_is_a_share),
		cmocka_unit_test(a_decimal_is_scaled_exactly),
		cmocka_unit_test(a_size_has_a_suffix_in_powers_of_1024),
		cmocka_unit_test(bytes_are_stored_in_the_order_named),
		cmocka_unit_test(slices_are_compared_searched_and_trimmed),
		cmocka_unit_test(an_error_text_is_cut_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
