/* SPDX-License-Identifier: MIT
 *
 * feature_key: how a feature is called in records: a 64-bit key, its namespace in the top
 * 16 bits (what FFM calls the field) and a hash of what it is below. Whoever makes keys
 * makes them here, so that `creative = field creative_id` of bp-feature(1) and the text
 * "|creative red" of bp-parse(1) mean the same weight.
 */
#ifndef BANNERPIPE_RECORD_FEATURE_KEY_H
#define BANNERPIPE_RECORD_FEATURE_KEY_H

#include <stdint.h>

#include "lib/hash.h"

enum { FEATURES_MAX = 8192 }; /* of one example: what a bin of 64 KiB holds */

/* |value| and |weight of an example| are at most this; beyond it a square would leave
 * the range of the accumulators. */
#define FEATURES_VALUE_MAX 1e6

/* The namespace of that name: the top 16 bits; the others are 0. */
static inline uint64_t
feature_space(struct slice name)
{
	return hash_bytes(name, 0) & UINT64_C(0xffff) << 48;
}

/* The key in the namespace of what has this hash (of a text: hash_bytes, seed 0). */
static inline uint64_t
feature_key(uint64_t space, uint64_t hash)
{
	return space | hash_pair(space, hash) >> 16;
}

#endif
