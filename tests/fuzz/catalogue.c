/* SPDX-License-Identifier: MIT
 *
 * Any rows as a catalogue, any requests of it: JSON texts, one a line. A request is
 * answered twice, with the same creatives, each of which runs; and a catalogue that is
 * made of what the first one keeps answers the same.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/delivery/catalogue.h"
#include "tests/fuzz/lines.h"

enum { ROWS_MAX = 64, MEMORY = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash_key hash = { 1, 2 };
static const struct catalogue_limits small = { 32, ROWS_MAX, 32 };

static void
ask(struct catalogue *c, const struct record *r)
{
	uint32_t first[ROWS_MAX], again[ROWS_MAX];
	instant when;
	uint32_t n;

	if (!record_timestamp(r, &when))
		when = 0;
	n = catalogue_eligible(c, r, when, first, ROWS_MAX);
	assert(n == catalogue_eligible(c, r, when, again, ROWS_MAX));
	n = n < ROWS_MAX ? n : ROWS_MAX;
	assert(n == 0 || memcmp(first, again, n * sizeof *first) == 0);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t id = catalogue_creative(c, first[i])->id;

		assert(catalogue_runs(c, first[i], when));
		assert(catalogue_find_creative(c, id) == first[i]);
		assert(catalogue_hash(c, catalogue_creative_id(c, first[i])) == id);
	}
}

/* What is kept is taken again: nothing that was taken is refused. */
static void
take_again(struct catalogue *c, struct slice record)
{
	struct catalogue_counts before = catalogue_counts(c);
	struct error error;

	assert(catalogue_take(c, record, true, &error) == CATALOGUE_TAKEN);
	assert(catalogue_counts(c).creatives == before.creatives);
	assert(catalogue_counts(c).bytes == before.bytes);
}

static void
each_line(struct catalogue *c, struct reader *reader, struct slice text)
{
	struct record record;

	while (lines_next(&text, reader, &record)) {
		struct slice bytes = slice_of(record.bytes, record.size);
		struct error error = { .text = "" };
		enum catalogue_result result = catalogue_take(c, bytes, true, &error);

		assert((result == CATALOGUE_REFUSED) == (error.text[0] != '\0'));
		if (result == CATALOGUE_TAKEN)
			take_again(c, bytes);
		ask(c, &record);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct catalogue *c, *heir;
	struct reader *reader;
	struct error error;

	if (size > LINES_TEXT_MAX)
		return 0;
	c = catalogue_new(hash, small, MEMORY);
	heir = catalogue_new(hash, small, MEMORY);
	reader = reader_new();
	assert(c != NULL && heir != NULL && reader != NULL);
	each_line(c, reader, slice_of(data, size));
	assert(catalogue_inherit(heir, c, &error) == 0);
	assert(catalogue_counts(heir).bytes == catalogue_counts(c).bytes);
	catalogue_free(heir);
	catalogue_free(c);
	reader_free(reader);
	return 0;
}
