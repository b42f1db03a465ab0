/* SPDX-License-Identifier: MIT
 *
 * delta: a model that travels as records: what changed since the record before, so that
 * another machine has the same model, to the bit, at each version that was sent. Records pass
 * through logs and sockets like any others.
 *
 * A version is sent as one or more records of at most DELTA_CELLS bytes of cells and rows each; the
 * last one has the state, which makes it count. The first version of a stream, and of each
 * that follows a restart, has all that is not empty.
 *
 *	event        "model_delta"
 *	event_id     VERSION-PART, of a stream's first version VERSION-whole-PART
 *	timestamp    of the last example
 *	version      examples that the model has learned
 *	sequence     counts records from 0, so that a lost one is noticed
 *	begin        bool: a stream begins, forget what was before
 *	last         bool: the version is complete
 *	options      with begin: those of the model, as lines NAME=VALUE
 *	table        [homes, used, evicted, base, cramped] of struct cells
 *	places       bin: u64 each; the cell's place in the table
 *	keys         bin: u64 each; what was at the place before is evicted
 *	touched      bin: u16 each
 *	cells        bin: as they lie in memory (lanes.h, optimiser.h)
 *	row_table, row_places, row_keys, row_touched, rows
 *	             the same of the rows, of models with factors (rows.h)
 *	fields       bin, of those too: struct factors_fields
 *	state        bin, with last: struct model_state
 *	schema       of cells and state, MODEL_SCHEMA
 *	sum          XXH3-64 of the above
 *
 * All numbers are little-endian. What is known of newcomers (--admit), and of what has no row
 * yet, does not travel.
 */
#ifndef BANNERPIPE_MODELTOOL_DELTA_H
#define BANNERPIPE_MODELTOOL_DELTA_H

#include "lib/modeltool/open.h"
#include "lib/record/build.h"
#include "lib/record/record.h"

enum { DELTA_CELLS = RECORD_STRING_MAX - 64 };

/* --- Sending ---------------------------------------------------------------------- */

struct deltas {
	struct model *model; /* borrowed; NULL: nobody wants them, nothing is sent */
	int (*emit)(
	    void *context, struct slice record); /* 0, or -1: the world failed */
	void *context;
	uint64_t sequence;       /* of the next record */
	uint64_t sent;           /* the version that was sent last */
	bool begin;              /* the next version is the first one */
	struct delta_part *part; /* owned */
};

/* Zeros but for emit and context; to send this model, all of it first. Call again with
 * another model: a stream begins anew. -1 and error when there is no memory. */
int deltas_begin(struct deltas *d, struct model *m, struct error *error);
void deltas_fini(struct deltas *d);
/* Send the version of now, unless it was sent. Cost: a look at every 64th part of a byte a
 * place, a copy of what changed. 0, or -1 when emit says so. */
int deltas_send(struct deltas *d, instant timestamp);
/* How many examples were learned since. */
static inline uint64_t
deltas_pending(const struct deltas *d)
{
	if (__builtin_expect(d->model == NULL, 1))
		return 0;
	return d->begin ? UINT64_MAX : model_state(d->model)->examples - d->sent;
}
/* Where the stream stands, and what is to be sent; after deltas_begin with the model that was
 * loaded. With another budget than it was saved with, it begins anew. `d` NULL: pass over
 * it. */
void deltas_save(const struct deltas *d, struct state_writer *to);
int deltas_load(struct deltas *d, struct state_reader *from, struct error *error);

/* --- Following -------------------------------------------------------------------- */

struct follower {
	const struct os *os;
	const char *live; /* borrowed; where others can map the model, or NULL */
	uint64_t memory;
	struct model *model; /* owned; NULL before the first version began */
	bool trusts;         /* checksums are not looked at: for the fuzzer */
	bool complete;       /* the model is what it was at `version` */
	uint64_t version, next;
	uint64_t showing; /* of the tables that are being filled (cells_beside) */
	struct follower_table {
		struct cells old; /* what others see until the new one is complete */
		bool renews;
		struct key table, places, keys, touched, cells;
	} of[LAYOUT_TABLES];
	struct key begin, last, options, fields, state, schema, sum, version_key,
	    sequence;
};

void follower_init(struct follower *f, struct reader *reader, const struct os *os,
    const char *live, uint64_t memory);
void follower_fini(struct follower *f);
/* Take one record. 1: it completed a version; 0: it did not, or is no delta; -1 and an error
 * that names the delta: one is missing or damaged, and the model is of no use any more. */
int follower_take(struct follower *f, const struct record *r, struct error *error);

#endif
