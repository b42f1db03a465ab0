/* SPDX-License-Identifier: MIT
 *
 * Any text as a map over any raw record: "MAP\0RECORD", the record a JSON text. What a
 * map yields is a record for the scanner, with the keys that every record has.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/text/json.h"
#include "lib/text/map.h"

enum { TEXT_MAX = 1 << 14, BUILT_MAX = 1 << 17 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct slice record)
{
	static uint8_t copy[RECORD_SIZE_MAX + RECORD_PADDING];
	static struct reader *reader;
	struct record view;
	struct fault fault;
	struct slice text;
	instant when;
	size_t need;

	if (reader == NULL)
		reader = reader_new();
	assert(reader != NULL && record.size <= RECORD_SIZE_MAX);
	memcpy(copy, record.at, record.size);
	assert(record_scan(reader, slice_of(copy, record.size), &view, &fault, &need) ==
	    SCAN_RECORD);
	assert(view.size == record.size);
	assert(record_id(&view, KEY_EVENT, &text));
	assert(record_id(&view, KEY_EVENT_ID, &text));
	assert(record_timestamp(&view, &when));
}

static void
run(struct map *map, struct reader *reader, struct slice text)
{
	static struct json *json;
	static uint8_t copy[TEXT_MAX + JSON_PADDING], bytes[BUILT_MAX + RECORD_PADDING];
	struct build b;
	struct record raw;
	struct fault fault;
	struct slice record;
	const char *reason;
	size_t need;
	int n, count = 0;

	if (json == NULL)
		json = json_new();
	assert(json != NULL);
	if (text.size > 0)
		memcpy(copy, text.at, text.size);
	build_init(&b, bytes, BUILT_MAX);
	if (!json_parse(json, slice_of(copy, text.size), &b, &fault) ||
	    record_scan(reader, build_slice(&b), &raw, &fault, &need) != SCAN_RECORD)
		return;
	n = map_run(map, &raw, slice_text("id"), &reason);
	assert((n < 0) == (reason != NULL));
	for (; map_next(map, &record); count++)
		check(record);
	assert(count == (n < 0 ? 0 : n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size), rest;
	struct reader *reader;
	struct error error;
	struct map *map;

	if (size > TEXT_MAX)
		return 0;
	text.size = slice_find(text, '\0');
	rest =
	    slice_from(slice_of(data, size), text.size < size ? text.size + 1 : size);
	reader = reader_new();
	assert(reader != NULL);
	error.text[0] = '\0';
	map = map_compile(reader, "fuzz", text, &error);
	if (map == NULL)
		assert(error.text[0] != '\0');
	else
		run(map, reader, rest);
	map_free(map);
	reader_free(reader);
	return 0;
}
