/* SPDX-License-Identifier: MIT
 *
 * table: a bounded map from a 64-bit or 16-byte key to a cell of plain bytes.
 *
 * The memory is one block, taken when the table is made and never exceeded. Each key
 * has two sets of eight places, chosen by hashing it (Azar, Broder, Karlin and Upfal,
 * "Balanced allocations", STOC 1994), and lives in one of these sixteen: a look-up
 * costs at most two sets whatever the keys are, so that keys which collide cannot make
 * it slow. When all sixteen are taken, the cell that was touched longest ago, in event
 * time, is evicted. Random keys fill two thirds of the places before the first
 * eviction, and nine tenths with less than one key in a hundred evicted.
 *
 * Cells are zeroed when they are taken, aligned to 8 bytes, and never move until they
 * are erased or evicted: a cell's slot number can be kept in heaps and lists.
 * Everything is determined by the order of the calls.
 *
 * A table is made for either kind of key; calling a function of the other kind is an
 * error of the program. Keys are taken as they are: give the hash_keyed of what comes
 * from outside.
 */
#ifndef BANNERPIPE_TABLE_H
#define BANNERPIPE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/when.h"

enum table_key_size { TABLE_KEY_64 = 8, TABLE_KEY_WIDE = 16 };

#define TABLE_NONE SIZE_MAX /* no slot */

struct table;

/* Told of a cell that is about to be evicted, before its bytes are gone. It must not
 * change the table. */
typedef void table_evict(void *context, const struct table *t, size_t slot);

/* A table of at most memory_bytes, its own bookkeeping included but for marks of 1/2048 of
 * that, with as many places as fit (places of 8 bytes, the key and the cell rounded up to
 * 8). cell_size may be 0: a set. NULL when the memory is not there or holds less than two
 * sets (table_memory_min). Owned by the caller. Memory that is not yet touched is not
 * resident. */
struct table *table_new(
    enum table_key_size key_size, size_t cell_size, uint64_t memory_bytes);
void table_free(struct table *t); /* NULL: nothing */
/* The least memory_bytes that table_new accepts. */
uint64_t table_memory_min(enum table_key_size key_size, size_t cell_size);

/* The callback, or NULL for none (as at first). */
void table_on_evict(struct table *t, table_evict *evict, void *context);

/* Cells last touched before the horizon are worth nothing any more: they still answer,
 * but their eviction is counted as expired, not as evicted. It only moves forward. */
void table_set_horizon(struct table *t, instant horizon);

/* The cell of the key, to look at; NULL when it has none. Does not touch. Cost: about 30 ns
 * within the cache, 150 ns in a table of 256 MB (table_prefetch hides most of it). */
const void *table_find(const struct table *t, uint64_t key);
const void *table_find_wide(const struct table *t, const uint8_t key[16]);

/* The key's last touch; false when it has no cell. */
bool table_touched(const struct table *t, uint64_t key, instant *last);

/* The cell of the key, made (and *fresh set) when it has none, evicting if need be. Its
 * last touch becomes `when` unless it is later already. Never NULL. The cell may be changed
 * until the next snapshot. */
void *table_touch(struct table *t, uint64_t key, instant when, bool *fresh);
void *table_touch_wide(
    struct table *t, const uint8_t key[16], instant when, bool *fresh);

/* Look now, touch later, without looking again: the slot of the key, TABLE_NONE when it has
 * no cell, and the same as table_touch, where `slot` is what that gave, now or before. */
size_t table_find_slot(const struct table *t, uint64_t key);
void *table_touch_slot(
    struct table *t, size_t slot, uint64_t key, instant when, bool *fresh);
/* The same as table_find. */
const void *table_find_at(const struct table *t, size_t slot, uint64_t key);

/* Remove the key's cell; false when it had none. No callback. */
bool table_erase(struct table *t, uint64_t key);
bool table_erase_wide(struct table *t, const uint8_t key[16]);
void table_erase_slot(struct table *t, size_t slot);
void table_clear(struct table *t);

/* Bring the key's sets into the cache, ahead of use, or a slot's key and cell. */
void table_prefetch(const struct table *t, uint64_t key);
void table_prefetch_slot(const struct table *t, size_t slot);

/* Slots: where cells lie, 0 .. table_slots - 1. To visit all cells, in an order that
 * the calls so far determine (erasing the visited one is allowed):
 *
 *	for (s = table_next(t, 0); s != TABLE_NONE; s = table_next(t, s + 1))
 */
size_t table_slots(const struct table *t);
size_t table_next(const struct table *t, size_t from);
/* Of the slot of a cell, which must be taken. */
const void *table_cell(const struct table *t, size_t slot);
uint64_t table_key(const struct table *t, size_t slot);
void table_key_wide(const struct table *t, size_t slot, uint8_t to[16]);
instant table_last(const struct table *t, size_t slot);
/* The slot of a cell; cells of size 0 have none. */
size_t table_slot(const struct table *t, const void *cell);

struct table_counts {
	uint64_t cells;   /* now */
	uint64_t evicted; /* in use and lost for want of memory */
	uint64_t expired; /* lost, but touched last before the horizon */
};

struct table_counts table_counts(const struct table *t);

/* The whole table as one block, for a snapshot (lib/state/block.h); borrowed, valid until
 * the next change. It is meant for the same program on the same kind of machine. */
struct slice table_bytes(const struct table *t);
/* What of it was changed. */
struct dirty *table_dirty(struct table *t);
/* Replace everything by such a block, of a table made with the same arguments. -1 when it
 * is of another shape or not what a table can hold; the table is then empty. */
int table_load(struct table *t, struct slice bytes, struct error *error);
/* The same in place: empties the table and lends its block, all zero, to be filled with
 * what table_bytes gave; then table_load_end checks it. No other call may come between.
 */
void *table_load_begin(struct table *t);
int table_load_end(struct table *t, struct error *error);

#endif
