/* SPDX-License-Identifier: MIT */
#include "lib/pending/suspense.h"

#include "lib/base/assert.h"

_Static_assert(sizeof(struct suspense) ==
	2 * sizeof(int64_t) + WHEN_RECENT * sizeof(instant) + sizeof(uint64_t) +
	    sizeof(uint32_t) + WHEN_RECENT + 5,
    "the struct has no other padding");

void
suspense_init(struct suspense *s, struct span max_future)
{
	*s = (struct suspense){ .max_future_us = max_future.us, .reached = WHEN_NEVER };
}

void
suspense_reach(struct suspense *s, instant t)
{
	assert(t >= -WHEN_MAX && t <= WHEN_MAX);
	if (t > s->reached)
		s->reached = t;
}

bool
suspense_vouch(struct suspense *s, instant t, instant received)
{
	if (received < -WHEN_MAX || received > WHEN_MAX ||
	    t - s->max_future_us > received)
		return false;
	suspense_reach(s, t);
	return true;
}

/* The slot of the i-th of the last timestamps, the oldest first. */
static unsigned
slot_of(const struct suspense *s, unsigned i)
{
	return s->seen < WHEN_RECENT ? i : (unsigned)((s->seen + i) % WHEN_RECENT);
}

unsigned
suspense_add(struct suspense *s, instant t)
{
	unsigned slot = (unsigned)(s->seen % WHEN_RECENT);

	assert(!suspense_waits(s, slot) && t >= -WHEN_MAX && t <= WHEN_MAX);
	for (unsigned i = 0; s->waiting >> i != 0; i++)
		if (suspense_waits(s, i) && t < s->recent[i] - s->max_future_us)
			s->against[i]++;
	s->recent[slot] = t;
	s->against[slot] = 0;
	s->waiting |= UINT32_C(1) << slot;
	s->seen++;
	return slot;
}

/* Whether t is not ahead of the majority of a full window. */
static bool
has_quorum(const struct suspense *s, instant t)
{
	unsigned n = s->seen < WHEN_RECENT ? (unsigned)s->seen : WHEN_RECENT, near = 0;

	for (unsigned i = 0; i < n; i++)
		near += s->recent[i] >= t - s->max_future_us;
	return near >= SUSPENSE_QUORUM;
}

void
suspense_forget(struct suspense *s, unsigned slot)
{
	s->waiting &= ~(UINT32_C(1) << slot);
}

bool
suspense_next(struct suspense *s, unsigned *slot, bool *belongs)
{
	for (unsigned i = 0; s->waiting != 0 && i < WHEN_RECENT; i++) {
		unsigned at = slot_of(s, i);
		instant t = s->recent[at];

		if (!suspense_waits(s, at))
			continue;
		*belongs = t <= s->reached || has_quorum(s, t);
		if (!*belongs && s->against[at] < SUSPENSE_QUORUM)
			continue;
		if (*belongs)
			suspense_reach(s, t);
		suspense_forget(s, at);
		*slot = at;
		return true;
	}
	return false;
}

bool
suspense_leave(struct suspense *s, unsigned *slot)
{
	bool any = false;

	for (unsigned i = 0; s->waiting != 0 && i < WHEN_RECENT; i++) {
		unsigned at = slot_of(s, i);

		if (suspense_waits(s, at) &&
		    (!any || s->recent[at] < s->recent[*slot])) {
			*slot = at;
			any = true;
		}
	}
	if (any)
		suspense_forget(s, *slot);
	return any;
}
