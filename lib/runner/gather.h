/* SPDX-License-Identifier: MIT
 *
 * gather: find the topology when a pipeline is started for the first time.
 *
 * Stages join in no order, and nobody knows how many there will be. The pipeline is
 * complete when every process of the group has joined as a stage, or is no stage and
 * sleeps, and two looks some time apart show the same. The sources wait meanwhile, so
 * nothing flows and nothing can be lost by waiting longer.
 */
#ifndef BANNERPIPE_RUNNER_GATHER_H
#define BANNERPIPE_RUNNER_GATHER_H

#include <sys/types.h>

#include "lib/epoch.h"

struct gather {
	uint64_t seen;    /* a hash of what the last look showed; 0 for none */
	int64_t since_us; /* it has shown the same since then */
};

enum gathered {
	GATHER_FAILED = -1, /* error is set */
	GATHER_WAIT,        /* look again; error says for whom or what */
	GATHER_COMPLETE,
	GATHER_BROKEN, /* somebody died before joining: start again; error says how */
	GATHER_WRONG,  /* it is settled, and no pipeline; error says why */
};

/* Look at those that have joined this generation and at all processes of the group. */
enum gathered gather_look(struct gather *g, const struct os *os, const char *dir,
    const struct topology *members, pid_t group, struct error *error);

#endif
