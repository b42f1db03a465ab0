/* SPDX-License-Identifier: MIT
 *
 * recent: what the order of a key's events says, so that an event can be taken back.
 *
 * The time since the last event, the session that it is of and the last values are no
 * sums. So the latest events are kept one by one, more of them than is asked for; one that
 * is taken back goes, and those before it come forward again. What they had pushed out by
 * then cannot.
 *
 * Cells are plain bytes, zero at first, aligned to 8. `sign` is 1 for what happened and -1
 * for what is taken back, which says the same instant; instants come in any order.
 */
#ifndef BANNERPIPE_FEATURE_RECENT_H
#define BANNERPIPE_FEATURE_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/when.h"

enum {
	RECENT_SINCE = 4,   /* events that are told apart */
	RECENT_SESSION = 4, /* likewise; of those before only what they come to */
	RECENT_REPEATS = 2, /* the latest times of each of the last values */
	RECENT_OFTEN = 255, /* of one instant; what comes as often stays for ever */
};

struct recent {
	uint64_t
	    moment; /* when, how often, and whether the value came later too; 0: none */
	union {
		uint64_t value;
		double sum;
	};
};

/* --- The time since the last event: RECENT_SINCE of these ------------------------------ */

void recent_since_add(struct recent *latest, instant at, int sign);
/* Microseconds; infinite when there is none, 0 when it is later. */
double recent_since(const struct recent *latest, instant at);

/* --- What the events of the session come to ------------------------------------------- */

struct recent_session {
	struct recent latest[RECENT_SESSION];
	/* What was pushed out of it, of one session. */
	instant first, last;
	int64_t n; /* 0: none */
	double sum;
};

/* False, and nothing changed: it is of a session before. Exact but for this: where the
 * session began is not known better when an event is taken back that is none of the
 * latest. */
bool recent_session_add(
    struct recent_session *s, int64_t pause_us, instant at, double amount, int sign);
double recent_session(const struct recent_session *s, int64_t pause_us, instant at);

/* --- The last n different values: RECENT_REPEATS * n of these -------------------------- */

void recent_value_add(
    struct recent *latest, unsigned n, instant at, uint64_t value, int sign);
/* How many, the latest first. length_us: none is older; 0: any may be. As a session: the
 * pause between one and the next. */
unsigned recent_values(const struct recent *latest, unsigned n, instant at,
    int64_t length_us, bool session, uint64_t *values);

#endif
