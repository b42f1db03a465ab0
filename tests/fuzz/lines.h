/* SPDX-License-Identifier: MIT
 *
 * lines: the records that a fuzz target is given as JSON texts, one a line.
 */
#ifndef BANNERPIPE_FUZZ_LINES_H
#define BANNERPIPE_FUZZ_LINES_H

#include <string.h>

#include "lib/base/assert.h"
#include "lib/record/record.h"
#include "lib/text/json.h"

enum { LINES_TEXT_MAX = 1 << 14, LINES_BUILT_MAX = 1 << 17 };

/* Take the next line that is a record from the text, which has LINES_TEXT_MAX bytes at
 * most. It holds until the next call. False: there is none left. */
static inline bool
lines_next(struct slice *text, struct reader *reader, struct record *to)
{
	static struct json *json;
	static uint8_t copy[LINES_TEXT_MAX + JSON_PADDING];
	static uint8_t bytes[LINES_BUILT_MAX + RECORD_PADDING];

	if (json == NULL)
		json = json_new();
	assert(json != NULL && text->size <= LINES_TEXT_MAX);
	while (text->size > 0) {
		size_t size = slice_find(*text, '\n'), need;
		struct fault fault;
		struct build b;

		if (size > 0)
			memcpy(copy, text->at, size);
		*text = slice_from(*text, size < text->size ? size + 1 : size);
		build_init(&b, bytes, LINES_BUILT_MAX);
		if (json_parse(json, slice_of(copy, size), &b, &fault) &&
		    record_scan(reader, build_slice(&b), to, &fault, &need) ==
			SCAN_RECORD)
			return true;
	}
	return false;
}

#endif
