/* SPDX-License-Identifier: MIT */
#include "lib/feature/extract.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/feature/memo.h"
#include "lib/text/json.h"

enum { STORAGE = 1 << 17, MEMORY = 4 << 20 };

static const instant start = 1700000000 * WHEN_SECOND;

/* --- A specification, and records from JSON texts ----------------------------------- */

static struct reader *reader;
static struct extract *extract;
static struct record record;
static char named[1 << 16]; /* "key=name\n"... of what was named */

static int
note(void *context, uint64_t key, struct slice name)
{
	size_t used = strlen(named);

	(void)context;
	(void)snprintf(named + used, sizeof named - used, "%016llx %.*s\n",
	    (unsigned long long)key, (int)name.size, (const char *)name.at);
	return 0;
}

static void
given(const char *spec, uint64_t memory)
{
	struct error error = { "" };
	struct spec *s;

	extract_free(extract);
	reader_free(reader);
	reader = reader_new();
	assert_non_null(reader);
	s = spec_new(reader, slice_text(spec), &error);
	if (s == NULL)
		fail_msg("%s", error.text);
	extract = extract_new(s, memory, 1, note, NULL, &error);
	if (extract == NULL)
		fail_msg("%s", error.text);
	named[0] = '\0';
}

static void
read_record(const char *text)
{
	static uint8_t bytes[STORAGE + RECORD_PADDING], copy[STORAGE + JSON_PADDING];
	static struct json *json;
	struct fault fault;
	struct build b;
	size_t need;

	if (json == NULL)
		json = json_new();
	memcpy(copy, text, strlen(text));
	build_init(&b, bytes, STORAGE);
	assert_true(json_parse(json, slice_of(copy, strlen(text)), &b, &fault));
	assert_int_equal(
	    record_scan(reader, build_slice(&b), &record, &fault, &need), SCAN_RECORD);
}

static void
count_between(const char *text, double weight, instant shown, instant known)
{
	struct count_times t = { .known = known, .shown = shown };

	read_record(text);
	extract_update(extract, &record, record_kind(&record), weight, t);
}

static void
count(const char *text, double weight, instant at)
{
	count_between(text, weight, at, at);
}

static struct features
features_at(const char *text, instant at)
{
	struct count_times t = { .known = at, .shown = at };
	struct features f;

	read_record(text);
	assert_int_equal(extract_features(extract, &record, t, true, &f), 0);
	assert_int_equal(features_check(&f), FEATURES_FINE);
	return f;
}

/* The only value. */
static double
only_value(const char *text, instant at)
{
	static float values[FEATURES_MAX];
	struct features f = features_at(text, at);

	assert_int_equal(features_count(&f), 1);
	return features_values(&f, values) == NULL ? 1 : (double)values[0];
}

static void
refused(const char *spec, const char *reason)
{
	struct reader *other = reader_new();
	struct error error = { "" };

	assert_null(spec_new(other, slice_text(spec), &error));
	assert_string_equal(error.text, reason);
	reader_free(other);
}

static int
tear_down(void **state)
{
	(void)state;
	extract_free(extract);
	reader_free(reader);
	extract = NULL;
	reader = NULL;
	return 0;
}

/* --- Specifications ----------------------------------------------------------------- */

static void
mistakes_are_told_with_their_line(void **state)
{
	(void)state;
	refused("x = count impression,retract by user_id in 1h",
	    "line 1: 'retract' says something of an event, and is none that counts");
	refused("a = field x\n\nb = felt x\n",
	    "line 3: no 'felt' (field, number, linear, log, edges, words, vector, "
	    "hour, "
	    "weekday, cross, count, sum, since, distinct, last, rate, ratio)");
	refused("a = field", "line 1: a field is missing");
	refused("a = field x\na = field y", "line 2: 'a' is there already");
	refused("a = cross b c", "line 1: no feature 'b' before this line");
	refused("a = edges x 1,5,5", "line 1: edges are ascending numbers: 1,5,10");
	refused("a = linear x 0", "line 1: the width is more than 0");
	refused("a = count click by u",
	    "line 1: how long? (in 24h, fading 24h, or session "
	    "30m)");
	refused("a = count click in 1h", "line 1: by what? (by user_id, or by *)");
	refused("a = count klick by u in 1h",
	    "line 1: 'klick' is no kind of event (try impression, click, view_item, "
	    "purchase, outcome)");
	refused("a = count click by u > v in 1h",
	    "line 1: only rates and ratios have levels");
	refused("a = last 2 x of click by u fading 1h",
	    "line 1: last takes in 24h or session 30m only");
	refused("a = count click by u for 1h",
	    "line 1: 'for' is not understood (by, in, fading, session, prior, as, "
	    "where)");
	refused("a = field (x", "line 1: a '(' is not closed");
}

/* --- Features of a record ------------------------------------------------------------ */

static void
keys_have_their_namespace_on_top_and_depend_on_the_value_only(void **state)
{
	struct features f;
	uint64_t seven, red;

	(void)state;
	given("a = field x", MEMORY);
	f = features_at("{\"x\":7}", start);
	seven = features_key(&f, 0);
	f = features_at("{\"y\":1,\"x\":7.0}", start);
	assert_int_equal(features_key(&f, 0), seven);
	f = features_at("{\"x\":\"7\"}", start);
	assert_int_not_equal(features_key(&f, 0), seven);
	assert_int_equal(features_key(&f, 0) >> 48, seven >> 48);
	f = features_at("{\"x\":\"red\"}", start);
	red = features_key(&f, 0);
	/* Models are kept: keys must be the same for ever. */
	assert_int_equal(seven >> 48, hash_bytes(slice_text("a"), 0) >> 48);
	given("b = field y\na = field x", MEMORY);
	f = features_at("{\"x\":\"red\"}", start);
	assert_int_equal(features_key(&f, 0), red);
	given("a = field x", MEMORY);
	f = features_at("{\"x\":[\"red\",7,\"red\",null]}", start);
	assert_int_equal(features_count(&f), 2);
	assert_int_equal(features_key(&f, 0), red);
	assert_int_equal(features_key(&f, 1), seven);
}

static void
embeddings_may_be_long_and_keep_their_places(void **state)
{
	static char text[1 << 14];
	static float values[FEATURES_MAX];
	struct features f;
	size_t n = (size_t)sprintf(text, "{\"x\":[null");

	(void)state;
	for (unsigned i = 1; i < 700; i++)
		n += (size_t)sprintf(text + n, ",%u.5", i);
	(void)sprintf(text + n, "]}");
	given("a = vector x", MEMORY);
	f = features_at(text, start);
	assert_int_equal(features_count(&f), 699);
	assert_non_null(features_values(&f, values));
	assert_true(values[0] == 1.5f && values[698] == 699.5f);
	assert_non_null(strstr(named, " a=1\n"));
	assert_non_null(strstr(named, " a=699\n"));
	assert_null(strstr(named, " a=0\n"));
}

static void
crosses_are_named_by_their_parts_and_stay_within_the_limit(void **state)
{
	static char text[1 << 12];
	size_t n = (size_t)sprintf(text, "{\"x\":[0");
	struct features f;

	(void)state;
	given("a = field x\nb = field y\nc = cross a b", MEMORY);
	f = features_at("{\"x\":\"p\",\"y\":[1,2]}", start);
	assert_int_equal(features_count(&f), 5);
	assert_non_null(strstr(named, " c=p*1\n"));
	assert_non_null(strstr(named, " c=p*2\n"));
	for (unsigned i = 1; i < 200; i++)
		n += (size_t)sprintf(text + n, ",%u", i);
	(void)sprintf(text + n, "]}");
	given("a = field x\nc = cross a a", MEMORY);
	f = features_at(text, start);
	assert_int_equal(features_count(&f), FEATURES_MAX);
	assert_int_equal(extract_counts(extract)->cut, 200 + 200 * 200 - FEATURES_MAX);
}

/* --- Counts --------------------------------------------------------------------------- */

static void
an_event_does_not_count_itself(void **state)
{
	static const char click[] = "{\"event\":\"click\",\"u\":\"anna\"}";

	(void)state;
	given("a = count click by u in 1h as number", MEMORY);
	for (unsigned i = 0; i < 5; i++) {
		struct features f = features_at(click, start + i);

		if (i == 0)
			assert_int_equal(features_count(&f), 0); /* ln(1 + 0) */
		else
			assert_true(
			    fabs(only_value(click, start + i) - log1p(i)) < 1e-6);
		count(click, 1, start + i);
	}
}

static void
an_outcome_counts_from_when_it_is_known(void **state)
{
	static const char clicked[] = "{\"event\":\"outcome\",\"c\":\"x\","
				      "\"rewards\":{\"click\":1}}";
	double before, after;
	struct features f;

	(void)state;
	given("a = rate click by c in 24h prior 1", MEMORY);
	count(
	    "{\"event\":\"outcome\",\"c\":\"x\",\"rewards\":{\"click\":0}}", 3, start);
	before = only_value(clicked, start);
	count_between(clicked, 1, start, start + WHEN_HOUR);
	after = only_value(clicked, start + WHEN_HOUR - 1);
	assert_true(after == before);
	after = only_value(clicked, start + WHEN_HOUR);
	assert_true(after > before);
	/* What is before that cannot be read any more. */
	f = features_at(clicked, start + WHEN_HOUR - 1);
	assert_int_equal(features_count(&f), 0);
	assert_int_equal(extract_counts(extract)->behind, 1);
}

static void
what_is_taken_back_leaves_nothing(void **state)
{
	static const char clicked[] = "{\"event\":\"outcome\",\"c\":\"x\","
				      "\"rewards\":{\"click\":1}}";
	static const char other[] = "{\"event\":\"outcome\",\"c\":\"x\","
				    "\"rewards\":{\"click\":0}}";
	double before;

	(void)state;
	given("a = rate click by c in 24h", MEMORY);
	count(other, 3, start);
	before = only_value(clicked, start);
	count_between(clicked, 2, start, start + 1);
	assert_true(only_value(clicked, start + 1) > before);
	count_between(clicked, -2, start, start + 2);
	assert_true(only_value(clicked, start + 2) == before);
}

static void
when_memory_is_short_what_waits_is_counted_early_and_said(void **state)
{
	static const char outcome[] = "{\"event\":\"outcome\",\"c\":\"x\","
				      "\"rewards\":{\"click\":1}}";
	uint64_t room;

	(void)state;
	given("a = rate click by * in 24h", 1 << 20);
	room = (1 << 20) / 3 / sizeof(struct addition);
	for (uint64_t i = 0; i < room + 10; i++)
		count_between(outcome, 1, start, start + WHEN_HOUR);
	assert_int_equal(extract_counts(extract)->early, 10);
	(void)features_at(outcome, start + WHEN_MINUTE);
	assert_int_equal(extract_counts(extract)->behind, 1);
	assert_true(only_value(outcome, start + WHEN_HOUR) > 5);
}

static void
ids_that_are_forgotten_are_counted(void **state)
{
	char text[64];

	(void)state;
	given("a = count click by u in 1h", 1 << 20);
	for (unsigned i = 0; i < 20000; i++) {
		(void)sprintf(text, "{\"event\":\"click\",\"u\":%u}", i);
		count(text, 1, start + i);
	}
	(void)features_at(text, start + WHEN_MINUTE);
	assert_true(extract_counts(extract)->evicted > 10000);
	assert_true(extract_counts(extract)->evicted < 20000);
}

/* --- What waits, and what is remembered ----------------------------------------------- */

static void
what_waits_comes_in_its_order_through_all_sizes(void **state)
{
	const char *text = getenv("SEED");
	struct random random = { text != NULL ? strtoull(text, NULL, 10) : 7 };
	uint64_t put = 0, taken = 0;
	struct delay d;

	(void)state;
	print_message("# SEED=%llu\n", (unsigned long long)random.state);
	assert_int_equal(delay_init(&d, 5000 * sizeof(struct addition)), 0);
	for (unsigned round = 0; round < 2000; round++) {
		uint64_t in = random_next(&random) % 46,
			 out = random_next(&random) % 38;

		for (; in > 0 && !delay_is_full(&d); in--, put++) {
			struct addition a = { .known = (instant)put, .key = put };

			delay_put(&d, &a);
		}
		for (; out > 0; out--) {
			const struct addition *a = delay_take(&d, (instant)put - 100);

			if (a == NULL)
				break;
			assert_int_equal(a->key, taken++);
		}
		if (d.count > 7)
			assert_int_equal(delay_ahead(&d, 7)->key, taken + 7);
		assert_null(delay_ahead(&d, d.count));
		assert_int_equal(d.count, put - taken);
	}
	assert_int_equal(d.size, 5000);
	delay_fini(&d);
}

static void
features_of_outcomes_are_remembered_until_written_over(void **state)
{
	enum { N = 2000 };
	uint64_t keys[64];
	uint32_t values[64];
	unsigned kept = 0;
	struct memo m;

	(void)state;
	assert_int_equal(memo_init(&m, 16 << 10), -1);
	assert_int_equal(memo_init(&m, 300 << 10), 0);
	for (uint64_t i = 0; i < N; i++) {
		struct features f = { slice_of(keys, 8 * (i % 64)), { NULL, 0 } };

		for (unsigned k = 0; k < 64; k++) {
			keys[k] = i * k;
			values[k] = (uint32_t)(i + k);
		}
		if (i % 3 == 0)
			f.values = slice_of(values, f.keys.size / 2);
		memo_put(&m, hash_mix(i), &f);
	}
	for (uint64_t i = 0; i < N; i++) {
		struct features f;

		if (!memo_get(&m, hash_mix(i), &f))
			continue;
		kept++;
		assert_int_equal(features_count(&f), i % 64);
		assert_int_equal(f.values.at != NULL, i % 3 == 0);
		for (unsigned k = 0; k < i % 64; k++)
			assert_int_equal(features_key(&f, k), i * k);
		if (i % 3 == 0 && i % 64 > 0)
			assert_int_equal(bytes_load_le32(f.values.at), i);
	}
	assert_true(kept > 700 && kept < 1200);
	assert_true(
	    memo_get(&m, hash_mix(N - 1), &(struct features){ .keys.at = NULL }));
	assert_false(memo_get(&m, hash_mix(N), &(struct features){ .keys.at = NULL }));
	memo_fini(&m);
}

static void
who_denies_consent_is_forgotten_whatever_he_was_counted_by(void **state)
{
	static const char view[] = "{\"event\":\"view_item\",\"user_id\":\"u\","
				   "\"category\":\"c\"}";
	static const char other[] = "{\"event\":\"view_item\",\"user_id\":\"v\","
				    "\"category\":\"c\"}";
	static const char denies[] = "{\"event\":\"user\",\"user_id\":\"u\","
				     "\"consent\":{\"personalization\":false}}";
	static const char silent[] = "{\"event\":\"view_item\",\"user_id\":\"u\","
				     "\"category\":\"c\",\"consent\":{}}";

	(void)state;
	given("n = count view_item by user_id in 1h as number\n"
	      "m = count view_item by user_id,category in 1h as number\n",
	    MEMORY);
	for (unsigned i = 0; i < 3; i++) {
		count(view, 1, start);
		count(other, 1, start);
	}
	assert_int_equal(features_at(view, start + 1).keys.size, 16);
	assert_int_equal(extract_counts(extract)->users, 2);
	/* Who denies it has no history, and gets none. */
	assert_int_equal(features_at(silent, start + 2).keys.size, 0);
	count(denies, 1, start + 3);
	assert_int_equal(extract_counts(extract)->users, 1);
	assert_int_equal(features_at(view, start + 4).keys.size, 0);
	count(silent, 1, start + 5);
	assert_int_equal(features_at(view, start + 6).keys.size, 0);
	/* Others keep theirs, and who consents again begins anew. */
	assert_int_equal(features_at(other, start + 7).keys.size, 16);
	count(view, 1, start + 8);
	assert_int_equal(features_at(view, start + 9).keys.size, 16);
	assert_int_equal(extract_counts(extract)->users, 2);
}

/* A record of before neither has a history again, nor takes from another one. */
static void
what_was_forgotten_is_not_taken_back(void **state)
{
	static const char view[] = "{\"event\":\"view_item\",\"user_id\":\"u\"}";
	static const char again[] = "{\"event\":\"view_item\",\"user_id\":\"u\","
				    "\"verdict\":{\"version\":2}}";
	static const char denies[] = "{\"event\":\"view_item\",\"user_id\":\"u\","
				     "\"consent\":{\"personalization\":false}}";

	(void)state;
	given("n = sum x of view_item by user_id in 1h as number\n"
	      "m = count view_item by user_id in 1h as number\n",
	    MEMORY);
	count(view, 1, start);
	count(denies, 1, start + 1);
	count(view, -1, start);
	count(again, 1, start);
	assert_int_equal(extract_counts(extract)->users, 0);
	assert_int_equal(features_at(view, start + 2).keys.size, 0);
	count(view, 1, start + 3);
	count(view, -1, start);
	count(again, 1, start);
	assert_true(only_value(view, start + 4) == (double)(float)log1p(1));
	/* That he denied it once is no news. */
	count(denies, -1, start + 1);
	assert_true(only_value(view, start + 5) == (double)(float)log1p(1));
	count(view, -1, start + 3);
	assert_int_equal(features_at(view, start + 6).keys.size, 0);
	count(again, 1, start + 3);
	assert_true(only_value(view, start + 7) == (double)(float)log1p(1));
}

static void
a_counter_that_was_lost_is_not_owed_anything(void **state)
{
	char text[96];

	(void)state;
	given("n = count view_item by item in 1h as number\n"
	      "k = distinct user of view_item by * in 1h as number\n",
	    MEMORY);
	count("{\"event\":\"view_item\",\"item\":\"none\"}", -1, start);
	assert_int_equal(extract_counts(extract)->stuck, 0); /* it is on its way */
	assert_int_equal(
	    features_at("{\"event\":\"decision\",\"item\":\"none\"}", start).keys.size,
	    0);
	assert_int_equal(extract_counts(extract)->stuck, 1);
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(
		    text, sizeof text, "{\"event\":\"view_item\",\"user\":\"u%u\"}", i);
		count(text, 1, start + 1);
	}
	count(text, -1, start + 1);
	(void)features_at("{\"event\":\"decision\"}", start + 2);
	assert_int_equal(extract_counts(extract)->stuck, 2); /* a sketch by now */
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(mistakes_are_told_with_their_line),
		TEST(keys_have_their_namespace_on_top_and_depend_on_the_value_only),
		TEST(embeddings_may_be_long_and_keep_their_places),
		TEST(crosses_are_named_by_their_parts_and_stay_within_the_limit),
		TEST(an_event_does_not_count_itself),
		TEST(an_outcome_counts_from_when_it_is_known),
		TEST(what_is_taken_back_leaves_nothing),
		TEST(when_memory_is_short_what_waits_is_counted_early_and_said),
		TEST(ids_that_are_forgotten_are_counted),
		TEST(what_waits_comes_in_its_order_through_all_sizes),
		TEST(features_of_outcomes_are_remembered_until_written_over),
		TEST(who_denies_consent_is_forgotten_whatever_he_was_counted_by),
		TEST(what_was_forgotten_is_not_taken_back),
		TEST(a_counter_that_was_lost_is_not_owed_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
