/* SPDX-License-Identifier: MIT
 *
 * queue: numbers that fall due, the earliest first; they can be moved and removed.
 *
 * Entries that are due at the same instant come in the order of `rank`, so that the
 * order does not depend on the history of the queue.
 */
#ifndef BANNERPIPE_PENDING_QUEUE_H
#define BANNERPIPE_PENDING_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/state/block.h"
#include "lib/when.h"

/* Of one number. */
struct queue_entry {
	instant due;
	uint64_t rank;
	uint32_t before, after; /* where it is */
};

struct queue_ends {
	uint32_t first, last; /* 0: empty */
};

/* A lane is for numbers that come with the same delay, so that each is due after those
 * before it. */
enum queue_lane { QUEUE_SOON, QUEUE_LATER, QUEUE_NO_LANE };

enum { QUEUE_LANES = QUEUE_NO_LANE };

struct queue {
	struct queue_entry *entries; /* owned; of each number */
	uint32_t *heap;              /* owned; numbers, from 0 */
	struct queue_ends lanes[QUEUE_LANES];
	uint32_t held;  /* in all */
	uint32_t count; /* of these, in the heap */
	uint32_t used;  /* the highest number so far */
	uint32_t capacity;
	struct dirty dirty; /* of the entries, from that of number 1 on */
};

/* For numbers 1..capacity. 0, or -1 when there is no memory. */
int queue_init(struct queue *q, uint32_t capacity);
void queue_fini(struct queue *q);
/* Bytes that a number takes. */
enum { QUEUE_ENTRY_BYTES = sizeof(struct queue_entry) + sizeof(uint32_t) };

/* Put a number in, or move it. Cost: O(1) when it is due after all others of its lane,
 * else O(log n). The lane changes nothing but the cost. */
void queue_set(
    struct queue *q, uint32_t number, instant due, uint64_t rank, enum queue_lane lane);
void queue_remove(struct queue *q, uint32_t number);

/* The earliest; 0 when the queue is empty. */
uint32_t queue_first(const struct queue *q);

static inline bool
queue_has(const struct queue *q, uint32_t number)
{
	return q->entries[number].before != 0;
}

static inline instant
queue_due(const struct queue *q, uint32_t number)
{
	return q->entries[number].due;
}

/* The next number after this one, whenever it is due; 0 at the end. */
static inline uint32_t
queue_next(const struct queue *q, uint32_t number)
{
	while (++number <= q->used)
		if (queue_has(q, number))
			return number;
	return 0;
}

/* All of it into a snapshot, and back; -1 when it does not fit. For the same program on the
 * same kind of machine. */
void queue_save(struct queue *q, struct state_writer *to);
int queue_load(struct queue *q, struct state_reader *from, struct error *error);

#endif
