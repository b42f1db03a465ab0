/* SPDX-License-Identifier: MIT
 *
 * slots: a table of places by 64-bit keys, which lie where the places are: open addressing
 * with linear probing, where a removal moves back what follows it (Knuth, TAOCP 3, 6.4,
 * Algorithm R), so that a search ends at the first empty slot. Beside the place are 32 bits
 * of the key, which tell its home and spare most looks at it.
 */
#ifndef BANNERPIPE_PENDING_SLOTS_H
#define BANNERPIPE_PENDING_SLOTS_H

#include <stdint.h>

struct slot {
	uint32_t tag, place; /* place 0: empty */
};

static inline uint32_t
slot_tag(uint64_t key)
{
	return (uint32_t)(key ^ (key >> 32));
}

/* Empty a slot, moving back those after it that may not stay behind a gap. mask: how many
 * slots there are, a power of 2, less 1; one at least is empty. */
static inline void
slots_empty(struct slot *slots, uint32_t mask, uint32_t gap)
{
	for (uint32_t i = (gap + 1) & mask; slots[i].place != 0; i = (i + 1) & mask) {
		uint32_t home = slots[i].tag & mask;

		/* It stays when its home lies after the gap, up to where it is. */
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		slots[gap] = slots[i];
		gap = i;
	}
	slots[gap] = (struct slot){ 0, 0 };
}

#endif
