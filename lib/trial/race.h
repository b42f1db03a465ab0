/* SPDX-License-Identifier: MIT
 *
 * race: whether a challenger predicts better than the champion does, a question that may be
 * asked after every example without misleading anybody.
 *
 * An example tells d, the log loss of the champion's probability less that of the
 * challenger's, in nats. So that no example can tell too much, two that are more than
 * RACE_REACH apart in log-odds count as two that are just so far apart, around the same
 * middle: probabilities still, judged by a proper score, with |d| <= RACE_REACH, and the one
 * treated like the other. The question is whether
 *
 *	E[d | all before] <= 0	at every example (then it is no better).
 *
 * A gambler who stakes the share l of his fortune on d has the fortune
 *
 *	product of (1 + l d / RACE_REACH)
 *
 * which under that hypothesis is a supermartingale (Waudby-Smith and Ramdas, JRSS B 2023, on
 * betting; Choe and Ramdas, Operations Research 2023, on comparing forecasters). So is the
 * mean over RACE_BETS shares l = 1/2, 1/4, ..., which spares us to know the best one, and
 * the sum over gamblers who begin every RACE_STRETCH examples, the j-th with the fortune
 * 1 / ((j+1) (j+2)): of a challenger that has learned late, or was right only since
 * the world has changed, the past must not count for ever. All together have 1 at most on
 * average, an e-value: by Ville's inequality it is at any time at all 1/alpha or more with
 * probability alpha at most. Of gamblers only RACE_STARTS are kept; the poorest goes home.
 *
 * Whether it is worse is asked in the same way of -d.
 */
#ifndef BANNERPIPE_TRIAL_RACE_H
#define BANNERPIPE_TRIAL_RACE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/state.h"

enum { RACE_BETS = 8, RACE_STARTS = 8, RACE_STRETCH = 4096 };

#define RACE_REACH 2.0

/* All who bet on one side. */
struct race_side {
	double fortune[RACE_STARTS][RACE_BETS]; /* 0: nobody */
	/* What d was in sum since each began, of the probabilities as they are. */
	double sum[RACE_STARTS];
};

/* Plain data; race_init before the first example. */
struct race {
	struct race_side better, worse;
	uint64_t examples;
	double weight_most; /* of an example so far */
	/* Of what was bet on, d and weights relative to weight_most by then. */
	double n, d, dd;
	double
	    loss[2]; /* sums of weight times loss: the champion's, the challenger's */
	double weight;
};

void race_init(struct race *r);

/* What became of two predictions, both in (0, 1), made before the label in [0, 1] was known.
 * A weight multiplies d. It counts up to the largest one that came before, in units of that,
 * so that stakes are known beforehand; the first example only gives the unit. Weights that are
 * not positive are left out: no bet can be taken back. Cost: about 0.1 us. */
void race_add(
    struct race *r, double champion, double challenger, double label, double weight);

/* The e-value against "it is no better". */
double race_better(const struct race *r);
/* The e-value against "it is no worse". */
double race_worse(const struct race *r);

/* Whether it is better at level alpha, in (0, 1), and has the lower loss, too, by its
 * predictions as they are since the richest gambler began. */
bool race_is_won(const struct race *r, double alpha);
bool race_is_lost(const struct race *r, double alpha);

/* What the race has come to. NaN where nothing was seen. */
struct race_figures {
	double n;        /* sum of weights */
	double estimate; /* mean of d, of the predictions as they are */
	double se;
	/* A confidence sequence of the mean of d within the reach (lib/trial/confidence.h):
	 * it holds at all times at once with probability 1 - alpha. */
	double low, high;
};

/* Cost: about 40 us. */
struct race_figures race_figures(const struct race *r, double alpha);

void race_save(const struct race *r, struct state_writer *to);
/* -1 when the body is too short or holds no race. */
int race_load(struct race *r, struct state_reader *from);

#endif
