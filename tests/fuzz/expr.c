/* SPDX-License-Identifier: MIT
 *
 * Any text as an expression over any record: "EXPRESSION\0RECORD", the record a JSON text.
 * A value that can be built reads back as itself; the condition agrees with the value;
 * evaluating twice gives the same.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/text/expr.h"
#include "lib/text/json.h"

enum { TEXT_MAX = 1 << 14, BUILT_MAX = 1 << 17 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The record after the expression, or an empty one. */
static void
raw_record(
    struct slice text, uint8_t *bytes, struct reader *reader, struct record *record)
{
	static struct json *json;
	static uint8_t copy[TEXT_MAX + JSON_PADDING];
	struct build b;
	struct fault fault;
	size_t need;

	if (json == NULL)
		json = json_new();
	assert(json != NULL && text.size <= TEXT_MAX);
	if (text.size > 0)
		memcpy(copy, text.at, text.size);
	build_init(&b, bytes, BUILT_MAX);
	if (!json_parse(json, slice_of(copy, text.size), &b, &fault))
		build_map(&b, 0);
	if (record_scan(reader, build_slice(&b), record, &fault, &need) == SCAN_RECORD)
		return;
	build_reset(&b); /* a control record */
	build_map(&b, 0);
	assert(
	    record_scan(reader, build_slice(&b), record, &fault, &need) == SCAN_RECORD);
}

static void
check(struct expr *e, const struct record *record)
{
	static uint8_t first[BUILT_MAX * 2], second[BUILT_MAX * 2];
	struct expr_value value;
	struct build a, b;
	bool built;

	build_init(&a, first, sizeof first);
	build_init(&b, second, sizeof second);
	expr_eval(e, record, &value);
	built = expr_value_build(&value, &a);
	assert(built == (value.type != EXPR_MISSING));
	assert(!build_full(&a));
	if (built)
		assert(value_size(first) == build_slice(&a).size);
	expr_eval(e, record, &value);
	assert(expr_value_build(&value, &b) == built);
	assert(slice_equal(build_slice(&a), build_slice(&b)));
	assert(expr_test(e, record) == (value.type == EXPR_BOOL && value.truth));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[BUILT_MAX + RECORD_PADDING];
	struct slice text = slice_of(data, size), rest;
	struct reader *reader;
	struct record record;
	struct error error;
	struct expr *e;

	if (size > TEXT_MAX)
		return 0;
	text.size = slice_find(text, '\0');
	rest =
	    slice_from(slice_of(data, size), text.size < size ? text.size + 1 : size);
	reader = reader_new();
	assert(reader != NULL);
	error.text[0] = '\0';
	e = expr_compile(reader, text, &error);
	if (e == NULL) {
		assert(error.text[0] != '\0');
	} else {
		raw_record(rest, bytes, reader, &record);
		check(e, &record);
	}
	expr_free(e);
	reader_free(reader);
	return 0;
}
