/* SPDX-License-Identifier: MIT
 *
 * ratio: how much less usual a value is for its user than for anybody,
 *
 *	p(x) / p(x | user, legitimate)
 *
 * by counts, with back-off from fine to coarse (Freeman, Jain, Duermuth, Biggio and
 * Giacinto, "Who Are You? A Statistical Approach to Measuring User Authenticity", NDSS
 * 2016).
 *
 * Smoothing is the paper's: of N logins, c with this value, and M values not seen, the value
 * has c / (N + M), and M / (N + M) is left for those not seen. Here that rest goes to the
 * coarser level (from which p(x) is as it is for anybody), and M is the number of different
 * values seen (Witten and Bell, IEEE Trans. Information Theory 37, 1991): who always comes
 * from elsewhere may come from elsewhere. So
 *
 *	lift_i = (c_i / p_i + M_i lift_{i+1}) / (N_i + M_i),   lift = 1 behind the coarsest
 *
 * where lift_i is p(x_i | user) / p(x_i), and the ratio is 1 / lift_0. The coarser level
 * answers for values that were new at the finer one, so only those logins count there that
 * were the first with their value at each finer level (Kneser and Ney, ICASSP 1995): N_1 is
 * how often the user was at a new address. M counts those that were the first at their own.
 *
 * Where nothing of x was seen of the user, p(x) is in it nowhere: what is rare with all is
 * then no more suspicious than what is common.
 */
#ifndef BANNERPIPE_LOGIN_RATIO_H
#define BANNERPIPE_LOGIN_RATIO_H

#include <stdint.h>

struct ratio_level {
	uint32_t seen;  /* c: with this value; <= of */
	uint32_t of;    /* N; 0: the level is not known, and left out */
	uint32_t kinds; /* M; at least 1 */
	double p; /* share of all logins with this value; (0, 1], unused if !seen */
};

/* p(x | user) / p(x) by levels, from fine to coarse; positive. */
double ratio_lift(const struct ratio_level *levels, unsigned n);

#endif
