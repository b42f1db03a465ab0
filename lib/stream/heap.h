/* SPDX-License-Identifier: MIT
 *
 * heap: which of several streams is next: the one whose head is earliest, of those the
 * one of the lowest number. Cost: O(log n) a step.
 */
#ifndef BANNERPIPE_STREAM_HEAP_H
#define BANNERPIPE_STREAM_HEAP_H

#include <stdbool.h>

#include "lib/base/assert.h"
#include "lib/when.h"

struct heap_entry {
	instant at;
	unsigned stream;
};

/* The storage is the caller's: room for as many entries as there are streams. */
struct heap {
	struct heap_entry *entries;
	unsigned n;
};

static inline bool
heap_before(struct heap_entry a, struct heap_entry b)
{
	return a.at != b.at ? a.at < b.at : a.stream < b.stream;
}

/* The stream that is next; the heap is not empty. */
static inline struct heap_entry
heap_first(const struct heap *h)
{
	assert(h->n > 0);
	return h->entries[0];
}

/* A stream's head is known; the stream is not in the heap. */
static inline void
heap_put(struct heap *h, instant at, unsigned stream)
{
	struct heap_entry e = { at, stream };
	unsigned i = h->n++;

	for (; i > 0 && heap_before(e, h->entries[(i - 1) / 2]); i = (i - 1) / 2)
		h->entries[i] = h->entries[(i - 1) / 2];
	h->entries[i] = e;
}

/* The first stream has another head now. */
static inline void
heap_set_first(struct heap *h, instant at)
{
	struct heap_entry e = { at, heap_first(h).stream };
	unsigned i = 0, child;

	while ((child = 2 * i + 1) < h->n) {
		if (child + 1 < h->n &&
		    heap_before(h->entries[child + 1], h->entries[child]))
			child++;
		if (!heap_before(h->entries[child], e))
			break;
		h->entries[i] = h->entries[child];
		i = child;
	}
	h->entries[i] = e;
}

/* The first stream has no head that is known; heap_put brings it back. */
static inline void
heap_take_first(struct heap *h)
{
	struct heap_entry last;

	assert(h->n > 0);
	last = h->entries[--h->n];
	if (h->n > 0) {
		h->entries[0].stream = last.stream;
		heap_set_first(h, last.at);
	}
}

#endif
