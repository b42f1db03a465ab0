/* SPDX-License-Identifier: MIT
 *
 * group: all that is counted by the same key: plain bytes in a table, so that one look
 * finds them all; or one cell for everything.
 *
 * The table begins small and grows to its share of the memory, so that few keys lie close
 * together in the cache. Cells move when it grows.
 */
#ifndef BANNERPIPE_FEATURE_GROUP_H
#define BANNERPIPE_FEATURE_GROUP_H

#include "lib/base/error.h"
#include "lib/state.h"
#include "lib/table.h"

struct group {
	size_t cell_size;
	uint64_t share;      /* what the table may take at most */
	uint64_t bytes;      /* what it takes */
	struct table *table; /* owned; NULL for one cell */
	uint64_t *single;    /* owned; the cell */
	uint64_t evicted;    /* keys lost for want of memory */
};

/* With cell_size set: a table of at most memory_bytes, also while it grows; without keys,
 * one cell. -1 when there is too little memory, or none. */
int group_init(struct group *g, bool keyed, uint64_t memory_bytes);
void group_fini(struct group *g);

/* The cell of a key, made when it has none; borrowed until the next touch. *moved: cells
 * found before are elsewhere now. */
uint8_t *group_touch(struct group *g, uint64_t key, instant when, bool *moved);

void group_save(const struct group *g, struct state_writer *to);
/* Into one of the same memory. */
int group_load(struct group *g, struct state_reader *from, struct error *error);

#endif
