/* SPDX-License-Identifier: MIT
 *
 * suspense: which timestamps run ahead of their stream, when there is no clock but
 * theirs to judge them by.
 *
 * One that is no later than what the stream has reached belongs to it. One that is
 * later waits, and moves nothing, until the majority of the last 15 timestamps, its own
 * among them, is later than it less max_future: then it belongs, and the stream has
 * reached it. When eight later ones have disagreed, no majority can come any more
 * within the 15: it is refused. So every timestamp is decided by the fourteenth after
 * it; up to seven broken clocks in succession move nothing, also at the beginning; and
 * after a pause of any length nothing is lost.
 *
 * Determined by the order of the timestamps alone.
 */
#ifndef BANNERPIPE_PENDING_SUSPENSE_H
#define BANNERPIPE_PENDING_SUSPENSE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/when.h"

enum { SUSPENSE_QUORUM = WHEN_RECENT / 2 + 1 };

struct suspense {
	int64_t max_future_us;
	instant reached; /* the largest that belongs; WHEN_NEVER at first */
	instant recent[WHEN_RECENT];
	uint64_t seen;    /* timestamps so far; seen % WHEN_RECENT is next */
	uint32_t waiting; /* a bit for each slot of `recent` */
	uint8_t against[WHEN_RECENT]; /* later ones that have disagreed */
	uint8_t padding[5];           /* zero: the struct is saved as it is */
};

void suspense_init(struct suspense *s, struct span max_future);

/* Somebody who knows says that the stream has reached t: the watermark of an earlier
 * stage. t within +-WHEN_MAX. */
void suspense_reach(struct suspense *s, instant t);
/* The same of a timestamp whose time of receipt is known; false, and nothing moved,
 * when it is later than that by more than max_future. */
bool suspense_vouch(struct suspense *s, instant t, instant received);

/* A timestamp of which nothing else is known, within +-WHEN_MAX. It waits from now on;
 * the answer is its slot, 0..WHEN_RECENT - 1, which is its own while it waits. Call
 * suspense_next until it is false before the next one. Cost: about 10 ns. */
unsigned suspense_add(struct suspense *s, instant t);
/* One that is decided now, the longest waiting first: whether it belongs. False when
 * there is none. It waits no longer. */
bool suspense_next(struct suspense *s, unsigned *slot, bool *belongs);
/* The slot's timestamp waits no longer, and is not judged. */
void suspense_forget(struct suspense *s, unsigned slot);
/* The earliest of those that still wait, at the end of the stream; of equal ones the
 * longest waiting. False when there is none. It waits no longer. */
bool suspense_leave(struct suspense *s, unsigned *slot);

static inline bool
suspense_waits(const struct suspense *s, unsigned slot)
{
	return (s->waiting >> slot & 1) != 0;
}

#endif
