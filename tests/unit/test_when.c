/* SPDX-License-Identifier: MIT */
#include "lib/when.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "tests/unit/seed.h"

static void
a_span_is_read_and_written_back(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = { { "0", 0 }, { "250ms", 250000 }, { "90s", 90000000 },
		{ "10m", 600000000 }, { "24h", 86400000000 }, { "7d", 604800000000 },
		{ "1h30m", 5400000000 }, { "1us", 1 }, { "36525d", 36525 * WHEN_DAY } };
	char text[64];
	struct span span, again;
	unsigned size;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_true(when_parse_span(slice_text(cases[i].text), &span));
		assert_int_equal(span.us, cases[i].us);
		size = when_format_span(span, text);
		assert_int_equal(size, strlen(text));
		assert_true(when_parse_span(slice_text(text), &again));
		assert_int_equal(again.us, cases[i].us);
	}
	when_format_span((struct span){ 5400000000 }, text);
	assert_string_equal(text, "1h30m");
	when_format_span((struct span){ 86400000000 }, text);
	assert_string_equal(text, "1d");
	when_format_span((struct span){ -1500000 }, text);
	assert_string_equal(text, "-1s500ms");
}

static void
a_text_that_is_no_span_is_refused(void **state)
{
	static const char *cases[] = { "", "5", "h", "1x", "1h30", "-1h", "1.5h", " 1h",
		"1h ", "1H", "36526d", "99999999999999999999s", "36525d1us",
		"9223372036854775807d" };
	struct span span;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (when_parse_span(slice_text(cases[i]), &span))
			fail_msg("\"%s\" was taken for a span", cases[i]);
}

static void
days_and_dates_agree_with_the_c_library(void **state)
{
	struct random r = seeded();

	(void)state;
	for (int i = 0; i < 100000; i++) {
		int64_t days = (int64_t)hash_bucket(random_next(&r), 2000000) - 1000000;
		time_t t = (time_t)(days * 86400);
		struct tm tm;
		int64_t year;
		unsigned month, day;

		assert_non_null(gmtime_r(&t, &tm));
		when_date(days, &year, &month, &day);
		assert_int_equal(year, tm.tm_year + 1900);
		assert_int_equal(month, tm.tm_mon + 1);
		assert_int_equal(day, tm.tm_mday);
		assert_int_equal(when_days(year, month, day), days);
	}
}

static void
an_instant_is_written_and_read_back(void **state)
{
	struct random r = seeded();
	char text[40];
	instant again;
	unsigned size;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		instant t =
		    (instant)hash_bucket(random_next(&r), 2 * WHEN_MAX) - WHEN_MAX;

		if (i % 3 == 0)
			t -= t % 1000;
		if (i % 7 == 0)
			t -= t % WHEN_SECOND;
		size = when_format(t, text);
		assert_int_equal(size, strlen(text));
		assert_true(when_parse_iso(slice_text(text), &again));
		assert_int_equal(again, t);
	}
	when_format(1574553793442536, text);
	assert_string_equal(text, "2019-11-24T00:03:13.442536Z");
	when_format(1574553793442000, text);
	assert_string_equal(text, "2019-11-24T00:03:13.442Z");
	when_format(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
	when_format(INT64_MAX, text);
	assert_string_equal(text, "294247-01-10T04:00:54.775807Z");
	when_format(INT64_MIN, text);
	assert_string_equal(text, "-290308-12-21T19:59:05.224192Z");
}

static void
every_usual_form_of_a_time_is_read(void **state)
{
	static const struct {
		const char *text;
		instant t;
	} cases[] = { { "2019-11-24T00:03:13Z", 1574553793000000 },
		{ "2019-11-24 00:03:13.442536+00:00", 1574553793442536 },
		{ "2019-11-24 00:03:13 UTC", 1574553793000000 },
		{ "2019-11-24", 1574553600000000 },
		{ "2019-11-24t01:03:13.5+0100", 1574553793500000 },
		{ "2019-11-23T19:03:13-05", 1574553793000000 },
		{ "2019-11-24 00:03:13,4425369 +00:00", 1574553793442536 },
		{ "2019-11-24 00:03", 1574553780000000 },
		{ "2016-12-31T23:59:60Z", 1483228800000000 },
		{ "17/May/2015:10:05:03 +0000", 1431857103000000 },
		{ "17/May/2015:10:05:03 -0730", 1431884103000000 },
		{ "Sun, 24 Nov 2019 00:03:13 +0000", 1574553793000000 },
		{ "Sun, 24 Nov 2019 00:03:13 GMT", 1574553793000000 },
		{ "4 Jul 1997 12:00 +0200", 868010400000000 },
		{ "1574553793", 1574553793000000 },
		{ "1574553793.442536", 1574553793442536 },
		{ "1574553793442.5369", 1574553793442536 },
		{ "1574553793442536", 1574553793442536 },
		{ "1574553793442536999", 1574553793442536 }, { "-1.25", -1250000 },
		{ "-0.25", -250000 }, { "0", 0 } };
	instant t;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (!when_parse_any(slice_text(cases[i].text), &t))
			fail_msg("\"%s\" was refused", cases[i].text);
		assert_int_equal(t, cases[i].t);
	}
	assert_true(when_parse_epoch(slice_text("5"), WHEN_SECOND, &t));
	assert_int_equal(t, 5000000);
	assert_true(when_parse_epoch(slice_text("1500999"), 0, &t));
	assert_int_equal(t, 1500);
}

static void
a_time_that_does_not_exist_is_refused(void **state)
{
	static const char *cases[] = { "", "-", "x", "2019-02-29", "2019-13-01",
		"2019-00-10", "2019-04-31", "1900-02-29", "2019-11-24T24:00:00Z",
		"2019-11-24T00:60:00Z", "2019-11-24T00:00:61Z", "2019-11-24T",
		"2019-11-24T00:03:13.Z", "2019-11-24T00:03:13+24:00", "2019-11-24X",
		"2019-11-24T00:03:13Zx", "2019-11-24T00:03:13+01:00 ", "0000-01-01",
		"9999-12-31", "17/Mai/2015:10:05:03 +0000", "17/May/2015:10:05:03",
		"17/May/2015:10:05:03 +000", "17/May/2015:10:05:03 +00000",
		"17/May/2015:10:05 +0000", "31/Apr/2015:10:05:03 +0000",
		"Foo, 24 Nov 2019 00:03:13 +0000", "Sun, 24 Nov 2019 00:03:13",
		"Sun, 24 Nov 2019 00:03:13 EST", "1.", ".5", "1.2.3",
		"9223372036854775808", "1e9" };
	instant t;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (when_parse_any(slice_text(cases[i]), &t))
			fail_msg("\"%s\" was taken for a time", cases[i]);
	assert_true(when_parse_any(slice_text("2000-02-29"), &t));
	assert_true(when_parse_any(slice_text("2016-02-29"), &t));
}

static void
a_number_has_the_unit_that_its_magnitude_tells(void **state)
{
	instant t;

	(void)state;
	assert_true(when_from_integer(1574553793, &t));
	assert_int_equal(t, 1574553793000000);
	assert_true(when_from_integer(1574553793442, &t));
	assert_int_equal(t, 1574553793442000);
	assert_true(when_from_integer(1574553793442536, &t));
	assert_int_equal(t, 1574553793442536);
	assert_true(when_from_integer(1574553793442536001, &t));
	assert_int_equal(t, 1574553793442536);
	assert_true(when_from_number(1574553793.442536, &t));
	assert_int_equal(t, 1574553793442536);
	assert_false(when_from_integer(99999999999, &t));
	assert_false(when_from_number(1e300, &t));
	assert_false(when_from_number(nan(""), &t));
	assert_false(when_from_number(-HUGE_VAL, &t));
}

static void
the_watermark_follows_the_largest_timestamp(void **state)
{
	struct watermark w;

	(void)state;
	watermark_init(
	    &w, (struct span){ 10 * WHEN_SECOND }, (struct span){ WHEN_HOUR });
	assert_int_equal(watermark_now(&w), WHEN_NEVER);
	assert_true(watermark_see(&w, 100 * WHEN_SECOND, WHEN_NEVER));
	assert_true(watermark_see(&w, 130 * WHEN_SECOND, WHEN_NEVER));
	assert_true(watermark_see(&w, 110 * WHEN_SECOND, WHEN_NEVER));
	assert_int_equal(watermark_now(&w), 120 * WHEN_SECOND);
	assert_false(watermark_see(&w, WHEN_MAX + 1, WHEN_NEVER));
	assert_false(watermark_see(&w, INT64_MIN + 1, WHEN_NEVER));
	assert_int_equal(watermark_now(&w), 120 * WHEN_SECOND);
}

static void
a_clock_in_the_future_moves_no_watermark(void **state)
{
	struct watermark w;

	(void)state;
	watermark_init(&w, (struct span){ 0 }, (struct span){ WHEN_HOUR });
	for (int i = 0; i < 40; i++) {
		bool broken = i == 0 || i == 9 || i == 30;
		instant t = broken ? 80 * 365 * WHEN_DAY : i * WHEN_SECOND;

		/* The first has nothing to be judged by. */
		assert_int_equal(watermark_see(&w, t, WHEN_NEVER), !broken || i == 0);
		assert_true(watermark_now(&w) <= i * WHEN_SECOND);
	}
	assert_int_equal(watermark_now(&w), 39 * WHEN_SECOND);
}

static void
a_real_jump_is_followed_from_its_eighth_record_on(void **state)
{
	struct watermark w;

	(void)state;
	watermark_init(&w, (struct span){ 0 }, (struct span){ WHEN_HOUR });
	for (int i = 0; i < 100; i++)
		assert_true(watermark_see(&w, i * WHEN_SECOND, WHEN_NEVER));
	for (int i = 1; i <= 20; i++)
		assert_int_equal(watermark_see(&w, WHEN_DAY + i, WHEN_NEVER), i >= 8);
	assert_int_equal(watermark_now(&w), WHEN_DAY + 20);
	/* Late data, however much, does not move it back. */
	for (int i = 0; i < 50; i++)
		(void)watermark_see(&w, i, WHEN_NEVER);
	assert_int_equal(watermark_now(&w), WHEN_DAY + 20);
}

static void
the_receive_time_vouches_for_a_timestamp(void **state)
{
	struct watermark w;

	(void)state;
	watermark_init(&w, (struct span){ 0 }, (struct span){ WHEN_HOUR });
	assert_true(watermark_see(&w, WHEN_DAY, WHEN_DAY));
	assert_int_equal(watermark_now(&w), WHEN_DAY);
	assert_false(watermark_see(&w, 3 * WHEN_DAY, 2 * WHEN_DAY));
	assert_int_equal(watermark_now(&w), WHEN_DAY);
	assert_true(watermark_see(&w, 3 * WHEN_DAY, 3 * WHEN_DAY - WHEN_HOUR));
	assert_int_equal(watermark_now(&w), 3 * WHEN_DAY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_span_is_read_and_written_back),
		cmocka_unit_test(a_text_that_is_no_span_is_refused),
		cmocka_unit_test(days_and_dates_agree_with_the_c_library),
		cmocka_unit_test(an_instant_is_written_and_read_back),
		cmocka_unit_test(every_usual_form_of_a_time_is_read),
		cmocka_unit_test(a_time_that_does_not_exist_is_refused),
		cmocka_unit_test(a_number_has_the_unit_that_its_magnitude_tells),
		cmocka_unit_test(the_watermark_follows_the_largest_timestamp),
		cmocka_unit_test(a_clock_in_the_future_moves_no_watermark),
		cmocka_unit_test(a_real_jump_is_followed_from_its_eighth_record_on),
		cmocka_unit_test(the_receive_time_vouches_for_a_timestamp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
