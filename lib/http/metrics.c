/* SPDX-License-Identifier: MIT */
#include "lib/http/metrics.h"

#include <inttypes.h>

/* Below 2^3 a bucket a microsecond; above, the exponent and three bits of the mantissa. */
static unsigned
bucket_of(uint64_t us)
{
	unsigned exponent, bucket;

	if (us < METRICS_STEPS)
		return (unsigned)us;
	exponent = 63 - (unsigned)__builtin_clzll(us);
	bucket = (exponent - 2) * METRICS_STEPS +
	    (unsigned)(us >> (exponent - 3) & (METRICS_STEPS - 1));
	return bucket < METRICS_BUCKETS ? bucket : METRICS_BUCKETS - 1;
}

/* The largest time that is in a bucket. */
static uint64_t
bucket_top(unsigned bucket)
{
	unsigned octave = bucket / METRICS_STEPS, step = bucket % METRICS_STEPS;

	if (octave == 0)
		return bucket;
	return ((uint64_t)(METRICS_STEPS + step + 1) << (octave - 1)) - 1;
}

void
metrics_add(struct metrics_latency *l, uint64_t us)
{
	l->bucket[bucket_of(us)]++;
	l->count++;
	l->sum_us += us;
}

uint64_t
metrics_quantile(const struct metrics_latency *l, double p)
{
	double rank = p * (double)l->count;
	uint64_t seen = 0;

	if (l->count == 0)
		return 0;
	for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
		seen += l->bucket[i];
		if (seen > 0 && (double)seen >= rank)
			return bucket_top(i);
	}
	return bucket_top(METRICS_BUCKETS - 1);
}

static void
print(struct http_answer *a, const char *name, const char *type, const char *about,
    uint64_t value)
{
	http_print(a,
	    "# HELP bannerpipe_http_%s %s\n# TYPE bannerpipe_http_%s %s\n"
	    "bannerpipe_http_%s %" PRIu64 "\n",
	    name, about, name, type, name, value);
}

/* Bounds are the ends of octaves: "le" is one more than a time that is in it at most. */
static void
print_latency(struct http_answer *a, const char *route, const struct metrics_latency *l)
{
	const char *name = "bannerpipe_http_handling_seconds";
	uint64_t seen = 0;

	for (unsigned octave = 0; octave < METRICS_OCTAVES - 1; octave++) {
		for (unsigned i = 0; i < METRICS_STEPS; i++)
			seen += l->bucket[octave * METRICS_STEPS + i];
		http_print(a, "%s_bucket{route=\"%s\",le=\"%.6f\"} %" PRIu64 "\n", name,
		    route, (double)((uint64_t)METRICS_STEPS << octave) * 1e-6, seen);
	}
	http_print(a,
	    "%s_bucket{route=\"%s\",le=\"+Inf\"} %" PRIu64
	    "\n%s_sum{route=\"%s\"} %.6f\n%s_count{route=\"%s\"} %" PRIu64 "\n",
	    name, route, l->count, name, route, (double)l->sum_us * 1e-6, name, route,
	    l->count);
}

void
metrics_print(const struct http_counts *c, const char *const *routes,
    unsigned route_count, struct http_answer *a)
{
	http_print(a,
	    "# HELP bannerpipe_http_answers_total Answers by class of status.\n"
	    "# TYPE bannerpipe_http_answers_total counter\n");
	for (unsigned i = 1; i <= 5; i++)
		http_print(a,
		    "bannerpipe_http_answers_total{status=\"%uxx\"} %" PRIu64 "\n", i,
		    c->answers[i]);
	print(a, "in_bytes_total", "counter", "Bytes read.", c->bytes_in);
	print(a, "out_bytes_total", "counter", "Bytes of answers.", c->bytes_out);
	print(a, "connections_total", "counter", "Connections accepted.", c->accepted);
	print(a, "connections", "gauge", "Connections now.", c->open);
	print(a, "refused_total", "counter", "Connections refused.", c->refused);
	print(a, "evicted_total", "counter", "Idle connections closed for new ones.",
	    c->evicted);
	print(a, "timeouts_total", "counter", "Requests that came too slowly.",
	    c->timeouts);
	print(a, "unread_total", "counter", "Peers that did not read their answers.",
	    c->unread);
	print(a, "short_of_memory_total", "counter",
	    "Connections closed as memory was short.", c->short_of_memory);
	print(
	    a, "malformed_total", "counter", "Requests that were none.", c->malformed);
	print(a, "broken_total", "counter", "Answers that became a 500.", c->broken);
	if (route_count == 0)
		return;
	http_print(a,
	    "# HELP bannerpipe_http_handling_seconds From bytes to answer.\n"
	    "# TYPE bannerpipe_http_handling_seconds histogram\n");
	for (unsigned i = 0; i < route_count && i < METRICS_ROUTES_MAX; i++)
		print_latency(a, routes[i], &c->latency[i]);
}
