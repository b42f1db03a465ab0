/* SPDX-License-Identifier: MIT
 *
 * Any text as the dump of a model: it is refused with a reason, or gives a model that
 * predicts finite numbers, and whose own text gives the same text again.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/modeltool/text.h"

enum { MEMORY = 1 << 25, TEXT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
	size_t size;
	uint8_t bytes[TEXT_MAX];
};

static int
append(void *context, struct slice line)
{
	struct text *to = context;

	if (line.size > sizeof to->bytes - to->size)
		return -1;
	memcpy(to->bytes + to->size, line.at, line.size);
	to->size += line.size;
	return 0;
}

static struct model *
read_text(struct slice text)
{
	struct model_text *t = model_text_new(&os_system, MEMORY);
	struct error error = { "" };
	struct model *m = NULL;
	int status = 0;

	assert(t != NULL);
	while (text.size > 0 && status == 0) {
		size_t end = slice_find(text, '\n');

		status = model_text_line(t, slice_of(text.at, end), &error);
		text = slice_from(text, end < text.size ? end + 1 : end);
	}
	if (status == 0)
		m = model_text_end(t, &error);
	assert((m == NULL) == (error.text[0] != '\0'));
	model_text_free(t);
	return m;
}

static uint64_t
first_key(const struct model *m, unsigned table)
{
	const struct cells *c = layout_of(m, table);
	uint64_t p = c == NULL ? CELLS_NONE : layout_next(c, 0);

	return p == CELLS_NONE ? 7 : cells_key_at(c, p);
}

static void
check(const struct model *m)
{
	static struct text first, second;
	uint64_t keys[2] = { first_key(m, LAYOUT_CELLS), first_key(m, LAYOUT_ROWS) };
	struct features f = { slice_of(keys, sizeof keys), { 0 } };
	struct model_estimates said = { 0 };
	struct model *again;

	assert(model_predict(m, &f, &said) == FEATURES_FINE);
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		assert(!isnan(said.of[t].mean));
	first.size = second.size = 0;
	if (model_text_write(m, append, &first) != 0)
		return;
	again = read_text(slice_of(first.bytes, first.size));
	assert(again != NULL && model_text_write(again, append, &second) == 0);
	assert(slice_equal(
	    slice_of(first.bytes, first.size), slice_of(second.bytes, second.size)));
	model_free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model *m = read_text(slice_of(data, size));

	if (m != NULL)
		check(m);
	model_free(m);
	return 0;
}
