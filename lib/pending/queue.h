/* SPDX-License-Identifier: MIT
 *
 * queue: numbers that fall due, the earliest first; a bounded heap with four children a
 * node whose entries can be moved and removed.
 *
 * Entries that are due at the same instant come in the order of `rank`, so that the
 * order does not depend on the history of the heap.
 */
#ifndef BANNERPIPE_PENDING_QUEUE_H
#define BANNERPIPE_PENDING_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"
#include "lib/when.h"

struct queue_entry {
	instant due;
	uint64_t rank;
	uint64_t number;
};

struct queue {
	struct queue_entry *heap; /* owned; from 0 */
	uint32_t *place;          /* owned; of each number in the heap + 1; 0: absent */
	uint32_t count, capacity;
};

/* For numbers 1..capacity. 0, or -1 when there is no memory. */
int queue_init(struct queue *q, uint32_t capacity);
void queue_fini(struct queue *q);
/* Bytes that a number takes. */
enum { QUEUE_ENTRY_BYTES = sizeof(struct queue_entry) + sizeof(uint32_t) };

/* Put a number in, or move it. Cost: O(log n), less for one that is due late. */
void queue_set(struct queue *q, uint32_t number, instant due, uint64_t rank);
void queue_remove(struct queue *q, uint32_t number);

/* The earliest; NULL when the queue is empty. Borrowed until the next change. */
static inline const struct queue_entry *
queue_first(const struct queue *q)
{
	return q->count > 0 ? q->heap : NULL;
}

/* For a snapshot, and back. -1 when the entries are none of a queue's of this size. */
struct slice queue_bytes(const struct queue *q);
int queue_load(struct queue *q, struct slice bytes);

#endif
