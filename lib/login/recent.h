/* SPDX-License-Identifier: MIT
 *
 * recent: whether a key may have come within a window, in the nearest cache: bits by hash, of
 * this length of time and of the one before. Who came within the window is always found;
 * others now and then, too. Private to crowd.
 */
#ifndef BANNERPIPE_LOGIN_RECENT_H
#define BANNERPIPE_LOGIN_RECENT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/when.h"

enum { RECENT_WORDS = 1024 };

/* Plain bytes, zeroed at first. */
struct recent {
	int64_t length;                 /* its number, in lengths since the epoch */
	uint64_t bits[2][RECENT_WORDS]; /* of even and of odd lengths */
};

static inline void
recent_add(struct recent *r, struct span window, uint64_t key, instant when)
{
	int64_t length = when / window.us - (when % window.us < 0);
	uint64_t bit = hash_bucket(key, 64 * RECENT_WORDS);

	if (length > r->length) {
		memset(r->bits[length & 1], 0, sizeof r->bits[0]);
		if (length > r->length + 1)
			memset(r->bits[~length & 1], 0, sizeof r->bits[0]);
		r->length = length;
	}
	/* What is late counts as of now: it is found for longer. */
	r->bits[r->length & 1][bit / 64] |= UINT64_C(1) << bit % 64;
}

static inline bool
recent_has(const struct recent *r, uint64_t key)
{
	uint64_t bit = hash_bucket(key, 64 * RECENT_WORDS);

	return ((r->bits[0][bit / 64] | r->bits[1][bit / 64]) >> bit % 64 & 1) != 0;
}

#endif
