/* SPDX-License-Identifier: MIT
 *
 * heavy: the most frequent keys of a stream: a Count-Min sketch for the counts, and beside
 * it the keys that had the largest of their set when they last came (the scheme of Charikar,
 * Chen and Farach-Colton, "Finding frequent items in data streams", ICALP 2002, with sets
 * of eight in place of a heap, so that an event costs the same whatever is kept).
 *
 * Space-Saving (Metwally, Agrawal and El Abbadi, ICDT 2005) would need less memory for the
 * same answer, but its counts cannot be taken back: an event that takes the place of
 * another's counter inherits it. Here an amount of the opposite sign undoes one exactly.
 * What is taken back from others brings up a key only when it comes again, if it was not
 * kept before.
 *
 * Of the k most frequent all are kept unless more than eight of them share one of 2 k sets:
 * for k = 100, once in 10^7.
 */
#ifndef BANNERPIPE_SKETCH_HEAVY_H
#define BANNERPIPE_SKETCH_HEAVY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/sketch/countmin.h"

struct heavy;

/* The k most frequent, counted within the bounds of the sketch. NULL when there is no
 * memory: 256 k bytes beside the sketch. Owned by the caller. */
struct heavy *heavy_new(size_t k, struct countmin_shape shape);
void heavy_free(struct heavy *h);

/* Cost: that of the sketch and two cache lines. */
void heavy_add(struct heavy *h, uint64_t key, int64_t amount);

struct heavy_key {
	uint64_t key;
	int64_t count; /* at least the truth; above it as the sketch says */
};

/* Write the most frequent, of positive count, to `to`, which has room for k, the largest
 * first, equals by key; returns how many. Cost: a look at all that is kept. */
size_t heavy_list(const struct heavy *h, struct heavy_key *to);
/* The sketch, for its total, its bound, and its counts of any key. */
const struct countmin *heavy_counts(const struct heavy *h);

/* Both must have been made with the same arguments. */
void heavy_merge(struct heavy *into, const struct heavy *from);

/* The kept keys as one block for a snapshot, beside that of the sketch. Loading takes both
 * and counts anew; a key that lies in no set of its own is an error. */
struct slice heavy_bytes(const struct heavy *h);
int heavy_load(
    struct heavy *h, struct slice sketch, struct slice keys, struct error *error);

#endif
