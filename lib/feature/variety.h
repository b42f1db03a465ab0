/* SPDX-License-Identifier: MIT
 *
 * variety: how many different values there were within a sliding window, in a cell of
 * 400 bytes: exactly, and so that each can be taken back, while they are at most
 * VARIETY_FEW; of more an estimate to 13 %, a HyperLogLog for each sixth of the window
 * (lib/sketch/distinct.h), from which nothing is taken back. It is exact again when the
 * window has passed.
 */
#ifndef BANNERPIPE_FEATURE_VARIETY_H
#define BANNERPIPE_FEATURE_VARIETY_H

#include "lib/sketch/distinct.h"

enum {
	VARIETY_FEW = 16,
	VARIETY_SLICES = 6,
	VARIETY_PRECISION = 6,      /* 64 bytes a sketch */
	VARIETY_OFTEN = UINT16_MAX, /* in a sixth; what came as often stays there */
};

/* One value, and how often it came in each sixth. */
struct variety_value {
	uint64_t hash;
	uint16_t n[VARIETY_SLICES];
};

/* Plain bytes, zero at first, aligned to 8. */
struct variety {
	uint32_t values; /* of few */
	uint32_t many;   /* 1: `sketch` is in use */
	union {
		struct {
			uint64_t newest; /* slice (lib/window/ring.h); 0: empty */
			struct variety_value value[VARIETY_FEW];
		} few;
		uint8_t sketch[8 + (VARIETY_SLICES << VARIETY_PRECISION)];
	};
};

/* A value, by a uniform hash, came at an instant (sign 1), or is taken back (-1), which
 * there is nothing to be done about when it is not there. False, and nothing changed, when
 * the instant lies before the window. */
bool variety_add(
    struct variety *v, struct span length, instant when, uint64_t hash, int sign);
/* Whether values can be taken back. */
static inline bool
variety_is_exact(const struct variety *v)
{
	return v->many == 0;
}
double variety_count(const struct variety *v, struct span length, instant when);

#endif
