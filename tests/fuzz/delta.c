/* SPDX-License-Identifier: MIT
 *
 * Any records as deltas of a model, with their checksums looked at or not (the first byte):
 * each is refused with a reason, or leaves a model that is what it says, finds its features
 * and predicts.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/modeltool/delta.h"

enum { MEMORY = 1 << 25, BYTES_MAX = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t
first_key(const struct model *m, unsigned table)
{
	const struct cells *c = layout_of(m, table);
	uint64_t p = c == NULL ? CELLS_NONE : layout_next(c, 0);

	return p == CELLS_NONE ? 7 : cells_key_at(c, p);
}

static void
check(const struct follower *f)
{
	const struct model *m = f->model;
	uint64_t keys[2] = { first_key(m, LAYOUT_CELLS), first_key(m, LAYOUT_ROWS) };
	struct features features = { slice_of(keys, sizeof keys), { 0 } };
	struct model_estimates said = { 0 };

	assert(f->version == model_state(m)->examples);
	for (unsigned t = 0; t < LAYOUT_TABLES; t++)
		if (layout_of(m, t) != NULL)
			assert(layout_of(m, t)->used <= cells_places(layout_of(m, t)));
	if (m->rows != NULL)
		assert(factors_fields_are_sound(rows_fields(m->rows)));
	assert(model_predict(m, &features, &said) == FEATURES_FINE);
	for (unsigned i = 0; i < model_state(m)->examination.count; i++)
		assert(model_examination(m, model_state(m)->examination.key[i]) > 0);
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		assert(!isnan(said.of[t].mean));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[BYTES_MAX + RECORD_PADDING];
	struct reader *reader = reader_new();
	struct follower follower;
	struct slice rest;

	assert(reader != NULL);
	if (size == 0 || size > BYTES_MAX) {
		reader_free(reader);
		return 0;
	}
	memcpy(bytes, data, size);
	rest = slice_of(bytes + 1, size - 1);
	follower_init(&follower, reader, &os_system, NULL, MEMORY);
	follower.trusts = data[0] % 2 == 1;
	while (rest.size > 0) {
		struct error error = { "" };
		struct record record;
		struct fault fault;
		size_t need;
		int status;

		if (record_scan(reader, rest, &record, &fault, &need) != SCAN_RECORD)
			break;
		record.number = 1;
		status = follower_take(&follower, &record, &error);
		assert((status < 0) == (error.text[0] != '\0'));
		if (status < 0)
			break;
		if (status > 0)
			check(&follower);
		rest = slice_from(rest, record.size);
	}
	follower_fini(&follower);
	reader_free(reader);
	return 0;
}
