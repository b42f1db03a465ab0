/* SPDX-License-Identifier: MIT
 *
 * alert: from which score on somebody is told: a score that is given, or the one that a
 * given share of the transactions exceeds, by those of late.
 */
#ifndef BANNERPIPE_TRANSACTION_ALERT_H
#define BANNERPIPE_TRANSACTION_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

enum { ALERT_BINS = 1024 }; /* of scores from -32 to 32, a sixteenth each */

struct alert {
	double limit; /* log-odds; INFINITY while nothing is known of the share */
	double share; /* 0: the limit is given */
	uint64_t seen;
	uint32_t bins[ALERT_BINS];
};

/* "0", log-odds; or "0.5%", a share of all. -1 and error. */
int alert_parse(struct alert *a, const char *text, struct error *error);
/* Whether to tell of a score, by those before it. Cost: a few ns. */
bool alert_note(struct alert *a, double score);

#endif
