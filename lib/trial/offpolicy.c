/* SPDX-License-Identifier: MIT */
#include "lib/trial/offpolicy.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/trial/confidence.h"
#include "lib/trial/cressie_read.h"

#define ALPHA 0.05
#define Z_MAX 4.0
#define OFF_MAX 0.01 /* of the mean weight from 1, and shares that are tolerable */
#define EVEN 1e-6    /* rounding of logged probabilities */
#define SAME 1e-7    /* a deviation, relative to the mean, that is rounding */

static const char *const sum_names[OFFPOLICY_SUMS] = { "n", "missing", "zero",
	"clipped", "over", "beyond", "outside", "mixed", "uneven", "counted", "p",
	"p_p", "w", "w_w", "r", "r_r", "wr", "wr_w", "wr_wr", "cr", "cr_cr", "matched",
	"matched_r", "matched_r_r", "modelled", "model_beyond", "e", "e_e", "e_w", "wd",
	"wd_w", "wd_wd", "wd_e", "sd", "sd_sd", "sd_e", "od", "od_od", "od_e" };

const char *
offpolicy_sum_name(enum offpolicy_sum sum)
{
	return sum_names[sum];
}

const char *
offpolicy_name(enum offpolicy_estimator estimator)
{
	static const char *const names[] = { "ips", "snips", "clipped_ips",
		"cressie_read", "replay", "direct", "dr", "sndr", "switch_dr", "dros" };

	return names[estimator];
}

static double
total(const struct offpolicy *o, enum offpolicy_sum sum)
{
	return sum_value(&o->sums[sum]);
}

/* --- Adding --------------------------------------------------------------------- */

/* The exponent and the first bit after it make the class. */
static void
add_class(struct offpolicy *o, double w, double v)
{
	int exponent, class;

	if (w <= 0)
		return;
	class = frexp(w, &exponent) >= 0x1.6a09e667f3bcdp-1;
	class += 2 * (exponent + 32);
	class = class < 0               ? 0
	    : class < OFFPOLICY_CLASSES ? class
					: OFFPOLICY_CLASSES - 1;
	o->classes[class].n += v;
	if (w > o->classes[class].largest)
		o->classes[class].largest = w;
	if (o->classes[class].n == 0)
		o->classes[class].largest = 0;
}

static void
add_model(struct sum *s, const struct offpolicy_rule *rule,
    const struct offpolicy_event *e, double w)
{
	double v = e->v, d = e->reward - e->predicted, max = rule->reward_max;
	double wd = w * d, sd = w <= rule->threshold ? wd : 0;
	double od = rule->shrink * w / (w * w + rule->shrink) * d;

	sum_add(&s[OFFPOLICY_MODELLED], v);
	if (e->predicted < 0 || e->predicted > max || e->expected < 0 ||
	    e->expected > max)
		sum_add(&s[OFFPOLICY_MODEL_BEYOND], v);
	sum_add(&s[OFFPOLICY_E], v * e->expected);
	sum_add(&s[OFFPOLICY_E_E], v * e->expected * e->expected);
	sum_add(&s[OFFPOLICY_E_W], v * e->expected * w);
	sum_add(&s[OFFPOLICY_WD], v * wd);
	sum_add(&s[OFFPOLICY_WD_W], v * wd * w);
	sum_add(&s[OFFPOLICY_WD_WD], v * wd * wd);
	sum_add(&s[OFFPOLICY_WD_E], v * wd * e->expected);
	sum_add(&s[OFFPOLICY_SD], v * sd);
	sum_add(&s[OFFPOLICY_SD_SD], v * sd * sd);
	sum_add(&s[OFFPOLICY_SD_E], v * sd * e->expected);
	sum_add(&s[OFFPOLICY_OD], v * od);
	sum_add(&s[OFFPOLICY_OD_OD], v * od * od);
	sum_add(&s[OFFPOLICY_OD_E], v * od * e->expected);
}

/* What is seldom: counted apart. */
static void
add_flags(struct sum *s, const struct offpolicy_rule *rule,
    const struct offpolicy_event *e, double w)
{
	double v = e->v;

	if (w == 0)
		sum_add(&s[OFFPOLICY_ZERO], v);
	if (w > rule->clip)
		sum_add(&s[OFFPOLICY_CLIPPED], v);
	if (rule->weight_max > 0 && w > rule->weight_max)
		sum_add(&s[OFFPOLICY_OVER], v);
	if (e->reward < 0 || e->reward > rule->reward_max)
		sum_add(&s[OFFPOLICY_BEYOND], v);
	if (e->outside > 0)
		sum_add(&s[OFFPOLICY_OUTSIDE], v * e->outside);
	if (e->target > 0 && e->target < 1)
		sum_add(&s[OFFPOLICY_MIXED], v);
	if (e->candidates > 0) {
		sum_add(&s[OFFPOLICY_COUNTED], v);
		if (fabs(e->logged * e->candidates - 1) > EVEN)
			sum_add(&s[OFFPOLICY_UNEVEN], v);
	}
	if (e->target == 1) {
		sum_add(&s[OFFPOLICY_MATCHED], v);
		sum_add(&s[OFFPOLICY_MATCHED_R], v * e->reward);
		sum_add(&s[OFFPOLICY_MATCHED_R_R], v * e->reward * e->reward);
	}
}

void
offpolicy_add(struct offpolicy *o, const struct offpolicy_rule *rule,
    const struct offpolicy_event *e)
{
	double v = e->v, r = e->reward, w = e->target / e->logged, wr = w * r;
	double cr = fmin(w, rule->clip) * r;
	struct sum *s = o->sums;

	sum_add(&s[OFFPOLICY_N], v);
	sum_add(&s[OFFPOLICY_P], v * e->logged);
	sum_add(&s[OFFPOLICY_P_P], v * e->logged * e->logged);
	sum_add(&s[OFFPOLICY_W], v * w);
	sum_add(&s[OFFPOLICY_W_W], v * w * w);
	if (r != 0) {
		sum_add(&s[OFFPOLICY_R], v * r);
		sum_add(&s[OFFPOLICY_R_R], v * r * r);
		sum_add(&s[OFFPOLICY_WR], v * wr);
		sum_add(&s[OFFPOLICY_WR_W], v * wr * w);
		sum_add(&s[OFFPOLICY_WR_WR], v * wr * wr);
		sum_add(&s[OFFPOLICY_CR], v * cr);
		sum_add(&s[OFFPOLICY_CR_CR], v * cr * cr);
	}
	add_class(o, w, v);
	add_flags(s, rule, e, w);
	if (e->modelled)
		add_model(s, rule, e, w);
}

void
offpolicy_miss(struct offpolicy *o, double v)
{
	sum_add(&o->sums[OFFPOLICY_MISSING], v);
}

void
offpolicy_merge(struct offpolicy *to, const struct offpolicy *from)
{
	for (unsigned i = 0; i < OFFPOLICY_SUMS; i++) {
		sum_add(&to->sums[i], from->sums[i].high);
		sum_add(&to->sums[i], from->sums[i].low);
	}
	for (unsigned i = 0; i < OFFPOLICY_CLASSES; i++) {
		to->classes[i].n += from->classes[i].n;
		to->classes[i].largest =
		    fmax(to->classes[i].largest, from->classes[i].largest);
	}
}

/* --- Estimates ------------------------------------------------------------------ */

static struct offpolicy_estimate
none(const char *reason, double n)
{
	return (struct offpolicy_estimate){ .reason = reason, .n = n };
}

static void
around(struct offpolicy_estimate *e)
{
	e->interval.low = e->value - TRIAL_Z95 * e->se;
	e->interval.high = e->value + TRIAL_Z95 * e->se;
}

/* Of n values, from their sum and that of their squares. */
static struct offpolicy_estimate
mean_of(double n, double x, double xx)
{
	struct offpolicy_estimate e = { .n = n };

	if (!(n >= 2))
		return none("less than two outcomes", n);
	e.value = x / n;
	e.se = sqrt(fmax(xx - x * e.value, 0) / (n - 1) / n);
	around(&e);
	return e;
}

/* y / x, x being a mean of weights or matches. */
static struct offpolicy_estimate
ratio_of(const struct trial_sums *s)
{
	struct offpolicy_estimate e = { .n = s->n };

	if (!trial_ratio(s, TRIAL_Z95, &e.value, &e.interval))
		return none("nothing that the policy does was shown", s->n);
	e.se = (e.interval.high - e.value) / TRIAL_Z95;
	return e;
}

static struct offpolicy_estimate
snips(const struct offpolicy *o)
{
	return ratio_of(&(struct trial_sums){ total(o, OFFPOLICY_N),
	    total(o, OFFPOLICY_W), total(o, OFFPOLICY_WR), total(o, OFFPOLICY_W_W),
	    total(o, OFFPOLICY_WR_W), total(o, OFFPOLICY_WR_WR) });
}

/* A deterministic policy on a log of uniform choices. */
static struct offpolicy_estimate
replay(const struct offpolicy *o)
{
	double n = total(o, OFFPOLICY_N), matched = total(o, OFFPOLICY_MATCHED);
	double p = total(o, OFFPOLICY_P), p_p = total(o, OFFPOLICY_P_P);

	if (total(o, OFFPOLICY_MIXED) != 0)
		return none("the policy is not deterministic", matched);
	if (total(o, OFFPOLICY_UNEVEN) != 0 ||
	    (total(o, OFFPOLICY_COUNTED) != n && n * p_p > p * p * (1 + EVEN)))
		return none("the log is not of uniform choices", matched);
	return mean_of(
	    matched, total(o, OFFPOLICY_MATCHED_R), total(o, OFFPOLICY_MATCHED_R_R));
}

/* mean of e + x, x being w d, s d or o d. */
static struct offpolicy_estimate
corrected(const struct offpolicy *o, enum offpolicy_sum x, enum offpolicy_sum x_x,
    enum offpolicy_sum x_e)
{
	return mean_of(total(o, OFFPOLICY_N), total(o, OFFPOLICY_E) + total(o, x),
	    total(o, OFFPOLICY_E_E) + 2 * total(o, x_e) + total(o, x_x));
}

/* mean of e + D, D = sum w d / sum w; its linearisation is e + (w d - w D) / mean w. */
static struct offpolicy_estimate
sndr(const struct offpolicy *o)
{
	double n = total(o, OFFPOLICY_N), w = total(o, OFFPOLICY_W) / n;
	double ee = total(o, OFFPOLICY_E_E), ew = total(o, OFFPOLICY_E_W);
	double ww = total(o, OFFPOLICY_W_W), a = total(o, OFFPOLICY_WD);
	double aw = total(o, OFFPOLICY_WD_W), aa = total(o, OFFPOLICY_WD_WD);
	double ae = total(o, OFFPOLICY_WD_E), e = total(o, OFFPOLICY_E), d;
	struct offpolicy_estimate to;

	if (!(n >= 2 && w > 0))
		return none("nothing that the policy does was shown", n);
	d = a / (w * n);
	to = mean_of(n, e,
	    ee + 2 * (ae - d * ew) / w + (aa - 2 * d * aw + d * d * ww) / (w * w));
	if (to.reason != NULL)
		return to;
	to.value += d;
	around(&to);
	return to;
}

/* The sums with rewards in units of reward_max. */
static struct cressie_read
cressie_read_of(const struct offpolicy *o, const struct offpolicy_rule *rule)
{
	double unit = rule->reward_max;

	return (struct cressie_read){ total(o, OFFPOLICY_N), total(o, OFFPOLICY_W),
		total(o, OFFPOLICY_W_W), total(o, OFFPOLICY_WR) / unit,
		total(o, OFFPOLICY_WR_W) / unit,
		total(o, OFFPOLICY_WR_WR) / (unit * unit), total(o, OFFPOLICY_R) / unit,
		rule->weight_max > 1 && total(o, OFFPOLICY_OVER) == 0 ? rule->weight_max
								      : INFINITY };
}

static struct offpolicy_estimate
cressie_read(const struct offpolicy *o, const struct offpolicy_rule *rule)
{
	struct cressie_read l = cressie_read_of(o, rule);
	struct offpolicy_estimate e = { .n = l.n };

	if (total(o, OFFPOLICY_BEYOND) != 0)
		return none("rewards outside of 0 .. --reward-max", l.n);
	if (!cressie_read_value(&l, &e.value, &e.se, &e.interval))
		return none("less than 30 outcomes, or all weights the same", l.n);
	e.value *= rule->reward_max;
	e.se *= rule->reward_max;
	e.interval.low *= rule->reward_max;
	e.interval.high *= rule->reward_max;
	return e;
}

/* --- Intervals at all times ----------------------------------------------------- */

/* The bounds of a mean from those of x and of y, which rise and fall with it. */
static double
lower(double n, double x, double xx, double alpha)
{
	return confidence_lower(&(struct confidence_sums){ n, x, xx }, alpha);
}

/* Rewards in units. Below: w r >= 0. Above: w (1 - r) >= 0 has mean 1 - policy, since the
 * mean of w is 1; and bound - w r >= 0 when w has a bound. */
static void
always_ips(struct offpolicy_estimate *e, const struct cressie_read *l, double unit)
{
	double bound = l->w_max, alpha = isinf(bound) ? ALPHA / 2 : ALPHA / 4;

	e->anytime = true;
	e->always.low = unit * lower(l->n, l->wr, l->wwrr, ALPHA / 2);
	e->always.high =
	    1 - lower(l->n, l->w - l->wr, l->ww - 2 * l->wwr + l->wwrr, alpha);
	if (!isinf(bound))
		e->always.high = fmin(e->always.high,
		    bound *
			(1 -
			    lower(l->n, l->n - l->wr / bound,
				l->n - 2 * l->wr / bound + l->wwrr / (bound * bound),
				alpha)));
	e->always.high = unit * fmin(e->always.high, 1);
}

/* With all in units, e + w d lies between -bound and bound + 1. */
static void
always_dr(struct offpolicy_estimate *e, double bound, double unit)
{
	double n = e->n, range = 2 * bound + 1, x = n * (e->value / unit);
	double xx = e->se * e->se / (unit * unit) * n * (n - 1) + x * x / n;
	double up = x + n * bound, down = n * (bound + 1) - x;

	e->anytime = true;
	e->always.low = unit *
	    fmax(0,
		range *
			lower(n, up / range,
			    (xx + 2 * bound * x + n * bound * bound) / (range * range),
			    ALPHA / 2) -
		    bound);
	e->always.high = unit *
	    fmin(1,
		bound + 1 -
		    range *
			lower(n, down / range,
			    (xx - 2 * (bound + 1) * x + n * (bound + 1) * (bound + 1)) /
				(range * range),
			    ALPHA / 2));
}

/* --- All of them ---------------------------------------------------------------- */

static struct offpolicy_estimate
estimate(const struct offpolicy *o, const struct offpolicy_rule *rule,
    enum offpolicy_estimator estimator)
{
	double n = total(o, OFFPOLICY_N);

	switch (estimator) {
	case OFFPOLICY_IPS:
		return mean_of(n, total(o, OFFPOLICY_WR), total(o, OFFPOLICY_WR_WR));
	case OFFPOLICY_SNIPS:
		return snips(o);
	case OFFPOLICY_CLIPPED_IPS:
		return mean_of(n, total(o, OFFPOLICY_CR), total(o, OFFPOLICY_CR_CR));
	case OFFPOLICY_CRESSIE_READ:
		return cressie_read(o, rule);
	case OFFPOLICY_REPLAY:
		return replay(o);
	case OFFPOLICY_DIRECT:
		return mean_of(n, total(o, OFFPOLICY_E), total(o, OFFPOLICY_E_E));
	case OFFPOLICY_DR:
		return corrected(o, OFFPOLICY_WD, OFFPOLICY_WD_WD, OFFPOLICY_WD_E);
	case OFFPOLICY_SNDR:
		return sndr(o);
	case OFFPOLICY_SWITCH_DR:
		return corrected(o, OFFPOLICY_SD, OFFPOLICY_SD_SD, OFFPOLICY_SD_E);
	case OFFPOLICY_DROS:
	case OFFPOLICY_ESTIMATORS:
		break;
	}
	return corrected(o, OFFPOLICY_OD, OFFPOLICY_OD_OD, OFFPOLICY_OD_E);
}

/* What varies not at all, as rewards that are all 0, says nothing of its error. Where all
 * rewards were as promised, the value of any policy is as well. */
static struct offpolicy_estimate
bounded(const struct offpolicy *o, const struct offpolicy_rule *rule,
    struct offpolicy_estimate e)
{
	if (e.reason != NULL)
		return e;
	if (!(e.se * sqrt(e.n) > SAME * fabs(e.value)))
		return none("its error cannot be told: nothing varies", e.n);
	if (total(o, OFFPOLICY_BEYOND) != 0)
		return e;
	if (e.value < 0 || e.value > rule->reward_max)
		return none("the estimate lies outside of the rewards", e.n);
	e.interval.low = fmax(e.interval.low, 0);
	e.interval.high = fmin(e.interval.high, rule->reward_max);
	return e;
}

struct offpolicy_estimate
offpolicy_estimate(const struct offpolicy *o, const struct offpolicy_rule *rule,
    enum offpolicy_estimator estimator)
{
	double n = total(o, OFFPOLICY_N), modelled = total(o, OFFPOLICY_MODELLED);
	struct cressie_read l = cressie_read_of(o, rule);
	struct offpolicy_estimate e;

	if (estimator >= OFFPOLICY_DIRECT && modelled != n)
		return none(modelled == 0 ? "no model of rewards"
					  : "some outcomes have no prediction",
		    modelled);
	e = bounded(o, rule, estimate(o, rule, estimator));
	if (e.reason != NULL || total(o, OFFPOLICY_BEYOND) != 0)
		return e;
	if (estimator == OFFPOLICY_IPS)
		always_ips(&e, &l, rule->reward_max);
	if (estimator == OFFPOLICY_DR && !isinf(l.w_max) &&
	    total(o, OFFPOLICY_MODEL_BEYOND) == 0)
		always_dr(&e, l.w_max, rule->reward_max);
	return e;
}

struct offpolicy_estimate
offpolicy_logged(const struct offpolicy *o, const struct offpolicy_rule *rule)
{
	return bounded(o, rule,
	    mean_of(
		total(o, OFFPOLICY_N), total(o, OFFPOLICY_R), total(o, OFFPOLICY_R_R)));
}

/* --- Trust ---------------------------------------------------------------------- */

struct offpolicy_diagnosis
offpolicy_diagnose(const struct offpolicy *o)
{
	double n = total(o, OFFPOLICY_N), w = total(o, OFFPOLICY_W);
	double ww = total(o, OFFPOLICY_W_W);
	struct offpolicy_diagnosis d = { .n = n,
		.missing = total(o, OFFPOLICY_MISSING) };
	struct offpolicy_estimate mean = mean_of(n, w, ww);

	if (mean.reason != NULL)
		return d;
	d.mean_weight = mean.value;
	d.ess = ww > 0 ? w * w / ww : 0;
	/* Rounding must not make a difference of nothing by nothing. */
	d.mean_weight_z =
	    fabs(mean.value - 1) > 1e-9 ? (mean.value - 1) / fmax(mean.se, 1e-9) : 0;
	for (unsigned i = 0; i < OFFPOLICY_CLASSES; i++)
		if (o->classes[i].n != 0)
			d.largest = o->classes[i].largest;
	d.largest_share = w > 0 ? d.largest / w : 0;
	d.zero_share = total(o, OFFPOLICY_ZERO) / n;
	d.clipped_share = total(o, OFFPOLICY_CLIPPED) / n;
	d.outside = total(o, OFFPOLICY_OUTSIDE) / n;
	return d;
}

static void __attribute__((format(printf, 2, 3)))
reason(struct offpolicy_verdict *to, const char *format, ...)
{
	va_list args;

	assert(to->reasons < OFFPOLICY_REASONS);
	va_start(args, format);
	(void)vsnprintf(to->text[to->reasons++], sizeof to->text[0], format, args);
	va_end(args);
}

void
offpolicy_judge(const struct offpolicy_diagnosis *d, const struct offpolicy_rule *rule,
    struct offpolicy_verdict *to)
{
	double off = d->mean_weight - 1, all = d->n + d->missing;

	to->reasons = 0;
	if (all > 0 && d->missing > OFF_MAX * all)
		reason(to, "%.1f%% of outcomes have no probability in (0, 1]",
		    100 * d->missing / all);
	if (!(d->n >= 2)) {
		reason(to, "there are less than two outcomes to judge from");
		return;
	}
	if (d->mean_weight == 0) {
		reason(to, "nothing that the policy does was shown");
		return;
	}
	if (fabs(off) > OFF_MAX && fabs(d->mean_weight_z) > Z_MAX)
		reason(to,
		    "the mean weight is %.4g, not 1: %s, or probabilities are wrong",
		    d->mean_weight,
		    off < 0 ? "the policy does what was never shown"
			    : "the policy is none that adds up to 1");
	if (!(d->ess >= rule->ess_min))
		reason(to, "the outcomes weigh as much as %.1f, less than %.6g", d->ess,
		    rule->ess_min);
	if (d->largest_share > rule->share_max)
		reason(to, "one outcome carries %.1f%% of all weight",
		    100 * d->largest_share);
	if (d->outside > OFF_MAX)
		reason(to, "the policy gives %.1f%% to what was no candidate",
		    100 * d->outside);
}
