/* SPDX-License-Identifier: MIT
 *
 * pool: blocks of a few sizes, reused, bounded in all.
 */
#ifndef BANNERPIPE_HTTP_POOL_H
#define BANNERPIPE_HTTP_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POOL_CLASSES = 5 };

struct pool_block {
	struct pool_block *next;
	unsigned class;
};

struct pool {
	size_t size[POOL_CLASSES]; /* rising; the last is the largest that is given */
	struct pool_block *idle[POOL_CLASSES];
	uint64_t held, held_max; /* bytes, idle ones included */
	uint64_t used;           /* bytes of those that are not */
};

/* `largest` bytes at most are taken at once. */
void pool_init(struct pool *p, size_t largest, uint64_t held_max);
void pool_fini(struct pool *p);

/* At least so many bytes, and how many there are; NULL when that would be too many, of it
 * or of all. */
uint8_t *pool_take(struct pool *p, size_t size, size_t *room);
/* NULL is fine. */
void pool_give(struct pool *p, uint8_t *block);

#endif
