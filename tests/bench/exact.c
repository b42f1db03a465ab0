/* SPDX-License-Identifier: MIT
 *
 * Zero over-delivery: requests through the caps and budgets of a desk, beside books of their
 * own (tests/unit/books.h). Exit status 1 when an impression is beyond a cap, or a micro
 * beyond a budget that is not owed to what came after its price was let go.
 *
 *	exact [REQUESTS [SEED]]
 */
#include "tests/bench/cpu.h"
#include "tests/unit/books.h"

int
main(int argc, char **argv)
{
	uint64_t requests = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
	struct books *b = books_new(argc > 2 ? strtoull(argv[2], NULL, 10) : 1, false);
	const struct desk_counts *c = &b->desk.counts;
	int64_t owed = 0, late = 0;
	double began = cpu();

	while (c->requests < requests)
		books_client(b);
	for (unsigned i = 0; i < BOOKS_CAMPAIGNS; i++) {
		owed += b->account[i].owed;
		late += b->account[i].late;
	}
	(void)printf(
	    "%llu requests of %llu clients, %.1f us each: %llu banners; left out "
	    "as capped %llu, unfunded %llu, paced %llu\n",
	    (unsigned long long)c->requests, (unsigned long long)b->clients,
	    (cpu() - began) / (double)c->requests * 1e6, (unsigned long long)b->shown,
	    (unsigned long long)c->capped, (unsigned long long)c->unfunded,
	    (unsigned long long)c->throttled);
	(void)printf("owed %.3f, of it %.3f for what came too late (%llu events), in "
		     "millions of micros; %llu paid less than their bid\n",
	    (double)owed * 1e-9, (double)late * 1e-9,
	    (unsigned long long)b->late_events, (unsigned long long)b->cheaper);
	(void)printf("impressions beyond a cap: %llu; payments beyond a budget: %llu\n",
	    (unsigned long long)b->over_cap, (unsigned long long)b->over_budget);
	return b->over_cap + b->over_budget > 0 ||
	    caps_counts(b->desk.caps).evicted > 0 ||
	    budgets_counts(b->desk.budgets).evicted > 0;
}
