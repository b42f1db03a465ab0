/* SPDX-License-Identifier: MIT
 *
 * cuckoo: was this seen before, in two bytes an element: cuckoo filters (Fan, Andersen,
 * Kaminsky and Mitzenmacher, "Cuckoo filter: practically better than Bloom", CoNEXT
 * 2014), one for each slice of a sliding window of event time.
 *
 * An element that was added is always found until its slice has left the window. One
 * that was not is found all the same with a probability of at most slices * 8 / 65535:
 * eight 16-bit fingerprints are compared in each slice (the paper's section 5.1). For 4
 * slices that is 4.9 in ten thousand when they are full, and less in proportion to how
 * full they are; cuckoo_false_positives tells. A slice is full at about 95 % of its
 * places; what comes then is not remembered, and counted.
 */
#ifndef BANNERPIPE_SKETCH_CUCKOO_H
#define BANNERPIPE_SKETCH_CUCKOO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/when.h"

enum { CUCKOO_SLICES_MAX = 64 };

struct cuckoo;

/* A filter over (t - length, t] in at most memory_bytes. Elements stay for the length
 * less at most one slice. NULL when there is too little memory. Owned by the caller. */
struct cuckoo *cuckoo_new(struct span length, unsigned slices, uint64_t memory_bytes);
void cuckoo_free(struct cuckoo *c);

/* Whether the element lies within the window that ends at `when` (of what was added,
 * also later than `when`). Hashes must be uniform (hash_keyed). Cost: two cache lines a
 * slice. */
bool cuckoo_has(const struct cuckoo *c, uint64_t hash, instant when);
/* Add it once more. False when it was not remembered: it is older than the window, or
 * its slice is full. Cost: about 45 ns, at most 500 moves. */
bool cuckoo_add(struct cuckoo *c, uint64_t hash, instant when);
/* Whether it was there; if not, it is added. */
bool cuckoo_see(struct cuckoo *c, uint64_t hash, instant when);
/* Take out one that was added at that instant; false when it is not there. Taking out
 * what was never added can take another's fingerprint. */
bool cuckoo_erase(struct cuckoo *c, uint64_t hash, instant when);

void cuckoo_clear(struct cuckoo *c);

/* Elements of all slices, elements that were not remembered, and the probability that
 * an element never added is found now. */
uint64_t cuckoo_count(const struct cuckoo *c);
uint64_t cuckoo_lost(const struct cuckoo *c);
double cuckoo_false_positives(const struct cuckoo *c);
/* Elements that one slice can hold for certain (95 % of its places). */
uint64_t cuckoo_capacity(const struct cuckoo *c);

/* All of it as one block for a snapshot, borrowed until the next change; and back, into
 * one made with the same arguments. A block of another shape is an error, and empties
 * it. */
struct slice cuckoo_bytes(const struct cuckoo *c);
/* What of it was changed. */
struct dirty *cuckoo_dirty(struct cuckoo *c);
int cuckoo_load(struct cuckoo *c, struct slice bytes, struct error *error);

#endif
