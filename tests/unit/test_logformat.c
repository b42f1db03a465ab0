/* SPDX-License-Identifier: MIT */
#include "lib/text/logformat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/record/value.h"
#include "lib/text/accesslog.h"
#include "lib/text/detect.h"

enum { LINE_MAX_SIZE = 4096 };

static const char usual[] =
    "10.0.0.1 - anna [17/May/2015:10:05:03 +0000] \"GET /a?b=1 HTTP/1.1\" 200 51 "
    "\"http://h/\" \"Mozilla/5.0 (X11)\"";

/* The text with the padding that a line needs behind it. */
static struct slice
padded(const char *text)
{
	static uint8_t storage[LINE_MAX_SIZE + LOGFORMAT_PADDING];
	size_t size = strlen(text);

	assert_true(size <= LINE_MAX_SIZE);
	memcpy(storage, text, size);
	memset(storage + size, '"', LOGFORMAT_PADDING);
	return slice_of(storage, size);
}

static struct logformat *
compiled(const char *format)
{
	const char *named = logformat_named(slice_text(format));
	struct error error;
	struct logformat *f =
	    logformat_new(slice_text(named != NULL ? named : format), &error);

	if (f == NULL)
		fail_msg("%s: %s", format, error.text);
	return f;
}

static void
a_line_is_taken_apart(void **state)
{
	struct logformat *f = compiled("combined");
	struct logformat_value v[LOGFORMAT_FIELDS_MAX];
	struct fault fault;

	(void)state;
	for (int again = 0; again < 2; again++) {
		assert_true(logformat_run(f, padded(usual), v, &fault));
		assert_int_equal(logformat_fields(f), 9);
		assert_true(slice_is(v[0].text, "10.0.0.1"));
		assert_null(v[1].text.at);
		assert_true(slice_is(v[2].text, "anna"));
		assert_int_equal(v[3].number, 1431857103000000);
		assert_true(slice_is(v[4].text, "GET /a?b=1 HTTP/1.1"));
		assert_int_equal(v[5].number, 200);
		assert_int_equal(v[6].number, 51);
		assert_true(slice_is(v[7].text, "http://h/"));
		assert_true(slice_is(v[8].text, "Mozilla/5.0 (X11)"));
		assert_true(v[8].ascii && !v[8].escaped);
	}
	logformat_free(f);
}

static void
a_fault_names_the_byte_and_the_variable(void **state)
{
	static const struct {
		const char *line;
		size_t at;
		const char *reason;
	} cases[] = {
		{ "", 0, "the line is empty" },
		{ "x", 1, "no ' ' after $remote_addr" },
		{ "300.1.1.1 - - [", 0, "$remote_addr is no address" },
		{ "1.1.1.1 - - 17/May/2015:10:05:03 +0000]", 39,
		    "no ' [' after $remote_user" },
		{ "1.1.1.1 - - [17/May/2015:10:05:03 +0000] GET", 39,
		    "no '] \"' after $time_local" },
		{ "1.1.1.1 - - [17/Mai/2015:10:05:03 +0000] \"\" 1 1 \"\" \"\"", 13,
		    "$time_local is no time of this form" },
		{ "1.1.1.1 - - [-] \"\" 1 1 \"\" \"\"", 13,
		    "$time_local is no time of this form" },
		{ "1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"a\"b\" 1 1 \"\" \"\"", 43,
		    "no '\" ' after $request" },
		{ "1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"\" 2x0 1 \"\" \"\"", 44,
		    "$status is no number" },
		{ "1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"\" -1 1 \"\" \"\"", 44,
		    "$status is no number" },
		{ "1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"\" 9999999999999999999 1 "
		  "\"\" \"\"",
		    44, "$status is no number" },
		{ "1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"\" 1 1 \"\" \"cut", 55,
		    "no '\"' after $http_user_agent" },
		{ "1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"\" 1 1 \"\" \"cut\\\"",
		    57, "no '\"' after $http_user_agent" },
		{ "1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"\" 1 1 \"\" \"ua\" x", 55,
		    "something follows what the format describes" },
	};
	struct logformat *f = compiled("combined");
	struct logformat_value v[LOGFORMAT_FIELDS_MAX];
	struct fault fault;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (logformat_run(f, padded(cases[i].line), v, &fault))
			fail_msg("'%s' was taken", cases[i].line);
		assert_string_equal(fault.reason, cases[i].reason);
		if (fault.at != cases[i].at)
			fail_msg("'%s': byte %zu, not %zu", cases[i].line, fault.at,
			    cases[i].at);
	}
	logformat_free(f);
}

static void
a_line_that_is_cut_anywhere_is_refused(void **state)
{
	struct logformat *f = compiled("combined");
	struct logformat_value v[LOGFORMAT_FIELDS_MAX];
	char cut[sizeof usual];
	struct fault fault;

	(void)state;
	for (size_t size = 0; size < sizeof usual - 1; size++) {
		memcpy(cut, usual, size);
		cut[size] = '\0';
		assert_false(logformat_run(f, padded(cut), v, &fault));
		assert_true(fault.at <= size);
	}
	logformat_free(f);
}

/* What the quick path reads is what the careful one reads: a format whose types are not
 * known, with the same literal texts, must agree about where the variables end. */
static void
typed_and_untyped_variables_end_at_the_same_bytes(void **state)
{
	static const char alphabet[] = "0123456789.:-abf x\"[]\\ +/";
	struct logformat *typed =
	    compiled("$remote_addr $status [$request_time] \"$host\"");
	struct logformat *plain = compiled("$a $b [$c] \"$d\"");
	struct logformat_value v[LOGFORMAT_FIELDS_MAX], w[LOGFORMAT_FIELDS_MAX];
	struct random r = { 7 };
	unsigned taken = 0;
	char line[64];
	struct fault fault;

	(void)state;
	for (int n = 0; n < 300000; n++) {
		int size = snprintf(line, sizeof line, "10.0.0.%u %u [0.%u] \"h\"",
		    (unsigned)random_next(&r) % 300, (unsigned)random_next(&r) % 1000,
		    (unsigned)random_next(&r) % 1000);

		if (n % 4 != 0)
			line[random_next(&r) % (unsigned)size] =
			    alphabet[random_next(&r) % (sizeof alphabet - 1)];
		if (!logformat_run(typed, padded(line), v, &fault))
			continue;
		taken++;
		assert_true(logformat_run(plain, padded(line), w, &fault));
		for (int i = 0; i < 4; i++) {
			assert_true(slice_equal(v[i].text, w[i].text));
			assert_int_equal(v[i].text.at == NULL, w[i].text.at == NULL);
		}
	}
	assert_true(taken > 50000);
	logformat_free(typed);
	logformat_free(plain);
}

static void
a_format_that_cannot_be_run_is_refused(void **state)
{
	static const struct {
		const char *format, *error;
	} cases[] = {
		{ "", "log format: no variable in it" },
		{ "plain", "log format: no variable in it" },
		{ "$", "log format: '$' without a name at byte 0" },
		{ "a ${b", "log format: no '}' after the name at byte 4" },
		{ "$a$b",
		    "log format: nothing separates the variable at byte 0 from the "
		    "next" },
		{ "$a $a", "log format: the variable at byte 3 was there before" },
	};
	char large[5000];
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_null(logformat_new(slice_text(cases[i].format), &error));
		assert_string_equal(error.text, cases[i].error);
	}
	memset(large, 'x', sizeof large);
	assert_null(logformat_new(slice_of(large, sizeof large), &error));
	assert_null(logformat_new(slice_of(large, 100), &error));
	for (size_t i = 0; i + 3 <= sizeof large; i += 3)
		memcpy(large + i, "$a ", 3);
	assert_null(logformat_new(slice_of(large, 300), &error));
	assert_null(accesslog_new(slice_text("$remote_addr $status"), &error));
	assert_null(accesslog_new(slice_text("$msec $url \"$request\""), &error));
	assert_null(accesslog_new(slice_text("$msec $event"), &error));
}

static void
escapes_of_nginx_and_apache_are_undone(void **state)
{
	static const struct {
		const char *text, *plain;
	} cases[] = { { "plain", "plain" }, { "\\x22\\x5C", "\"\\" },
		{ "\\\"q\\\"", "\"q\"" }, { "a\\\\n", "a\\n" },
		{ "\\t\\n\\r", "\t\n\r" }, { "\\u00e9\\u0001", "\xc3\xa9\x01" },
		{ "\\ud800", "\\ud800" }, { "\\x4", "\\x4" }, { "\\xzz", "\\xzz" },
		{ "end\\", "end\\" }, { "\\q", "\\q" } };
	uint8_t to[64];
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size = logformat_unescape(slice_text(cases[i].text), to);
		assert_true(slice_is(slice_of(to, size), cases[i].plain));
		assert_true(size <= strlen(cases[i].text));
	}
}

static void
addresses_are_checked(void **state)
{
	static const char *good[] = { "1.2.3.4", "255.255.255.255", "0.0.0.0", "::1",
		"2001:db8::1", "::ffff:10.0.0.1", "unix:", "localhost", "a-b.example",
		"piweba3y.prodigy.com", "1.2.3.4.example", "3com.com" };
	static const char *bad[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1..2.3",
		"1.2.3.", ".1.2.3", "1:2", ":::", "unix:x", "a b", "a\"b", "1.2.3.4444",
		"h\x80", "2001:db8::1%eth0" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (!logformat_is_address(slice_text(good[i])))
			fail_msg("'%s' was refused", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (logformat_is_address(slice_text(bad[i])))
			fail_msg("'%s' was taken", bad[i]);
}

static void
a_record_larger_than_the_builder_leaves_it_full(void **state)
{
	struct error error;
	struct accesslog *a = accesslog_new(slice_text("combined"), &error);
	uint8_t storage[1024];
	struct slice id = slice_text("abcdefghijklmnopqrstuv"), event_id, value;
	struct fault fault;
	struct build b;

	(void)state;
	assert_non_null(a);
	for (size_t room = 0; room < sizeof storage; room++) {
		build_init(&b, storage, room);
		assert_true(accesslog_read(a, padded(usual), &fault));
		accesslog_build(a, id, &b, &event_id);
		if (build_full(&b))
			continue;
		assert_int_equal(value_size(storage), build_slice(&b).size);
		assert_true(value_get(build_slice(&b), "bytes_sent", &value));
		assert_true(room > 200);
	}
	assert_false(build_full(&b));
	assert_true(slice_equal(event_id, id));
	accesslog_free(a);
}

static void
next_id(struct line_ids *ids, struct slice line, uint8_t to[LINE_ID_SIZE])
{
	line_ids_begin(ids, line);
	line_ids_end(ids, to);
}

static void
equal_lines_have_different_ids_and_a_second_run_the_same(void **state)
{
	struct line_ids *a = line_ids_new(), *b = line_ids_new(), *c = line_ids_new();
	uint8_t ids[3][LINE_ID_SIZE], again[LINE_ID_SIZE];

	(void)state;
	assert_true(a != NULL && b != NULL && c != NULL);
	for (int i = 0; i < 3; i++)
		next_id(a, slice_text("same"), ids[i]);
	assert_memory_not_equal(ids[0], ids[1], LINE_ID_SIZE);
	assert_memory_not_equal(ids[1], ids[2], LINE_ID_SIZE);
	for (int i = 0; i < 2; i++) {
		next_id(b, slice_text("same"), again);
		assert_memory_equal(again, ids[i], LINE_ID_SIZE);
	}
	assert_int_equal(line_ids_state(b).size, LINE_IDS_SIZE);
	line_ids_restore(c, line_ids_state(b));
	next_id(c, slice_text("same"), again);
	assert_memory_equal(again, ids[2], LINE_ID_SIZE);
	/* XXH3 of no bytes is 99aa06d3014798d86001c324468d497f. */
	next_id(c, slice_text(""), again);
	assert_memory_equal(again, "maoG0wFHmNhgAcMkRo1Jfw", LINE_ID_SIZE);
	line_ids_free(a);
	line_ids_free(b);
	line_ids_free(c);
}

static void
the_format_is_found_by_the_first_line_that_has_one(void **state)
{
	static const struct {
		const char *text, *format;
	} cases[] = {
		{ "{\"a\":1}\n", "json" },
		{ "\nrubbish, all of it\n {\"a\":1} \r\n", "json" },
		{ "a,b\n", "csv" },
		{ "\xef\xbb\xbf\"Invoice No.\",Price ($)\r\n", "csv" },
		{ "a;b\n", "csv;" },
		{ "host\tlogname\ttime\n", "tsv" },
		{ "1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.0\" 200 1\n",
		    "common" },
		{ "1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.0\" 200 1 "
		  "\"-\" "
		  "\"-\"\n",
		    "combined" },
	};
	const char *format;
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size = strlen(cases[i].text);
		assert_int_equal(
		    detect_format(padded(cases[i].text), false, &format), DETECT_FOUND);
		assert_string_equal(format, cases[i].format);
		/* As long as the line is not complete, more is needed. */
		for (size_t n = 0; n < size; n++)
			assert_int_equal(
			    detect_format(
				slice_of(padded(cases[i].text).at, n), false, &format),
			    DETECT_MORE);
		assert_int_equal(
		    detect_format(
			slice_of(padded(cases[i].text).at, size - 1), true, &format),
		    DETECT_FOUND);
	}
	assert_int_equal(detect_format(padded("rubbish"), true, &format), DETECT_NONE);
	assert_int_equal(detect_format(padded(""), true, &format), DETECT_NONE);
	assert_int_equal(
	    detect_format(padded("\x81\xa1"), false, &format), DETECT_RECORDS);
	assert_int_equal(
	    detect_format(
		padded("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n{}\n"), false, &format),
	    DETECT_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_taken_apart),
		cmocka_unit_test(a_fault_names_the_byte_and_the_variable),
		cmocka_unit_test(a_line_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(typed_and_untyped_variables_end_at_the_same_bytes),
		cmocka_unit_test(a_format_that_cannot_be_run_is_refused),
		cmocka_unit_test(escapes_of_nginx_and_apache_are_undone),
		cmocka_unit_test(addresses_are_checked),
		cmocka_unit_test(a_record_larger_than_the_builder_leaves_it_full),
		cmocka_unit_test(
		    equal_lines_have_different_ids_and_a_second_run_the_same),
		cmocka_unit_test(the_format_is_found_by_the_first_line_that_has_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
