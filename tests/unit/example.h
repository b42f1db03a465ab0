/* SPDX-License-Identifier: MIT
 *
 * example: features in storage of their own, and labels, for tests of the model. Include
 * after cmocka.h.
 */
#ifndef BANNERPIPE_TESTS_UNIT_EXAMPLE_H
#define BANNERPIPE_TESTS_UNIT_EXAMPLE_H

#include <math.h>
#include <string.h>

#include "lib/model/model.h"

struct example {
	uint8_t keys[8 * 64], values[4 * 64];
	struct features features;
	struct model_example labels;
};

static inline void
example_begin(struct example *e, bool values, double weight)
{
	e->features.keys = slice_of(e->keys, 0);
	e->features.values = values ? slice_of(e->values, 0) : (struct slice){ 0 };
	memset(&e->labels, 0, sizeof e->labels);
	e->labels.weight = weight;
	e->labels.elapsed = -1;
}

static inline void
example_add(struct example *e, uint64_t key, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof bits);
	bytes_store_le64(e->keys + e->features.keys.size, key);
	e->features.keys.size += 8;
	if (e->features.values.at == NULL)
		return;
	bytes_store_le32(e->values + e->features.values.size, bits);
	e->features.values.size += 4;
}

static inline void
example_label(struct example *e, enum model_target target, double label, double weight)
{
	e->labels.target[target].known = true;
	e->labels.target[target].label = label;
	e->labels.target[target].weight = weight;
}

static inline void
near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
}

#endif
