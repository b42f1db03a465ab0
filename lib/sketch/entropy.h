/* SPDX-License-Identifier: MIT
 *
 * entropy: how evenly the events of a key are spread over values (user agents of an
 * address): H = -sum p ln p, in nats; exp(H) is the number of values that would do so if
 * all were as frequent.
 *
 * A cell of plain bytes (zero is an empty one) holds up to 32 values one by one: exact but
 * for collisions of 32-bit hashes. With more it becomes 32 registers, projections of the
 * counts by maximally skewed stable distributions (Clifford and Cosma, "A simple sketching
 * algorithm for entropy estimation over streaming data", AISTATS 2013): the mean error of H
 * is then 0.31 (sqrt(3 / 32)), whatever H is, which tells 5 user agents from 20, not from
 * 6.
 *
 * Both are linear: an amount of the opposite sign takes one back to the last bit, and cells
 * merge. Where a window is wanted, keep a cell for each slice of it and read their merger.
 */
#ifndef BANNERPIPE_SKETCH_ENTROPY_H
#define BANNERPIPE_SKETCH_ENTROPY_H

#include <stdbool.h>
#include <stdint.h>

enum { ENTROPY_VALUES = 32, ENTROPY_REGISTERS = 32 };

struct entropy {
	int64_t total;
	uint32_t used;  /* values one by one */
	uint32_t dense; /* 1: registers */
	union {
		struct {
			uint32_t tag[ENTROPY_VALUES];
			int32_t count[ENTROPY_VALUES];
		} few;
		int64_t projection[ENTROPY_REGISTERS]; /* in 2^-16 */
	};
};

/* Value: a uniform 64-bit hash (hash_keyed). Cost: 10 ns while few, 2 us after. Counts of
 * a value stay below 2^31 in size, the total at most 2^32; what does not fit changes nothing
 * and is false. */
bool entropy_add(struct entropy *e, uint64_t value, int32_t amount);
/* H in nats, at least 0; 0 when nothing is there. */
double entropy_read(const struct entropy *e);
/* Standard error of H: 0 while exact. */
double entropy_error(const struct entropy *e);
bool entropy_merge(struct entropy *into, const struct entropy *from);

#endif
