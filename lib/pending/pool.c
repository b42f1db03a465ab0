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
	return p->nodes != NULL && dirty_init(&p->dirty, capacity * size) == 0 ? 0 : -1;
}

void
pool_fini(struct pool *p)
{
	dirty_fini(&p->dirty);
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
		node = ++p->used; /* zeroed since the start, and so in every snapshot */
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

void
pool_save(struct pool *p, struct state_writer *to)
{
	state_put_u64(to, p->free);
	state_put_u64(to, p->taken);
	state_put_block(to, slice_of(p->nodes + p->size, p->used * p->size), &p->dirty);
}

/* Whoever has used it has left its memory with something in it. */
static void
clear(struct pool *p)
{
	memset(p->nodes + p->size, 0, p->used * p->size);
	p->used = p->free = p->taken = 0;
}

int
pool_load(struct pool *p, struct state_reader *from, struct error *error)
{
	uint64_t head, taken;
	size_t size;

	clear(p);
	if (state_get_u64(from, &head) != 0 || state_get_u64(from, &taken) != 0)
		return error_set(error, "the snapshot is too short");
	if (state_get_block_max(from, p->nodes + p->size, p->capacity * p->size, &size,
		&p->dirty, error) != 0)
		return -1;
	if (size % p->size != 0 || taken > size / p->size || head > size / p->size)
		return error_set(error, "the snapshot is no whole pool");
	p->used = (uint32_t)(size / p->size);
	p->free = (uint32_t)head;
	p->taken = (uint32_t)taken;
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
		const struct chunk *c = pool_see(p, first);

		pool_prefetch(p, c->next);
		build_raw(b, slice_of(c->bytes, c->size));
		first = c->next;
	}
}

void
pool_drop(struct pool *p, uint32_t first)
{
	while (first != 0) {
		uint32_t next = ((const struct chunk *)pool_see(p, first))->next;

		pool_give(p, first);
		first = next;
	}
}
