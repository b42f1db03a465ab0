/* SPDX-License-Identifier: MIT
 *
 * typical: what a customer spends, by the median of the last TYPICAL_MAX amounts and the
 * median of their distances from it (MAD), which a few large ones do not move. The amounts
 * lie sorted; those who know in which order they came say which one leaves.
 */
#ifndef BANNERPIPE_TRANSACTION_TYPICAL_H
#define BANNERPIPE_TRANSACTION_TYPICAL_H

#include <stdint.h>

enum { TYPICAL_MAX = 50 };

struct typical {
	uint32_t n;
	float sorted[TYPICAL_MAX];
};

/* n < TYPICAL_MAX: an assert. Cost: 20 ns. */
void typical_add(struct typical *t, float amount);
/* One that was added, else nothing happens. */
void typical_remove(struct typical *t, float amount);
/* Of an even number, the mean of the middle two; 0 of none. */
float typical_median(const struct typical *t);
/* Cost: 30 ns. */
float typical_deviation(const struct typical *t);

#endif
