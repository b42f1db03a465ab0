/* SPDX-License-Identifier: MIT
 *
 * block: large blocks of memory in a snapshot, most of which is often zero: a table, a
 * sketch. Pages of zeros are left out and not made resident, when saved or when loaded.
 *
 * In the body: the block's size u64; for each run of pages that are not zero its offset
 * u64, its size u64 and its bytes; at the end the block's size u64 once more.
 */
#ifndef BANNERPIPE_STATE_BLOCK_H
#define BANNERPIPE_STATE_BLOCK_H

#include "lib/sketch/cuckoo.h"
#include "lib/sketch/quantile.h"
#include "lib/state.h"
#include "lib/table.h"

/* Append a block to the body. Cost: a look at every byte, a copy of what is not zero. */
void state_put_block(struct state_writer *w, struct slice block);
/* Read it back into `size` bytes at `to` that are all zero (freshly made or cleared). -1 and
 * error when it is cut off or a block of another size; the bytes are then anything. */
int state_get_block(struct state_reader *r, void *to, size_t size, struct error *error);

/* A table, its counts and its horizon; loaded into one made with the same arguments. */
void state_put_table(struct state_writer *w, const struct table *t);
int state_get_table(struct state_reader *r, struct table *t, struct error *error);

/* The same for sketches. */
void state_put_cuckoo(struct state_writer *w, const struct cuckoo *c);
int state_get_cuckoo(struct state_reader *r, struct cuckoo *c, struct error *error);
void state_put_quantile(struct state_writer *w, const struct quantile *q);
int state_get_quantile(struct state_reader *r, struct quantile *q, struct error *error);

#endif
