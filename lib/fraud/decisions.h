/* SPDX-License-Identifier: MIT
 *
 * decisions: what is known of decisions by the records that name them: whom one was for,
 * which banner, when it was shown, and how often each kind of event named it.
 */
#ifndef BANNERPIPE_FRAUD_DECISIONS_H
#define BANNERPIPE_FRAUD_DECISIONS_H

#include "lib/fraud/signal.h"
#include "lib/state/block.h"

struct fraud_event;
struct decisions;

/* NULL: there is no memory. */
struct decisions *decisions_new(uint64_t memory_bytes);
void decisions_free(struct decisions *d);
void decisions_prefetch(const struct decisions *d, uint64_t decision);

/* The record that names it first tells of it; the event's decision is not 0. */
void decisions_open(struct decisions *d, const struct fraud_event *e);
/* An event of it, measured into the look; its point gets the decision's banner when it has
 * none. */
void decisions_add(struct decisions *d, const struct fraud_event *e,
    struct lattice_point *p, struct look *look);
/* Of a click: whether its decision was shown by now, which is looked at. What is not known
 * any more stands. */
void decisions_measure(const struct decisions *d, uint64_t decision, struct look *look);

uint64_t decisions_evicted(const struct decisions *d);

void decisions_save(struct decisions *d, struct state_writer *to);
int decisions_load(struct decisions *d, struct state_reader *from, struct error *error);

#endif
