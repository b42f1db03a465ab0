/* SPDX-License-Identifier: MIT
 *
 * attack [SEEDS [DECISIONS]]: what bots that click only the worst banner take from a Thompson
 * policy, and how much of it comes back when verdicts, 10,000 decisions late, with a recall
 * of 80 % and 1 % false positives, take back what they taught (tests/unit/attack.h). Exit
 * status 1 when less than 97 % of the clean rate is restored.
 */
#include <math.h>
#include <stdio.h>

#include "tests/unit/attack.h"

enum { SEEDS_MAX = 1000 };

struct row {
	double mean, deviation;
};

static struct row
measure(const struct attack *a, unsigned seeds)
{
	double sum = 0, square = 0, ctr;
	struct row row;

	for (uint64_t seed = 1; seed <= seeds; seed++) {
		ctr = attack_run(a, seed);
		sum += ctr;
		square += ctr * ctr;
	}
	row.mean = sum / seeds;
	row.deviation = sqrt(fmax(square / seeds - row.mean * row.mean, 0));
	return row;
}

static void
print(const char *what, struct row row, struct row clean)
{
	printf("%-24s %.4f +- %.4f  %5.1f %%\n", what, row.mean, row.deviation,
	    100 * row.mean / clean.mean);
	(void)fflush(stdout);
}

int
main(int argc, char **argv)
{
	unsigned seeds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10;
	unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000000;
	const double bots[] = { 0.02, 0.05 };
	struct attack a = { n, 10000, 0, -1, 0.01 };
	struct row clean, row;
	int status = 0;

	if (seeds == 0 || seeds > SEEDS_MAX || n == 0) {
		fprintf(stderr, "attack [SEEDS [DECISIONS]]\n");
		return 100;
	}
	printf("%u decisions, mean of %u seeds: CTR of people, and of the clean one\n",
	    n, seeds);
	clean = measure(&a, seeds);
	print("clean", clean, clean);
	for (unsigned i = 0; i < 2; i++) {
		char text[64];

		a.bots = bots[i];
		a.recall = -1;
		(void)snprintf(text, sizeof text, "%.0f %% bots", 100 * bots[i]);
		print(text, measure(&a, seeds), clean);
		a.recall = 0.8;
		(void)snprintf(
		    text, sizeof text, "%.0f %% bots, restored", 100 * bots[i]);
		row = measure(&a, seeds);
		print(text, row, clean);
		if (row.mean < 0.97 * clean.mean)
			status = 1;
	}
	return status;
}
