/* SPDX-License-Identifier: MIT
 *
 * measure: the extent of one msgpack value from its first bytes; shared by the scanner,
 * which does not trust them, and value, which does. Private to record.
 */
#ifndef BANNERPIPE_RECORD_MEASURE_H
#define BANNERPIPE_RECORD_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"

/* What the first byte of a value tells. */
enum measure_class {
	MEASURE_FIXED, /* size is the whole value */
	MEASURE_SIZED, /* a length of `head` bytes follows: str, bin, ext (plus its
			  type) */
	MEASURE_ARRAY, /* children follow; their number is in the first byte or in
			  `head` */
	MEASURE_MAP,
	MEASURE_NEVER, /* 0xc1 */
};

struct measure {
	uint8_t class; /* enum measure_class */
	uint8_t
	    size; /* FIXED: of the value; others: of the header, type byte included */
	uint8_t head; /* bytes of the length or count field after the first byte */
};

extern const struct measure measure_table[256];

/* The length or count field of `head` bytes at `at`. */
static inline uint32_t
measure_field(const uint8_t *at, unsigned head)
{
	switch (head) {
	case 1:
		return at[0];
	case 2:
		return bytes_load_be16(at);
	default:
		return bytes_load_be32(at);
	}
}

/* The children of a container, whose header is readable. */
static inline uint32_t
measure_count(const uint8_t *at, const struct measure *m)
{
	return m->head == 0 ? at[0] & 15u : measure_field(at + 1, m->head);
}

#endif
