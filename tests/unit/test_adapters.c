/* SPDX-License-Identifier: MIT
 *
 * Every adapter has an example, tests/unit/adapters/NAME.in, a raw record of JSON a
 * line, and what becomes of it, NAME.out: the records of each line, or "reject:
 * reason". With REWRITE=1 in the environment NAME.out is written.
 */
#include "lib/text/adapters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/record/build.h"
#include "lib/text/json.h"
#include "lib/text/map.h"
#include "lib/text/print.h"

enum { TEXT_MAX = 1 << 20 };

/* The file's text with room after it, or an empty one. */
static char *
file_text(const char *name, const char *end)
{
	char path[256], *text = calloc(1, TEXT_MAX + JSON_PADDING);
	FILE *file;

	assert_non_null(text);
	snprintf(path, sizeof path, "tests/unit/adapters/%s.%s", name, end);
	file = fopen(path, "r");
	if (file != NULL) {
		assert_true(fread(text, 1, TEXT_MAX, file) < TEXT_MAX);
		fclose(file);
	}
	return text;
}

/* The raw record of one line mapped; its records as JSON lines. */
static void
map_line(struct map *map, struct reader *reader, struct json *json, struct slice line,
    size_t number, struct build *out)
{
	static uint8_t bytes[TEXT_MAX + RECORD_PADDING];
	struct build b;
	struct record raw;
	struct fault fault;
	struct slice record;
	const char *reason;
	char id[32];
	size_t need;
	int n;

	build_init(&b, bytes, TEXT_MAX);
	if (!json_parse(json, line, &b, &fault))
		fail_msg("line %zu: %s at %zu", number, fault.reason, fault.at);
	assert_int_equal(
	    record_scan(reader, build_slice(&b), &raw, &fault, &need), SCAN_RECORD);
	snprintf(id, sizeof id, "line%zu", number);
	n = map_run(map, &raw, slice_text(id), &reason);
	if (n < 0) {
		build_raw(out, slice_text("reject: "));
		build_raw(out, slice_text(reason));
		build_byte(out, '\n');
	}
	for (; map_next(map, &record); n--) {
		struct record check;
		struct reader *second = reader_new();
		uint8_t *copy = malloc(record.size + RECORD_PADDING);

		assert_non_null(copy);
		memcpy(copy, record.at, record.size);
		assert_int_equal(record_scan(second, slice_of(copy, record.size),
				     &check, &fault, &need),
		    SCAN_RECORD);
		assert_int_equal(check.size, record.size);
		free(copy);
		reader_free(second);
		print_json(record, out);
		build_byte(out, '\n');
	}
	assert_true(n <= 0);
}

static void
check(const struct adapter *adapter)
{
	char *in = file_text(adapter->name, "in"),
	     *out = file_text(adapter->name, "out");
	char *start = in, *end, path[256];
	char *result = malloc(TEXT_MAX);
	struct reader *reader = reader_new();
	struct json *json = json_new();
	struct error error;
	struct build b;
	struct map *map = map_compile(reader, adapter->name, adapter->map, &error);
	FILE *file;

	assert_non_null(result);
	if (map == NULL)
		fail_msg("%s", error.text);
	if (*in == '\0')
		fail_msg("tests/unit/adapters/%s.in is missing", adapter->name);
	build_init(&b, result, TEXT_MAX);
	for (size_t n = 1; (end = strchr(start, '\n')) != NULL; start = end + 1, n++)
		map_line(
		    map, reader, json, slice_of(start, (size_t)(end - start)), n, &b);
	assert_false(build_full(&b));
	if (getenv("REWRITE") != NULL) {
		snprintf(
		    path, sizeof path, "tests/unit/adapters/%s.out", adapter->name);
		file = fopen(path, "w");
		assert_non_null(file);
		fwrite(result, 1, build_slice(&b).size, file);
		fclose(file);
	} else if (!slice_is(build_slice(&b), out)) {
		fail_msg(
		    "%s gives\n%.*s", adapter->name, (int)build_slice(&b).size, result);
	}
	map_free(map);
	json_free(json);
	reader_free(reader);
	free(result);
	free(in);
	free(out);
}

static void
every_adapter_maps_its_example_as_expected(void **state)
{
	size_t count;
	const struct adapter *adapters = adapter_all(&count);

	(void)state;
	assert_true(count >= 7);
	for (size_t i = 0; i < count; i++) {
		check(&adapters[i]);
		assert_ptr_equal(
		    adapter_find(slice_text(adapters[i].name)), &adapters[i]);
	}
	assert_null(adapter_find(slice_text("nosuch")));
}

static void
snowplow_has_its_131_columns(void **state)
{
	const struct adapter *adapter = adapter_find(slice_text("snowplow"));
	const char *columns = adapter_columns(adapter);
	size_t n = 1;

	(void)state;
	for (const char *c = columns; *c != '\0'; c++)
		n += *c == ',';
	assert_int_equal(n, 131);
	assert_null(adapter_columns(adapter_find(slice_text("ga4"))));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_adapter_maps_its_example_as_expected),
		cmocka_unit_test(snowplow_has_its_131_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
