/* SPDX-License-Identifier: MIT
 *
 * counts: a model that only counts: for each feature how often it was there, and what came of
 * it. They are whole numbers, so that what is added and taken out again, in whatever order,
 * leaves no trace: a model that was made to forget is the same, to the bit, as one that was
 * never taught.
 *
 * A feature is an arm with a Beta posterior. Of an example with several features the one that
 * was seen least is the most specific one, and the others say what to expect of it: from the
 * one that was seen most to the one that was seen least
 *
 *	m_0 = the base rate,  m_i = (a_i + successes) / (a_i + b_i + trials)
 *
 * where Beta(a_i, b_i), the prior of the i-th, has the mean m_(i-1) and is worth `prior`
 * successes (of rates above one half: failures): a = prior, b = prior (1 - m) / m. The
 * posterior of the last is what is said. With one feature it is that of a Bernoulli arm;
 * with a banner and a banner in a slot it is the banner there, who begins as the banner
 * does everywhere. A sum of log-odds, as naive Bayes has it, would count twice what such
 * features have in common. Sources: Thompson, Biometrika 1933; of the back-off MacKay and
 * Peto, Natural Language Engineering 1995.
 *
 * Of amounts: trials and their sum; the mean is that of a gamma posterior of the rate of an
 * exponential distribution, whose prior is worth `prior` amounts.
 */
#ifndef BANNERPIPE_MODEL_COUNTS_H
#define BANNERPIPE_MODEL_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/likelihood.h"

/* In units of 2^-20, amounts in whole numbers; past 8e12 trials they run over, and back. */
#define COUNTS_UNIT 0x1p-20

struct counts {
	int64_t trials, successes;
};

/* An example of that label, which may be taken back: weight < 0. |weight| <= 1e6. */
void counts_add(
    struct counts *c, enum likelihood likelihood, double label, double weight);
void counts_merge(struct counts *to, const struct counts *from);
double counts_trials(const struct counts *c);
double counts_successes(const struct counts *c, enum likelihood likelihood);

/* A posterior: Beta(a, b); of amounts, a of them that add up to b. */
struct counts_arm {
	double a, b;
};

/* Counts that another process may change; none: nothing was seen. */
struct counts counts_read(const struct counts *c);
/* That of an example: the counts of its n features, which come back sorted; n may be 0. `base`
 * is the base rate, in (0, 1), or the mean amount. Cost: 5 ns a feature. */
struct counts_arm counts_arm(struct counts *counts, unsigned n,
    enum likelihood likelihood, double base, double prior);
/* The mean, its standard deviation; mean and variance of its link (beta.h). */
struct counts_said {
	double mean, sd, z, variance;
};
struct counts_said counts_say(struct counts_arm arm, enum likelihood likelihood);

#endif
