/* SPDX-License-Identifier: MIT
 *
 * sketch: what an operation of each sketch costs, in nanoseconds of processor time, on
 * keys that fit into its memory. For floods see flood.c.
 *
 *	build/bench/sketch [OPERATIONS]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/hash.h"
#include "lib/sketch/countmin.h"
#include "lib/sketch/halfspace.h"
#include "lib/sketch/heavy.h"
#include "lib/sketch/spread.h"
#include "lib/sketch/velocity.h"
#include "tests/bench/cpu.h"

enum { KEYS = 20000, AT_ONCE = 16 };

static const struct velocity_shape windows = {
	.rule = { { { WHEN_MINUTE }, 4 }, { { WHEN_HOUR }, 4 }, { { WHEN_DAY }, 6 } },
	.rules = 3,
	.seed = 1,
};

static struct random random_of = { 1 };

static void
say(const char *what, double seconds, unsigned n)
{
	printf("%-44s %7.1f ns\n", what, seconds / n * 1e9);
}

static void
bench_velocity(unsigned n)
{
	struct velocity *v = velocity_new(&windows, 64 << 20);
	struct velocity_answer a[AT_ONCE];
	double start = cpu();

	for (unsigned i = 0; i < n; i++)
		velocity_add(v, random_next(&random_of) % KEYS, (instant)i * 1000,
		    (struct velocity_amount){ 1, 0 }, a);
	say("velocity_add, 3 windows", cpu() - start, n);
	start = cpu();
	for (unsigned i = 0; i < n; i += AT_ONCE) {
		uint64_t keys[AT_ONCE];

		for (unsigned k = 0; k < AT_ONCE; k++)
			keys[k] = random_next(&random_of) % KEYS;
		velocity_add_all(v, keys, AT_ONCE, (instant)(n + i) * 1000,
		    (struct velocity_amount){ 1, 0 }, a);
	}
	say("velocity_add_all of 16, a key", cpu() - start, n);
	start = cpu();
	for (unsigned i = 0; i < n; i++)
		velocity_read(v, random_next(&random_of) % KEYS, (instant)n * 2000, a);
	say("velocity_read", cpu() - start, n);
	velocity_free(v);
}

static void
bench_spread(unsigned n, const char *what, uint64_t keys, uint64_t elements)
{
	struct spread_shape shape = { { WHEN_HOUR }, 4, 1 };
	struct spread *s = spread_new(&shape, 64 << 20);
	struct spread_answer a;
	double start = cpu();

	for (unsigned i = 0; i < n; i++)
		spread_add(s, random_next(&random_of) % keys,
		    hash_mix(random_next(&random_of) % elements), (instant)i * 1000,
		    &a);
	say(what, cpu() - start, n);
	spread_free(s);
}

static void
bench_counts(unsigned n)
{
	struct countmin_shape shape = { 0.0001, 0.01, 1 };
	struct countmin *c = countmin_new(shape);
	struct heavy *h = heavy_new(100, shape);
	double start = cpu();

	for (unsigned i = 0; i < n; i++)
		countmin_add(c, random_next(&random_of) % KEYS, 1);
	say("countmin_add, epsilon 0.0001, delta 0.01", cpu() - start, n);
	start = cpu();
	for (unsigned i = 0; i < n; i++)
		heavy_add(h, random_next(&random_of) % KEYS, 1);
	say("heavy_add, the same and the 100 largest", cpu() - start, n);
	countmin_free(c);
	heavy_free(h);
}

static void
bench_halfspace(unsigned n, unsigned depth)
{
	struct halfspace_shape shape = halfspace_default(3, 1);
	struct halfspace *h;
	double start, score;
	char what[64];

	shape.depth = depth;
	h = halfspace_new(&shape);
	start = cpu();
	for (unsigned i = 0; i < n; i++) {
		double x[3];

		for (unsigned d = 0; d < 3; d++)
			x[d] = hash_uniform(random_next(&random_of)) +
			    hash_uniform(random_next(&random_of));
		halfspace_add(h, x, &score);
	}
	(void)snprintf(what, sizeof what, "halfspace_add, 25 trees of depth %u", depth);
	say(what, cpu() - start, n);
	halfspace_free(h);
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000000;

	if (n == 0) {
		fprintf(stderr, "sketch [OPERATIONS]\n");
		return 100;
	}
	bench_velocity(n);
	bench_spread(n, "spread_add, few elements a key", KEYS, 10);
	bench_spread(n, "spread_add, 5,000 elements a key", 300, 1 << 20);
	bench_counts(n);
	bench_halfspace(n, 12);
	bench_halfspace(n, 15);
	return 0;
}
