/* SPDX-License-Identifier: MIT
 *
 * groups: off-policy sums by the values of some keys, in bounded memory.
 *
 * When there is no room for a new group, the one that was touched longest ago, in event
 * time, goes to the group "(other)", so that all groups together are always all that was
 * added.
 */
#ifndef BANNERPIPE_TRIAL_GROUPS_H
#define BANNERPIPE_TRIAL_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/state.h"
#include "lib/trial/offpolicy.h"
#include "lib/trial/tally.h"
#include "lib/when.h"

/* The policy and what is grouped by. */
enum { GROUPS_DIMS_MAX = TALLY_DIMS_MAX + 1 };

struct group {
	uint64_t key;             /* a hash of the dimensions */
	uint64_t number;          /* in the order of arrival, from 1; 0: "(other)" */
	uint64_t revision;        /* how often it has been given out */
	instant earliest, latest; /* of its outcomes */
	struct offpolicy sums;
	uint32_t changed;   /* since it was given out */
	uint32_t dims_size; /* 0: the group "(other)" */
	uint8_t
	    dims[GROUPS_DIMS_MAX * TALLY_VALUE_MAX]; /* msgpack, one after another */
};

struct groups;

/* Up to about `count` groups (1..GROUPS_MAX) of `dims` values, within `memory` bytes. NULL
 * when the memory is not there. */
enum { GROUPS_MAX = 1 << 20 };
struct groups *groups_new(
    unsigned dims, uint64_t count, uint64_t memory, uint64_t seed);
void groups_free(struct groups *g);

/* The group of an outcome at `when`, to be added to; valid until the next call. values are
 * the dims values as msgpack. Cost: about 50 ns. */
struct group *groups_find(struct groups *g, instant when, const struct slice *values);

/* Call for each changed group, in the order of arrival, "(other)" last, and count its
 * revision before. -1 from the callback ends it. */
typedef int groups_give(void *context, const struct group *group);
int groups_each_changed(struct groups *g, groups_give *give, void *context);

struct groups_counts {
	uint64_t groups, merged;
};
struct groups_counts groups_counts(const struct groups *g);

void groups_save(const struct groups *g, struct state_writer *to);
/* Into new groups of the same arguments. -1 and error when the body is damaged. */
int groups_load(struct groups *g, struct state_reader *from, struct error *error);

#endif
