/* SPDX-License-Identifier: MIT
 *
 * index: a bounded map from a 64-bit key to any number of values, the newest first.
 *
 * Each value is a link, which is removed by its number. Finding the newest of a key and
 * removing cost O(1) whatever the keys are shared by: the links of one key are a list
 * of their own. Keys are taken as they are: give the hash_keyed of what comes from
 * outside.
 */
#ifndef BANNERPIPE_PENDING_INDEX_H
#define BANNERPIPE_PENDING_INDEX_H

#include <stdint.h>

#include "lib/pending/pool.h"

struct slot;

struct index {
	struct pool links;
	struct slot *slots; /* owned */
	uint32_t slot_count;
	uint32_t
	    mask; /* the slots in use, a power of two, less 1: as many as are needed,
			* so that they stay in the cache */
};

/* Room for so many links. 0, or -1 when there is no memory. */
int index_init(struct index *x, uint32_t capacity);
void index_fini(struct index *x);
/* Bytes that a link takes at most, its share of the slots included. */
enum { INDEX_LINK_BYTES = 24 + 3 * 8 };

/* Add a value; the link. There must be room: an assert. */
uint32_t index_add(struct index *x, uint64_t key, uint32_t value);
void index_remove(struct index *x, uint32_t link);

/* The newest link of the key, 0 for none; the next older one of the same key. */
uint32_t index_find(const struct index *x, uint64_t key);
uint32_t index_older(const struct index *x, uint32_t link);
uint32_t index_value(const struct index *x, uint32_t link);

/* Bring the key's place into the cache, ahead of use. */
void index_prefetch(const struct index *x, uint64_t key);
/* The same for what the removal of a link needs. */
void index_prefetch_link(const struct index *x, uint32_t link);

/* After the links were loaded from a snapshot: set up all else. Also what an index does
 * by itself when it has outgrown its slots, at the cost of a look at every link. */
void index_rebuild(struct index *x);

#endif
