/* SPDX-License-Identifier: MIT */
#include "lib/record/judgement.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/pending/judged.h"
#include "lib/record/reasons.h"
#include "tests/unit/json_record.h"

static struct reader *reader;
static struct judgement_keys keys;

static int
set_up(void **state)
{
	(void)state;
	reader = reader_new();
	assert_non_null(reader);
	keys = judgement_keys(reader);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	reader_free(reader);
	return 0;
}

/* A view of bytes that RECORD_PADDING readable ones follow. */
static struct record
scan(struct slice bytes)
{
	struct record r;
	struct fault fault = { 0, "" };
	size_t need;

	if (record_scan(reader, bytes, &r, &fault, &need) != SCAN_RECORD)
		fail_msg("no record: %s", fault.reason);
	return r;
}

static const char *
read_text(const char *text, struct judgement *to)
{
	struct record r = scan(json_record(text));

	return judgement_read(&keys, &r, record_kind(&r), to);
}

static void
a_verdict_says_in_or_out_by_its_score_and_a_retract_is_out(void **state)
{
	struct judgement j;

	(void)state;
	assert_null(
	    read_text("{\"event\":\"verdict\",\"event_id\":\"e1\",\"version\":3,"
		      "\"score\":0.5,\"reasons\":[\"farm\",\"speed\"]}",
		&j));
	assert_true(slice_is(j.event_id, "e1"));
	assert_true(j.version == 3 && j.out && j.score == 0.5 && !j.settled);
	assert_true(slice_is(judgement_reason(&j), "farm"));
	assert_null(read_text(
	    "{\"event\":\"verdict\",\"event_id\":\"e1\",\"score\":0,\"settled\":true}",
	    &j));
	assert_true(j.version == 0 && !j.out && j.settled);
	assert_true(slice_is(judgement_reason(&j), JUDGEMENT_UNSTATED));
	assert_null(read_text("{\"event\":\"retract\",\"event_id\":\"e1\"}", &j));
	assert_true(j.out && isinf(j.score));
	assert_null(
	    read_text("{\"event\":\"retract\",\"event_id\":\"e1\",\"score\":-1}", &j));
	assert_true(j.out && j.score == -1);
}

static void
what_is_of_another_form_is_said(void **state)
{
	static const char *const wrong[] = {
		"\"event_id\":\"e1\"",
		"\"score\":1",
		"\"event_id\":\"\",\"score\":1",
		"\"event_id\":\"e1\",\"score\":\"high\"",
		"\"event_id\":\"e1\",\"score\":1,\"version\":-1",
		"\"event_id\":\"e1\",\"score\":1,\"version\":0.5",
		"\"event_id\":\"e1\",\"score\":1,\"reasons\":\"farm\"",
		"\"event_id\":\"e1\",\"score\":1,\"reasons\":[1]",
		"\"event_id\":\"e1\",\"score\":1,\"reasons\":[\"a\",\"a\",\"a\",\"a\","
		"\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
		"\"a\",\"a\"]",
	};
	char text[512];
	struct judgement j;

	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		(void)snprintf(
		    text, sizeof text, "{\"event\":\"verdict\",%s}", wrong[i]);
		if (read_text(text, &j) == NULL)
			fail_msg("it was taken: %s", text);
	}
}

/* The event once more, as a record of its own. */
static struct record
again(const char *event, const struct judgement *j)
{
	static uint8_t bytes[4096 + RECORD_PADDING];
	struct build b;

	build_init(&b, bytes, 4096);
	judgement_again(&b, json_record(event), j);
	assert_false(build_full(&b));
	return scan(build_slice(&b));
}

static void
an_event_flows_again_with_the_opposite_weight_and_with_its_own(void **state)
{
	static const char *const events[] = {
		"{\"event\":\"click\",\"event_id\":\"c1\",\"n\":[1,{\"a\":\"b\"}]}",
		"{\"event\":\"click\",\"weight\":2.5,\"event_id\":\"c1\",\"n\":2}",
		"{\"weight\":-3,\"event\":\"click\",\"event_id\":\"c1\",\"verdict\":1}",
		"{\"event\":\"click\",\"event_id\":\"c1\",\"weight\":0}",
	};
	static const double weights[] = { 1, 2.5, -3, 0 };
	struct judgement j, read;
	struct slice reasons;
	struct record r;
	double weight;

	(void)state;
	for (unsigned i = 0; i < sizeof events / sizeof *events; i++) {
		uint8_t copy[64];
		struct build words;

		build_init(&words, copy, sizeof copy);
		build_array(&words, 1);
		build_text(&words, "farm");
		reasons = build_slice(&words);
		j = (struct judgement){
			.version = 7, .out = true, .score = 1.5, .reasons = reasons
		};
		r = again(events[i], &j);
		assert_true(record_weight(&r, &weight) && weight == -weights[i]);
		assert_true(record_kind(&r) == KIND_CLICK);
		assert_true(judgement_of_again(&keys, &r, &read));
		assert_true(read.version == 7 && read.out && read.score == 1.5);
		assert_true(slice_is(judgement_reason(&read), "farm"));
		assert_true(slice_is(read.event_id, "c1"));
		j.out = false;
		j.score = -1;
		r = again(events[i], &j);
		assert_true(record_weight(&r, &weight) && weight == weights[i]);
		assert_true(judgement_of_again(&keys, &r, &read) && !read.out);
		assert_true(slice_is(judgement_reason(&read), "farm"));
	}
	j = (struct judgement){ .out = true, .score = INFINITY };
	r = again(events[0], &j);
	assert_true(judgement_of_again(&keys, &r, &read) && read.out);
	assert_true(slice_is(judgement_reason(&read), JUDGEMENT_UNSTATED));
}

static void
a_key_of_that_name_that_says_something_else_is_none(void **state)
{
	static const char *const events[] = {
		"{\"event_id\":\"c1\",\"verdict\":\"deny\"}",
		"{\"event_id\":\"c1\",\"verdict\":{\"score\":1}}",
		"{\"event_id\":\"c1\",\"verdict\":{\"version\":-1}}",
		"{\"event_id\":\"c1\",\"verdict\":{\"version\":1,\"score\":\"x\"}}",
		"{\"verdict\":{\"version\":1}}",
		"{\"event_id\":\"c1\"}",
	};
	struct judgement j;

	(void)state;
	for (unsigned i = 0; i < sizeof events / sizeof *events; i++) {
		struct record r = scan(json_record(events[i]));

		assert_false(judgement_of_again(&keys, &r, &j));
	}
}

static void
a_mark_judges_from_its_score_on(void **state)
{
	struct record r = scan(json_record("{\"event_id\":\"c1\",\"fraud\":"
					   "{\"score\":0.5,\"flags\":[\"agent\"]}}"));
	struct judgement j;

	(void)state;
	assert_false(judgement_of_mark(&keys, &r, 0.6, &j));
	assert_true(judgement_of_mark(&keys, &r, 0.5, &j));
	assert_true(j.out && j.version == 0);
	assert_true(slice_is(judgement_reason(&j), "agent"));
	r = scan(json_record("{\"event_id\":\"c1\",\"fraud\":{\"flags\":[]}}"));
	assert_false(judgement_of_mark(&keys, &r, 0.5, &j));
	r = scan(
	    json_record("{\"event_id\":\"c1\",\"fraud\":{\"score\":1,\"flags\":3}}"));
	assert_true(judgement_of_mark(&keys, &r, 1, &j));
	assert_true(slice_is(judgement_reason(&j), JUDGEMENT_UNSTATED));
}

static void
what_is_built_is_read(void **state)
{
	static const struct judgement_reason reasons[] = { { "farm", 2 },
		{ "gap", 0.5 } };
	static uint8_t bytes[512 + RECORD_PADDING];
	struct judgement_census census = { 0 };
	struct judgement j;
	struct record r;
	struct build b;
	uint32_t pairs;
	size_t open;

	(void)state;
	build_init(&b, bytes, 512);
	open = build_open(&b);
	pairs = judgement_build(&b, KIND_VERDICT,
	    slice_of("\xa2"
		     "e1",
		3),
	    5, 2, 2.5, reasons, 2);
	build_close_map(&b, open, pairs);
	r = scan(build_slice(&b));
	assert_null(judgement_read(&keys, &r, KIND_VERDICT, &j));
	assert_true(j.version == 2 && j.out && j.score == 2.5);
	assert_true(judgement_count(&keys, &r, &census));
	assert_true(census.judgements == 1 && census.wrong == 0 && census.again == 0);
}

/* Whoever writes a verdict may write it in more bytes than need be. */
static void
reasons_in_their_longest_form_are_kept_and_told(void **state)
{
	static uint8_t bytes[2 * JUDGEMENT_ADDS_MAX + RECORD_PADDING];
	static uint8_t again[4 * JUDGEMENT_ADDS_MAX + RECORD_PADDING];
	static const char head[] =
	    "\x84\xa5"
	    "event\xa7verdict\xa8"
	    "event_id\xa1x\xa5score\x01\xa7reasons\xdd\0\0\0\x10";
	static struct judged piece;
	struct judgement j, kept;
	uint8_t *to = bytes;
	struct recent recent;
	struct record r;
	struct build b;

	(void)state;
	memcpy(to, head, sizeof head - 1);
	to += sizeof head - 1;
	for (int i = 0; i < JUDGEMENT_REASONS_MAX; i++) {
		memcpy(to, "\xdb\0\0\0\x40", 5);
		memset(to + 5, 'a' + i, JUDGEMENT_REASON_SIZE_MAX);
		to += 5 + JUDGEMENT_REASON_SIZE_MAX;
	}
	r = scan(slice_of(bytes, (size_t)(to - bytes)));
	assert_null(judgement_read(&keys, &r, KIND_VERDICT, &j));
	assert_int_equal(j.reasons.size, JUDGEMENT_REASONS_SIZE_MAX);
	assert_int_equal(recent_init(&recent, RECENT_MEMORY_MIN), 0);
	judged_keep(&recent, 1, 0, &j, 0, &piece);
	kept = judged_read(recent_find(&recent, 1), &piece);
	assert_true(slice_equal(kept.reasons, j.reasons));
	assert_int_equal(judgement_reason(&kept).size, JUDGEMENT_REASON_SIZE_MAX);
	j.version = INT64_MAX;
	j.score = 0.1;
	build_init(&b, again, sizeof again - RECORD_PADDING);
	judgement_again(&b, json_record("{\"event\":\"click\"}"), &j);
	assert_false(build_full(&b));
	assert_in_range(build_slice(&b).size, JUDGEMENT_REASONS_SIZE_MAX,
	    json_record("{\"event\":\"click\"}").size + JUDGEMENT_ADDS_MAX);
	recent_fini(&recent);
}

static void
after_too_many_words_new_ones_are_other(void **state)
{
	static struct reasons words;
	char text[16];

	(void)state;
	assert_int_equal(reasons_number(&words, slice_text("other")), 0);
	for (int i = 1; i <= REASONS_MAX + 5; i++) {
		int n = snprintf(text, sizeof text, "word%d", i);

		assert_int_equal(reasons_number(&words, slice_of(text, (size_t)n)),
		    i <= REASONS_MAX ? i : 0);
	}
	assert_int_equal(reasons_number(&words, slice_text("word7")), 7);
	assert_true(slice_is(reasons_word(&words, 7), "word7"));
	assert_true(slice_is(reasons_word(&words, 0), "other"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_verdict_says_in_or_out_by_its_score_and_a_retract_is_out),
		cmocka_unit_test(what_is_of_another_form_is_said),
		cmocka_unit_test(
		    an_event_flows_again_with_the_opposite_weight_and_with_its_own),
		cmocka_unit_test(a_key_of_that_name_that_says_something_else_is_none),
		cmocka_unit_test(a_mark_judges_from_its_score_on),
		cmocka_unit_test(what_is_built_is_read),
		cmocka_unit_test(reasons_in_their_longest_form_are_kept_and_told),
		cmocka_unit_test(after_too_many_words_new_ones_are_other),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
