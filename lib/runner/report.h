/* SPDX-License-Identifier: MIT
 *
 * report: what the runner says: events as lines on standard error, and the state in one
 * line that is written over and over when that is a terminal; the same for systemd.
 */
#ifndef BANNERPIPE_RUNNER_REPORT_H
#define BANNERPIPE_RUNNER_REPORT_H

#include "lib/notify.h"
#include "lib/runner/ledger.h"

struct report {
	const struct os *os;
	const char *dir; /* borrowed */
	struct notify notify;
	bool terminal;
	bool shown; /* a progress line stands on the terminal */
	int64_t shown_us, watchdog_us;

	bool counted; /* at least one ledger is known */
	struct ledger ledger;
	int64_t ledger_us;             /* when it was taken */
	double rate[EPOCH_STAGES_MAX]; /* records into each stage, per second */
};

void report_init(struct report *r, const struct os *os, const char *dir, bool quiet);

/* One event, without the program's name. */
void report_say(struct report *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A new generation: rates begin anew. */
void report_start(struct report *r);
/* An epoch was committed: these are its counters. Also leaves the rates in DIR/rates for
 * bp-run status. */
void report_commit(struct report *r, const struct topology *t, const struct ledger *l);
/* Show the state, at most once a second, `age_us` after the last commit. */
void report_progress(struct report *r, const struct topology *t,
    const struct generation *g, uint64_t committed, int64_t age_us);
/* The stages have read nothing yet. */
void report_waiting(struct report *r);
/* The runner waits knowingly: all is well as far as a watchdog is concerned. */
void report_alive(struct report *r);

#endif
