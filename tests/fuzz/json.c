/* SPDX-License-Identifier: MIT
 *
 * What json accepts is a record (or an ext) that the scanner accepts, and printing it
 * and parsing that gives the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/text/json.h"
#include "lib/text/print.h"

enum { TEXT_MAX = 1 << 16, BUILT_MAX = 1 << 18, PRINTED_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json *json;
	static struct reader *reader;
	static uint8_t first[BUILT_MAX + RECORD_PADDING], second[BUILT_MAX];
	static uint8_t printed[PRINTED_MAX + JSON_PADDING];
	uint8_t *line;
	struct build a, b, text;
	struct fault fault = { 0, NULL };
	struct record record;
	size_t need;
	enum scan scan;

	if (json == NULL)
		json = json_new();
	if (reader == NULL)
		reader = reader_new();
	assert(json != NULL && reader != NULL);
	if (size > TEXT_MAX)
		return 0;
	/* Allocated to size, so that a read beyond the padding is found. */
	line = malloc(size + JSON_PADDING);
	assert(line != NULL);
	memcpy(line, data, size);
	memset(line + size, '"', JSON_PADDING);
	build_init(&a, first, BUILT_MAX);
	if (!json_parse(json, slice_of(line, size), &a, &fault)) {
		assert(fault.reason != NULL && fault.at <= size);
		free(line);
		return 0;
	}
	free(line);
	scan = record_scan(reader, build_slice(&a), &record, &fault, &need);
	assert(scan == SCAN_RECORD || scan == SCAN_CONTROL);
	assert(record.size == build_slice(&a).size);
	build_init(&text, printed, PRINTED_MAX);
	print_json(build_slice(&a), &text);
	assert(!build_full(&text));
	build_init(&b, second, sizeof second);
	assert(json_parse(json, build_slice(&text), &b, &fault));
	assert(slice_equal(build_slice(&a), build_slice(&b)));
	return 0;
}
