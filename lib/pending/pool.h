/* SPDX-License-Identifier: MIT
 *
 * pool: a bounded number of nodes of one size, and texts cut into such nodes.
 *
 * All memory is taken at the start; what is not touched is not resident. A node is
 * known by its number, 1 and up (0 is none), which stays while it is taken, so that
 * nodes can point to each other and be written to a snapshot as they are. Determined
 * by the order of the calls.
 */
#ifndef BANNERPIPE_PENDING_POOL_H
#define BANNERPIPE_PENDING_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/assert.h"
#include "lib/base/dirty.h"
#include "lib/base/slice.h"
#include "lib/record/build.h"
#include "lib/state/block.h"

struct pool {
	uint8_t *nodes; /* owned; node number i at i * size */
	size_t size;    /* of a node */
	uint32_t capacity;
	uint32_t used; /* numbers up to this have been taken at some time */
	uint32_t free; /* the first of the list of those given back */
	uint32_t taken;
	struct dirty dirty; /* from node 1 on */
};

/* Nodes of `size` bytes, at least 4. 0, or -1 when there is no memory. */
int pool_init(struct pool *p, size_t size, uint32_t capacity);
void pool_fini(struct pool *p);

/* A zeroed node. There must be one left: an assert. Cost: a few ns and the zeroing. */
uint32_t pool_take(struct pool *p);
void pool_give(struct pool *p, uint32_t node);

static inline uint32_t
pool_left(const struct pool *p)
{
	return p->capacity - p->taken;
}

/* A node to look at. */
static inline const void *
pool_see(const struct pool *p, uint32_t node)
{
	assert(node > 0 && node <= p->used);
	return p->nodes + (size_t)node * p->size;
}

/* A node that may be changed, until the next snapshot. */
static inline void *
pool_at(struct pool *p, uint32_t node)
{
	assert(node > 0 && node <= p->used);
	dirty_mark(&p->dirty, (size_t)(node - 1) * p->size, p->size);
	return p->nodes + (size_t)node * p->size;
}

/* All of it into a snapshot, and back into a pool of the same node size; -1 when it does
 * not fit. For the same program on the same kind of machine. */
void pool_save(struct pool *p, struct state_writer *to);
int pool_load(struct pool *p, struct state_reader *from, struct error *error);

/* --- Texts: bytes of any length in a pool whose nodes are chunks --------------------
 */

enum { POOL_CHUNK = 128, POOL_CHUNK_BYTES = POOL_CHUNK - 8 };

/* The chunks that a text of so many bytes takes. */
static inline uint32_t
pool_chunks(size_t size)
{
	return (uint32_t)((size + POOL_CHUNK_BYTES - 1) / POOL_CHUNK_BYTES);
}

/* Keep a text; the first chunk, 0 for an empty one. There must be room. */
uint32_t pool_keep(struct pool *p, struct slice text);
/* Bring its beginning into the cache, ahead of use. */
static inline void
pool_prefetch(const struct pool *p, uint32_t first)
{
	const uint8_t *chunk = p->nodes + (size_t)first * p->size;

	__builtin_prefetch(chunk);
	__builtin_prefetch(chunk + POOL_CHUNK / 2);
}

/* Append it to b. Cost: a copy. */
void pool_copy(const struct pool *p, uint32_t first, struct build *b);
void pool_drop(struct pool *p, uint32_t first);

#endif
