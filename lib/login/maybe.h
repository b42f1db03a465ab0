/* SPDX-License-Identifier: MIT
 *
 * maybe: whether a key may have come within a window, in the nearest cache: bits by hash, of
 * this length of time and of the one before. Who came within the window is always found;
 * others now and then, too. Private to crowd.
 */
#ifndef BANNERPIPE_LOGIN_MAYBE_H
#define BANNERPIPE_LOGIN_MAYBE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/when.h"

enum { MAYBE_WORDS = 1024 };

/* Plain bytes, zeroed at first. */
struct maybe {
	int64_t length;                /* its number, in lengths since the epoch */
	uint64_t bits[2][MAYBE_WORDS]; /* of even and of odd lengths */
};

static inline void
maybe_add(struct maybe *r, struct span window, uint64_t key, instant when)
{
	int64_t length = when / window.us - (when % window.us < 0);
	uint64_t bit = hash_bucket(key, 64 * MAYBE_WORDS);

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
maybe_has(const struct maybe *r, uint64_t key)
{
	uint64_t bit = hash_bucket(key, 64 * MAYBE_WORDS);

	return ((r->bits[0][bit / 64] | r->bits[1][bit / 64]) >> bit % 64 & 1) != 0;
}

#endif
