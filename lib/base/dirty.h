/* SPDX-License-Identifier: MIT
 *
 * dirty: which parts of a block of memory were touched since it was last saved.
 *
 * A bit for each grain of 256 bytes. Whoever owns the block marks what it changes, before
 * the next save; a mark too many costs a grain in the snapshot, one that is missing makes
 * the snapshot wrong (saver_check finds it).
 */
#ifndef BANNERPIPE_BASE_DIRTY_H
#define BANNERPIPE_BASE_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIRTY_GRAIN_BITS = 8, DIRTY_GRAIN = 1 << DIRTY_GRAIN_BITS };

struct dirty {
	uint64_t *bits; /* owned */
	size_t words;
	/* What the marks are relative to: the snapshot of this epoch, where the block
	 * was the one of this number. Kept by state/block. */
	bool based;
	uint64_t epoch;
	uint64_t number;
};

/* For a block of at most so many bytes; nothing is marked. 0, or -1 when there is no
 * memory. It takes 1/2048 of the block. */
int dirty_init(struct dirty *d, size_t size);
void dirty_fini(struct dirty *d);

static inline void
dirty_mark_grain(struct dirty *d, size_t grain)
{
	d->bits[grain / 64] |= UINT64_C(1) << grain % 64;
}

/* Bytes at .. at + size - 1 of the block change; size > 0. Cost: 1 ns for a few bytes. */
static inline void
dirty_mark(struct dirty *d, size_t at, size_t size)
{
	size_t grain = at >> DIRTY_GRAIN_BITS;
	size_t last = (at + size - 1) >> DIRTY_GRAIN_BITS;

	dirty_mark_grain(d, grain);
	while (grain < last)
		dirty_mark_grain(d, ++grain);
}

/* All of the block. */
void dirty_mark_all(struct dirty *d);
void dirty_clear(struct dirty *d);

/* The block is now what it was when `from` was based: nothing is marked. */
static inline void
dirty_take_base(struct dirty *d, const struct dirty *from)
{
	dirty_clear(d);
	d->based = from->based;
	d->epoch = from->epoch;
	d->number = from->number;
}

/* How many grains are marked. */
size_t dirty_count(const struct dirty *d);
/* The next run of marked grains from `from` on: its first, and the one after its last;
 * false when there is none. */
bool dirty_next(const struct dirty *d, size_t from, size_t *first, size_t *end);

#endif
