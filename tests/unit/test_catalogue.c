/* SPDX-License-Identifier: MIT
 *
 * Catalogues: rows that come, change and go; what is refused; files; snapshots. Who may
 * answer is held against a second implementation by tests/pipe/cap-reference.t.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/delivery/catalogue_file.h"
#include "lib/delivery/row_read.h"
#include "lib/text/json.h"
#include "tests/unit/seed.h"
#include "tests/unit/snapshot.h"

enum { MEMORY = 64 << 20, TEXT_MAX = 4096 };

static const struct hash_key key = { 1, 2 };
static const struct catalogue_limits small = { 64, 64, 64 };

/* A JSON text as a record, in storage that is used again by the next call. */
static struct slice
record_of(const char *text)
{
	static uint8_t bytes[TEXT_MAX + RECORD_PADDING], copy[TEXT_MAX + JSON_PADDING];
	struct json *json = json_new();
	struct fault fault;
	struct build b;

	(void)snprintf((char *)copy, TEXT_MAX, "%s", text);
	build_init(&b, bytes, TEXT_MAX);
	assert_true(json_parse(json, slice_of(copy, strlen(text)), &b, &fault));
	json_free(json);
	return build_slice(&b);
}

static void
take(struct catalogue *c, const char *text)
{
	struct error error;

	assert_int_equal(
	    catalogue_take(c, record_of(text), true, &error), CATALOGUE_TAKEN);
}

static uint64_t
id(const struct catalogue *c, const char *text)
{
	return catalogue_hash(c, slice_text(text));
}

/* The ids of those who may answer, with blanks between. */
static const char *
answer(struct catalogue *c, const char *request, instant when)
{
	static char text[256];
	struct reader *reader = reader_new();
	struct record record;
	struct fault fault;
	uint32_t rows[16], n;
	size_t need, at = 0;

	assert_int_equal(
	    record_scan(reader, record_of(request), &record, &fault, &need),
	    SCAN_RECORD);
	n = catalogue_eligible(c, &record, when, rows, 16);
	text[0] = '\0';
	for (uint32_t i = 0; i < n; i++) {
		struct slice name = catalogue_creative_id(c, rows[i]);

		at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s",
		    i > 0 ? " " : "", (int)name.size, (const char *)name.at);
	}
	reader_free(reader);
	return text;
}

static void
rows_come_change_and_go(void **state)
{
	struct catalogue *c = catalogue_new(key, small, MEMORY);
	uint32_t row;

	(void)state;
	take(c, "{\"event\":\"creative\",\"creative_id\":\"a\",\"campaign_id\":\"k\"}");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"b\",\"campaign_id\":\"k\"}");
	assert_string_equal(answer(c, "{}", 0), "");
	take(c, "{\"event\":\"campaign\",\"campaign_id\":\"k\"}");
	assert_string_equal(answer(c, "{}", 0), "a b");
	row = catalogue_find_campaign(c, id(c, "k"));
	assert_int_equal(catalogue_creative(c, 0)->campaign, row);
	assert_int_equal(catalogue_creative(c, 1)->campaign, row);
	assert_int_equal(catalogue_next_creative(c, 2), CATALOGUE_NONE);
	take(c, "{\"event\":\"creative\",\"creative_id\":\"a\",\"deleted\":true}");
	assert_string_equal(answer(c, "{}", 0), "b");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"c\",\"item_ids\":[\"i\"]}");
	assert_string_equal(answer(c, "{}", 0), "c b");
	take(c, "{\"event\":\"item\",\"item_id\":\"i\",\"fields\":{\"stock\":0}}");
	assert_string_equal(answer(c, "{}", 0), "b");
	take(c, "{\"event\":\"item\",\"item_id\":\"i\",\"stock\":2}");
	assert_string_equal(answer(c, "{}", 0), "c b");
	take(c,
	    "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"targeting\":\"a == 1\","
	    "\"ends_at\":\"2024-01-01\"}");
	assert_string_equal(answer(c, "{}", 0), "c");
	assert_string_equal(answer(c, "{\"a\":1}", 0), "c b");
	assert_string_equal(answer(c, "{\"a\":1}", 1704067199999999), "c b");
	assert_string_equal(answer(c, "{\"a\":1}", 1704067200000000), "c");
	take(c, "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"deleted\":true}");
	assert_string_equal(answer(c, "{\"a\":1}", 0), "c");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"b\",\"deleted\":true}");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"c\",\"deleted\":true}");
	take(c, "{\"event\":\"item\",\"item_id\":\"i\",\"deleted\":true}");
	assert_int_equal(catalogue_counts(c).creatives, 0);
	assert_int_equal(catalogue_counts(c).bytes, 0);
	catalogue_free(c);
}

static void
a_creative_keeps_all_of_its_keys(void **state)
{
	struct catalogue *c = catalogue_new(key, small, MEMORY);
	struct slice record, value, text;

	(void)state;
	take(c, "{\"event\":\"creative\",\"creative_id\":\"a\",\"mood\":\"merry\"}");
	record = catalogue_creative_record(c, 0);
	assert_true(value_get(record, "mood", &value));
	assert_true(value_str(value, &text));
	assert_true(slice_is(text, "merry"));
	catalogue_free(c);
}

static void
what_is_refused_changes_nothing(void **state)
{
	static const char *const wrong[][2] = {
		{ "{\"event\":\"creative\"}", "creative without creative_id" },
		{ "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"bid_micros\":1}",
		    "campaign 'k': bid_micros lacks its bid_type" },
		{ "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"budget_micros\":-1}",
		    "campaign 'k': budget_micros is no amount" },
		{ "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"targeting\":\"a "
		  "==\"}",
		    "campaign 'k': column" },
		{ "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"targeting\":{"
		  "\"hour\":[24]"
		  "}}",
		    "campaign 'k': 'hour' is 0 to 23" },
		{ "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"targeting\":{\"a\":{"
		  "}}}",
		    "campaign 'k': 'a' is to be a text" },
		{ "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"targeting\":7}",
		    "campaign 'k': targeting is neither" },
		{ "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"starts_at\":5,"
		  "\"ends_at\":5}",
		    "campaign 'k': ends_at is not after" },
		{ "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"cap\":{\"total\":-1}"
		  "}",
		    "campaign 'k': cap.total is no count" },
		{ "{\"event\":\"creative\",\"creative_id\":\"a\",\"width\":300}",
		    "creative 'a': width and height come together" },
		{ "{\"event\":\"creative\",\"creative_id\":\"a\",\"slot_ids\":\"x\","
		  "\"targeting\":{\"slot_id\":\"y\"}}",
		    "creative 'a': 'slot_id' is wanted twice" },
		{ "{\"event\":\"creative\",\"creative_id\":\"a\",\"item_ids\":[[]]}",
		    "creative 'a': item_ids has what is no id" },
		{ "{\"event\":\"item\",\"item_id\":\"i\",\"stock\":\"many\"}",
		    "item 'i': stock is no number" },
	};
	struct catalogue *c = catalogue_new(key, small, MEMORY);
	struct error error;

	(void)state;
	take(c,
	    "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"targeting\":{\"a\":[1]}}");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"a\",\"campaign_id\":\"k\"}");
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(
		    catalogue_take(c, record_of(wrong[i][0]), true, &error),
		    CATALOGUE_REFUSED);
		if (strncmp(error.text, wrong[i][1], strlen(wrong[i][1])) != 0)
			fail_msg("%s, not %s", error.text, wrong[i][1]);
		assert_string_equal(answer(c, "{\"a\":1}", 0), "a");
		assert_string_equal(answer(c, "{\"a\":2}", 0), "");
	}
	assert_int_equal(
	    catalogue_take(c, record_of("{\"event\":\"click\"}"), true, &error),
	    CATALOGUE_OTHER);
	catalogue_free(c);
}

static void
the_memory_of_records_is_bounded(void **state)
{
	struct catalogue *c = catalogue_new(key, small, 100);
	struct error error;

	(void)state;
	take(c, "{\"event\":\"creative\",\"creative_id\":\"a\"}");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"b\"}");
	assert_int_equal(
	    catalogue_take(c,
		record_of(
		    "{\"event\":\"creative\",\"creative_id\":\"c\",\"x\":\"01234567"
		    "890123456789012345678901234567890123456789\"}"),
		true, &error),
	    CATALOGUE_REFUSED);
	assert_string_equal(answer(c, "{}", 0), "a b");
	catalogue_free(c);
}

/* --- Files ------------------------------------------------------------------------- */

struct heard {
	unsigned n;
	char text[600];
};

static void
hear(void *context, const char *text)
{
	struct heard *h = context;

	if (h->n++ == 0)
		(void)snprintf(h->text, sizeof h->text, "%s", text);
}

static int
read_text(struct catalogue *c, struct slice text, struct heard *h, uint64_t *refused,
    struct error *error)
{
	char path[] = "/tmp/bannerpipe-test-XXXXXX";
	int fd = mkstemp(path), status;

	*h = (struct heard){ 0 };
	assert_int_equal(write(fd, text.at, text.size), text.size);
	(void)close(fd);
	status = catalogue_read_file(c, &os_system, path, hear, h, refused, error);
	(void)unlink(path);
	return status;
}

static void
a_bad_row_of_a_file_is_told_of_and_the_others_stay(void **state)
{
	static const char text[] =
	    "{\"event\":\"creative\",\"creative_id\":\"a\"}\r\n\n"
	    "{\"event\":\"creative\",\"creative_id\":\"b\",\"width\":0}\n"
	    "{\"event\":\"creative\",\n"
	    "{\"event\":\"creative\",\"creative_id\":\"c\"}";
	struct catalogue *c = catalogue_new(key, small, MEMORY);
	struct error error;
	struct heard h;
	uint64_t refused;

	(void)state;
	assert_int_equal(read_text(c, slice_text(text), &h, &refused, &error), 0);
	assert_int_equal(refused, 2);
	assert_int_equal(h.n, 2);
	assert_non_null(
	    strstr(h.text, ": line 3: creative 'b': width is no number of 1 to 65535"));
	assert_string_equal(answer(c, "{}", 0), "a c");
	assert_int_equal(read_text(c, slice_text(""), &h, &refused, &error), 0);
	assert_int_equal(refused, 0);
	catalogue_free(c);
}

static void
a_file_of_records_is_read_too_and_not_one_that_is_cut_off(void **state)
{
	struct catalogue *c = catalogue_new(key, small, MEMORY);
	uint8_t bytes[256];
	struct slice a;
	struct error error;
	struct heard h;
	uint64_t refused;
	size_t size;

	(void)state;
	a = record_of("{\"event\":\"creative\",\"creative_id\":\"a\"}");
	memcpy(bytes, a.at, size = a.size);
	a = record_of("{\"event\":\"creative\",\"creative_id\":\"b\"}");
	memcpy(bytes + size, a.at, a.size);
	size += a.size;
	assert_int_equal(
	    read_text(c, slice_of(bytes, size - 1), &h, &refused, &error), -1);
	assert_non_null(strstr(error.text, "record 2: it is cut off"));
	assert_int_equal(read_text(c, slice_of(bytes, size), &h, &refused, &error), 0);
	assert_string_equal(answer(c, "{}", 0), "a b");
	assert_int_equal(
	    catalogue_read_file(c, &os_system, "/nowhere", hear, &h, &refused, &error),
	    -1);
	catalogue_free(c);
}

/* --- Snapshots --------------------------------------------------------------------- */

static void
a_snapshot_has_the_same_rows_in_the_same_places(void **state)
{
	struct catalogue *c = catalogue_new(key, small, MEMORY);
	struct catalogue *d = catalogue_new(key, small, MEMORY);
	struct snapshot snapshot;
	struct state_writer *w = snapshot_write(&snapshot);
	struct state_reader *r;
	struct error error;

	(void)state;
	take(c,
	    "{\"event\":\"campaign\",\"campaign_id\":\"k\",\"targeting\":\"a == 1\"}");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"a\"}");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"b\",\"campaign_id\":\"k\"}");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"c\"}");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"a\",\"deleted\":true}");
	take(d, "{\"event\":\"creative\",\"creative_id\":\"other\"}");
	catalogue_save(c, w);
	r = snapshot_read(&snapshot, w);
	assert_int_equal(catalogue_load(d, r, &error), 0);
	assert_int_equal(state_left(r), 0);
	state_close(r);
	take(c, "{\"event\":\"creative\",\"creative_id\":\"d\"}");
	take(d, "{\"event\":\"creative\",\"creative_id\":\"d\"}");
	assert_string_equal(answer(c, "{\"a\":1}", 0), "d b c");
	assert_string_equal(answer(d, "{\"a\":1}", 0), "d b c");
	assert_string_equal(answer(d, "{\"a\":2}", 0), "d c");
	assert_int_equal(catalogue_counts(c).bytes, catalogue_counts(d).bytes);
	catalogue_free(c);
	catalogue_free(d);
}

static void
an_id_that_no_record_can_have_is_damage(void **state)
{
	static const size_t sizes[] = { 0, ROW_ID_MAX, ROW_ID_MAX + 1 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct catalogue *c = catalogue_new(key, small, MEMORY);
		struct snapshot snapshot;
		struct state_writer *w = snapshot_write(&snapshot);
		struct state_reader *r;
		struct error error;
		char text[512];

		(void)snprintf(text, sizeof text,
		    "{\"event\":\"creative\",\"creative_id\":\"%0*d\"}", (int)sizes[i],
		    0);
		if (sizes[i] == 0)
			strcpy(text, "{\"event\":\"creative\",\"creative_id\":\"\"}");
		state_put_u64(w, 0);
		state_put_u64(w, 1);
		state_put_u64(w, 0);
		state_put_slice(w, record_of(text));
		state_put_u64(w, 0);
		r = snapshot_read(&snapshot, w);
		assert_int_equal(
		    catalogue_load(c, r, &error), sizes[i] == ROW_ID_MAX ? 0 : -1);
		state_close(r);
		catalogue_free(c);
	}
}

static void
what_came_with_the_stream_is_inherited(void **state)
{
	struct catalogue *c = catalogue_new(key, small, MEMORY);
	struct catalogue *d = catalogue_new(key, small, MEMORY);
	struct error error;

	(void)state;
	assert_int_equal(
	    catalogue_take(c,
		record_of("{\"event\":\"creative\",\"creative_id\":\"f\"}"), false,
		&error),
	    CATALOGUE_TAKEN);
	take(c, "{\"event\":\"creative\",\"creative_id\":\"s\"}");
	take(c, "{\"event\":\"creative\",\"creative_id\":\"both\",\"paused\":true}");
	take(d, "{\"event\":\"creative\",\"creative_id\":\"both\"}");
	assert_int_equal(catalogue_inherit(d, c, &error), 0);
	assert_string_equal(answer(d, "{}", 0), "both s");
	catalogue_free(c);
	catalogue_free(d);
}

/* The composition that was there has a long note, and comes last: until it is replaced, there
 * is more than there may be. */
static void
a_creative_of_parts_has_to_fit_once_it_is_in(void **state)
{
	struct catalogue *c = catalogue_new(key, small, 4000);
	char text[TEXT_MAX];
	int at;

	(void)state;
	(void)snprintf(text, sizeof text,
	    "{\"event\":\"creative\",\"creative_id\":\"w\",\"note\":\"%02000d\","
	    "\"parts\":{\"headline\":[\"Z\"]}}",
	    0);
	take(c, text);
	(void)snprintf(text, sizeof text,
	    "{\"event\":\"creative\",\"creative_id\":\"f\",\"note\":\"%01000d\"}", 0);
	take(c, text);
	at = snprintf(text, sizeof text,
	    "{\"event\":\"creative\",\"creative_id\":\"w\",\"parts\":{\"headline\":[");
	for (int i = 0; i < 20; i++)
		at += snprintf(text + at, sizeof text - (size_t)at, "\"v%d\",", i);
	(void)snprintf(text + at, sizeof text - (size_t)at, "\"Z\"]}}");
	take(c, text);
	assert_int_equal(catalogue_counts(c).creatives, 22);
	assert_true(catalogue_counts(c).bytes <= 4000);
	catalogue_free(c);
}

/* Targets that change and go leave nothing behind: there is always room for others. */
static void
values_that_nobody_wants_make_room(void **state)
{
	struct catalogue *c = catalogue_new(key, small, MEMORY);
	char text[256];

	(void)state;
	for (unsigned i = 0; i < 30000; i++) {
		(void)snprintf(text, sizeof text,
		    "{\"event\":\"creative\",\"creative_id\":\"a\",\"targeting\":"
		    "{\"key%u\":[\"value%u\",%u]}}",
		    i, i, i);
		take(c, text);
	}
	assert_string_equal(answer(c, "{\"key29999\":29999}", 0), "a");
	assert_string_equal(answer(c, "{\"key29998\":29998}", 0), "");
	catalogue_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_change_and_go),
		cmocka_unit_test(a_creative_keeps_all_of_its_keys),
		cmocka_unit_test(what_is_refused_changes_nothing),
		cmocka_unit_test(the_memory_of_records_is_bounded),
		cmocka_unit_test(a_bad_row_of_a_file_is_told_of_and_the_others_stay),
		cmocka_unit_test(
		    a_file_of_records_is_read_too_and_not_one_that_is_cut_off),
		cmocka_unit_test(a_snapshot_has_the_same_rows_in_the_same_places),
		cmocka_unit_test(an_id_that_no_record_can_have_is_damage),
		cmocka_unit_test(what_came_with_the_stream_is_inherited),
		cmocka_unit_test(a_creative_of_parts_has_to_fit_once_it_is_in),
		cmocka_unit_test(values_that_nobody_wants_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
