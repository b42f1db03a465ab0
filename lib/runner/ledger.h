/* SPDX-License-Identifier: MIT
 *
 * ledger: the law of conservation across a pipeline. Every snapshot begins with the
 * counters of its stage up to that epoch. In a stage
 *
 *	in = out + dropped + rejected + held + late
 *
 * and what comes into a stage is what has gone out of those that it reads from
 * (out + emitted), since a CUT stands at the same place for both.
 */
#ifndef BANNERPIPE_RUNNER_LEDGER_H
#define BANNERPIPE_RUNNER_LEDGER_H

#include "lib/epoch.h"

enum account {
	ACCOUNT_IN,
	ACCOUNT_OUT,
	ACCOUNT_DROPPED,
	ACCOUNT_REJECTED,
	ACCOUNT_HELD,
	ACCOUNT_LATE,
	ACCOUNT_EMITTED,
	ACCOUNT_CONTROL,
	ACCOUNTS
};

/* "in", "out", ... */
extern const char *const account_names[ACCOUNTS];

struct ledger {
	uint64_t epoch;
	uint64_t count[EPOCH_STAGES_MAX][ACCOUNTS]; /* in the order of the topology */
};

/* The counters of all stages at an epoch. Only the beginning of each snapshot is read, so
 * its checksum is not verified. -1 and error when one cannot be read. */
int ledger_read(const struct os *os, const char *dir, const struct topology *t,
    uint64_t epoch, struct ledger *to, struct error *error);

/* 0 when the law holds, -1 and an error that names the stage when it does not. */
int ledger_check(const struct topology *t, const struct ledger *l, struct error *error);

#endif
