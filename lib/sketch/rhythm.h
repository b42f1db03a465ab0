/* SPDX-License-Identifier: MIT
 *
 * rhythm: are the events of a source too regular? People leave gaps of every length:
 * ln(gap) then has a standard deviation of 1.28 (pi / sqrt(6)) if they come at random, and
 * more if they come in bursts. A timer leaves none.
 *
 *	deviation    standard deviation of ln(gap), whatever the pace: 1.28 at random, 0 for
 *	             a timer, 0.4 J / T for one of period T that is up to J late
 *	correlation  of ln(gap) with that of the gap before: 0 at random. A timer that keeps
 *	             its phase makes up for a late event with the next gap: -0.5.
 *	phase        how much the events fall on the same phase of one of PERIODS usual
 *	             periods, from a second to a day: the length R of their mean vector on the
 *	             circle (Mardia and Jupp, "Directional statistics", 2000), of the period
 *	             where it is longest. At random n R^2 is above x once in e^x / PERIODS
 *	             (Rayleigh's test), so 16 is beyond doubt. A timer that skips events
 *	             shows here, but not in its gaps. Periods above twice the (geometric)
 *	             mean gap are left out: of one visit, all events have the same hour.
 *
 * All are sums over events and gaps, in fixed point: what was added with -1 is gone to the
 * last bit, and cells merge. An event is taken back with the gaps it was added with.
 */
#ifndef BANNERPIPE_SKETCH_RHYTHM_H
#define BANNERPIPE_SKETCH_RHYTHM_H

#include <stdint.h>

#include "lib/when.h"

/* 1 s, 5 s, 10 s, 15 s, 30 s, 1 min, 5 min, 10 min, 15 min, 30 min, 1 h, 1 d. */
enum { RHYTHM_PERIODS = 12 };

/* Plain bytes, zero is an empty one. Sums in 2^-20, modulo 2^64. */
struct rhythm {
	int64_t events, gaps, pairs;
	int64_t log, square;            /* of ln(gap / us), its square */
	int64_t first, second, product; /* of pairs of gaps that follow each other */
	int64_t first_square, second_square;
	int64_t x[RHYTHM_PERIODS], y[RHYTHM_PERIODS]; /* of unit vectors */
};

/* An event: the gap since the one before it and the gap before that, 0 or less where there
 * is none. amount +1, or -1 to take it back. Cost: 300 ns. */
void rhythm_add(struct rhythm *r, instant when, struct span gap, struct span before,
    int32_t amount);
void rhythm_merge(struct rhythm *into, const struct rhythm *from);

struct rhythm_answer {
	int64_t events, gaps;
	double deviation;   /* of ln(gap); infinite below two gaps */
	double correlation; /* 0 below three pairs or without deviation */
	double phase;       /* R, 0..1; 0 when all periods are left out */
	struct span period; /* where it is longest; 0 for none */
	double rayleigh;    /* n R^2 */
};

struct rhythm_answer rhythm_read(const struct rhythm *r);

#endif
