/* SPDX-License-Identifier: MIT
 *
 * ring: which slices of event time a ring of n slices holds. Slice s lies at s mod n;
 * the ring holds the newest slice and the n - 1 before it, and needs to know the newest
 * only. Numbers are moved by 2^63, so that 0 is none that can occur: an empty ring.
 */
#ifndef BANNERPIPE_WINDOW_RING_H
#define BANNERPIPE_WINDOW_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/when.h"

#define RING_BIAS (UINT64_C(1) << 63)

/* The slice of an instant, where n slices cover the length (rounded up to whole us). */
static inline uint64_t
ring_slice(struct span length, unsigned n, instant when)
{
	int64_t width = (length.us + (int64_t)n - 1) / (int64_t)n;
	int64_t number = when / width - (when % width < 0);

	return (uint64_t)number + RING_BIAS;
}

/* Whether a slice can be added to: it is not too old. */
static inline bool
ring_holds(uint64_t newest, uint64_t slice, unsigned n)
{
	return slice > newest || newest - slice < n;
}

/* The first slice to be emptied, up to `slice` itself, before `slice` is the newest;
 * beyond `slice` when there is none. */
static inline uint64_t
ring_first_new(uint64_t newest, uint64_t slice, unsigned n)
{
	if (slice <= newest)
		return slice + 1;
	return slice - newest < n ? newest + 1 : slice - (n - 1);
}

/* The slices held that a window ending in *last sees: *first..*last. False for none. */
static inline bool
ring_within(uint64_t newest, unsigned n, uint64_t *first, uint64_t *last)
{
	uint64_t oldest = newest - (n - 1);

	*first = *last - (n - 1);
	if (newest == 0 || *last < oldest || *first > newest)
		return false;
	*first = *first < oldest ? oldest : *first;
	*last = *last > newest ? newest : *last;
	return true;
}

#endif
