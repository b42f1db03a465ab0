/* SPDX-License-Identifier: MIT
 *
 * deadline: what waits, in queues of one duration each. So every queue is in the order of
 * its deadlines, and to set, to move and to find the first one costs a few stores.
 */
#ifndef BANNERPIPE_HTTP_DEADLINE_H
#define BANNERPIPE_HTTP_DEADLINE_H

#include <stddef.h>
#include <stdint.h>

struct deadline {
	struct deadline *before, *after; /* NULL: it waits for nothing */
	struct deadline_queue *queue;
	int64_t at_us;
};

struct deadline_queue {
	struct deadline ends; /* of a ring */
	int64_t duration_us;
};

static inline void
deadline_queue_init(struct deadline_queue *q, int64_t duration_us)
{
	*q = (struct deadline_queue){ .duration_us = duration_us };
	q->ends.before = q->ends.after = &q->ends;
}

/* The one that waits longest; NULL for none. */
static inline struct deadline *
deadline_first(const struct deadline_queue *q)
{
	return q->ends.after != &q->ends ? q->ends.after : NULL;
}

static inline void
deadline_clear(struct deadline *d)
{
	if (d->after == NULL)
		return;
	d->before->after = d->after;
	d->after->before = d->before;
	*d = (struct deadline){ 0 };
}

static inline void
deadline_set(struct deadline *d, struct deadline_queue *q, int64_t now_us)
{
	deadline_clear(d);
	d->queue = q;
	d->at_us = now_us + q->duration_us;
	d->after = &q->ends;
	d->before = q->ends.before;
	q->ends.before->after = d;
	q->ends.before = d;
}

#endif
