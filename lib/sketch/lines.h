/* SPDX-License-Identifier: MIT
 *
 * lines: blocks of memory that begin on a cache line, zero at first and resident only
 * where they were touched.
 */
#ifndef BANNERPIPE_SKETCH_LINES_H
#define BANNERPIPE_SKETCH_LINES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

enum { LINES_LINE = 64 };

static inline size_t
lines_round(size_t size)
{
	return (size + LINES_LINE - 1) & ~(size_t)(LINES_LINE - 1);
}

/* A block that takes size + LINES_LINE bytes; *memory is what has to be freed. NULL when
 * there is none. */
static inline void *
lines_new(size_t size, void **memory)
{
	*memory = calloc(1, size + LINES_LINE);
	memory_prefer_huge(*memory, size + LINES_LINE);
	return *memory == NULL ? NULL : (void *)lines_round((size_t)(uintptr_t)*memory);
}

/* Zero it, without writing to pages that are. */
static inline void
lines_wipe(void *block, size_t size)
{
	enum { PAGE = 4096 };
	uint8_t *at = block;

	for (size_t n; size > 0; at += n, size -= n) {
		n = size < PAGE ? size : PAGE;
		if (at[0] != 0 || memcmp(at, at + 1, n - 1) != 0)
			memset(at, 0, n);
	}
}

#endif
