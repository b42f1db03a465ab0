/* SPDX-License-Identifier: MIT */
#include "lib/text/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/record/build.h"
#include "lib/text/json.h"
#include "lib/text/print.h"

enum { TEXT_MAX = 1 << 21 };

static uint8_t raw_bytes[TEXT_MAX + RECORD_PADDING];
static char result[TEXT_MAX];

/* Map one raw record, a JSON text, with id "L": its records as JSON lines, or
 * "reject: reason", or the error of compilation. */
static const char *
map_text(const char *text, const char *raw_text)
{
	struct reader *reader = reader_new();
	struct json *json = json_new();
	char *copy = calloc(1, strlen(raw_text) + JSON_PADDING);
	struct error error;
	struct map *map = map_compile(reader, "t.map", slice_text(text), &error);
	struct build b, out;
	struct record raw;
	struct fault fault;
	struct slice record;
	const char *reason;
	size_t need;
	int n;

	if (map == NULL) {
		strcpy(result, error.text);
	} else {
		strcpy(copy, raw_text);
		build_init(&b, raw_bytes, TEXT_MAX);
		assert_true(json_parse(json, slice_text(copy), &b, &fault));
		assert_int_equal(
		    record_scan(reader, build_slice(&b), &raw, &fault, &need),
		    SCAN_RECORD);
		build_init(&out, result, sizeof result - 1);
		n = map_run(map, &raw, slice_text("L"), &reason);
		for (; map_next(map, &record); n--) {
			print_json(record, &out);
			build_byte(&out, '\n');
		}
		if (n < 0) {
			build_raw(&out, slice_text("reject: "));
			build_raw(&out, slice_text(reason));
		} else {
			assert_int_equal(n, 0);
		}
		assert_false(build_full(&out));
		*out.at = '\0';
	}
	map_free(map);
	json_free(json);
	reader_free(reader);
	free(copy);
	return result;
}

static const char raw[] =
    "{\"type\":\"c\",\"at\":\"2019-11-24T00:03:13Z\",\"user\":\"u1\","
    "\"price\":\"12.50\",\"extra\":[1,{\"x\":2}],\"none\":null,"
    "\"list\":[{\"id\":\"a\",\"q\":2},{\"id\":\"b\"}],\"status\":200}";

#define HEAD "event = \"click\"\ntimestamp = time(at)\n"
#define START "{\"event\":\"click\",\"event_id\":\"L\",\"timestamp\":1574553793000000"

static void
a_map_without_record_lines_is_one_record(void **state)
{
	(void)state;
	assert_string_equal(map_text(HEAD, raw),
	    "{\"event\":\"click\",\"event_id\":\"L\",\"timestamp\":1574553793000000}"
	    "\n");
	assert_string_equal(
	    map_text("user_id = user # who\n" HEAD "\n\n# money\nprice_micros = "
		     "micros(price)\nabsent = nosuch\nnil_ = none\n",
		raw),
	    START ",\"user_id\":\"u1\",\"price_micros\":12500000}\n");
	assert_string_equal(map_text("event_id = concat(\"x\", status)\n" HEAD, raw),
	    "{\"event\":\"click\",\"event_id\":\"x200\",\"timestamp\":1574553793000000}"
	    "\n");
}

static void
every_record_whose_condition_holds_is_made(void **state)
{
	static const char text[] = HEAD "record when type == \"c\"\n"
					"\tevent = \"first\"\n"
					"record when type == \"d\"\n"
					"\tevent = \"second\"\n"
					"record when status == 200\n"
					"\tn = status + 1\n"
					"record otherwise\n"
					"\tevent = \"third\"\n";

	(void)state;
	assert_string_equal(map_text(text, raw),
	    "{\"event\":\"first\",\"event_id\":\"L\",\"timestamp\":1574553793000000}\n"
	    "{\"event\":\"click\",\"event_id\":\"L-1\",\"timestamp\":1574553793000000,"
	    "\"n\":201}\n");
	assert_string_equal(map_text(text, "{\"type\":\"e\",\"at\":0}"),
	    "{\"event\":\"third\",\"event_id\":\"L\",\"timestamp\":0}\n");
}

static void
loops_make_a_record_of_each_item(void **state)
{
	(void)state;
	assert_string_equal(map_text(HEAD "for i, n in list\n"
					  "    drop when i.id == \"z\"\n"
					  "    record when n < 9\n"
					  "        item_id = i.id\n"
					  "        quantity = default(i.q, 1)\n"
					  "        position = n\n",
				raw),
	    START
	    ",\"item_id\":\"a\",\"quantity\":2,\"position\":0}\n"
	    "{\"event\":\"click\",\"event_id\":\"L-1\",\"timestamp\":1574553793000000,"
	    "\"item_id\":\"b\",\"quantity\":1,\"position\":1}\n");
	assert_string_equal(
	    map_text(HEAD
		"for a in list\n for b in [1, 2]\n  record when b == 2\n   x = a.id\n"
		"record when type == \"c\"\n last = true\n",
		raw),
	    START
	    ",\"x\":\"a\"}\n"
	    "{\"event\":\"click\",\"event_id\":\"L-1\",\"timestamp\":1574553793000000,"
	    "\"x\":\"b\"}\n"
	    "{\"event\":\"click\",\"event_id\":\"L-2\",\"timestamp\":1574553793000000,"
	    "\"last\":true}\n");
	assert_string_equal(
	    map_text(HEAD "for i in user\n record\n  x = i\n", raw), "");
}

static void
lines_are_dropped_and_rejected(void **state)
{
	(void)state;
	assert_string_equal(map_text("drop when status == 200\n" HEAD, raw), "");
	assert_string_equal(
	    map_text("reject \"no shop\" when not exists(shop)\n" HEAD, raw),
	    "reject: no shop");
	assert_string_equal(
	    map_text("reject\n" HEAD, raw), "reject: the map rejects it");
	assert_string_equal(map_text("x = 1\ntimestamp = 0", raw),
	    "reject: the record of the map's line 1 has no event");
	assert_string_equal(map_text("\nrecord\n event = \"e\"", raw),
	    "reject: the record of the map's line 2 has no timestamp");
	assert_string_equal(map_text("event = \"e\"\ntimestamp = at", raw),
	    "reject: the timestamp of the map's line 1 is no number of microseconds "
	    "(use "
	    "time)");
	assert_string_equal(map_text("event = 7\ntimestamp = 0", raw),
	    "reject: the event of the map's line 1 is no text (use text)");
	assert_string_equal(map_text(HEAD "event_id = status\n", raw),
	    "reject: the event_id of the map's line 1 is no text (use text)");
	/* A reject takes back the records before it. */
	assert_string_equal(map_text(HEAD "record\nrecord\n event = 7\n", raw),
	    "reject: the event of the map's line 4 is no text (use text)");
}

static void
fields_that_the_map_does_not_mention_can_be_kept(void **state)
{
	(void)state;
	assert_string_equal(map_text(HEAD "keep *\n", raw),
	    "{\"event\":\"click\",\"event_id\":\"L\",\"timestamp\":1574553793000000,"
	    "\"type\":\"c\","
	    "\"user\":\"u1\",\"price\":\"12.50\",\"extra\":[1,{\"x\":2}],\"none\":null,"
	    "\"list\":[{\"id\":\"a\",\"q\":2},{\"id\":\"b\"}],\"status\":200}\n");
	assert_string_equal(
	    map_text(HEAD "record when type == \"c\"\n keep *\n drop list, "
			  "extra\n keep type\n user = 7\n",
		raw),
	    "{\"event\":\"click\",\"event_id\":\"L\",\"timestamp\":1574553793000000,"
	    "\"type\":\"c\","
	    "\"user\":7,"
	    "\"price\":\"12.50\",\"none\":null,\"status\":200}\n");
	assert_string_equal(
	    map_text("keep *",
		"{\"event\":\"e\",\"x\":1,\"event_id\":\"i\",\"timestamp\":5}"),
	    "{\"event\":\"e\",\"x\":1,\"event_id\":\"i\",\"timestamp\":5}\n");
	assert_string_equal(map_text("keep *", "{\"event\":\"e\",\"timestamp\":\"5\"}"),
	    "reject: the timestamp of the map's line 1 is no number of microseconds "
	    "(use "
	    "time)");
}

static void
names_belong_to_their_block(void **state)
{
	(void)state;
	assert_string_equal(map_text("let u = concat(user, \"!\")\n" HEAD "record\n"
				     " x = v\n let v = concat(u, \"?\")\n",
				raw),
	    START "}\n"); /* v is a field here, which is absent */
	assert_string_equal(
	    map_text("let u = concat(user, \"!\")\n" HEAD "record\n"
		     " let v = concat(u, \"?\")\n x = v\nrecord\n y = v\n",
		raw),
	    START ",\"x\":\"u1!?\"}\n"
		  "{\"event\":\"click\",\"event_id\":\"L-1\","
		  "\"timestamp\":1574553793000000}\n");
	assert_string_equal(
	    map_text("let user = 1\n" HEAD "a = user\nb = `user`\n", raw),
	    "{\"event\":\"click\",\"event_id\":\"L\",\"timestamp\":1574553793000000,"
	    "\"a\":1,"
	    "\"b\":\"u1\"}\n");
}

static void
the_same_call_is_the_same_value_for_every_record_and_item(void **state)
{
	(void)state;
	/* lower(user) and its text in scratch are shared, in loops and lists too. */
	assert_string_equal(
	    map_text(HEAD
		"a = lower(user)\nb = {x: lower(user)}\nc = lower(user)\n"
		"d = size([concat(lower(user), \"-\")]) + size(lower(user))\n"
		"e = [for i in list: concat(lower(user), i.id)]\nf = lower(user)\n",
		raw),
	    START ",\"a\":\"u1\",\"b\":{\"x\":\"u1\"},\"c\":\"u1\",\"d\":3,"
		  "\"e\":[\"u1a\",\"u1b\"],\"f\":\"u1\"}\n");
	assert_string_equal(
	    map_text(HEAD "for i in list\n record when lower(type) == \"c\"\n"
			  "  x = concat(lower(type), lower(i.id), lower(i.id))\n"
			  "  y = lower(type)\n",
		raw),
	    START ",\"x\":\"caa\",\"y\":\"c\"}\n"
		  "{\"event\":\"click\",\"event_id\":\"L-1\",\"timestamp\":"
		  "1574553793000000,\"x\":\"cbb\",\"y\":\"c\"}\n");
}

static void
conditions_on_the_same_call_exclude_one_another_only_by_their_text(void **state)
{
	static const char text[] =
	    "event = \"e\"\ntimestamp = 1\n"
	    "record when path(url) == \"/a\"\n\tn = 1\n"
	    "record when path(url) == \"/b\" and status == 200\n\tn = 2\n"
	    "record when path(url) == \"/b\"\n\tn = 3\n"
	    "record when path(url) != \"/a\"\n\tn = 4\n"
	    "record when path(url) == \"/a\" or status == 200\n\tn = 5\n"
	    "record otherwise\n\tn = 6\n";
	static const char *const cases[][2] = {
		{ "{\"url\":\"/a?x=1\"}", "15" },
		{ "{\"url\":\"/b\"}", "34" },
		{ "{\"url\":\"/b\",\"status\":200}", "2345" },
		{ "{\"url\":\"/%62\",\"status\":404}", "34" },
		{ "{\"url\":\"/c\",\"status\":404}", "4" },
		{ "{\"url\":7,\"status\":200}", "5" },
		{ "{\"status\":404}", "6" },
	};
	char made[8];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *at = map_text(text, cases[i][0]);
		size_t n = 0;

		for (; (at = strstr(at, "\"n\":")) != NULL && n < 7; at += 4)
			made[n++] = at[4];
		made[n] = '\0';
		assert_string_equal(made, cases[i][1]);
	}
}

static void
keys_and_constants_are_written_whatever_their_length(void **state)
{
	static const char text[] =
	    "event = \"a_name_that_is_longer_than_any_short_text\"\ntimestamp = 1\n"
	    "event_id = \"x\"\nflag = true\nnothing = nil\nlist = [1, 2]\n"
	    "a_key_of_31_bytes_xxxxxxxxxxxxx = 1\n"
	    "a_key_of_32_bytes_xxxxxxxxxxxxxx = \"y\"\nkind = type\n";

	(void)state;
	assert_string_equal(map_text(text, "{\"type\":\"t\"}"),
	    "{\"event\":\"a_name_that_is_longer_than_any_short_text\","
	    "\"event_id\":\"x\",\"timestamp\":1,\"flag\":true,\"list\":[1,2],"
	    "\"a_key_of_31_bytes_xxxxxxxxxxxxx\":1,"
	    "\"a_key_of_32_bytes_xxxxxxxxxxxxxx\":\"y\",\"kind\":\"t\"}\n");
}

static void
a_mistake_is_named_with_file_line_and_column(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "t.map:1:1: an empty map" },
		{ "# nothing\n", "t.map:1:1: an empty map" },
		{ "event \"click\"",
		    "t.map:1:1: a line begins with key =, let, record" },
		{ "event = \"a\" \"b\"", "t.map:1:13: the line should end here" },
		{ "event = \"a\"\nx = nosuch(1)",
		    "t.map:2:5: there is no function 'nosuch'\n    x = nosuch(1)\n     "
		    "   ^" },
		{ "record\n  a = 1\n    b = 2\n",
		    "t.map:3:5: this line is indented too far" },
		{ "record\n    a = 1\n  b = 2\n",
		    "t.map:3:3: this line is indented too far" },
		{ "  a = 1\nb = 2\n", "t.map:2:1: this line is indented less" },
		{ "a = 1\na = 2\n", "t.map:2:1: 'a' is assigned twice" },
		{ "record\n a = 1\n a = 2\n", "t.map:3:2: 'a' is assigned twice" },
		{ "record when 3\n a = 1\n", "t.map:1:13: a condition is needed here" },
		{ "record\n record\n", "t.map:2:2: a record takes lines of the form" },
		{ "let in = 2\n", "t.map:1:5: 'in' is a word of the language" },
		{ "let x 2\n", "t.map:1:7: '=' is expected after the name" },
		{ "for i on list\n", "t.map:1:7: 'in' is expected" },
		{ "a = [1,\n  2\nb = 3\n", "t.map:3:1: ']' is expected" },
		{ "7 = 3", "t.map:1:1: a line begins with a key" },
		{ "\"\" = 3", "t.map:1:1: a key has 1 to 255 bytes" },
		{ "keep 7", "t.map:1:6: a field is expected" },
		{ "a = \"open\nb = 1", "t.map:1:5: a text that \" does not end" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *got = map_text(cases[i].text, raw);

		if (strncmp(got, cases[i].error, strlen(cases[i].error)) != 0)
			fail_msg("%s\ngives\n%s", cases[i].text, got);
	}
}

/* A text of n copies of `text`. */
static char *
repeated(const char *before, const char *text, size_t n, const char *after)
{
	char *to = malloc(strlen(before) + n * strlen(text) + strlen(after) + 1),
	     *at = to;

	assert_non_null(to);
	at = stpcpy(at, before);
	while (n-- > 0)
		at = stpcpy(at, text);
	stpcpy(at, after);
	return to;
}

static void
hostile_maps_and_records_are_bounded(void **state)
{
	char *deep = repeated("a = 1\n", " ", 300000, "b = 2\n");
	char *many = repeated("", "record\n", 5000, "");
	char *list = repeated("{\"at\":0,\"list\":[1", ",1", 60000, "]}");
	char *nested = repeated("{\"at\":0,\"list\":", "[", 7, "]]]]]]]}");

	(void)state;
	assert_non_null(strstr(map_text(deep, raw), "a map of more than"));
	assert_non_null(strstr(map_text(many, raw), "more than 4096 statements"));
	assert_non_null(strstr(
	    map_text(
		HEAD "for a in list\n for b in list\n  record when a == 2\n", list),
	    "the map needs too long for it"));
	assert_non_null(
	    strstr(map_text(HEAD "for a in list\n record\n  x = list\n", list),
		"more than 4194304 bytes of records"));
	assert_non_null(strstr(
	    map_text(HEAD "x = {a: {b: list}}\n", nested), "nests more than 8 levels"));
	assert_string_equal(map_text(HEAD "x = list\n", nested),
	    "{\"event\":\"click\",\"event_id\":\"L\",\"timestamp\":0,\"x\":[[[[[[[]]]]]"
	    "]]}\n");
	free(deep);
	free(many);
	free(list);
	free(nested);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_without_record_lines_is_one_record),
		cmocka_unit_test(every_record_whose_condition_holds_is_made),
		cmocka_unit_test(loops_make_a_record_of_each_item),
		cmocka_unit_test(lines_are_dropped_and_rejected),
		cmocka_unit_test(fields_that_the_map_does_not_mention_can_be_kept),
		cmocka_unit_test(names_belong_to_their_block),
		cmocka_unit_test(
		    the_same_call_is_the_same_value_for_every_record_and_item),
		cmocka_unit_test(
		    conditions_on_the_same_call_exclude_one_another_only_by_their_text),
		cmocka_unit_test(keys_and_constants_are_written_whatever_their_length),
		cmocka_unit_test(a_mistake_is_named_with_file_line_and_column),
		cmocka_unit_test(hostile_maps_and_records_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
