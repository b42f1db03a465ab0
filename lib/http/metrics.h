/* SPDX-License-Identifier: MIT
 *
 * metrics: what a server has done, and how long requests took from their bytes to their
 * answer, by route; as Prometheus text (exposition format 0.0.4).
 */
#ifndef BANNERPIPE_HTTP_METRICS_H
#define BANNERPIPE_HTTP_METRICS_H

#include <stdint.h>

#include "lib/http/answer.h"

enum {
	METRICS_ROUTES_MAX = 16,
	/* Eight buckets an octave, so that a quantile is at most 12.5 % too large; the last
	 * one holds what took longer than 2^25 us, half a minute. */
	METRICS_STEPS = 8,
	METRICS_OCTAVES = 23,
	METRICS_BUCKETS = METRICS_STEPS * METRICS_OCTAVES,
};

struct metrics_latency {
	uint64_t bucket[METRICS_BUCKETS];
	uint64_t count, sum_us;
};

struct http_counts {
	uint64_t answers[6]; /* by the first digit of the status, from 1 */
	uint64_t bytes_in, bytes_out;
	uint64_t accepted; /* connections */
	uint64_t open;     /* now */
	uint64_t
	    refused; /* connections: the table is full, or the peer has its share */
	uint64_t evicted;  /* idle connections, closed for new ones */
	uint64_t timeouts; /* connections closed for being slow, idle ones not */
	uint64_t unread;   /* connections closed as their answers were not read */
	uint64_t short_of_memory; /* connections closed for that */
	uint64_t malformed;       /* requests refused by the parser */
	uint64_t broken;          /* answers of the handler that became a 500 */
	struct metrics_latency latency[METRICS_ROUTES_MAX];
};

/* Cost: a few ns. */
void metrics_add(struct metrics_latency *l, uint64_t us);
/* The time that a part p of all took at most, 0 <= p <= 1, in microseconds; 0 of none. */
uint64_t metrics_quantile(const struct metrics_latency *l, double p);

/* Append all of it to an answer's body; `routes` are names that need no escapes. */
void metrics_print(const struct http_counts *c, const char *const *routes,
    unsigned route_count, struct http_answer *a);

#endif
