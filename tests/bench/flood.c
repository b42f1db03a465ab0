/* SPDX-License-Identifier: MIT
 *
 * flood: what counters by key cost, and hold, when every key comes once: three windows in a
 * fixed memory, one event in a hundred of 1,000 keys that come again and again, all others
 * of new ones, ten thousand events a second. Prints the time of an event, the resident
 * memory before and after, where the mass is, and how the frequent keys are answered.
 *
 *	build/bench/flood [--memory MIB] [--batch KEYS] [EVENTS]
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/hash.h"
#include "lib/sketch/spread.h"
#include "lib/sketch/velocity.h"
#include "tests/bench/cpu.h"

enum { HOT = 1000, BATCH_MAX = 64 };

static const struct velocity_shape shape = {
	.rule = { { { WHEN_MINUTE }, 4 }, { { WHEN_HOUR }, 4 }, { { WHEN_DAY }, 6 } },
	.rules = 3,
	.seed = 1,
};

static long
resident_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

struct flood {
	uint64_t n;
	unsigned batch;
	struct random random;
};

static uint64_t
next_key(struct flood *f)
{
	uint64_t h = random_next(&f->random);

	return h % 100 == 0 ? h / 100 % HOT : h | UINT64_C(1) << 63;
}

static bool
report(const struct velocity *v)
{
	struct velocity_counts c = velocity_counts(v);
	bool holds = true;

	printf("cells %" PRIu64 " of %" PRIu64 ", evicted %" PRIu64 ", width %" PRIu64
	       "\n",
	    c.cells, c.places, c.evicted, c.width);
	for (unsigned i = 0; i < shape.rules; i++) {
		struct velocity_ledger l = velocity_ledger(v, i);
		int64_t sum = l.cells.count + l.sketch.count + l.expired.count +
		    l.late.count + l.refused.count;

		printf("rule %u: added %" PRId64 " = cells %" PRId64
		       " + sketch %" PRId64 " + expired %" PRId64 " + late %" PRId64
		       " + refused %" PRId64 "; evicted %" PRId64 "\n",
		    i, l.added.count, l.cells.count, l.sketch.count, l.expired.count,
		    l.late.count, l.refused.count, l.evicted.count);
		holds = holds && sum == l.added.count;
	}
	return holds;
}

static bool
run_velocity(struct flood f, uint64_t memory)
{
	struct velocity *v = velocity_new(&shape, memory);
	uint64_t hot = 0, exact = 0;
	long before, after;
	double start;
	bool holds;

	if (v == NULL)
		exit(111);
	start = cpu();
	before = 0;
	for (uint64_t n = 0; n < f.n; n += f.batch) {
		struct velocity_answer a[BATCH_MAX];
		uint64_t keys[BATCH_MAX];

		for (unsigned i = 0; i < f.batch; i++)
			keys[i] = next_key(&f);
		velocity_add_all(v, keys, f.batch, (instant)(n * 100),
		    (struct velocity_amount){ 1, 0 }, a);
		for (unsigned i = 0; i < f.batch; i++) {
			hot += keys[i] < HOT;
			exact += keys[i] < HOT && a[i].exact;
		}
		if (n <= f.n / 10)
			before = resident_kib();
	}
	start = cpu() - start;
	after = resident_kib();
	printf("velocity: %.1f ns an event, resident %ld KiB after a tenth, %ld at the "
	       "end, of %" PRIu64 "\n",
	    start / (double)f.n * 1e9, before, after, memory / 1024);
	holds = report(v);
	printf("of the frequent keys' answers %.1f %% are exact\n\n",
	    (double)exact / (double)hot * 100);
	velocity_free(v);
	return holds;
}

/* Each event of a key of its own, with an element of its own; the frequent ones with a
 * hundred elements each. */
static bool
run_spread(struct flood f, uint64_t memory)
{
	struct spread_shape hour = { { WHEN_HOUR }, 4, 1 };
	struct spread *s = spread_new(&hour, memory);
	struct spread_counts c;
	long before = 0;
	double start, error = 0;

	if (s == NULL)
		exit(111);
	start = cpu();
	for (uint64_t n = 0; n < f.n; n++) {
		uint64_t key = next_key(&f);
		uint64_t element = key < HOT ? random_next(&f.random) % 100 : key;

		spread_add(s, key, hash_mix(element + 1), (instant)(n * 100), NULL);
		if (n <= f.n / 10)
			before = resident_kib();
	}
	start = cpu() - start;
	printf("spread: %.1f ns an event, resident %ld KiB after a tenth, %ld at the "
	       "end, of %" PRIu64 "\n",
	    start / (double)f.n * 1e9, before, resident_kib(), memory / 1024);
	for (uint64_t key = 0; key < HOT; key++) {
		struct spread_answer a;

		spread_read(s, key, (instant)(f.n * 100), &a);
		error += fabs(a.count / 100 - 1) / HOT;
	}
	c = spread_counts(s);
	printf("cells %" PRIu64 " of %" PRIu64 ", evicted %" PRIu64 " of %" PRIu64
	       " elements, added %" PRIu64 " = kept %" PRIu64 " + late %" PRIu64 "\n"
	       "of the frequent keys, the mean error is %.3f\n",
	    c.cells, c.places, c.evicted, c.evicted_count, c.added, c.kept, c.late,
	    error);
	spread_free(s);
	return c.added == c.kept + c.late && c.added == f.n;
}

int
main(int argc, char **argv)
{
	struct flood f = { .n = 10000000, .batch = 16, .random = { 1 } };
	uint64_t memory = UINT64_C(64) << 20;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--memory") == 0 && i + 1 < argc)
			memory = strtoull(argv[++i], NULL, 10) << 20;
		else if (strcmp(argv[i], "--batch") == 0 && i + 1 < argc)
			f.batch = (unsigned)strtoul(argv[++i], NULL, 10);
		else
			f.n = strtoull(argv[i], NULL, 10);
	}
	if (f.n < 100 || f.batch == 0 || f.batch > BATCH_MAX || memory == 0) {
		fprintf(stderr, "flood [--memory MIB] [--batch KEYS] [EVENTS]\n");
		return 100;
	}
	f.n -= f.n % f.batch;
	return run_velocity(f, memory) && run_spread(f, memory) ? 0 : 1;
}
