/* SPDX-License-Identifier: MIT
 *
 * latest: what the order of a key's events says, so that an event can be taken back.
 *
 * The time since the last event, the session that it is of and the last values are no
 * sums. So the latest events are kept one by one, more of them than is asked for; one that
 * is taken back goes, and those before it come forward again. What they had pushed out by
 * then cannot.
 *
 * Cells are plain bytes, zero at first, aligned to 8. `sign` is 1 for what happened and -1
 * for what is taken back, which says the same instant; instants come in any order.
 */
#ifndef BANNERPIPE_FEATURE_LATEST_H
#define BANNERPIPE_FEATURE_LATEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/when.h"

enum {
	LATEST_SINCE = 4,   /* events that are told apart */
	LATEST_SESSION = 4, /* likewise; of those before only what they come to */
	LATEST_REPEATS = 2, /* the latest times of each of the last values */
	LATEST_OFTEN = 255, /* of one instant; what comes as often stays for ever */
};

struct latest {
	uint64_t
	    moment; /* when, how often, and whether the value came later too; 0: none */
	union {
		uint64_t value;
		double sum;
	};
};

/* --- The time since the last event: LATEST_SINCE of these ------------------------------ */

void latest_since_add(struct latest *latest, instant at, int sign);
/* Microseconds; infinite when there is none, 0 when it is later. */
double latest_since(const struct latest *latest, instant at);

/* --- What the events of the session come to ------------------------------------------- */

struct latest_session {
	struct latest latest[LATEST_SESSION];
	/* What was pushed out of it, of one session. */
	instant first, last;
	int64_t n; /* 0: none */
	double sum;
};

/* False, and nothing changed: it is of a session before. Exact but for this: where the
 * session began is not known better when an event is taken back that is none of the
 * latest. */
bool latest_session_add(
    struct latest_session *s, int64_t pause_us, instant at, double amount, int sign);
double latest_session(const struct latest_session *s, int64_t pause_us, instant at);

/* --- The last n different values: LATEST_REPEATS * n of these -------------------------- */

void latest_value_add(
    struct latest *latest, unsigned n, instant at, uint64_t value, int sign);
/* How many, the latest first. length_us: none is older; 0: any may be. As a session: the
 * pause between one and the next. */
unsigned latest_values(const struct latest *latest, unsigned n, instant at,
    int64_t length_us, bool session, uint64_t *values);

#endif
