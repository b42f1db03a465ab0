/* SPDX-License-Identifier: MIT
 *
 * offpolicy: what another policy would have earned on what a logged one has shown.
 *
 * Of each outcome are known p, the probability with which what was shown had been chosen;
 * pi, that with which the other policy would have chosen it; the reward r; and where there
 * is a model of rewards q, what it predicts for what was shown, and e, what it expects of
 * the other policy. With w = pi / p the estimators are
 *
 *	ips           mean of w r (Horvitz and Thompson, JASA 1952)
 *	snips         sum of w r / sum of w (Swaminathan and Joachims, NIPS 2015)
 *	clipped_ips   mean of min(w, M) r (Ionides, JCGS 2008)
 *	cressie_read  by empirical likelihood, with its own interval (cressie_read.h)
 *	replay        mean of r where both choose the same (Li et al., WSDM 2011)
 *	direct        mean of e
 *	dr            mean of e + w (r - q) (Dudik, Langford and Li, ICML 2011)
 *	sndr          mean of e, + sum of w (r - q) / sum of w
 *	switch_dr     mean of e + [w <= tau] w (r - q) (Wang, Agarwal and Dudik, ICML 2017)
 *	dros          mean of e + lambda w / (w^2 + lambda) (r - q) (Su et al., ICML 2020)
 *
 * All follow from sums that are linear in the weight v of an outcome: a negative one takes
 * back. The sums carry their rounding errors along (Neumaier, ZAMM 1974), so that what was
 * taken back leaves about 10^-30 of itself, and the order of outcomes does not matter to
 * any digit that is printed. Only the largest weight is held by classes of half an octave,
 * and remembers within a class what was taken back from it.
 *
 * A figure is not given when what it rests on says that it is worthless.
 */
#ifndef BANNERPIPE_TRIAL_OFFPOLICY_H
#define BANNERPIPE_TRIAL_OFFPOLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/trial.h"

/* A sum and the rounding error of it. */
struct sum {
	double high, low;
};

static inline void
sum_add(struct sum *s, double x)
{
	double total = s->high + x, part = total - s->high;

	s->low += (s->high - (total - part)) + (x - part);
	s->high = total;
}

static inline double
sum_value(const struct sum *s)
{
	return s->high + s->low;
}

/* What is summed, d = r - q; each times v. */
enum offpolicy_sum {
	OFFPOLICY_N,       /* 1 */
	OFFPOLICY_MISSING, /* outcomes without a usable p; they are in no other sum */
	OFFPOLICY_ZERO,    /* w = 0 */
	OFFPOLICY_CLIPPED, /* w > M */
	OFFPOLICY_OVER,    /* w > weight_max */
	OFFPOLICY_BEYOND,  /* r outside of 0 .. reward_max */
	OFFPOLICY_OUTSIDE, /* probability that the policy gives to what could not be shown */
	OFFPOLICY_MIXED,   /* 0 < pi < 1 */
	OFFPOLICY_UNEVEN,  /* p differs from 1 / number of candidates */
	OFFPOLICY_COUNTED, /* the number of candidates is known */
	OFFPOLICY_P,
	OFFPOLICY_P_P,
	OFFPOLICY_W,
	OFFPOLICY_W_W,
	OFFPOLICY_R,
	OFFPOLICY_R_R,
	OFFPOLICY_WR,
	OFFPOLICY_WR_W,
	OFFPOLICY_WR_WR,
	OFFPOLICY_CR, /* c = min(w, M) */
	OFFPOLICY_CR_CR,
	OFFPOLICY_MATCHED, /* pi = 1 */
	OFFPOLICY_MATCHED_R,
	OFFPOLICY_MATCHED_R_R,
	OFFPOLICY_SIMPLE, /* those before are of all outcomes, those after of modelled ones */
	OFFPOLICY_MODELLED = OFFPOLICY_SIMPLE,
	OFFPOLICY_MODEL_BEYOND, /* q or e outside of 0 .. reward_max */
	OFFPOLICY_E,
	OFFPOLICY_E_E,
	OFFPOLICY_E_W,
	OFFPOLICY_WD,
	OFFPOLICY_WD_W,
	OFFPOLICY_WD_WD,
	OFFPOLICY_WD_E,
	OFFPOLICY_SD, /* s = w where w <= tau, else 0 */
	OFFPOLICY_SD_SD,
	OFFPOLICY_SD_E,
	OFFPOLICY_OD, /* o = lambda w / (w^2 + lambda) */
	OFFPOLICY_OD_OD,
	OFFPOLICY_OD_E,
	OFFPOLICY_SUMS
};

/* The name of a sum in records, "wr_wr". */
const char *offpolicy_sum_name(enum offpolicy_sum sum);

enum { OFFPOLICY_CLASSES = 128 };

struct offpolicy {
	struct sum sums[OFFPOLICY_SUMS];
	/* Outcomes by w, in classes of half an octave from 2^-32 on, and the largest w. */
	struct {
		double n, largest;
	} classes[OFFPOLICY_CLASSES];
};

/* What is the same for all outcomes. */
struct offpolicy_rule {
	double clip, threshold, shrink; /* M, tau, lambda: > 0 */
	double reward_max; /* > 0: rewards are promised to lie in 0 .. this */
	double
	    weight_max; /* promised bound of w, also where nothing was shown; 0: none */
	double ess_min; /* the effective sample size that is enough */
	double share_max; /* of the sum of weights that one weight may carry, 0 .. 1 */
};

/* Bounds within which no sum can overflow. */
#define OFFPOLICY_W_MAX 1e9
#define OFFPOLICY_REWARD_MAX 1e15
#define OFFPOLICY_V_MAX 1e9

struct offpolicy_event {
	double v;                   /* |v| <= OFFPOLICY_V_MAX */
	double logged;              /* p, in (0, 1] */
	double target;              /* pi, in [0, 1]; pi / p <= OFFPOLICY_W_MAX */
	double reward;              /* |r| <= OFFPOLICY_REWARD_MAX, as are q and e */
	double predicted, expected; /* q, e */
	bool modelled;              /* they are known */
	double candidates;          /* how many there were; 0: unknown */
	double outside; /* probability that the policy gives to others, 0 .. 1 */
};

/* Cost: about 100 ns. */
void offpolicy_add(struct offpolicy *o, const struct offpolicy_rule *rule,
    const struct offpolicy_event *e);
/* An outcome whose p is unknown or wrong. */
void offpolicy_miss(struct offpolicy *o, double v);
void offpolicy_merge(struct offpolicy *to, const struct offpolicy *from);

enum offpolicy_estimator {
	OFFPOLICY_IPS,
	OFFPOLICY_SNIPS,
	OFFPOLICY_CLIPPED_IPS,
	OFFPOLICY_CRESSIE_READ,
	OFFPOLICY_REPLAY,
	OFFPOLICY_DIRECT,
	OFFPOLICY_DR,
	OFFPOLICY_SNDR,
	OFFPOLICY_SWITCH_DR,
	OFFPOLICY_DROS,
	OFFPOLICY_ESTIMATORS
};

const char *offpolicy_name(enum offpolicy_estimator estimator);

struct offpolicy_estimate {
	const char *reason; /* why there is no figure; NULL: there is one */
	double n;           /* outcomes that it rests on */
	double value, se;
	struct trial_interval interval; /* at 95 %, for who looks once */
	bool anytime;                   /* and one that holds at all times at once: */
	struct trial_interval always;
};

/* Intervals are normal, value -+ 1.96 se, but for cressie_read, and end where rewards do
 * when all of them were in 0 .. reward_max. An estimate that lies outside is no figure, nor
 * is one of what does not vary, such as rewards that are all 0. The variance is that of a sample (n - 1), of ratios by the delta method. */
struct offpolicy_estimate offpolicy_estimate(const struct offpolicy *o,
    const struct offpolicy_rule *rule, enum offpolicy_estimator estimator);
/* The same of what the log itself has earned. */
struct offpolicy_estimate offpolicy_logged(
    const struct offpolicy *o, const struct offpolicy_rule *rule);

/* What the weights say of themselves. */
struct offpolicy_diagnosis {
	double n, missing; /* outcomes */
	double ess;        /* (sum of w)^2 / sum of w^2 (Kish, Survey Sampling, 1965) */
	double mean_weight;   /* 1, if the log could show what the policy shows */
	double mean_weight_z; /* how many of its standard errors it is from that */
	double largest;       /* weight */
	double largest_share; /* of the sum of weights */
	double zero_share, clipped_share, outside; /* of n */
};

enum { OFFPOLICY_REASONS = 6 };

struct offpolicy_verdict {
	unsigned reasons; /* 0: the figures can be trusted */
	char text[OFFPOLICY_REASONS][160];
};

struct offpolicy_diagnosis offpolicy_diagnose(const struct offpolicy *o);
/* Whether the figures are worth anything: the mean weight is off 1 by more than 1 % and
 * more than 4 standard errors; the effective sample size is less than ess_min; one weight
 * carries more than share_max; more than 1 % of outcomes have no usable p; the policy gives
 * more than 1 % to what could not be shown; there are less than two outcomes. */
void offpolicy_judge(const struct offpolicy_diagnosis *d,
    const struct offpolicy_rule *rule, struct offpolicy_verdict *to);

#endif
