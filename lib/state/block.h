/* SPDX-License-Identifier: MIT
 *
 * block: large blocks of memory in a snapshot, most of which is often zero: a table, a
 * sketch. Pages of zeros are left out and not made resident, when saved or when loaded.
 *
 * A block whose changes are marked (lib/base/dirty.h) takes little room in the snapshots that
 * a saver makes: in one that is based on another only the marked grains are put. The
 * blocks of one program come in the same order in all its snapshots.
 *
 * In the body: the block's size u64; u64 1 when these are changes, else 0; for each run of
 * bytes its offset u64, its size u64 and its bytes; at the end the block's size u64 once
 * more. Where no run lies there are zeros, or what the base has, as far as it reaches.
 */
#ifndef BANNERPIPE_STATE_BLOCK_H
#define BANNERPIPE_STATE_BLOCK_H

#include "lib/base/dirty.h"
#include "lib/sketch/cuckoo.h"
#include "lib/sketch/quantile.h"
#include "lib/sketch/spread.h"
#include "lib/sketch/velocity.h"
#include "lib/state.h"
#include "lib/table.h"

/* Append a block to the body. `dirty` has the marks of all changes since it was made or
 * last put or got, and is cleared; NULL: nobody marks, it is put as a whole. A writer that
 * is no saver's puts all blocks as a whole and leaves the marks alone. Cost: a look at every
 * byte, a copy of what is not zero; of changes a look at every mark and a copy. */
void state_put_block(struct state_writer *w, struct slice block, struct dirty *dirty);
/* Read it back into `size` bytes at `to` that are all zero (freshly made or cleared), and
 * clear the marks (may be NULL). -1 and error when it is cut off or a block of another
 * size; the bytes are then anything. */
int state_get_block(struct state_reader *r, void *to, size_t size, struct dirty *dirty,
    struct error *error);
/* The same of a block that grows: at most `limit` bytes. */
int state_get_block_max(struct state_reader *r, void *to, size_t limit, size_t *size,
    struct dirty *dirty, struct error *error);

/* A table, its counts and its horizon; loaded into one made with the same arguments. */
void state_put_table(struct state_writer *w, struct table *t);
int state_get_table(struct state_reader *r, struct table *t, struct error *error);

/* The same for sketches. */
void state_put_cuckoo(struct state_writer *w, struct cuckoo *c);
int state_get_cuckoo(struct state_reader *r, struct cuckoo *c, struct error *error);
void state_put_quantile(struct state_writer *w, const struct quantile *q);
int state_get_quantile(struct state_reader *r, struct quantile *q, struct error *error);
void state_put_velocity(struct state_writer *w, struct velocity *v);
int state_get_velocity(struct state_reader *r, struct velocity *v, struct error *error);
void state_put_spread(struct state_writer *w, struct spread *s);
int state_get_spread(struct state_reader *r, struct spread *s, struct error *error);

#endif
