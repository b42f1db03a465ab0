/* SPDX-License-Identifier: MIT */
#include "lib/compose/composition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/text/print.h"
#include "tests/unit/json_record.h"

enum { TEXT = 1 << 12 };

static struct compositions c;
static struct error error;

static void
read_creative(const char *text)
{
	if (compositions_read(&c, json_record(text), &error) != 0)
		fail_msg("%s: %s", text, error.text);
}

/* A composition, or a key of it, as JSON. */
static const char *
shown(uint32_t i, const char *key)
{
	static uint8_t bytes[TEXT];
	static char text[4][TEXT];
	static unsigned turn;
	char *to = text[turn++ % 4];
	struct slice value;
	struct build b;

	build_init(&b, bytes, sizeof bytes);
	compositions_build(&c, i, &b);
	assert_false(build_full(&b));
	value = build_slice(&b);
	assert_int_equal(value_size(bytes), value.size);
	if (key != NULL)
		assert_true(value_get(build_slice(&b), key, &value));
	build_init(&b, to, TEXT - 1);
	print_json(value, &b);
	*b.at = '\0';
	return to;
}

static bool
has_id(const char *id)
{
	for (uint32_t i = 0; i < c.count; i++)
		if (strcmp(shown(i, "creative_id"), id) == 0)
			return true;
	return false;
}

static void
every_combination_is_a_creative_with_one_value_of_each_part(void **state)
{
	(void)state;
	read_creative("{\"event\":\"creative\",\"creative_id\":\"c\",\"paused\":false,"
		      "\"parts\":{\"size\":[1,2.5,true],\"fixed\":\"f\",\"a\":[\"x\","
		      "\"y\"]},\"event_id\":\"e\",\"url\":\"u\"}");
	assert_int_equal(c.count, 6);
	assert_string_equal(
	    shown(0, "parts"), "{\"size\":1,\"fixed\":\"f\",\"a\":\"x\"}");
	assert_string_equal(
	    shown(1, "parts"), "{\"size\":2.5,\"fixed\":\"f\",\"a\":\"x\"}");
	assert_string_equal(
	    shown(5, "parts"), "{\"size\":true,\"fixed\":\"f\",\"a\":\"y\"}");
	for (uint32_t i = 0; i < c.count; i++) {
		assert_string_equal(shown(i, "composed_of"), "\"c\"");
		assert_string_equal(shown(i, "url"), "\"u\"");
		assert_string_equal(shown(i, "paused"), "false");
		assert_int_equal(strlen(shown(i, "creative_id")), 2 + 1 + 1 + 12);
		assert_string_equal(
		    shown(i, "creative_id") + 2, shown(i, "event_id") + 2);
		for (uint32_t j = 0; j < i; j++)
			assert_string_not_equal(
			    shown(i, "creative_id"), shown(j, "creative_id"));
	}
}

/* Stored in logs and models for good: they may not change. */
static void
ids_are_the_same_for_ever(void **state)
{
	(void)state;
	read_creative("{\"creative_id\":\"c1\",\"parts\":{\"headline\":[\"Sale\"],"
		      "\"colour\":[\"red\",7]}}");
	assert_string_equal(shown(0, NULL),
	    "{\"creative_id\":\"c1~82ac42e21048\",\"composed_of\":\"c1\",\"parts\":{"
	    "\"headline\":\"Sale\",\"colour\":\"red\"}}");
	assert_string_equal(shown(1, "creative_id"), "\"c1~d3faa68f4bb8\"");
}

static void
an_id_survives_values_that_come_go_or_move(void **state)
{
	char red[64], teal[64];

	(void)state;
	read_creative("{\"creative_id\":\"c\",\"parts\":{\"headline\":[\"A\"],"
		      "\"colour\":[\"red\",\"teal\"],\"note\":\"one\"}}");
	strcpy(red, shown(0, "creative_id"));
	strcpy(teal, shown(1, "creative_id"));
	read_creative("{\"creative_id\":\"c\",\"parts\":{\"note\":\"two\",\"colour\":["
		      "\"blue\",\"teal\",\"red\"],\"headline\":[\"New\",\"A\"]}}");
	assert_int_equal(c.count, 6);
	assert_true(has_id(red) && has_id(teal));
	read_creative("{\"creative_id\":\"c\",\"parts\":{\"colour\":[\"red\"],"
		      "\"headline\":[\"A\"]}}");
	assert_true(has_id(red) && !has_id(teal));
	/* A value belongs to its part. */
	read_creative("{\"creative_id\":\"c\",\"parts\":{\"colour\":[\"A\"],"
		      "\"headline\":[\"red\"]}}");
	assert_false(has_id(red));
	read_creative("{\"creative_id\":7,\"event_id\":8,\"parts\":{\"n\":[\"7\",7]}}");
	assert_memory_equal(shown(0, "creative_id"), "\"7~", 3);
	assert_memory_equal(shown(0, "event_id"), "\"8~", 3);
	assert_string_equal(shown(0, "composed_of"), "7");
}

static void
what_has_no_lists_is_what_it_is(void **state)
{
	static const char *const plain[] = { "{}", "{\"creative_id\":\"c\"}",
		"{\"parts\":7}", "{\"creative_id\":\"c\",\"parts\":{}}",
		"{\"creative_id\":\"c\",\"parts\":{\"headline\":\"A\"}}",
		"{\"creative_id\":\"c\",\"composed_of\":\"b\",\"parts\":{\"a\":1}}" };

	(void)state;
	for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++) {
		read_creative(plain[i]);
		assert_int_equal(c.count, 0);
	}
	read_creative("{\"creative_id\":\"c\",\"composed_of\":\"b\",\"parts\":{\"a\":["
		      "{\"src\":\"s\",\"alt\":\"t\"}]}}");
	assert_int_equal(c.count, 1);
	assert_string_equal(shown(0, "composed_of"), "\"c\"");
	assert_string_equal(shown(0, "parts"), "{\"a\":{\"src\":\"s\",\"alt\":\"t\"}}");
}

static void
what_cannot_be_composed_is_refused_with_a_reason(void **state)
{
	static const char *const wrong[][2] = {
		{ "\"creative_id\":\"c\",\"parts\":{\"a\":[]}",
		    "parts.a is an empty list" },
		{ "\"creative_id\":\"c\",\"parts\":{\"a\":[null]}",
		    "parts.a has what is no text, number or map" },
		{ "\"creative_id\":\"c\",\"parts\":{\"a\":[[1]]}",
		    "parts.a has what is no text, number or map" },
		{ "\"creative_id\":\"c\",\"parts\":{\"a\":[1,2,1]}",
		    "a list of its parts has a value twice" },
		{ "\"parts\":{\"a\":[1]}",
		    "a creative of parts has a creative_id of 1 "
		    "to 240 bytes" },
		{ "\"creative_id\":\"\",\"parts\":{\"a\":[1]}",
		    "a creative of parts has a creative_id of 1 to 240 bytes" },
		{ "\"creative_id\":\"c\",\"event_id\":{},\"parts\":{\"a\":[1]}",
		    "a creative of parts has an event_id of 1 to 255 bytes" },
	};
	char text[256];

	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		(void)snprintf(text, sizeof text, "{%s}", wrong[i][0]);
		assert_int_equal(compositions_read(&c, json_record(text), &error), -1);
		assert_string_equal(error.text, wrong[i][1]);
	}
}

/* A creative of `parts` lists of `values` each. */
static const char *
many(unsigned parts, unsigned values)
{
	static char text[JSON_RECORD_MAX];
	size_t n = (size_t)sprintf(text, "{\"creative_id\":\"c\",\"parts\":{");

	for (unsigned p = 0; p < parts; p++) {
		n += (size_t)sprintf(text + n, "%s\"p%u\":[", p > 0 ? "," : "", p);
		for (unsigned v = 0; v < values; v++)
			n += (size_t)sprintf(text + n, "%s%u", v > 0 ? "," : "", v);
		n += (size_t)sprintf(text + n, "]");
	}
	(void)sprintf(text + n, "}}");
	return text;
}

static void
there_are_at_most_256_compositions(void **state)
{
	(void)state;
	read_creative(many(1, 256));
	assert_int_equal(c.count, 256);
	read_creative(many(8, 2));
	assert_int_equal(c.count, 256);
	read_creative(many(32, 1));
	assert_int_equal(c.count, 1);
	for (unsigned i = 0; i < 3; i++) {
		const char *text = i == 0 ? many(1, 257)
		    : i == 1              ? many(9, 2)
					  : many(33, 1);

		assert_int_equal(compositions_read(&c, json_record(text), &error), -1);
		assert_string_equal(
		    error.text, "its parts make more than 256 compositions");
	}
	/* However large the claim, before anything is done. */
	assert_int_equal(compositions_read(&c, json_record(many(60, 200)), &error), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_combination_is_a_creative_with_one_value_of_each_part),
		cmocka_unit_test(ids_are_the_same_for_ever),
		cmocka_unit_test(an_id_survives_values_that_come_go_or_move),
		cmocka_unit_test(what_has_no_lists_is_what_it_is),
		cmocka_unit_test(what_cannot_be_composed_is_refused_with_a_reason),
		cmocka_unit_test(there_are_at_most_256_compositions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
