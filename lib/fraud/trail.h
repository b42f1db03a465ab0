/* SPDX-License-Identifier: MIT
 *
 * trail: what is known of somebody that events come from, an address or a user, as plain
 * bytes that lie in the cell of a table: zeroed at first.
 *
 * Gaps between its visits (events at different instants) are compared by their logarithms:
 * `spread` is the deviation of these, exponentially weighted over the last 16 or so: by
 * which factor e^spread gaps usually differ. Of a timer it is 0, of events at random 1.28
 * (pi / sqrt(6), that of the logarithm of an exponential), of people more.
 *
 * Agents are counted by 16 buckets of their hashes: the entropy is at most 4 bits, and less
 * than theirs where two share a bucket.
 */
#ifndef BANNERPIPE_FRAUD_TRAIL_H
#define BANNERPIPE_FRAUD_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/when.h"

enum { TRAIL_AGENTS = 16, TRAIL_GAPS_MIN = 6 };

enum trail_event { TRAIL_SHOWN, TRAIL_CLICKED, TRAIL_BOUGHT };

struct trail {
	instant last, last_click; /* event time; 0: none */
	uint64_t waiting;         /* the caller's: who waits for the next click */
	uint32_t seen;            /* events, never halved */
	uint32_t shown, clicked, bought; /* halved together at TRAIL_HALF */
	/* To its peers: clicks of impressions, purchases of clicks. */
	uint32_t told_shown, told_clicked, told_sold, told_bought;
	float peak; /* the caller's: how keen it was on a banner, at most */
	float gap_mean, gap_variance; /* of logarithms */
	uint8_t gaps;                 /* how many these are of, 255: or more */
	uint8_t agents[TRAIL_AGENTS];
};

enum { TRAIL_HALF = 1 << 16 };

/* It comes: seconds since its click before, NaN when there was none. */
float trail_gap(const struct trail *s, instant when);
void trail_add(struct trail *s, enum trail_event event, instant when);
void trail_agent(struct trail *s, uint64_t hash);

/* NaN for less than TRAIL_GAPS_MIN gaps. */
float trail_spread(const struct trail *s);
/* Bits; NaN when no agent was seen. Cost: 40 ns. */
float trail_entropy(const struct trail *s);

#endif
