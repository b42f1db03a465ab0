/* SPDX-License-Identifier: MIT
 *
 * count: what the features of a spec remember of earlier events.
 */
#ifndef BANNERPIPE_FEATURE_COUNT_H
#define BANNERPIPE_FEATURE_COUNT_H

#include "lib/feature/spec.h"

/* The two instants of a record: when it was known (timestamp), and when what it is about
 * was shown (shown_at of an outcome; else the same). */
struct count_times {
	instant known, shown;
};

/* What a counting feature says of the record: a count, a sum, microseconds, or a rate
 * within 0 and 1. False when it has no key, or nothing to say. What is known of banners
 * is read as of `known`, all else as of `shown`. Cost: a cache miss for each level. */
bool count_read(struct spec_feature *f, const struct record *r, struct count_times t,
    uint64_t seed, double *to);
/* The hashes of the last values; how many. */
unsigned count_last(struct spec_feature *f, const struct record *r,
    struct count_times t, uint64_t seed, uint64_t hashes[SPEC_LAST_MAX]);

/* Add the record to what it counts. False when something of it came too late to be
 * counted. */
bool count_update(struct spec_feature *f, const struct record *r, enum kind kind,
    double weight, struct count_times t, uint64_t seed);

#endif
