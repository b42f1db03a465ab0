/* SPDX-License-Identifier: MIT */
#include "lib/pending/pool.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

struct chunk {
	uint32_t next;
	uint32_t size;
	uint8_t bytes[POOL_CHUNK_BYTES];
};

_Static_assert(sizeof(struct chunk) == POOL_CHUNK, "a chunk has no padding");

int
pool_init(struct pool *p, size_t size, uint32_t capacity)
{
	assert(size >= sizeof(uint32_t));
	*p = (struct pool){ .size = size, .capacity = capacity };
	p->nodes = calloc((size_t)capacity + 1, size);
	memory_prefer_huge(p->nodes, ((size_t)capacity + 1) * size);
	return p->nodes != NULL ? 0 : -1;
}

void
pool_fini(struct pool *p)
{
	free(p->nodes);
	p->nodes = NULL;
}

uint32_t
pool_take(struct pool *p)
{
	uint32_t node = p->free;

	assert(p->taken < p->capacity);
	if (node != 0) {
		memcpy(&p->free, pool_at(p, node), sizeof p->free);
		memset(pool_at(p, node), 0, p->size);
	} else {
		node = ++p->used; /* zeroed since the start */
	}
	p->taken++;
	return node;
}

void
pool_give(struct pool *p, uint32_t node)
{
	assert(p->taken > 0);
	memcpy(pool_at(p, node), &p->free, sizeof p->free);
	p->free = node;
	p->taken--;
}

struct slice
pool_bytes(const struct pool *p)
{
	return slice_of(p->nodes + p->size, (size_t)p->used * p->size);
}

int
pool_load(struct pool *p, struct slice bytes, uint32_t free, uint32_t taken)
{
	size_t used = bytes.size / p->size;

	if (bytes.size % p->size != 0 || used > p->capacity || taken > used ||
	    free > used)
		return -1;
	if (bytes.size > 0)
		memmove(p->nodes + p->size, bytes.at, bytes.size);
	p->used = (uint32_t)used;
	p->free = free;
	p->taken = taken;
	return 0;
}

uint32_t
pool_keep(struct pool *p, struct slice text)
{
	uint32_t first = 0, last = 0;

	while (text.size > 0) {
		size_t n = text.size < POOL_CHUNK_BYTES ? text.size : POOL_CHUNK_BYTES;
		uint32_t node = pool_take(p);
		struct chunk *c = pool_at(p, node);

		memcpy(c->bytes, text.at, n);
		c->size = (uint32_t)n;
		text = slice_from(text, n);
		if (last != 0)
			((struct chunk *)pool_at(p, last))->next = node;
		else
			first = node;
		last = node;
	}
	return first;
}

void
pool_copy(const struct pool *p, uint32_t first, struct build *b)
{
	while (first != 0) {
		const struct chunk *c = pool_at(p, first);

		build_raw(b, slice_of(c->bytes, c->size));
		first = c->next;
	}
}

void
pool_drop(struct pool *p, uint32_t first)
{
	while (first != 0) {
		uint32_t next = ((const struct chunk *)pool_at(p, first))->next;

		pool_give(p, first);
		first = next;
	}
}
