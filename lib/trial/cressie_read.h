/* SPDX-License-Identifier: MIT
 *
 * cressie_read: the value of a policy by empirical likelihood, which knows that importance
 * weights have mean 1 (Karampatziakis, Langford and Mineiro, "Empirical likelihood for
 * contextual bandits", NeurIPS 2020), with the power divergence of Cressie and Read (JRSS B
 * 1984) at -2, for which sums are enough.
 *
 * Beside the n outcomes stands one that was not seen, of weight 0 or the largest possible.
 * The likelihoods q_i = (1 + u_i) / (n + 1) of the n + 1 have sum q = 1 and sum q w = 1; the
 * estimate is that of the smallest sum u^2, and the interval holds what is possible within
 * a sum u^2 that is larger by the squared quantile of Student's t.
 */
#ifndef BANNERPIPE_TRIAL_CRESSIE_READ_H
#define BANNERPIPE_TRIAL_CRESSIE_READ_H

#include <stdbool.h>

#include "lib/trial.h"

/* Sums over outcomes of weight w and reward r, 0 <= r <= 1. */
struct cressie_read {
	double n, w, ww, wr, wwr, wwrr, r;
	double w_max; /* no weight can be larger; INFINITY when unknown */
};

enum { CRESSIE_READ_MIN = 30 }; /* outcomes */

/* The value and its 95 % interval within 0 .. 1, and the standard error of w r with the
 * weights as a control variate, which it tends to. False with fewer outcomes than
 * CRESSIE_READ_MIN, or when all weights are the same as w_max. */
bool cressie_read_value(
    const struct cressie_read *l, double *value, double *se, struct trial_interval *to);

#endif
