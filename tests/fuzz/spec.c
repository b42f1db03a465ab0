/* SPDX-License-Identifier: MIT
 *
 * Any text as a specification over any records: "SPEC\0RECORDS", the records JSON texts,
 * one a line. What is extracted is what bp-learn takes, and extracting twice gives the
 * same.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/feature/extract.h"
#include "tests/fuzz/lines.h"

enum { MEMORY = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
name(void *context, uint64_t key, struct slice text)
{
	unsigned *n = context;

	assert(text.size > 0);
	*n += key != 0;
	return 0;
}

static void
describe(struct extract *x, const struct record *r, instant when)
{
	static uint8_t keys[8 * FEATURES_MAX];
	struct count_times t = { .known = when,
		.shown = when - (when % 3) * WHEN_MINUTE };
	struct features first, again;
	size_t count;
	double weight;

	assert(extract_features(x, r, t, true, &first) == 0);
	assert(features_check(&first) == FEATURES_FINE);
	count = first.keys.size;
	if (count > 0)
		memcpy(keys, first.keys.at, count);
	assert(extract_features(x, r, t, true, &again) == 0);
	assert(slice_equal(slice_of(keys, count), again.keys));
	if (!record_weight(r, &weight))
		weight = 1;
	extract_update(x, r, record_kind(r), weight, t);
}

static void
each_line(struct extract *x, struct reader *reader, struct slice text)
{
	instant when = 1700000000 * WHEN_SECOND;
	struct record record;

	for (; lines_next(&text, reader, &record); when += 20 * WHEN_SECOND)
		describe(x, &record, when);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size), rest;
	struct reader *reader;
	struct extract *x = NULL;
	struct error error;
	struct spec *spec;
	unsigned names = 0;

	if (size > LINES_TEXT_MAX)
		return 0;
	text.size = slice_find(text, '\0');
	rest =
	    slice_from(slice_of(data, size), text.size < size ? text.size + 1 : size);
	reader = reader_new();
	assert(reader != NULL);
	error.text[0] = '\0';
	spec = spec_new(reader, text, &error);
	if (spec != NULL)
		x = extract_new(
		    spec, MEMORY, 1, size % 2 ? name : NULL, &names, &error);
	if (x == NULL)
		assert(error.text[0] != '\0');
	else
		each_line(x, reader, rest);
	extract_free(x);
	reader_free(reader);
	return 0;
}
