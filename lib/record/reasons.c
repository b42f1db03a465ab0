/* SPDX-License-Identifier: MIT */
#include "lib/record/reasons.h"

#include <string.h>

#include "lib/base/assert.h"

uint8_t
reasons_number(struct reasons *x, struct slice word)
{
	if (word.size > JUDGEMENT_REASON_SIZE_MAX)
		word.size = JUDGEMENT_REASON_SIZE_MAX;
	if (word.size == 0 || slice_is(word, "other"))
		return 0;
	for (unsigned i = 1; i <= x->count; i++)
		if (slice_equal(word, reasons_word(x, i)))
			return (uint8_t)i;
	if (x->count == REASONS_MAX)
		return 0;
	x->count++;
	memcpy(x->words[x->count], word.at, word.size);
	x->sizes[x->count] = (uint8_t)word.size;
	return (uint8_t)x->count;
}

struct slice
reasons_word(const struct reasons *x, unsigned number)
{
	assert(number <= x->count);
	return number == 0 ? slice_text("other")
			   : slice_of(x->words[number], x->sizes[number]);
}
