/* SPDX-License-Identifier: MIT
 *
 * delay: amounts on their way to the counters, in the order in which they become known.
 *
 * What an outcome tells is known long after the banner was shown. Features are read as of
 * the showing, so an amount waits here until everything that was shown before it became
 * known has been read. A ring of its own memory, bounded.
 */
#ifndef BANNERPIPE_FEATURE_DELAY_H
#define BANNERPIPE_FEATURE_DELAY_H

#include "lib/base/error.h"
#include "lib/state.h"
#include "lib/when.h"

/* What a record adds under one key of one level of one feature. */
struct addition {
	instant known, at; /* when it is known, and what instant it is counted at */
	uint64_t key;
	double above;
	union {
		double below;
		uint64_t value; /* the hash of a value, for distinct and last */
	};
	uint32_t feature, level;
};

struct delay {
	struct addition *ring;   /* owned; NULL: nothing is counted */
	uint64_t size, capacity; /* in use: it grows up to the capacity */
	uint64_t first, count;
	instant newest;  /* known of the last one put in; they never go back */
	instant applied; /* known of the last one taken out */
};

/* 0, or -1 when there is no memory for a few. */
int delay_init(struct delay *d, uint64_t memory_bytes);
void delay_fini(struct delay *d);

/* Put one in; its `known` is moved up to the newest. There must be room. */
void delay_put(struct delay *d, const struct addition *a);
static inline bool
delay_is_full(const struct delay *d)
{
	return d->count == d->capacity;
}

/* Take the first out if it is known by `until`; false when it is not, or there is none.
 * Borrowed until the next put. */
const struct addition *delay_take(struct delay *d, instant until);

/* The one that is taken after n others; NULL when there are not so many. */
static inline const struct addition *
delay_ahead(const struct delay *d, uint64_t n)
{
	uint64_t place = d->first + n;

	if (n >= d->count)
		return NULL;
	return &d->ring[place < d->size ? place : place - d->size];
}

void delay_save(const struct delay *d, struct state_writer *to);
/* Into one of the same memory. */
int delay_load(struct delay *d, struct state_reader *from, struct error *error);

#endif
