/* SPDX-License-Identifier: MIT
 *
 * marks: whether all of a block that changed is marked. Include after cmocka.h.
 */
#ifndef BANNERPIPE_TESTS_UNIT_MARKS_H
#define BANNERPIPE_TESTS_UNIT_MARKS_H

#include <stdlib.h>
#include <string.h>

#include "lib/base/dirty.h"
#include "lib/base/slice.h"

/* A copy to compare with later, to be freed; nothing is marked any more. */
static inline uint8_t *
marks_begin(struct slice block, struct dirty *d)
{
	uint8_t *copy = malloc(block.size);

	memcpy(copy, block.at, block.size);
	dirty_clear(d);
	return copy;
}

static inline void
assert_marked(uint8_t *copy, struct slice block, const struct dirty *d)
{
	size_t changed = 0, marked = 0;

	for (size_t at = 0; at < block.size; at += DIRTY_GRAIN) {
		size_t size =
		    block.size - at < DIRTY_GRAIN ? block.size - at : DIRTY_GRAIN;
		size_t grain = at / DIRTY_GRAIN, first, end;
		bool is = dirty_next(d, grain, &first, &end) && first == grain;

		marked += is;
		if (memcmp(copy + at, block.at + at, size) == 0)
			continue;
		changed++;
		if (!is)
			fail_msg("byte %zu changed and is not marked", at);
	}
	print_message("%zu grains changed, %zu marked\n", changed, marked);
	assert_true(changed > 0);
	free(copy);
}

#endif
