/* SPDX-License-Identifier: MIT */
#include "lib/model/thompson.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/vec.h"

/* Where values are equal, the best is the one with the largest logit. Otherwise all are
 * compared at the logit z that a candidate of the largest value would need: candidate j of
 * share c = value / largest is below it when its own logit is below
 *
 *	x(z) = logit(sigmoid(z) / c) = -log((c - 1) + c e^-z),
 *
 * which is z for c = 1 and has its pole where even a sure click is worth less.
 *
 *	P(i is best) = integral of F_i'(z) prod over j != i of F_j(z),  F_j = Phi_j(x_j(z))
 *	             = integral of (F_i' / F_i) prod over j of F_j
 *
 * One grid serves all i. Where deviations are about the same, its points are equally far
 * apart: the integrand is smooth and falls off on both sides, so that the trapezoidal rule
 * converges faster than any power of their distance (Trefethen and Weideman, SIAM Review
 * 2014). That every second point would have sufficed is the check. Elsewhere there are panels
 * with the 15 points of Kronrod's rule, of which 7 are those of Gauss's, whose result is the
 * check. */

#define TAIL 5.2     /* deviations on either side that are looked at */
#define OUTSIDE 1e-7 /* of a variable's probability lies beyond, each side */
#define WIDTH 5.2    /* of a panel, in the smallest deviation that matters there */
#define NEGLIGIBLE 1e-12
#define STEP 0.4      /* of equal steps, in the smallest deviation */
#define BELOW 1e-7    /* the probability that all lie below where they end */
#define STEEP 1.5     /* an arm that is steeper than that has its pole near by */
#define ROUNDING 5e-6 /* single precision */
#define KNOWN 1e-24   /* a variance that is none */
#define SHARE_MIN 1e-30
/* Beside a pole much of a logit is little of z. What is less than that is lost in rounding,
 * and the arm as good as known. */
#define RESOLUTION 1e-10

enum { PANELS_MAX = 512, POINTS = 15, STEPS_MAX = 64 };

static const double point[POINTS] = { -0.99145537112081264, -0.94910791234275852,
	-0.86486442335976907, -0.74153118559939444, -0.58608723546769113,
	-0.40584515137739717, -0.20778495500789847, 0, 0.20778495500789847,
	0.40584515137739717, 0.58608723546769113, 0.74153118559939444,
	0.86486442335976907, 0.94910791234275852, 0.99145537112081264 };
static const double kronrod[POINTS] = { 0.022935322010529225, 0.063092092629978553,
	0.10479001032225018, 0.14065325971552592, 0.16900472663926790,
	0.19035057806478541, 0.20443294007529889, 0.20948214108472783,
	0.20443294007529889, 0.19035057806478541, 0.16900472663926790,
	0.14065325971552592, 0.10479001032225018, 0.063092092629978553,
	0.022935322010529225 };
static const double gauss[POINTS] = { 0, 0.12948496616886969, 0, 0.27970539148927667, 0,
	0.38183005050511894, 0, 0.41795918367346939, 0, 0.38183005050511894, 0,
	0.27970539148927667, 0, 0.12948496616886969, 0 };

/* The contenders, and what they have in common. */
struct field {
	unsigned n, padded;
	bool equal;   /* values are */
	double floor; /* the best is above it, with some probability that is left out */
	double end;
	bool known; /* one is certainly at the floor */
	unsigned known_arm;
};

static unsigned
padded(unsigned n)
{
	return (n + VEC_BLOCK - 1) / VEC_BLOCK * VEC_BLOCK;
}

/* --- Who can win ------------------------------------------------------------------ */

/* x^-1: where a logit of an arm of that share stands. */
static void
place_all(const double *share, double *x, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		x[i] = -x[i];
	vec_exp_all(x, x, n);
	for (unsigned i = 0; i < n; i++)
		x[i] = share[i] > 0 ? ((1 - share[i]) + x[i]) / share[i] : 1;
	vec_log_all(x, x, n);
	for (unsigned i = 0; i < n; i++)
		x[i] = share[i] > 0 ? -x[i] : -INFINITY;
}

static void
find_ends(
    struct thompson *t, struct field *f, const struct thompson_arm *arms, unsigned n)
{
	double most = 0;

	f->equal = true;
	for (unsigned i = 0; i < n; i++) {
		most = arms[i].value > most ? arms[i].value : most;
		f->equal = f->equal && arms[i].value == arms[0].value;
	}
	for (unsigned i = 0; i < n; i++) {
		double around =
		    arms[i].variance < KNOWN ? 0 : TAIL * sqrt(arms[i].variance);

		assert(fabs(arms[i].mean) <= VEC_LOGIT_MAX && arms[i].value >= 0);
		assert(
		    arms[i].variance >= 0 && arms[i].variance <= THOMPSON_VARIANCE_MAX);
		t->lower[i] = arms[i].mean - around;
		t->upper[i] = arms[i].mean + around;
		t->share[i] = f->equal ? 1 : arms[i].value / most;
		if (t->share[i] < SHARE_MIN)
			t->share[i] = 0;
	}
	if (!f->equal) {
		place_all(t->share, t->lower, n);
		place_all(t->share, t->upper, n);
	}
	f->floor = t->lower[0];
	for (unsigned i = 1; i < n; i++)
		f->floor = t->lower[i] > f->floor ? t->lower[i] : f->floor;
}

/* Those whose upper end is above the floor; of those known to be at it the first. */
static void
find_contenders(
    struct thompson *t, struct field *f, const struct thompson_arm *arms, unsigned n)
{
	bool known = false;

	f->n = f->known_arm = 0;
	f->end = f->floor;
	for (unsigned i = 0; i < n; i++) {
		bool is_known =
		    arms[i].variance < KNOWN || t->upper[i] - t->lower[i] < RESOLUTION;

		if (is_known && !known && t->lower[i] == f->floor) {
			known = true;
			f->known_arm = i;
		}
		if (is_known || t->upper[i] <= f->floor)
			continue;
		t->arm[f->n] = i;
		t->mean[f->n] = arms[i].mean;
		t->precision[f->n] = 1 / sqrt(arms[i].variance);
		t->ratio[f->n] = t->share[i];
		t->end[f->n] = t->upper[i];
		f->end = t->upper[i] > f->end ? t->upper[i] : f->end;
		f->n++;
	}
	f->known = known;
	f->padded = padded(f->n);
	for (unsigned i = f->n; i < f->padded; i++) {
		t->mean[i] = -1e9;
		t->precision[i] = t->ratio[i] = 1;
		t->end[i] = -INFINITY;
	}
	for (unsigned i = 0; i < f->padded; i++)
		t->pole[i] = t->ratio[i] < 1 ? (1 - t->ratio[i]) / t->ratio[i] : 1;
	vec_log_all(t->pole, t->pole, f->padded);
	for (unsigned i = 0; i < f->padded; i++)
		t->pole[i] = t->ratio[i] < 1 ? -t->pole[i] : INFINITY;
}

/* --- The integral ----------------------------------------------------------------- */

/* The product of the first n F at z, and the hazards F' / F; n a multiple of VEC_BLOCK. */
static double
look(struct thompson *t, const struct field *f, unsigned n, double z)
{
	double e, product;

	if (f->equal) {
		for (unsigned i = 0; i < n; i++)
			t->at[i] = z;
		return vec_normal_hazards(t->at, t->mean, t->precision, t->hazard, n);
	}
	e = vec_exp(-z);
	for (unsigned i = 0; i < n; i++) {
		double a = (t->ratio[i] - 1) + t->ratio[i] * e;
		bool below = a > 1e-300;

		t->at[i] = below ? a : 1e-300;
		t->slope[i] = below ? (float)(t->ratio[i] * e / a) : 0;
	}
	vec_log_all(t->at, t->at, n);
	for (unsigned i = 0; i < n; i++)
		t->at[i] = -t->at[i];
	product = vec_normal_hazards(t->at, t->mean, t->precision, t->hazard, n);
	for (unsigned i = 0; i < n; i++)
		t->hazard[i] *= t->slope[i];
	return product;
}

/* How far a panel that begins at z may go: some deviations of the least uncertain of those
 * that are not yet certainly below, as they look there, and half the way to a pole. All of
 * them began below the floor, so the farther it is, the wider are those that are left. */
static double
panel(const struct thompson *t, const struct field *f, double z)
{
	double width = f->end - z, e = f->equal ? 0 : vec_exp(-z);

	for (unsigned i = 0; i < f->n; i++) {
		double w = WIDTH / t->precision[i];

		if (t->end[i] <= z)
			continue;
		if (t->ratio[i] < 1) {
			double pole = (t->pole[i] - z) / 2;

			w *= ((t->ratio[i] - 1) + t->ratio[i] * e) / (t->ratio[i] * e);
			w = pole < w ? pole : w;
		}
		width = w < width ? w : width;
	}
	return width;
}

/* Steps that are small enough everywhere, when there are few of them; else 0. What is known
 * ends the integral at a place where it is not 0 yet. */
static double
find_step(const struct thompson *t, const struct field *f)
{
	double least = INFINITY;

	for (unsigned i = 0; i < f->n; i++) {
		double width = 1 / t->precision[i], e;

		if (t->ratio[i] < 1) {
			e = t->ratio[i] * vec_exp(-t->end[i]);
			width *= ((t->ratio[i] - 1) + e) / e;
			if (!(width * t->precision[i] > 1 / STEEP))
				return 0;
		}
		least = width < least ? width : least;
	}
	least *= STEP;
	return !f->known && (f->end - f->floor) / least < STEPS_MAX - 1 ? least : 0;
}

/* In the order in which the steps, downwards, come to where they are not certainly below:
 * before[k + 1] of them at step k. */
static void
sort(struct thompson *t, const struct field *f, double step, unsigned before[])
{
	unsigned at[STEPS_MAX + 1];

	memset(before, 0, (STEPS_MAX + 1) * sizeof *before);
	for (unsigned i = 0; i < f->n; i++) {
		t->step[i] = (uint8_t)((f->end - t->end[i]) / step);
		before[t->step[i] + 1]++;
	}
	for (unsigned k = 0; k < STEPS_MAX; k++)
		before[k + 1] += before[k];
	memcpy(at, before, sizeof at);
	for (unsigned i = 0; i < f->n; i++) {
		unsigned to = at[t->step[i]]++;

		t->place[to] = t->arm[i];
		t->lower[to] = t->mean[i];
		t->upper[to] = t->precision[i];
		t->share[to] = t->ratio[i];
	}
	memcpy(t->arm, t->place, f->n * sizeof *t->arm);
	memcpy(t->mean, t->lower, f->n * sizeof *t->mean);
	memcpy(t->precision, t->upper, f->n * sizeof *t->precision);
	memcpy(t->ratio, t->share, f->n * sizeof *t->ratio);
}

/* Returns how far the results may be from the integral: halving the step squares, at least,
 * the error relative to what is largest. */
static double
integrate_by_steps(struct thompson *t, const struct field *f, double step)
{
	unsigned before[STEPS_MAX + 1];
	double gap = 0, most = 0;

	sort(t, f, step, before);
	for (unsigned k = 0; k < STEPS_MAX; k++) {
		unsigned n = padded(before[k + 1]);
		double product = look(t, f, n, f->end - k * step) * step;

		vec_axpy((float)product, t->hazard, t->fine, n);
		if (k % 2 == 0)
			vec_axpy((float)(2 * product), t->hazard, t->coarse, n);
		if (product < BELOW * step)
			break;
	}
	for (unsigned i = 0; i < f->n; i++) {
		double fine = (double)t->fine[i];

		gap = fmax(gap, fabs(fine - (double)t->coarse[i]));
		most = fmax(most, fine);
	}
	return most > 0 ? gap * gap / most : 1;
}

static double
integrate_by_panels(struct thompson *t, const struct field *f)
{
	double z = f->floor, gap = 0;
	bool begun = false;

	for (unsigned panels = 1; z < f->end; panels++) {
		double width = panels < PANELS_MAX ? panel(t, f, z) : f->end - z;
		double half, middle;

		width = width > 1e-13 ? width : 1e-13;
		half = width / 2;
		middle = z + half;
		z += width;
		/* Many candidates: the best of them is far above the floor. */
		begun = begun || look(t, f, f->padded, z) > NEGLIGIBLE;
		for (unsigned k = 0; k < POINTS && begun; k++) {
			double at = middle + half * point[k];
			double product = look(t, f, f->padded, at) * half;

			vec_axpy((float)(product * kronrod[k]), t->hazard, t->fine,
			    f->padded);
			if (gauss[k] > 0)
				vec_axpy((float)(product * gauss[k]), t->hazard,
				    t->coarse, f->padded);
		}
	}
	for (unsigned i = 0; i < f->n; i++)
		gap = fmax(gap, fabs((double)t->fine[i] - (double)t->coarse[i]));
	return gap;
}

/* Into t->fine; how far each may be from the integral. */
static double
integrate(struct thompson *t, const struct field *f)
{
	double step = find_step(t, f);

	memset(t->fine, 0, f->padded * sizeof *t->fine);
	memset(t->coarse, 0, f->padded * sizeof *t->coarse);
	return step > 0 ? integrate_by_steps(t, f, step) : integrate_by_panels(t, f);
}

/* Two normal variables: which one is larger. */
static double
compare(const struct thompson_arm *arms, double *probability)
{
	double variance = arms[0].variance + arms[1].variance;
	double gap = arms[0].mean - arms[1].mean;

	if (variance < KNOWN)
		probability[0] = gap >= 0 ? 1 : 0;
	else
		probability[0] = vec_normal_cdf(gap / sqrt(variance));
	probability[1] = 1 - probability[0];
	return 0;
}

double
thompson_weigh(struct thompson *t, const struct thompson_arm *arms, unsigned n,
    double *probability)
{
	struct field f;
	double sum = 0, error, known;

	assert(n >= 1 && n <= THOMPSON_MAX);
	if (n == 2 && arms[0].value == arms[1].value)
		return compare(arms, probability);
	for (unsigned i = 0; i < n; i++)
		probability[i] = 0;
	find_ends(t, &f, arms, n);
	find_contenders(t, &f, arms, n);
	if (f.n + f.known == 1) {
		probability[f.known ? f.known_arm : t->arm[0]] = 1;
		return n == 1 || f.n == 0 ? 0 : n * OUTSIDE;
	}
	error = integrate(t, &f);
	known = f.known ? look(t, &f, f.padded, f.floor) : 0;
	sum = known;
	for (unsigned i = 0; i < f.n; i++)
		sum += (double)t->fine[i];
	for (unsigned i = 0; i < f.n; i++)
		probability[t->arm[i]] = (double)t->fine[i] / sum;
	if (f.known)
		probability[f.known_arm] = known / sum;
	return error + fabs(1 - sum) + (n + 1) * OUTSIDE + ROUNDING;
}
