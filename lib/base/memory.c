/* SPDX-License-Identifier: MIT */
#include "lib/base/memory.h"

#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096, HUGE_FROM = 4 << 20 };

void
memory_prefer_huge(void *block, size_t size)
{
#ifdef MADV_HUGEPAGE
	uintptr_t end = (uintptr_t)block + size;
	uintptr_t from = ((uintptr_t)block + PAGE - 1) / PAGE * PAGE;

	if (block != NULL && size >= HUGE_FROM)
		(void)madvise((void *)from, end - from, MADV_HUGEPAGE);
#else
	(void)block;
	(void)size;
#endif
}
