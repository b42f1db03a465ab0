/* SPDX-License-Identifier: MIT
 *
 * The first line is a log_format, or the name of one; the others are lines of a log.
 * What is taken is a record that the scanner accepts, twice the same; a fault lies
 * within its line. Each line is a block of its own, so that reading beyond its padding
 * is found.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/record/record.h"
#include "lib/text/accesslog.h"
#include "lib/text/detect.h"

enum { TEXT_MAX = 1 << 16, BUILT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(struct accesslog *a, struct reader *reader, struct slice text)
{
	static uint8_t first[BUILT_MAX + RECORD_PADDING], second[BUILT_MAX];
	uint8_t *line = malloc(text.size + LOGFORMAT_PADDING);
	struct slice id = slice_text("0123456789abcdefghijkl"), event_id;
	struct fault fault = { 0, NULL };
	struct record record;
	struct build b, again;
	size_t need;

	assert(line != NULL);
	memcpy(line, text.at, text.size);
	memset(line + text.size, '"', LOGFORMAT_PADDING);
	build_init(&b, first, BUILT_MAX);
	build_init(&again, second, BUILT_MAX);
	if (accesslog_read(a, slice_of(line, text.size), &fault)) {
		accesslog_build(a, id, &b, &event_id);
		assert(!build_full(&b));
		assert(record_scan(reader, build_slice(&b), &record, &fault, &need) ==
		    SCAN_RECORD);
		assert(record.size == build_slice(&b).size);
		assert(accesslog_read(a, slice_of(line, text.size), &fault));
		accesslog_build(a, id, &again, &event_id);
		assert(slice_equal(build_slice(&b), build_slice(&again)));
	} else {
		assert(fault.reason != NULL && fault.at <= text.size);
	}
	free(line);
}

/* What is found in a beginning of the text is found in all of it. */
static void
check_detection(struct slice text)
{
	uint8_t *copy = malloc(text.size + LOGFORMAT_PADDING);
	const char *early, *late;
	enum detect half, whole;

	assert(copy != NULL);
	memcpy(copy, text.at, text.size);
	memset(copy + text.size, 0, LOGFORMAT_PADDING);
	half = detect_format(slice_of(copy, text.size / 2), false, &early);
	whole = detect_format(slice_of(copy, text.size), true, &late);
	if (half == DETECT_FOUND)
		assert(whole == DETECT_FOUND && strcmp(early, late) == 0);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reader *reader;
	struct slice rest = slice_of(data, size), line;
	struct accesslog *a;
	struct error error;
	size_t end;

	if (reader == NULL)
		reader = reader_new();
	if (size > TEXT_MAX)
		return 0;
	end = slice_find(rest, '\n');
	a = accesslog_new(slice_of(rest.at, end), &error);
	rest = slice_from(rest, end < rest.size ? end + 1 : end);
	check_detection(rest);
	while (a != NULL && rest.size > 0) {
		end = slice_find(rest, '\n');
		line = slice_of(rest.at, end);
		check_line(a, reader, line);
		rest = slice_from(rest, end < rest.size ? end + 1 : end);
	}
	accesslog_free(a);
	return 0;
}
