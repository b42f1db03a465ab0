/* SPDX-License-Identifier: MIT
 *
 * confidence: bounds of a mean that hold at all times at once: whoever looks after each
 * record, and stops when the bound pleases, is misled with probability alpha at most.
 *
 * For x >= 0 of mean m <= 1 and 0 <= l < 1,
 *
 *	E_l(m) = exp(l sum(x - m) - psi(l) sum (x - m)^2),  psi(l) = -log(1 - l) - l,
 *
 * is a supermartingale that starts at 1 (Fan, Grama and Liu, EJP 2015, as x - m >= -1),
 * and so is its mean over a grid of l, l = 2^(-k/2 - 1) with weight 1 / ((k+1) (k+2)).
 * By Ville's inequality it reaches 1/alpha with probability alpha at most; the bound is the
 * smallest m at which it has not. This is the empirical Bernstein boundary of Howard,
 * Ramdas, McAuliffe and Sekhon (Annals of Statistics 2021) as a discrete mixture, centred
 * at m rather than at a running mean: so it depends on three sums only, whatever the order
 * they came in, and what is subtracted from them is as if it had never come. Nothing
 * bounds x from above, which is what importance weights need (Waudby-Smith, Wu, Ramdas,
 * Karampatziakis and Mineiro, arXiv 2210.10768).
 */
#ifndef BANNERPIPE_TRIAL_CONFIDENCE_H
#define BANNERPIPE_TRIAL_CONFIDENCE_H

#include <stdbool.h>

/* n observations x >= 0, their sum and that of their squares. An observation may have a
 * weight in [0, 1]. */
struct confidence_sums {
	double n, x, xx;
};

/* The lower bound of a mean that is known to lie in [0, 1]; 0 when nothing is known. alpha
 * is in (0, 1). Cost: about 20 us. */
double confidence_lower(const struct confidence_sums *s, double alpha);

/* Whether that bound is above a mean in [0, 1], cheaper: about 0.5 us. */
bool confidence_excludes(const struct confidence_sums *s, double mean, double alpha);

#endif
