/* SPDX-License-Identifier: MIT
 *
 * The first byte chooses the dialect, the rest is a file: every byte of it is framed
 * into exactly one row, cutting the file short changes no row before the cut, and what
 * a row becomes is a record that the scanner accepts.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/text/csv.h"

enum { TEXT_MAX = 1 << 16, BUILT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_row(struct csv *csv, struct reader *reader, struct slice text, bool *header)
{
	static uint8_t storage[BUILT_MAX + RECORD_PADDING];
	uint8_t *row = malloc(text.size + CSV_PADDING);
	struct fault fault = { 0, NULL };
	struct record record;
	struct build to;
	size_t need;

	assert(row != NULL);
	memcpy(row, text.at, text.size);
	memset(row + text.size, ',', CSV_PADDING);
	build_init(&to, storage, BUILT_MAX);
	if (!*header) {
		*header = csv_header(csv, slice_of(row, text.size), &fault);
		assert(*header || (fault.reason != NULL && fault.at <= text.size));
	} else if (!csv_row(csv, slice_of(row, text.size), &to, &fault)) {
		assert(fault.reason != NULL && fault.at <= text.size);
		assert(build_slice(&to).size == 0);
	} else {
		assert(record_scan(reader, build_slice(&to), &record, &fault, &need) ==
		    SCAN_RECORD);
		assert(record.size == build_slice(&to).size);
	}
	free(row);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct csv *parsers[8];
	static struct reader *reader;
	struct csv *csv;
	bool header = false;

	if (reader == NULL)
		reader = reader_new();
	if (size == 0 || size > TEXT_MAX)
		return 0;
	for (unsigned i = 0; i < 8; i++)
		if (parsers[i] == NULL)
			parsers[i] = csv_new((struct csv_format){
			    i & 1 ? ',' : '\t', i & 1, i & 2, i & 4, false });
	csv = parsers[data[0] % 8];
	assert(csv != NULL && reader != NULL);
	for (size_t at = 1; at < size;) {
		struct slice rest = slice_of(data + at, size - at);
		size_t row = csv_frame(csv, rest, true);
		size_t early = csv_frame(csv, rest, false);
		size_t cut = csv_frame(csv, slice_of(rest.at, rest.size / 2), false);

		assert(row > 0 && row <= rest.size);
		assert(early == 0 || early == row);
		assert(cut == 0 || cut == row);
		check_row(csv, reader,
		    slice_of(rest.at, row - (rest.at[row - 1] == '\n')), &header);
		at += row;
	}
	return 0;
}
