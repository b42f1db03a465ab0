/* SPDX-License-Identifier: MIT
 *
 * strange: how unusual what was measured of a click or a purchase is among those of the
 * last while, for what no rule names: half-space trees with a gate (lib/sketch/halfspace.h),
 * in windows of 5,000, over logarithms of eight signals.
 *
 * With s, the mass where it lies for the mean mass, it is 1 / (1 + s): 1/2 is as usual as
 * most, 1 is alone.
 */
#ifndef BANNERPIPE_FRAUD_STRANGE_H
#define BANNERPIPE_FRAUD_STRANGE_H

#include "lib/fraud/signal.h"
#include "lib/state/block.h"

struct strange;

/* The deepest trees of 8 to 12 levels that fit. NULL: there is no memory, or it is too
 * little. */
struct strange *strange_new(uint64_t memory_bytes, uint64_t seed);
void strange_free(struct strange *s);

/* What it looks at, as bits: sets, those counted for that, and signals that are no counts
 * of sets. */
uint32_t strange_sets(void);
uint32_t strange_counted(void);
uint32_t strange_own(void);
/* Measure, and learn, a look at these. NaN in the first window. Cost: 1.2 us. */
float strange_measure(struct strange *s, const struct look *look);

void strange_save(struct strange *s, struct state_writer *to);
int strange_load(struct strange *s, struct state_reader *from, struct error *error);

#endif
