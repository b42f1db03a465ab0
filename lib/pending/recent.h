/* SPDX-License-Identifier: MIT
 *
 * recent: the records that came last, by a 64-bit key, as many as the memory holds.
 *
 * They lie one after another in a ring, each with a header of 40 bytes, so that keeping one
 * costs a copy and an entry of the index, and a snapshot that is based on another has only
 * what was added. The oldest goes first: when it has expired, or when there is no room. Records
 * of one key are a chain, the newest first. The ring grows by doubling up to its memory.
 *
 * Keys are taken as they are: give the hash_keyed of what comes from outside. Determined
 * by the order of the calls.
 */
#ifndef BANNERPIPE_PENDING_RECENT_H
#define BANNERPIPE_PENDING_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/base/slice.h"
#include "lib/state/block.h"
#include "lib/when.h"

enum { RECENT_MEMORY_MIN = 4 << 20 };

/* One record; its bytes follow. What `flags` and `number` mean is the caller's. */
struct recent_entry {
	uint64_t key;
	instant at;
	int64_t number;
	uint32_t size : 24; /* of the bytes */
	uint32_t flags : 8;
	/* How many records came before, and before the next older one of the key, which
	 * tells whether that is still there; both modulo 2^32. */
	uint32_t nth, older_nth;
	uint32_t older; /* where it is, in units of 8 bytes */
};

struct slot;

struct recent {
	uint8_t *bytes;    /* owned */
	uint64_t capacity; /* of these and of all places below, in units of 8 bytes */
	uint64_t extent;   /* used of them so far */
	uint64_t head;     /* where the next one goes */
	uint64_t tail;     /* the oldest */
	uint64_t end;      /* where the upper part ends, when they go on at 0; else 0 */
	uint64_t count;    /* how many there are */
	uint64_t gone;     /* how many there were before these */
	uint64_t evicted;  /* of those, not expired, for want of memory */
	instant horizon;   /* those of before have expired */
	struct slot *slots;        /* owned */
	uint32_t slot_count, mask; /* mask: the slots in use, less 1 */
	uint32_t keys;
	struct dirty dirty;
};

/* Within memory_bytes, at least RECENT_MEMORY_MIN, its index included. 0, or -1 when there
 * is no memory. */
int recent_init(struct recent *x, uint64_t memory_bytes);
void recent_fini(struct recent *x);

/* Bring the key's place into the cache, ahead of use. */
void recent_prefetch(const struct recent *x, uint64_t key);
/* Keep a record of at most RECORD_SIZE_MAX bytes as the newest of its key. The entry may be
 * changed until the next call, and moves with the next one that adds. Cost: about 150 ns and
 * the copy. */
struct recent_entry *recent_add(
    struct recent *x, uint64_t key, instant at, struct slice bytes);
/* The newest of the key, the next older one; NULL when there is none. */
const struct recent_entry *recent_find(const struct recent *x, uint64_t key);
const struct recent_entry *recent_older(
    const struct recent *x, const struct recent_entry *e);
/* Leave the next older one out of the entry's chain, for good: it needs not be passed. */
void recent_leave_out_older(struct recent *x, struct recent_entry *e);
/* The same entry, to be changed until the next snapshot. */
struct recent_entry *recent_change(struct recent *x, const struct recent_entry *e);
/* Event time has passed: those of before the horizon go, as far as none lies before them
 * that stays. */
void recent_expire(struct recent *x, instant horizon);

static inline struct slice
recent_bytes(const struct recent_entry *e)
{
	return slice_of(e + 1, e->size);
}

/* All of it into a snapshot, and back into one of the same memory; -1 when it does not
 * fit. For the same program on the same kind of machine. */
void recent_save(struct recent *x, struct state_writer *to);
int recent_load(struct recent *x, struct state_reader *from, struct error *error);

#endif
