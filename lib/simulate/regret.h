/* SPDX-License-Identifier: MIT
 *
 * regret: what a policy has earned beside what chance, the best contextual policy
 * (informed.h) and the oracle would have. Only what human visitors saw counts, and for all
 * of them by the true probabilities at the same moment, so that luck divides them no more
 * than it must.
 */
#ifndef BANNERPIPE_SIMULATE_REGRET_H
#define BANNERPIPE_SIMULATE_REGRET_H

#include "lib/record/build.h"
#include "lib/simulate/tell.h"

/* Sums over impressions; without padding. */
struct regret {
	uint64_t impressions, clicks;
	double policy, uniform, informed, oracle; /* expected clicks */
};

void regret_add(struct regret *to, const struct regret *more);
/* Whose it is, and of when. */
struct regret_frame {
	uint64_t number;   /* of the record */
	bool total, day;   /* of all; of a day */
	const char *group; /* NULL: there is only one */
	instant start, end;
	/* Append more pairs; how many. NULL: none. */
	unsigned (*more)(void *context, bool total, struct build *b);
	void *context;
};

/* Append the record: a metric with dims {scope: "simulate", window: day, part or total,
 * group}, impressions, clicks, ctr with its interval (Wilson, 95 %); and of each impression
 * expected_ctr, uniform_ctr, informed_ctr, oracle_ctr; regret, clicks lost to the oracle;
 * and share and informed_share, of the way from uniform to the oracle and to what informed
 * has, where there is one. */
void regret_build(
    const struct regret *r, struct build *to, const struct regret_frame *frame);

#endif
