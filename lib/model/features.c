/* SPDX-License-Identifier: MIT */
#include "lib/model/features.h"

#include <math.h>

const char *
features_fault_text(enum features_fault fault)
{
	switch (fault) {
	case FEATURES_FINE:
		return "no fault";
	case FEATURES_KEYS:
		return "features are no whole number of 8-byte keys";
	case FEATURES_VALUES:
		return "feature_values are not one 4-byte float for each key";
	case FEATURES_MANY:
		return "more than 8192 features";
	case FEATURES_VALUE:
		return "a feature value is not finite or beyond 1e6";
	case FEATURES_LABEL:
		return "the label is not a number from 0 to 1";
	case FEATURES_WEIGHT:
		return "the weight is not finite or beyond 1e6";
	}
	return "unknown fault";
}

static inline float
value_at_index(const struct features *f, unsigned i)
{
	uint32_t bits = bytes_load_le32(f->values.at + 4 * (size_t)i);
	float value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

enum features_fault
features_check(const struct features *f)
{
	unsigned n = features_count(f), bad = 0;

	if (f->keys.size % 8 != 0)
		return FEATURES_KEYS;
	if (f->keys.size / 8 > FEATURES_MAX)
		return FEATURES_MANY;
	if (f->values.at == NULL)
		return FEATURES_FINE;
	if (f->values.size != 4 * (size_t)n)
		return FEATURES_VALUES;
	for (unsigned i = 0; i < n; i++)
		bad |= !(fabsf(value_at_index(f, i)) <= (float)FEATURES_VALUE_MAX);
	return bad ? FEATURES_VALUE : FEATURES_FINE;
}

const float *
features_values(const struct features *f, float *to)
{
	unsigned n = features_count(f);

	if (f->values.at == NULL)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		to[i] = value_at_index(f, i);
	return to;
}
