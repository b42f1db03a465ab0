/* SPDX-License-Identifier: MIT
 *
 * memory: what large blocks of memory ask of the system.
 */
#ifndef BANNERPIPE_BASE_MEMORY_H
#define BANNERPIPE_BASE_MEMORY_H

#include <stddef.h>

/* A wish that a block from malloc lies in huge pages, which spares random access to it
 * half of its misses. Small blocks stay as they are, and so do the contents. */
void memory_prefer_huge(void *block, size_t size);

#endif
