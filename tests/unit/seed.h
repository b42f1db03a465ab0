/* SPDX-License-Identifier: MIT
 *
 * seed: the generator of a random test, printed, and taken from SEED to repeat a run.
 * Include after cmocka.h.
 */
#ifndef BANNERPIPE_TESTS_SEED_H
#define BANNERPIPE_TESTS_SEED_H

#include <stdlib.h>

#include "lib/hash.h"

static inline struct random
seeded(void)
{
	const char *text = getenv("SEED");
	struct random r = { text == NULL ? 1 : strtoull(text, NULL, 10) };

	print_message("# SEED=%llu\n", (unsigned long long)r.state);
	return r;
}

#endif
