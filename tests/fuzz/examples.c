/* SPDX-License-Identifier: MIT
 *
 * The first byte chooses the format, the rest is a file: every byte of it is framed into
 * exactly one text, cutting the file short changes no text before the cut, and what a text
 * becomes is a record that the scanner accepts, with a value for each key or none, all
 * within what models take.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/model/features.h"
#include "lib/record/value.h"
#include "lib/text/examples.h"

enum { TEXT_MAX = 1 << 16, FORMATS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reader *reader;
static struct line_ids *ids;
static struct key features, values;

static void
check_record(struct slice bytes)
{
	struct features f = { { NULL, 0 }, { NULL, 0 } };
	struct fault fault = { 0, NULL };
	struct record record;
	struct slice value;
	instant when;
	size_t need;
	double w;

	assert(record_scan(reader, bytes, &record, &fault, &need) == SCAN_RECORD);
	assert(record.size == bytes.size);
	assert(record_timestamp(&record, &when) && when > 0);
	assert(record_weight(&record, &w) && fabs(w) <= FEATURES_VALUE_MAX);
	if (record_value(&record, features, &value)) {
		assert(value_bin(value, &f.keys));
		if (record_value(&record, values, &value))
			assert(value_bin(value, &f.values));
		assert(features_check(&f) == FEATURES_FINE);
	}
}

static void
check_text(struct examples *x, struct slice text)
{
	static uint8_t storage[RECORD_SIZE_MAX + RECORD_PADDING];
	uint8_t *copy = malloc(text.size + EXAMPLES_PADDING), id[LINE_ID_SIZE];
	struct fault fault = { 0, NULL };
	struct build to;

	assert(copy != NULL);
	memcpy(copy, text.at, text.size);
	memset(copy + text.size, '7', EXAMPLES_PADDING);
	build_init(&to, storage, RECORD_SIZE_MAX);
	switch (examples_read(x, slice_of(copy, text.size), ids, id, &to, &fault)) {
	case EXAMPLES_RECORD:
		check_record(build_slice(&to));
		break;
	case EXAMPLES_FAULT:
		assert(fault.reason != NULL && fault.at <= text.size);
		/* fall through */
	case EXAMPLES_NONE:
		assert(build_slice(&to).size == 0);
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[FORMATS] = { "vw", "vw-lines", "vw-adf",
		"libsvm", "ffm" };
	static struct examples *formats[FORMATS];
	static uint8_t fresh[FORMATS][EXAMPLES_STATE_SIZE];
	struct examples *x;

	if (reader == NULL) {
		reader = reader_new();
		ids = line_ids_new();
		assert(reader != NULL && ids != NULL);
		features = reader_key(reader, "features");
		values = reader_key(reader, "feature_values");
		for (unsigned i = 0; i < FORMATS; i++) {
			formats[i] = examples_new(slice_text(names[i]));
			assert(formats[i] != NULL);
			memcpy(fresh[i], examples_state(formats[i]).at,
			    EXAMPLES_STATE_SIZE);
		}
	}
	if (size == 0 || size > TEXT_MAX)
		return 0;
	x = formats[data[0] % FORMATS];
	assert(examples_restore(
	    x, slice_of(fresh[data[0] % FORMATS], EXAMPLES_STATE_SIZE)));
	for (size_t at = 1; at < size;) {
		struct slice rest = slice_of(data + at, size - at);
		size_t cut = examples_frame(x, slice_of(rest.at, rest.size / 2), false);
		size_t early = examples_frame(x, rest, false);
		size_t text = examples_frame(x, rest, true);

		assert(text > 0 && text <= rest.size);
		assert(early == 0 || early == text);
		assert(cut == 0 || cut == text);
		check_text(x, slice_of(rest.at, text));
		at += text;
	}
	(void)examples_detect(slice_of(data + 1, size - 1));
	return 0;
}
