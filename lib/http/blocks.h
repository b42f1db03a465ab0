/* SPDX-License-Identifier: MIT
 *
 * blocks: blocks of a few sizes, reused, bounded in all.
 */
#ifndef BANNERPIPE_HTTP_BLOCKS_H
#define BANNERPIPE_HTTP_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BLOCKS_CLASSES = 5 };

struct blocks_block {
	struct blocks_block *next;
	unsigned class;
};

struct blocks {
	size_t size[BLOCKS_CLASSES]; /* rising; the last is the largest that is given */
	struct blocks_block *idle[BLOCKS_CLASSES];
	uint64_t held, held_max; /* bytes, idle ones included */
	uint64_t used;           /* bytes of those that are not */
};

/* `largest` bytes at most are taken at once. */
void blocks_init(struct blocks *p, size_t largest, uint64_t held_max);
void blocks_fini(struct blocks *p);

/* At least so many bytes, and how many there are; NULL when that would be too many, of it
 * or of all. */
uint8_t *blocks_take(struct blocks *p, size_t size, size_t *room);
/* NULL is fine. */
void blocks_give(struct blocks *p, uint8_t *block);

#endif
