/* SPDX-License-Identifier: MIT
 *
 * newcomers: how often a key has been seen that is in no table yet, so that what comes once
 * takes no room there: a counting Bloom filter (Fan et al., SIGCOMM 1998) that ages by
 * halving. It may think too high of a key, never too low of one seen lately. Source of the
 * use: McMahan et al., KDD 2013, 4.1.
 */
#ifndef BANNERPIPE_MODEL_NEWCOMERS_H
#define BANNERPIPE_MODEL_NEWCOMERS_H

#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/base/error.h"
#include "lib/state.h"

enum { NEWCOMERS_COUNT_MAX = 255, NEWCOMERS_BYTES_MIN = 4096 };

struct newcomers {
	uint8_t *count; /* owned */
	uint64_t size;  /* of them */
	uint64_t added; /* since they were halved */
	struct dirty dirty;
};

/* Within that many bytes. 0, or -1 when there is no memory. */
int newcomers_init(struct newcomers *n, uint64_t bytes);
void newcomers_fini(struct newcomers *n);
/* See a key once more; how often that makes, at most NEWCOMERS_COUNT_MAX. Cost: two cache
 * misses. */
unsigned newcomers_see(struct newcomers *n, uint64_t key);
/* Into one of the same size. */
void newcomers_copy(struct newcomers *to, const struct newcomers *from);
void newcomers_save(struct newcomers *n, struct state_writer *to);
/* Into one of the same size. */
int newcomers_load(struct newcomers *n, struct state_reader *from, struct error *error);

#endif
