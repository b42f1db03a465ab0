/* SPDX-License-Identifier: MIT
 *
 * pair: a key and its value, appended to a map in one call.
 */
#ifndef BANNERPIPE_RECORD_PAIR_H
#define BANNERPIPE_RECORD_PAIR_H

#include <math.h>

#include "lib/record/build.h"

static inline void
pair_text(struct build *b, const char *name, const char *value)
{
	build_text(b, name);
	build_text(b, value);
}

static inline void
pair_int(struct build *b, const char *name, int64_t value)
{
	build_text(b, name);
	build_int(b, value);
}

static inline void
pair_double(struct build *b, const char *name, double value)
{
	build_text(b, name);
	build_double(b, value);
}

/* As build_number: counts of whole weights are integers. */
static inline void
pair_number(struct build *b, const char *name, double value)
{
	build_text(b, name);
	build_number(b, value);
}

/* A figure that is not finite, as it was defined by nothing, is left out. The number of
 * pairs that were appended. */
static inline unsigned
pair_figure(struct build *b, const char *name, double value)
{
	if (!isfinite(value))
		return 0;
	pair_double(b, name, value);
	return 1;
}

#endif
