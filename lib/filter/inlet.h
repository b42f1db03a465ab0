/* SPDX-License-Identifier: MIT
 *
 * inlet: the records on standard input of a filter that has something else to read.
 *
 * They are taken in between and never waited for. That the input ends, is a terminal or
 * closed ends nothing. Records that are wrong are rejected; where it is no stream of
 * records any more, that is said, counted as a reject, and no more of it is read.
 * Watermarks and barriers of others end here.
 */
#ifndef BANNERPIPE_FILTER_INLET_H
#define BANNERPIPE_FILTER_INLET_H

#include "lib/filter.h"

enum { INLET_STEP = 256 /* records at a time: at most about 1 ms */ };

struct inlet {
	struct run *run;
	struct reader *reader; /* owned */
	struct input *in;      /* owned; NULL: there is none, or no more */
	struct skipper skipper;
	uint64_t number; /* of records so far */
	bool stopped;    /* only what was read already is still taken */
	bool hungry;     /* all that was read is taken */

	/* Set by the caller. Whether a record could be taken; and take one: PASS or DROP,
	 * or REJECT with a reason. */
	bool (*has_room)(void *context);
	enum verdict (*take)(
	    void *context, const struct record *r, struct error *error);
	void *context;
};

/* In start. 0, or -1 after run_usage or run_fail: a directory, no memory. */
int inlet_open(struct inlet *n, struct run *run);
void inlet_close(struct inlet *n);
/* Take what is there. */
void inlet_step(struct inlet *n);
/* Read no more. */
void inlet_stop(struct inlet *n);
/* Whether there is something that was read and can be taken without a wait. */
static inline bool
inlet_holds(const struct inlet *n)
{
	return n->in != NULL && !n->hungry;
}
/* What to wait for; -1: nothing. */
int inlet_wait_fd(const struct inlet *n);

#endif
