/* SPDX-License-Identifier: MIT */
#include "lib/text/expr.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/number.h"
#include "lib/hash.h"
#include "lib/text/json.h"
#include "tests/unit/seed.h"

static const char sample[] =
    "{\"event\":\"click\",\"event_id\":\"e1\",\"timestamp\":1574553793442536,"
    "\"position\":2,\"price\":12.5,\"zero\":0,\"big\":18446744073709551615,\"neg\":-7,"
    "\"yes\":true,\"no\":false,\"null\":null,\"name\":\"Ada\",\"empty\":\"\","
    "\"url\":\"https://me@Shop.Example:8443/a%20b/c/?q=red+shoes&x=%C3%A4&y=%FF&z\","
    "\"logged\":\"/shop/item/42?id=7\",\"tags\":[\"red\",\"blue\",3],"
    "\"context\":{\"page\":{\"id\":7},\"odd key\":\"v\"},"
    "\"params\":[{\"key\":\"page\",\"value\":{\"string_value\":\"home\"}},"
    "{\"key\":\"n\",\"value\":{\"float_value\":null,\"int_value\":5}}],"
    "\"User-Agent\":\"Mozilla/5.0 (X11)\",\"cost\":\" "
    "19.99\",\"nan\":{\"$number\":\"NaN\"},"
    "\"bin\":{\"$binary\":\"QWRh\"},\"stamp\":{\"$ext\":[-1,\"Xdlx/w==\"]},"
    "\"in\":1,\"iso\":\"2019-11-24 00:03:13.442536+00:00\"}";

/* A reader, and the sample as its record. */
struct fixture {
	struct reader *reader;
	uint8_t bytes[4096 + RECORD_PADDING];
	size_t size;
	struct record record;
};

static void
setup(struct fixture *f, const char *text)
{
	char copy[4096 + JSON_PADDING] = "";
	struct json *json = json_new();
	struct fault fault;
	struct build b;

	f->reader = reader_new();
	assert_non_null(f->reader);
	assert_non_null(json);
	assert_true(strlen(text) < 4096);
	strcpy(copy, text);
	build_init(&b, f->bytes, 4096);
	assert_true(json_parse(json, slice_text(copy), &b, &fault));
	f->size = build_slice(&b).size;
	json_free(json);
}

static void
scan(struct fixture *f)
{
	struct fault fault;
	size_t need;

	assert_int_equal(record_scan(f->reader, slice_of(f->bytes, f->size), &f->record,
			     &fault, &need),
	    SCAN_RECORD);
}

static void
teardown(struct fixture *f)
{
	reader_free(f->reader);
}

/* The value as a text: missing, nil, true, 7, 1.5, 'text', list, map, other. */
static void
show(const struct expr_value *value, char to[256])
{
	switch (value->type) {
	case EXPR_MISSING:
		strcpy(to, "missing");
		break;
	case EXPR_NIL:
		strcpy(to, "nil");
		break;
	case EXPR_BOOL:
		strcpy(to, value->truth ? "true" : "false");
		break;
	case EXPR_INT:
		to[number_format_int(value->integer, to)] = '\0';
		break;
	case EXPR_FLOAT:
		if (isfinite(value->number))
			to[number_format_double(value->number, to)] = '\0';
		else
			strcpy(to, "not finite");
		break;
	case EXPR_TEXT:
		snprintf(to, 256, "'%.*s'", (int)value->text.size,
		    (const char *)value->text.at);
		break;
	case EXPR_LIST:
		strcpy(to, "list");
		break;
	case EXPR_MAP:
		strcpy(to, "map");
		break;
	case EXPR_OTHER:
		strcpy(to, "other");
		break;
	}
}

struct example {
	const char *text, *result;
};

static void
check(const struct example *examples, size_t n)
{
	struct fixture f;
	struct error error;
	struct expr_value value;
	struct expr *compiled[128];
	char shown[256];

	assert_true(n <= 128);
	setup(&f, sample);
	for (size_t i = 0; i < n; i++) {
		compiled[i] =
		    expr_compile(f.reader, slice_text(examples[i].text), &error);
		if (compiled[i] == NULL)
			fail_msg("%s: %s", examples[i].text, error.text);
	}
	scan(&f);
	for (size_t i = 0; i < n; i++) {
		expr_eval(compiled[i], &f.record, &value);
		show(&value, shown);
		if (strcmp(shown, examples[i].result) != 0)
			fail_msg("%s is %s, not %s", examples[i].text, shown,
			    examples[i].result);
		assert_int_equal(expr_test(compiled[i], &f.record),
		    strcmp(examples[i].result, "true") == 0);
		expr_free(compiled[i]);
	}
	teardown(&f);
}

#define CHECK(examples) check(examples, sizeof(examples) / sizeof(examples)[0])

static void
comparisons_follow_the_types_of_the_values(void **state)
{
	static const struct example examples[] = {
		{ "event == \"click\"", "true" },
		{ "event == 'click' and position < 3", "true" },
		{ "event != 'click' or position >= 3", "false" },
		{ "position == 2.0", "true" },
		{ "price > 12 and price <= 12.5", "true" },
		{ "big > 9223372036854775807", "true" },
		{ "neg < 0 and neg == -7 and -neg == 7 and --neg == -7", "true" },
		{ "yes", "true" },
		{ "no", "false" },
		{ "not no", "true" },
		{ "not not yes", "true" },
		{ "yes == true and no != yes", "true" },
		{ "null == nil", "true" },
		{ "null != 1", "true" },
		{ "null < 1", "false" },
		{ "name == 1", "false" },
		{ "name != 1", "true" },
		{ "name < 'Adb' and name > 'Ad' and empty < name", "true" },
		{ "bin == 'Ada' and name == bin", "true" },
		{ "nan == nan", "false" },
		{ "nan < 1 or nan > 1 or nan <= 1", "false" },
		{ "nan != 1", "true" },
		{ "position", "2" },
		{ "tags == [\"red\", \"blue\", 3]", "true" },
		{ "`User-Agent` == 'Mozilla/5.0 (X11)'", "true" },
		{ "`in` == 1", "true" },
	};

	(void)state;
	CHECK(examples);
}

static void
a_comparison_with_a_missing_field_is_false(void **state)
{
	static const struct example examples[] = {
		{ "absent", "missing" },
		{ "absent == 1", "false" },
		{ "absent != 1", "false" },
		{ "not (absent == 1)", "true" },
		{ "absent < 1 or absent >= 1", "false" },
		{ "absent == absent", "false" },
		{ "absent in (1, 2)", "false" },
		{ "absent not in (1, 2)", "true" },
		{ "absent =~ 'a'", "false" },
		{ "absent !~ 'a'", "false" },
		{ "absent + 1", "missing" },
		{ "exists(absent)", "false" },
		{ "exists(null)", "true" },
		{ "exists(position) and not exists(context.page.name)", "true" },
		{ "default(absent, null, name)", "'Ada'" },
		{ "default(absent, null)", "nil" },
		{ "context.none.deeper", "missing" },
		{ "name.x", "missing" },
	};

	(void)state;
	CHECK(examples);
}

static void
sets_lists_and_ranges_contain_what_they_say(void **state)
{
	static const struct example examples[] = {
		{ "event in ('view', 'click', \"buy\")", "true" },
		{ "event not in ('view', 'click')", "false" },
		{ "position in (1, 2.0, 3)", "true" },
		{ "position in (2.5, '2', true)", "false" },
		{ "null in (nil, 1)", "true" },
		{ "position in (zero + 2, 5)", "true" },
		{ "'blue' in tags and 3 in tags and 'x' not in tags", "true" },
		{ "'b' in name", "false" },
		{ "position in 0..3", "true" },
		{ "position in 0..2", "false" },
		{ "position in 2..3", "true" },
		{ "timestamp in 2019-11-24..2019-11-25", "true" },
		{ "timestamp in 2019-11-23..2019-11-24", "false" },
		{ "timestamp >= 2019-11-24T00:00Z and timestamp < 2019-11-25", "true" },
		{ "timestamp < 2019-11-24T00:03:13.442537Z", "true" },
		{ "timestamp >= 2019-11-24T01:03:13.5+01:00", "false" },
		{ "timestamp in 2019-11-24T00:03Z..2019-11-24T00:04Z", "true" },
		{ "timestamp - 2019-11-24 < 10m", "true" },
		{ "timestamp - 2019-11-24 > 3m13s442ms", "true" },
		{ "stamp == 2019-11-23T17:53:03Z", "true" },
		{ "1h30m", "5400000000" },
	};

	(void)state;
	CHECK(examples);
}

static void
arithmetic_is_exact_or_missing(void **state)
{
	static const struct example examples[] = {
		{ "1 + 2 * 3", "7" },
		{ "(1 + 2) * 3", "9" },
		{ "10 - 3 - 2", "5" },
		{ "7 / 2", "3.5" },
		{ "8 / 2 / 2", "2.0" },
		{ "1 / 0", "missing" },
		{ "1 / zero", "missing" },
		{ "position + 0.5", "2.5" },
		{ "-position * 3", "-6" },
		{ "9223372036854775807 + zero", "9223372036854775807" },
		{ "9223372036854775807 + 1", "missing" },
		{ "9223372036854775807 * 2.0", "1.8446744073709552e+19" },
		{ "1e308 * 10", "missing" },
		{ "name + 1", "missing" },
		{ "-name", "missing" },
		{ "-5", "-5" },
		{ "- - 5", "5" },
		{ "2e3", "2000.0" },
	};

	(void)state;
	CHECK(examples);
}

static void
regular_expressions_match_anywhere_in_a_text(void **state)
{
	static const struct example examples[] = {
		{ "name =~ \"^A\"", "true" },
		{ "name !~ \"^A\"", "false" },
		{ "name =~ 'd'", "true" },
		{ "`User-Agent` =~ \"(?i)mozilla/\\d\\.\\d\"", "true" },
		{ "`User-Agent` =~ '^Mozilla/\\d'", "true" },
		{ "position =~ '2'", "false" },
		{ "position !~ '2'", "false" },
		{ "text(position) =~ '2'", "true" },
		{ "capture(logged, '/item/(\\d+)')", "'42'" },
		{ "capture(logged, '(item)/(\\d+)', 2)", "'42'" },
		{ "capture(logged, 'item/\\d+')", "'item/42'" },
		{ "capture(logged, '(none)|item')", "missing" },
		{ "capture(logged, 'nothing')", "missing" },
		{ "'\xc3\xa4' =~ '^[\xc3\xa4\xc3\xb6]$'", "true" },
	};

	(void)state;
	CHECK(examples);
}

static void
paths_lead_into_maps_and_lists(void **state)
{
	static const struct example examples[] = {
		{ "context.page.id", "7" },
		{ "context['page']['id']", "7" },
		{ "context.`odd key`", "'v'" },
		{ "tags[0]", "'red'" },
		{ "tags[-1]", "3" },
		{ "tags[3]", "missing" },
		{ "tags[-4]", "missing" },
		{ "tags[0.0]", "missing" },
		{ "tags['0']", "missing" },
		{ "tags[zero + 1]", "'blue'" },
		{ "params[1].value.int_value", "5" },
		{ "pick(params, 'key', 'page').value.string_value", "'home'" },
		{ "pick(params, 'key', 'none')", "missing" },
		{ "scalar(pick(params, 'key', 'n').value)", "5" },
		{ "collect(params, 'key', 'value').n.int_value", "5" },
		{ "size(collect(params, 'key', 'value'))", "2" },
		{ "{a: 1, 'b c': name, d: absent, e: nil} == {a: 1, `b c`: 'Ada'}",
		    "true" },
		{ "[for t in tags: t] == tags", "true" },
		{ "[for t, i in tags if i > 0: {t: t, i: i}][1].t", "3" },
		{ "[for t in tags: absent] == []", "true" },
		{ "[for t in absent: 1] == []", "true" },
		{ "[for a in [1, 2]: [for b in [10, 20]: a * b]] == [[10, 20], [20, "
		  "40]]",
		    "true" },
		{ "{x: {y: [1, 2]}}.x.y[1]", "2" },
		{ "{'click': 'a', view: 'b'}[event]", "'a'" },
		{ "position in ([2], 2)", "true" },
		{ "tags in ([2], ['red', 'blue', 3])", "true" },
	};

	(void)state;
	CHECK(examples);
}

static void
conversions_give_the_value_or_nothing(void **state)
{
	static const struct example examples[] = {
		{ "int('42')", "42" },
		{ "int(' 42.9 ')", "42" },
		{ "int(-1.9)", "-1" },
		{ "int('x')", "missing" },
		{ "int(1e30)", "missing" },
		{ "int(yes)", "1" },
		{ "float('1.5')", "1.5" },
		{ "float(position)", "2.0" },
		{ "round(2.5)", "3" },
		{ "round('-2.5')", "-3" },
		{ "text(position)", "'2'" },
		{ "text(price)", "'12.5'" },
		{ "text(yes)", "'true'" },
		{ "text(null)", "missing" },
		{ "bool('TRUE')", "true" },
		{ "bool('no')", "false" },
		{ "bool('maybe')", "missing" },
		{ "bool(zero)", "false" },
		{ "time(iso) == timestamp", "true" },
		{ "time(1574553793) == time('2019-11-24T00:03:13Z')", "true" },
		{ "time_s('1574553793.442536') == timestamp", "true" },
		{ "time_ms(1574553793442) == timestamp - 536us", "true" },
		{ "time_us(timestamp) == timestamp", "true" },
		{ "time('yesterday')", "missing" },
		{ "micros(cost)", "19990000" },
		{ "micros('0.000001')", "1" },
		{ "micros('1e2')", "100000000" },
		{ "micros(price)", "12500000" },
		{ "micros(3)", "3000000" },
		{ "micros('12,50')", "missing" },
		{ "lower('ABC-\xc3\x84')", "'abc-\xc3\x84'" },
		{ "trim('  a b ')", "'a b'" },
		{ "concat(name, '-', position, '-', yes)", "'Ada-2-true'" },
		{ "concat(name, absent)", "missing" },
		{ "split('a,b,,c', ',')[2]", "''" },
		{ "split('a, b', ', ') == ['a', 'b']", "true" },
		{ "size(split('', ','))", "1" },
		{ "size('abc') + size(tags) + size(context)", "8" },
		{ "contains(name, 'd') and starts(name, 'Ad')", "true" },
		{ "starts(name, 'Adam')", "false" },
		{ "if(position > 1, 'low', 'top')", "'low'" },
		{ "if(absent == 1, 1, absent)", "missing" },
		{ "hash(name) == hash('Ada') and hash(name) != hash('ada')", "true" },
		{ "hash(name) >= 0", "true" },
		{ "nonempty(empty)", "missing" },
		{ "nonempty(name)", "'Ada'" },
		{ "nonempty(zero)", "0" },
		{ "json('{\"a\": [1, {\"b\": \"x\"}]}').a[1].b", "'x'" },
		{ "json('{\"a\": ')", "missing" },
		{ "json(position)", "missing" },
	};

	(void)state;
	CHECK(examples);
}

static void
urls_fall_into_their_parts(void **state)
{
	static const struct example examples[] = {
		{ "host(url)", "'shop.example'" },
		{ "host(logged)", "missing" },
		{ "path(url)", "'/a b/c/'" },
		{ "path(url, 0)", "'a b'" },
		{ "path(url, 1)", "'c'" },
		{ "path(url, 2)", "''" },
		{ "path(url, 3)", "missing" },
		{ "path(logged, 2)", "'42'" },
		{ "path('//cdn.example/x?y', 0)", "'x'" },
		{ "query(url, 'q')", "'red shoes'" },
		{ "query(url, 'x')", "'\xc3\xa4'" },
		{ "query(url, 'y')", "'%FF'" },
		{ "query(url, 'z')", "''" },
		{ "query(url, 'none')", "missing" },
		{ "query('?a%20b=1', 'a b')", "'1'" },
		{ "int(query(logged, 'id')) + 1", "8" },
		{ "query('?a=%4', 'a')", "'%4'" },
		{ "host('http://[::1]:80/x')", "'::1'" },
	};

	(void)state;
	CHECK(examples);
}

static void
a_mistake_is_named_with_its_column(void **state)
{
	static const struct example examples[] = {
		{ "", "column 1: a value is missing at the end" },
		{ "event ==", "column 9: a value is missing at the end" },
		{ "event = 'click'", "column 7: == compares" },
		{ "event == 'click", "column 10: a text that ' does not end" },
		{ "(position < 3",
		    "column 14: ')' is expected to close the parenthesis" },
		{ "position < 3)", "column 13: the expression should end here" },
		{ "position < 3 position",
		    "column 14: the expression should end here" },
		{ "nosuch(1)", "column 1: there is no function 'nosuch'" },
		{ "int(1, 2)", "column 1: int takes 1 arguments, not 2" },
		{ "a =~ '('", "wrong regular expression: missing closing parenthesis" },
		{ "a =~ b", "a regular expression must be a text in quotes" },
		{ "a && b", "column 3: a character that means nothing here" },
		{ "1 < 2 < 3", "column 7: comparisons do not chain" },
		{ "position < 5x", "column 12: neither a number nor a duration" },
		{ "timestamp > 2019-13-01", "column 13: no such time" },
		{ "timestamp > '2019-11-24'", "write the time without quotes" },
		{ "'a' < 3", "column 5: a text is compared with a number" },
		{ "not 3",
		    "column 5: a condition is needed here, and this is a number" },
		{ "a and 'b'",
		    "column 7: a condition is needed here, and this is a text" },
		{ "'a' + 1", "there is no arithmetic on a text (concat joins texts)" },
		{ "and", "column 1: a value is expected before 'and'" },
		{ "a not b", "'in' is expected" },
		{ "99999999999999999999", "column 1: a number out of range" },
		{ "capture(a, 'b', 1)", "the regular expression has 0 groups" },
		{ "``", "a name of no or more than 255 bytes" },
		{ "{1: 2}", "column 2: a key is expected" },
		{ "a.3", "column 3: a name is expected after the dot" },
		{ "[for in in x: 1]", "column 6: 'in' is a word of the language" },
	};
	struct fixture f;
	struct error error;

	(void)state;
	setup(&f, sample);
	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		struct expr *e =
		    expr_compile(f.reader, slice_text(examples[i].text), &error);

		if (e != NULL)
			fail_msg("%s is accepted", examples[i].text);
		if (strstr(error.text, examples[i].result) == NULL)
			fail_msg("%s: %s", examples[i].text, error.text);
	}
	assert_null(expr_compile_condition(f.reader, slice_text("3 + 4"), &error));
	assert_string_equal(error.text,
	    "column 1: a condition is needed here, and this is a number (compare it "
	    "with "
	    "==)\n    3 + 4\n    ^");
	teardown(&f);
}

/* n copies of the text between two others. */
static struct slice
repeated(const char *before, const char *text, size_t n, const char *after)
{
	size_t size = strlen(before) + n * strlen(text) + strlen(after);
	char *to = malloc(size + 1), *at = to;

	assert_non_null(to);
	at = stpcpy(at, before);
	while (n-- > 0)
		at = stpcpy(at, text);
	stpcpy(at, after);
	return slice_of(to, size);
}

static void
hostile_expressions_are_refused_or_bounded(void **state)
{
	const struct {
		struct slice text;
		bool accepted;
	} cases[] = {
		{ repeated("", "(", 10000, "1"), false },
		{ repeated("", "[", 10000, "1"), false },
		{ repeated("", "int(", 10000, "1"), false },
		{ repeated("not ", "not ", 10000, "yes"), true },
		{ repeated("1", "-", 10000, "1"), true },
		{ repeated("1", "+1", 10000, ""), false },
		{ repeated("a", "[0]", 10000, ""), false },
		{ repeated("a", ".b", 40, ""), true },
		{ repeated("yes", " and yes", 1000, ""), true },
		{ repeated("yes", " and yes", 5000, ""), false },
		{ repeated("a in (1", ",1", 1000, ")"), true },
		{ repeated("a in (1", ",1", 20000, ")"), false },
		{ repeated("", "a", 300, ""), false },
		{ repeated("", "#", 70000, ""), false },
		{ repeated("concat(a", ",a", 40, ")"), false },
		{ repeated("a =~ '", "(a", 1000, "'"), false },
		{ repeated("a =~ '", "a", 10000, "'"), false },
	};
	struct fixture f;
	struct error error;
	struct expr *e;

	(void)state;
	setup(&f, sample);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		e = expr_compile(f.reader, cases[i].text, &error);
		if ((e != NULL) != cases[i].accepted)
			fail_msg(
			    "case %zu: %s", i, e == NULL ? error.text : "accepted");
		expr_free(e);
		free((void *)cases[i].text.at);
	}
	teardown(&f);
}

static void
more_fields_than_a_reader_can_watch_are_refused(void **state)
{
	char text[8192] = "", *at = text;
	struct fixture f;
	struct error error;

	(void)state;
	setup(&f, sample);
	for (int i = 0; i < 300; i++)
		at += sprintf(at, "%sf%d == 1", i == 0 ? "" : " or ", i);
	assert_null(expr_compile(f.reader, slice_text(text), &error));
	assert_non_null(strstr(error.text, "more than 200 different fields"));
	teardown(&f);
}

static void
a_text_made_to_slow_a_regular_expression_is_cut_off(void **state)
{
	char json[4096], *at = json;
	struct fixture f;
	struct error error;
	struct expr *match, *no_match, *plain;

	(void)state;
	at += sprintf(at, "{\"a\":\"");
	memset(at, 'a', 3000);
	strcpy(at + 3000, "\"}");
	setup(&f, json);
	match = expr_compile(f.reader, slice_text("a =~ '(a+)+[bc]'"), &error);
	no_match = expr_compile(f.reader, slice_text("a !~ '(a+)+[bc]'"), &error);
	plain = expr_compile(f.reader, slice_text("a =~ '^a+$'"), &error);
	assert_true(match != NULL && no_match != NULL && plain != NULL);
	scan(&f);
	assert_false(expr_test(match, &f.record));
	assert_int_equal(*expr_cut_off(match), 1);
	assert_false(expr_test(no_match, &f.record));
	assert_int_equal(*expr_cut_off(no_match), 1);
	assert_true(expr_test(plain, &f.record));
	assert_int_equal(*expr_cut_off(plain), 0);
	expr_free(match);
	expr_free(no_match);
	expr_free(plain);
	teardown(&f);
}

static void
loops_in_loops_end_when_the_record_had_its_share(void **state)
{
	static const char text[] = "size([for a in l: [for b in l: [for c in l: [for d "
				   "in l: [for e in l: [for f in "
				   "l: [for g in l: [for h in l: 1]]]]]]]]) > 0";
	char json[1024], *at = json;
	struct fixture f;
	struct error error;
	struct expr *e;

	(void)state;
	at += sprintf(at, "{\"l\":[0");
	for (int i = 0; i < 200; i++)
		at += sprintf(at, ",%d", i % 10);
	strcpy(at, "]}");
	setup(&f, json);
	e = expr_compile(f.reader, slice_text(text), &error);
	assert_non_null(e);
	scan(&f);
	(void)expr_test(e, &f.record);
	assert_int_equal(*expr_cut_off(e), 1);
	expr_free(e);
	teardown(&f);
}

/* --- Comparisons against a slow reference --------------------------------------- */

/* Numbers as sign, then exactly in units of 2^-1074 would be too long: long double has
 * 64 bits of mantissa here, which holds every int64 and every double exactly. */
static int
reference_order(const struct expr_value *a, const struct expr_value *b)
{
	long double x = a->type == EXPR_INT ? (long double)a->integer : a->number;
	long double y = b->type == EXPR_INT ? (long double)b->integer : b->number;

	return (x > y) - (x < y);
}

static void
random_number(struct random *r, char *to, struct expr_value *value)
{
	static const double edges[] = { 0x1p53, 0x1p62, 9223372036854774784.0, 0.5,
		1e300, -1e300, 9.5, -0x1p53, 1152921504606846976.0 };
	uint64_t kind = random_next(r) % 5;
	int64_t near = (int64_t)(random_next(r) % 5) - 2;

	value->type = kind < 3 ? EXPR_INT : EXPR_FLOAT;
	if (kind == 0)
		value->integer = near;
	else if (kind == 1)
		value->integer = (INT64_C(1) << (50 + random_next(r) % 13)) + near;
	else if (kind == 2)
		value->integer = (int64_t)(random_next(r) >> 1);
	else if (kind == 3)
		value->number =
		    edges[random_next(r) % (sizeof edges / sizeof edges[0])];
	else
		value->number = (double)(INT64_C(1) << (50 + random_next(r) % 13)) +
		    (double)near / 2;
	to[value->type == EXPR_INT ? number_format_int(value->integer, to)
				   : number_format_double(value->number, to)] = '\0';
}

static void
comparisons_of_numbers_agree_with_exact_arithmetic(void **state)
{
	static const char *const names[] = { "==", "!=", "<", "<=", ">", ">=" };
	struct random r = seeded();
	char a[NUMBER_TEXT_MAX + 1], b[NUMBER_TEXT_MAX + 1], json[128], text[160];
	struct expr_value x, y;
	struct fixture f;
	struct error error;

	(void)state;
	_Static_assert(
	    __LDBL_MANT_DIG__ >= 64 || __LDBL_MANT_DIG__ == 53, "long double");
	for (int i = 0; i < 400; i++) {
		random_number(&r, a, &x);
		random_number(&r, b, &y);
		snprintf(json, sizeof json, "{\"a\":%s,\"b\":%s}", a, b);
		for (unsigned op = 0; op < 6; op++) {
			int order = reference_order(&x, &y);
			bool expected = (op == 0 && order == 0) ||
			    (op == 1 && order != 0) || (op == 2 && order < 0) ||
			    (op == 3 && order <= 0) || (op == 4 && order > 0) ||
			    (op == 5 && order >= 0);
			struct expr *fields, *constant;

			setup(&f, json);
			snprintf(text, sizeof text, "a %s b", names[op]);
			fields = expr_compile(f.reader, slice_text(text), &error);
			snprintf(text, sizeof text, "a %s %s", names[op], b);
			constant = expr_compile(f.reader, slice_text(text), &error);
			assert_true(fields != NULL && constant != NULL);
			scan(&f);
			if (expr_test(fields, &f.record) != expected ||
			    expr_test(constant, &f.record) != expected)
				fail_msg(
				    "%s %s %s is not %d", a, names[op], b, expected);
			expr_free(fields);
			expr_free(constant);
			teardown(&f);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparisons_follow_the_types_of_the_values),
		cmocka_unit_test(a_comparison_with_a_missing_field_is_false),
		cmocka_unit_test(sets_lists_and_ranges_contain_what_they_say),
		cmocka_unit_test(arithmetic_is_exact_or_missing),
		cmocka_unit_test(regular_expressions_match_anywhere_in_a_text),
		cmocka_unit_test(paths_lead_into_maps_and_lists),
		cmocka_unit_test(conversions_give_the_value_or_nothing),
		cmocka_unit_test(urls_fall_into_their_parts),
		cmocka_unit_test(a_mistake_is_named_with_its_column),
		cmocka_unit_test(hostile_expressions_are_refused_or_bounded),
		cmocka_unit_test(more_fields_than_a_reader_can_watch_are_refused),
		cmocka_unit_test(a_text_made_to_slow_a_regular_expression_is_cut_off),
		cmocka_unit_test(loops_in_loops_end_when_the_record_had_its_share),
		cmocka_unit_test(comparisons_of_numbers_agree_with_exact_arithmetic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
