/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text/examples.h"
#include "lib/text/print.h"
#include "lib/text/sparse.h"
#include "tests/unit/seed.h"

enum { STORAGE = 4 << 20 };

static struct {
	uint8_t input[STORAGE];
	uint8_t built[RECORD_SIZE_MAX];
	uint8_t out[STORAGE];
	struct build to;
	struct line_ids *ids;
} t;

static int
set_up(void **state)
{
	(void)state;
	t.ids = line_ids_new();
	return t.ids == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	line_ids_free(t.ids);
	return 0;
}

static struct examples *
format(const char *name)
{
	struct examples *x = examples_new(slice_text(name));

	assert_non_null(x);
	return x;
}

/* Read one text; what it became is in t.to. */
static enum examples_result
read_text(struct examples *x, struct slice text, struct fault *fault)
{
	uint8_t id[LINE_ID_SIZE];

	build_init(&t.to, t.built, sizeof t.built);
	return examples_read(x, text, t.ids, id, &t.to, fault);
}

/* Read all of a text of which `step` bytes more come at a time (0: all at once). Each
 * record is a line of JSON, each fault a line "! reason". */
static const char *
read_all(struct examples *x, struct slice text, size_t step)
{
	size_t at = 0, have = step == 0 ? text.size : 0;
	struct build out;
	struct fault fault;

	assert_true(text.size + EXAMPLES_PADDING <= sizeof t.input);
	memmove(t.input, text.at, text.size);
	build_init(&out, t.out, sizeof t.out - 1);
	while (at < text.size) {
		bool end = have == text.size;
		size_t size = examples_frame(x, slice_of(t.input + at, have - at), end);

		if (size == 0) {
			assert_false(end);
			have = have + step < text.size ? have + step : text.size;
			continue;
		}
		switch (read_text(x, slice_of(t.input + at, size), &fault)) {
		case EXAMPLES_RECORD:
			print_json(build_slice(&t.to), &out);
			build_byte(&out, '\n');
			break;
		case EXAMPLES_FAULT:
			build_raw(&out, slice_text("! "));
			build_raw(&out, slice_text(fault.reason));
			build_byte(&out, '\n');
			break;
		case EXAMPLES_NONE:
			break;
		}
		at += size;
	}
	assert_false(build_full(&out));
	t.out[build_slice(&out).size] = '\0';
	return (const char *)t.out;
}

/* The rest of a line's record, after its timestamp. */
static const char *
rest_of(const char *name, const char *line)
{
	struct examples *x = format(name);
	const char *all = read_all(x, slice_text(line), 0), *from;

	examples_free(x);
	t.out[strcspn(all, "\n")] = '\0';
	from = strstr(all, "\"timestamp\":1");
	return from == NULL ? all : from + strlen("\"timestamp\":1");
}

static void
a_label_becomes_what_it_means(void **state)
{
	static const char *const cases[][2] = {
		{ "1 |", ",\"rewards\":{\"click\":1}," },
		{ "-1 |", ",\"rewards\":{\"click\":0}," },
		{ "0.0 |", ",\"rewards\":{\"click\":0}," },
		{ "+1 |", ",\"rewards\":{\"click\":1}," },
		{ "2 |", ",\"rewards\":{\"value\":2}," },
		{ "-.5e1 |", ",\"rewards\":{\"value\":-5}," },
		{ "1 0.5 |", ",\"weight\":0.5,\"rewards\":{\"click\":1}," },
		{ "1 1 -2.5 |", ",\"base\":-2.5,\"rewards\":{\"click\":1}," },
		{ "1 1.0 zebra|", ",\"tag\":\"zebra\",\"rewards\":{\"click\":1}," },
		{ "1 'zebra |", ",\"tag\":\"zebra\",\"rewards\":{\"click\":1}," },
		{ "'zebra |", ",\"tag\":\"zebra\"," },
		{ "-1|", ",\"tag\":\"-1\"," },
		{ "|", "," },
		{ "1:2:0.4 |",
		    ",\"creative_id\":\"1\",\"probability\":0.4,\"reward\":-2,"
		    "\"rewards\":{\"value\":-2}," },
		{ "red 1:-0.5:1 'q |",
		    ",\"tag\":\"q\",\"creative_id\":\"1\",\"probability\":1.0,"
		    "\"reward\":0.5,\"rewards\":{\"click\":0.5},"
		    "\"candidates\":[\"red\",\"1\"]," },
		{ "1:0:0.5 |",
		    ",\"creative_id\":\"1\",\"probability\":0.5,\"reward\":0,"
		    "\"rewards\":{\"click\":0}," },
	};
	char wanted[512];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(wanted, sizeof wanted,
		    "%s\"features\":{\"$binary\":\"\"}}", cases[i][1]);
		assert_string_equal(rest_of("vw-lines", cases[i][0]), wanted);
	}
}

static void
what_is_no_example_is_refused_with_a_reason(void **state)
{
	static const char *const cases[][3] = {
		{ "vw-lines", "1", "no '|' before the features" },
		{ "vw-lines", "one |", "a label that is no number" },
		{ "vw-lines", "1e999 |", "a label that is no number" },
		{ "vw-lines", "1 x |", "an importance that is no number" },
		{ "vw-lines", "1 1e7 |", "an importance beyond 1e6" },
		{ "vw-lines", "1 2 3 4 |", "more than label, importance and base" },
		{ "vw-lines", "1:2 |", "an action's cost without probability" },
		{ "vw-lines", "1:2:0 |", "a probability that is not in (0, 1]" },
		{ "vw-lines", "1:2:1.1 |", "a probability that is not in (0, 1]" },
		{ "vw-lines", "1:2:.5 2:1:.5 |", "two actions with a cost" },
		{ "vw-lines", "1:2:.5:7 |", "a probability that is no number" },
		{ "vw-lines", ":2:.5 |",
		    "an action without a name, or of over 64 KiB" },
		{ "vw-lines", "1 | a:1x", "a value that is no finite number" },
		{ "vw-lines", "1 | a:", "a value that is no finite number" },
		{ "vw-lines", "1 | a:NaN", "a value that is no finite number" },
		{ "vw-lines", "1 | a:1000001",
		    "a value that is not finite or beyond 1e6" },
		{ "vw-lines", "1 |n:10 a:1e6",
		    "a value that is not finite or beyond 1e6" },
		{ "vw-lines", "1 |:2 a", "a namespace without a name" },
		{ "vw-lines", "1 |n:x a", "a namespace's value that is no number" },
		{ "libsvm", "1 2", "no index and ':' where a feature begins" },
		{ "libsvm", "1 x:2", "no index and ':' where a feature begins" },
		{ "libsvm", "1 1:", "a value that is no number" },
		{ "libsvm", "1 1:2:3", "a value that is no number" },
		{ "libsvm", "1,2 1:2", "a label that is no number" },
		{ "ffm", "1 2:3", "no index and ':' where a feature begins" },
		{ "ffm", "1 2:3:", "a value that is no number" },
		{ "vw-adf", "shared |", "an example without actions" },
		{ "vw-adf", "| a\nshared | b",
		    "a 'shared' line that is not the example's first" },
		{ "vw-adf", "1:1:.5 | a\n1:1:.5 | b", "a second action with a cost" },
		{ "vw-adf", "1 | a", "a label that is no action:cost:probability" },
		{ "vw-adf", "1:1:.5 2 | a",
		    "a label that is no action:cost:probability" },
	};
	char wanted[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(wanted, sizeof wanted, "! %s", cases[i][2]);
		assert_string_equal(rest_of(cases[i][0], cases[i][1]), wanted);
	}
}

/* --- Features --------------------------------------------------------------------- */

static struct {
	uint64_t key;
	char name[64];
} named[16];
static unsigned named_count;

static void
note(void *context, uint64_t key, struct slice space, struct slice name)
{
	(void)context;
	assert_true(named_count < 16);
	named[named_count].key = key;
	(void)snprintf(named[named_count++].name, sizeof named[0].name, "%.*s^%.*s",
	    (int)space.size, (const char *)space.at, (int)name.size,
	    (const char *)name.at);
}

/* The features of a line by name, "space^name:value ...". */
static const char *
features_of(const char *format_name, const char *line)
{
	static char text[1024];
	struct examples *x = format(format_name);
	struct slice pair, key, keys = { NULL, 0 }, values = { NULL, 0 };
	struct value_walk walk;
	struct fault fault;
	size_t used = 0;

	named_count = 0;
	examples_on_name(x, note, NULL);
	memset(t.input, ' ', strlen(line) + EXAMPLES_PADDING);
	memcpy(t.input, line, strlen(line));
	assert_int_equal(
	    read_text(x, slice_of(t.input, strlen(line)), &fault), EXAMPLES_RECORD);
	for (value_open(build_slice(&t.to), &walk); value_next(&walk, &key, &pair);) {
		struct slice name;

		assert_true(value_str(key, &name));
		if (slice_is(name, "features"))
			assert_true(value_bin(pair, &keys));
		if (slice_is(name, "feature_values"))
			assert_true(value_bin(pair, &values));
	}
	assert_int_equal(keys.size, 8 * named_count);
	assert_true(values.at == NULL || values.size == 4 * named_count);
	text[0] = '\0';
	for (unsigned i = 0; i < named_count; i++) {
		uint32_t bits =
		    values.at == NULL ? 0x3f800000 : bytes_load_le32(values.at + 4 * i);
		float value;

		memcpy(&value, &bits, sizeof value);
		assert_int_equal(bytes_load_le64(keys.at + 8 * i), named[i].key);
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s:%g",
		    i == 0 ? "" : " ", named[i].name, (double)value);
	}
	examples_free(x);
	return text;
}

static void
features_have_namespaces_names_and_values(void **state)
{
	(void)state;
	assert_string_equal(
	    features_of("vw-lines", "1 |a x y:2|b z\t| w"), "a^x:1 a^y:2 b^z:1 ^w:1");
	assert_string_equal(features_of("vw-lines", "1 |a:2 x y:-1.5|b:0.5 z:1e1"),
	    "a^x:2 a^y:-3 b^z:5");
	assert_string_equal(
	    features_of("vw-lines", "1 |a x:0 y:-0.0 z:1e-99 |b:0 w |c v"), "c^v:1");
	assert_string_equal(features_of("libsvm", "1 3:0.5 7:1 9:0"), "^3:0.5 ^7:1");
	assert_string_equal(features_of("ffm", "1 0:3:0.5 12:7:1"), "0^3:0.5 12^7:1");
	assert_string_equal(features_of("libsvm", "2 qid:8 1:1 # 2:2"), "^1:1");
}

static void
a_feature_without_a_name_has_its_number_in_the_namespace(void **state)
{
	(void)state;
	assert_string_equal(features_of("vw-lines", "1 |a :5 x :0 :7 |b :9"),
	    "a^0:5 a^x:1 a^2:7 b^0:9");
}

static void
a_value_of_letters_belongs_to_the_name(void **state)
{
	(void)state;
	assert_string_equal(features_of("vw-lines", "1 |a:3 city:paris x :oslo"),
	    "a^city:paris:1 a^x:3 a^:oslo:1");
}

static void
keys_are_made_as_those_of_specifications(void **state)
{
	(void)state;
	(void)features_of("vw-lines", "1 |creative red");
	assert_int_equal(named[0].key,
	    feature_key(feature_space(slice_text("creative")),
		hash_bytes(slice_text("red"), 0)));
	(void)features_of("ffm", "1 0:17:1");
	assert_int_equal(named[0].key,
	    feature_key(
		feature_space(slice_text("0")), hash_bytes(slice_text("17"), 0)));
}

static void
names_of_any_length_end_where_they_end(void **state)
{
	static const char letters[] =
	    "AZaz09_\xc3\x84\xff{}~!\x7f,.;=^[]()<>/@#$%&*+-'\"";
	char line[128], wanted[128];

	(void)state;
	for (int n = 1; n < 28; n++) {
		(void)snprintf(
		    line, sizeof line, "1 |%.*s %.*s:2 y", n, letters, n, letters + 3);
		(void)snprintf(wanted, sizeof wanted, "%.*s^%.*s:2 %.*s^y:1", n,
		    letters, n, letters + 3, n, letters);
		assert_string_equal(features_of("vw-lines", line), wanted);
	}
}

static void
as_many_features_as_a_model_takes(void **state)
{
	struct examples *x = format("vw-lines");
	struct fault fault;
	size_t size = 3;

	(void)state;
	memcpy(t.input, "1 |", 3);
	for (unsigned i = 0; i < FEATURES_MAX; i++, size += 2)
		memcpy(t.input + size, " f", 2);
	assert_int_equal(
	    read_text(x, slice_of(t.input, size), &fault), EXAMPLES_RECORD);
	memcpy(t.input + size, " f", 2);
	assert_int_equal(
	    read_text(x, slice_of(t.input, size + 2), &fault), EXAMPLES_FAULT);
	assert_int_equal(fault.at, size + 1);
	assert_int_equal(build_slice(&t.to).size, 0);
	examples_free(x);
}

static void
numbers_are_those_of_the_c_library(void **state)
{
	struct random r = seeded();
	char text[64];
	double value;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t digits = random_next(&r) >> (1 + random_next(&r) % 63);
		int exponent = (int)(random_next(&r) % 61) - 30;
		int size;

		if (digits > UINT64_C(9999999999999999999))
			digits /= 10;
		switch (random_next(&r) % 3) {
		case 0:
			size = snprintf(text, sizeof text, "%llue%d",
			    (unsigned long long)digits, exponent);
			break;
		case 1:
			size = snprintf(text, sizeof text, "-%llu.%lluE+%d",
			    (unsigned long long)digits % 100000,
			    (unsigned long long)(random_next(&r) % 1000000), i % 9);
			break;
		default:
			size = snprintf(
			    text, sizeof text, ".%llu", (unsigned long long)digits);
		}
		assert_ptr_equal(
		    sparse_number((uint8_t *)text, (uint8_t *)text + size, &value),
		    text + size);
		if (value != strtod(text, NULL))
			fail_msg("%s became %.17g", text, value);
	}
}

static void
a_number_ends_where_it_ends(void **state)
{
	static const struct {
		const char *text;
		int size; /* -1: none */
		double value;
	} cases[] = { { "1", 1, 1 }, { "5.", 2, 5 }, { ".5", 2, 0.5 }, { "+2", 2, 2 },
		{ "1e", 1, 1 }, { "1e+", 1, 1 }, { "1e5x", 3, 1e5 },
		{ "1.2.3", 3, 1.2 }, { ".", -1, 0 }, { "-", -1, 0 }, { "e5", -1, 0 },
		{ "", -1, 0 }, { "0e99999999", 10, 0 }, { "1e-99999999", 11, 0 },
		{ "1e99999999", 10, HUGE_VAL },
		{ "123456789012345678901", 21, 123456789012345678900.0 },
		{ "0.00000000000000000000000025", 28, 0.25e-24 } };
	double value;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const uint8_t *at = (const uint8_t *)cases[i].text;
		const uint8_t *end =
		    sparse_number(at, at + strlen(cases[i].text), &value);

		if (cases[i].size < 0) {
			assert_null(end);
			continue;
		}
		assert_ptr_equal(end, at + cases[i].size);
		assert_true(value == cases[i].value);
	}
}

/* --- Several lines ---------------------------------------------------------------- */

/* How many records of each kind a text makes: "outcome 2, request 1, faults 0". */
static const char *
census(const char *format_name, struct slice text, size_t step)
{
	static char said[128];
	struct examples *x = format(format_name);
	unsigned n[4] = { 0 };

	for (const char *at = read_all(x, text, step); *at != '\0';
	     at += strcspn(at, "\n") + 1)
		n[strncmp(at, "{\"event\":\"outcome", 17) == 0         ? 0
			: strncmp(at, "{\"event\":\"request", 17) == 0 ? 1
			: *at == '{'                                   ? 2
								       : 3]++;
	(void)snprintf(said, sizeof said,
	    "%u outcomes %u requests %u decisions %u faults", n[0], n[1], n[2], n[3]);
	examples_free(x);
	return said;
}

static void
the_first_lines_tell_how_a_text_is_made_up(void **state)
{
	static const char *const cases[][2] = {
		{ "1 | a\n-1 | b\n", "2 outcomes 0 requests 0 decisions 0 faults" },
		{ "| a\n1 | b\n", "1 outcomes 0 requests 1 decisions 0 faults" },
		{ "| a\n| b\n", "0 outcomes 0 requests 2 decisions 0 faults" },
		{ "1:1:.5 | a\n2:1:.5 | b\n| c\n",
		    "2 outcomes 0 requests 1 decisions 0 faults" },
		{ "shared | a\n| b\n| c\n",
		    "0 outcomes 1 requests 0 decisions 0 faults" },
		{ "| b\n0:1:.5 | c\n| d\n\n| e\n| f\n",
		    "1 outcomes 1 requests 0 decisions 0 faults" },
		{ "\n\n| b\n| c\n\n\n\n| d\n\n",
		    "0 outcomes 2 requests 0 decisions 0 faults" },
		{ "| b\n0:1:.5 | c\n", "1 outcomes 0 requests 0 decisions 0 faults" },
		{ "0:1:.5 | c\n", "1 outcomes 0 requests 0 decisions 0 faults" },
		{ "what is this\n1 | a\n",
		    "1 outcomes 0 requests 0 decisions 1 faults" },
		{ "\r\n| a\r\n| b\r\n\r\n| c\r\n\r\n",
		    "0 outcomes 2 requests 0 decisions 0 faults" },
		{ "| a\n| b", "0 outcomes 0 requests 2 decisions 0 faults" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t step = 0; step < 8; step++)
			assert_string_equal(
			    census("vw", slice_text(cases[i][0]), step), cases[i][1]);
	}
}

static void
actions_of_one_example_become_one_record(void **state)
{
	struct examples *x = format("vw-adf");
	const char *json = read_all(x,
	    slice_text("shared 's | u\n'red | a\n0:-1:0.25 'blue | b:2\n| c\n\n"), 0);

	(void)state;
	assert_non_null(strstr(json,
	    "\"timestamp\":1,\"tag\":\"s\",\"creative_id\":\"blue\",\"position\":0,"
	    "\"probability\":0.25,\"reward\":1,\"rewards\":{\"click\":1},"
	    "\"features\":"));
	assert_non_null(strstr(json, "\"candidates\":[\"red\",\"blue\",\"2\"],"));
	/* 1 and 2 of the shared feature and the chosen action's. */
	assert_non_null(
	    strstr(json, "\"feature_values\":{\"$binary\":\"AACAPwAAAEA=\"}"));
	assert_non_null(strstr(json,
	    "\"candidate_feature_values\":[null,{\"$binary\":\"AAAAQA==\"},null]"));
	assert_null(strstr(json, "shared_feature_values"));
	examples_free(x);
}

static void
an_example_that_is_too_large_is_refused_whole(void **state)
{
	uint8_t *text = malloc(STORAGE / 2);
	size_t size = 0;

	(void)state;
	assert_non_null(text);
	memcpy(text, "| a\n0:1:.5 | b\n\n", 16);
	size = 16;
	while (size < (size_t)16 + 3 * RECORD_SIZE_MAX / 2) {
		memcpy(text + size, "| abcdefghijklm\n", 16);
		size += 16;
	}
	memcpy(text + size, "\n| c\n0:1:.5 | d\n", 16);
	size += 16;
	assert_string_equal(census("vw-adf", slice_of(text, size), 0),
	    "2 outcomes 0 requests 0 decisions 2 faults");
	assert_string_equal(census("vw-adf", slice_of(text, size), 65536),
	    "2 outcomes 0 requests 0 decisions 2 faults");
	free(text);
}

/* What an example becomes that has `lines` lines of this text. */
static const char *
repeated(const char *line, unsigned lines)
{
	uint8_t *text = malloc(STORAGE / 2);
	size_t size = strlen(line);
	const char *said;

	assert_non_null(text);
	assert_true(lines * size <= STORAGE / 2);
	for (unsigned i = 0; i < lines; i++)
		memcpy(text + i * size, line, size);
	said = census("vw-adf", slice_of(text, lines * size), 0);
	free(text);
	return said;
}

static void
an_example_has_so_many_actions_and_features_and_no_more(void **state)
{
	static const char one[] = "0 outcomes 1 requests 0 decisions 0 faults";
	static const char none[] = "0 outcomes 0 requests 0 decisions 1 faults";
	char line[128] = "|a";

	(void)state;
	assert_string_equal(repeated("|a b\n", EXAMPLES_ACTIONS_MAX), one);
	assert_string_equal(repeated("|a b\n", EXAMPLES_ACTIONS_MAX + 1), none);
	/* In the record each takes 32 keys of 8 bytes, their header of 3, and a name. */
	for (unsigned i = 0; i < 32; i++)
		strcat(line, " b");
	strcat(line, "\n");
	assert_string_equal(repeated(line, 3900), one);
	assert_string_equal(repeated(line, 4090), none);
}

static void
a_snapshot_goes_on_counting(void **state)
{
	struct examples *x = format("vw"), *y = format("vw");
	uint8_t kept[EXAMPLES_STATE_SIZE];
	char whole[4096];

	(void)state;
	(void)snprintf(whole, sizeof whole, "%s",
	    read_all(x, slice_text("shared | a\n| b\n\n| c\n| d\n\n"), 0));
	examples_free(x);
	x = format("vw");
	(void)read_all(x, slice_text("shared | a\n| b\n\n"), 0);
	memcpy(kept, examples_state(x).at, sizeof kept);
	assert_true(examples_restore(y, slice_of(kept, sizeof kept)));
	assert_string_equal(
	    read_all(y, slice_text("| c\n| d\n\n"), 0), strchr(whole, '\n') + 1);
	assert_false(examples_restore(y, slice_of(kept, 8)));
	kept[8] = 17;
	assert_false(examples_restore(y, slice_of(kept, sizeof kept)));
	examples_free(x);
	examples_free(y);
}

static void
equal_examples_have_different_ids(void **state)
{
	struct examples *x = format("vw-lines");
	const char *json = read_all(x, slice_text("1 | a\n1 | a\n"), 0);
	const char *second = strchr(json, '\n') + 1;

	(void)state;
	assert_memory_equal(
	    json, second, strlen("{\"event\":\"outcome\",\"event_id\":"));
	assert_memory_not_equal(json + 31, second + 31, LINE_ID_SIZE);
	examples_free(x);
}

static void
only_what_is_certain_is_detected(void **state)
{
	static const char *const cases[][2] = { { "1 | a", "vw" },
		{ "-1 0.5 'x |a b", "vw" }, { "1:2:0.5 3 | a", "vw" },
		{ "shared | a", "vw" }, { "1 3:0.5 4:1", "libsvm" },
		{ "2 qid:1 1:3 # x", "libsvm" }, { "0 1:2:0.5 3:4:1", "ffm" },
		{ "| a", NULL }, { "a|b|c", NULL }, { "user_id|name", NULL },
		{ "1", NULL }, { "1 2 3", NULL }, { "12:30:15 up 3:04", NULL },
		{ "1,2:3", NULL }, { "", NULL }, { "1 3:x", NULL } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *found = examples_detect(slice_text(cases[i][0]));

		if (cases[i][1] == NULL)
			assert_null(found);
		else
			assert_string_equal(found == NULL ? "" : found, cases[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_label_becomes_what_it_means),
		cmocka_unit_test(what_is_no_example_is_refused_with_a_reason),
		cmocka_unit_test(features_have_namespaces_names_and_values),
		cmocka_unit_test(
		    a_feature_without_a_name_has_its_number_in_the_namespace),
		cmocka_unit_test(a_value_of_letters_belongs_to_the_name),
		cmocka_unit_test(keys_are_made_as_those_of_specifications),
		cmocka_unit_test(names_of_any_length_end_where_they_end),
		cmocka_unit_test(as_many_features_as_a_model_takes),
		cmocka_unit_test(numbers_are_those_of_the_c_library),
		cmocka_unit_test(a_number_ends_where_it_ends),
		cmocka_unit_test(the_first_lines_tell_how_a_text_is_made_up),
		cmocka_unit_test(actions_of_one_example_become_one_record),
		cmocka_unit_test(an_example_that_is_too_large_is_refused_whole),
		cmocka_unit_test(
		    an_example_has_so_many_actions_and_features_and_no_more),
		cmocka_unit_test(a_snapshot_goes_on_counting),
		cmocka_unit_test(equal_examples_have_different_ids),
		cmocka_unit_test(only_what_is_certain_is_detected),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
