/* SPDX-License-Identifier: MIT
 *
 * undo: what a filter has counted of events, by their event_id, so that what is found of
 * one later takes it back, or counts it again, once.
 *
 * It is found in three ways: a record of kind verdict or retract, whose version is higher
 * than that of what was found before (lib/record/judgement.h); the event with a negative
 * weight; the event with its own weight, again. The last two come from bp-retract, which
 * knows the versions: what it has settled is carried out by them alone.
 */
#ifndef BANNERPIPE_FILTER_UNDO_H
#define BANNERPIPE_FILTER_UNDO_H

#include "lib/filter.h"
#include "lib/hash.h"
#include "lib/record/judgement.h"
#include "lib/table.h"

struct undo {
	struct table *events; /* owned; cells begin with struct undo_event */
	struct hash_key hash;
	struct judgement_keys keys;
	struct key verdict;
	uint64_t
	    unknown; /* verdicts and retracts of events that are not known (any more) */
};

struct undo_event {
	int64_t version; /* of the last that was found; -1: nothing */
	uint64_t out;    /* 1: it is taken back */
};

/* -1 after run_fail. The run counts `unknown`. */
int undo_start(struct undo *j, struct run *run, struct hash_key hash, size_t cell_size,
    uint64_t memory_bytes);
void undo_stop(struct undo *j);

/* The cell of the record's event; NULL: it is not known. */
void *undo_find(struct undo *j, const struct record *r);
/* Remember it: a cell whose beginning is set. NULL: it has no event_id. */
void *undo_put(struct undo *j, const struct record *r, instant when);
/* The record, which is of the cell's event, says that it is out from now on, or in. False: it
 * was so already. */
bool undo_turn(
    const struct undo *j, struct undo_event *e, const struct record *r, bool out);

/* Of a verdict or retract: PASS or REJECT, and the cell of the event that it turns, which
 * says how; NULL: nothing is to be done. */
enum verdict undo_read(struct undo *j, struct run *run, const struct record *r,
    enum kind kind, void **cell);
/* Whether an event comes once more: what it asks for was given when it came. */
static inline bool
undo_again(const struct undo *j, const struct record *r, double weight)
{
	struct slice value;

	return weight < 0 || record_value(r, j->verdict, &value);
}

void undo_save(struct undo *j, struct state_writer *to);
/* -1 and error. */
int undo_load(struct undo *j, struct state_reader *from, struct error *error);

#endif
