/* SPDX-License-Identifier: MIT */
#include "lib/serve/journal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

int
journal_init(struct journal *j, size_t capacity)
{
	*j = (struct journal){ .capacity = capacity };
	j->bytes = malloc(capacity + RECORD_PADDING);
	return j->bytes != NULL ? 0 : -1;
}

void
journal_fini(struct journal *j)
{
	free(j->bytes);
	j->bytes = NULL;
}

/* To move what waits costs no more than it did to write what went before it. */
size_t
journal_room(struct journal *j)
{
	if (j->from == j->to)
		j->from = j->to = 0;
	if (j->from >= j->capacity / 2) {
		memmove(j->bytes, j->bytes + j->from, j->to - j->from);
		j->to -= j->from;
		j->from = 0;
	}
	return j->capacity - j->to;
}

void
journal_open(struct journal *j, struct build *b)
{
	build_init(b, j->bytes + j->to, j->capacity - j->to);
}

void
journal_close(struct journal *j, const struct build *b)
{
	assert(b->start == j->bytes + j->to && !build_full(b));
	j->to += build_slice(b).size;
}

struct slice
journal_first(const struct journal *j, size_t size)
{
	size_t all = j->to - j->from;

	return slice_of(j->bytes + j->from, size < all ? size : all);
}

void
journal_drop(struct journal *j, size_t size)
{
	assert(size <= j->to - j->from);
	j->from += size;
}
