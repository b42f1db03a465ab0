/* SPDX-License-Identifier: MIT */
#include "lib/http/blocks.h"

#include <stdlib.h>

void
blocks_init(struct blocks *p, size_t largest, uint64_t held_max)
{
	static const size_t small[BLOCKS_CLASSES - 1] = { 1 << 10, 4 << 10, 16 << 10,
		64 << 10 };

	*p = (struct blocks){ .held_max = held_max };
	for (unsigned i = 0; i < BLOCKS_CLASSES - 1; i++)
		p->size[i] = small[i];
	p->size[BLOCKS_CLASSES - 1] =
	    largest > small[BLOCKS_CLASSES - 2] ? largest : small[BLOCKS_CLASSES - 2];
}

static size_t
bytes_of(const struct blocks *p, unsigned class)
{
	return p->size[class] + sizeof(struct blocks_block);
}

/* Idle blocks of all sizes go. */
static void
trim(struct blocks *p)
{
	struct blocks_block *b;

	for (unsigned i = 0; i < BLOCKS_CLASSES; i++)
		while ((b = p->idle[i]) != NULL) {
			p->idle[i] = b->next;
			p->held -= bytes_of(p, i);
			free(b);
		}
}

void
blocks_fini(struct blocks *p)
{
	trim(p);
}

uint8_t *
blocks_take(struct blocks *p, size_t size, size_t *room)
{
	struct blocks_block *b;
	unsigned i = 0;

	while (i < BLOCKS_CLASSES && p->size[i] < size)
		i++;
	if (i == BLOCKS_CLASSES)
		return NULL;
	b = p->idle[i];
	if (b != NULL) {
		p->idle[i] = b->next;
	} else {
		if (p->held + bytes_of(p, i) > p->held_max)
			trim(p);
		if (p->held + bytes_of(p, i) > p->held_max ||
		    (b = malloc(bytes_of(p, i))) == NULL)
			return NULL;
		p->held += bytes_of(p, i);
		b->class = i;
	}
	p->used += bytes_of(p, i);
	*room = p->size[i];
	return (uint8_t *)(b + 1);
}

void
blocks_give(struct blocks *p, uint8_t *block)
{
	struct blocks_block *b;

	if (block == NULL)
		return;
	b = (struct blocks_block *)(void *)block - 1;
	p->used -= bytes_of(p, b->class);
	b->next = p->idle[b->class];
	p->idle[b->class] = b;
}
