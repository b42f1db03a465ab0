/* SPDX-License-Identifier: MIT
 *
 * features: the sparse vector of one example, as records carry it: 64-bit keys (the
 * namespace in the top 16 bits, a hash below) and a float32 value for each, or all 1.
 */
#ifndef BANNERPIPE_MODEL_FEATURES_H
#define BANNERPIPE_MODEL_FEATURES_H

#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/slice.h"
#include "lib/record/feature_key.h"

/* Both borrowed, of any alignment: n little-endian uint64, and n little-endian float32
 * or absent (at == NULL). */
struct features {
	struct slice keys, values;
};

/* What is wrong with an example; the model has not moved. */
enum features_fault {
	FEATURES_FINE,
	FEATURES_KEYS,   /* the keys are no whole number of uint64 */
	FEATURES_VALUES, /* not one value for each key */
	FEATURES_MANY,   /* more than FEATURES_MAX */
	FEATURES_VALUE,  /* a value that is NaN, infinite or too large */
	FEATURES_LABEL,  /* a label that is not in [0, 1] */
	FEATURES_WEIGHT, /* a weight that is NaN, infinite or too large */
};

/* A constant text for a reject: "a feature value is not finite". */
const char *features_fault_text(enum features_fault fault);

static inline unsigned
features_count(const struct features *f)
{
	return (unsigned)(f->keys.size / 8);
}

static inline uint64_t
features_key(const struct features *f, unsigned i)
{
	return bytes_load_le64(f->keys.at + 8 * (size_t)i);
}

/* Shape and values. Cost: nothing without values, else about 0.3 ns a value. */
enum features_fault features_check(const struct features *f);

/* Copy the checked values to to[FEATURES_MAX]; returns `to`, or NULL when all are 1. */
const float *features_values(const struct features *f, float *to);

#endif
