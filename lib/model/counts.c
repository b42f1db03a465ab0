/* SPDX-License-Identifier: MIT */
#include "lib/model/counts.h"

#include <math.h>
#include <string.h>

#include "lib/model/beta.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static double
unit(enum likelihood likelihood)
{
	return likelihood == LIKELIHOOD_BERNOULLI ? COUNTS_UNIT : 1;
}

__extension__ typedef unsigned __int128 wide;

/* Features of an example that are sorted in another way. */
enum { FEW = 64 };

/* Rounding is the same on both sides of 0, and what runs over comes back. */
static void
add(int64_t *to, double units)
{
	*to =
	    (int64_t)((uint64_t)*to + (uint64_t)llrint(vec_clamp(units, -9e18, 9e18)));
}

void
counts_add(struct counts *c, enum likelihood likelihood, double label, double weight)
{
	add(&c->trials, weight / COUNTS_UNIT);
	add(&c->successes, weight * label / unit(likelihood));
}

void
counts_merge(struct counts *to, const struct counts *from)
{
	to->trials = (int64_t)((uint64_t)to->trials + (uint64_t)from->trials);
	to->successes = (int64_t)((uint64_t)to->successes + (uint64_t)from->successes);
}

double
counts_trials(const struct counts *c)
{
	return (double)__atomic_load_n(&c->trials, __ATOMIC_RELAXED) * COUNTS_UNIT;
}

double
counts_successes(const struct counts *c, enum likelihood likelihood)
{
	return (double)__atomic_load_n(&c->successes, __ATOMIC_RELAXED) *
	    unit(likelihood);
}

/* --- Posteriors ----------------------------------------------------------------------- */

struct counts
counts_read(const struct counts *c)
{
	if (c == NULL)
		return (struct counts){ 0, 0 };
	return (struct counts){ __atomic_load_n(&c->trials, __ATOMIC_RELAXED),
		__atomic_load_n(&c->successes, __ATOMIC_RELAXED) };
}

/* The one seen most comes first; of those seen equally often the one with more successes, so
 * that nothing depends on the order in which they came. */
static bool
is_before(const struct counts *a, const struct counts *b)
{
	return a->trials != b->trials ? a->trials > b->trials
				      : a->successes > b->successes;
}

/* As one number, which is greater the earlier they come. */
static inline wide
order_of(const struct counts *c)
{
	const uint64_t sign = UINT64_C(1) << 63;

	return (wide)((uint64_t)c->trials ^ sign) << 64 |
	    ((uint64_t)c->successes ^ sign);
}

/* Of few, each goes behind as many as come before it: no branch is guessed wrong. */
static void
sort_few(struct counts *c, unsigned n)
{
	struct counts from[FEW];
	wide order[FEW];
	unsigned before[FEW];

	memcpy(from, c, n * sizeof *c);
	for (unsigned i = 0; i < n; i++) {
		wide own = order[i] = order_of(&from[i]);
		unsigned first = 0;

		for (unsigned k = 0; k < i; k++) {
			bool later = own <= order[k];

			first += later;
			before[k] += !later;
		}
		before[i] = first;
	}
	for (unsigned i = 0; i < n; i++)
		c[before[i]] = from[i];
}

/* Of many, Shell's sort. */
static void
sort_many(struct counts *c, unsigned n)
{
	static const unsigned gaps[] = { 1750, 701, 301, 132, 57, 23, 10, 4, 1 };

	for (unsigned g = 0; g < sizeof gaps / sizeof *gaps; g++)
		for (unsigned gap = gaps[g], i = gap; i < n; i++) {
			struct counts moved = c[i];
			unsigned k = i;

			for (; k >= gap && is_before(&moved, &c[k - gap]); k -= gap)
				c[k] = c[k - gap];
			c[k] = moved;
		}
}

/* Not fmin, which must see to NaN and is a call. */
static inline double
less(double a, double b)
{
	return a < b ? a : b;
}

/* A prior of the same mean, which is worth so much. */
static void
weaken(struct counts_arm *arm, enum likelihood likelihood, double worth)
{
	const double most = 1e9;

	if (likelihood != LIKELIHOOD_BERNOULLI) {
		arm->b = worth * (arm->b / arm->a);
		arm->a = worth;
	} else if (arm->a <= arm->b) {
		arm->b = worth * less(arm->b / arm->a, most);
		arm->a = worth;
	} else {
		arm->a = worth * less(arm->a / arm->b, most);
		arm->b = worth;
	}
}

/* Where more was taken back than was given so far, nothing was seen. */
static void
learn(struct counts_arm *arm, const struct counts *c, enum likelihood likelihood)
{
	double n = (double)(c->trials > 0 ? c->trials : 0) * COUNTS_UNIT;
	double s = (double)(c->successes > 0 ? c->successes : 0) * unit(likelihood);

	if (likelihood == LIKELIHOOD_BERNOULLI) {
		s = less(s, n);
		arm->a += s;
		arm->b += n - s;
	} else {
		arm->a += n;
		arm->b += s;
	}
}

static double
mean_of(struct counts_arm arm, enum likelihood likelihood)
{
	return likelihood == LIKELIHOOD_BERNOULLI ? arm.a / (arm.a + arm.b)
						  : arm.b / arm.a;
}

struct counts_arm
counts_arm(struct counts *counts, unsigned n, enum likelihood likelihood, double base,
    double prior)
{
	struct counts_arm arm = { 1, base };

	if (likelihood == LIKELIHOOD_BERNOULLI)
		arm = (struct counts_arm){ base, 1 - base };
	(n <= FEW ? sort_few : sort_many)(counts, n);
	weaken(&arm, likelihood, prior);
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			weaken(&arm, likelihood, prior);
		learn(&arm, &counts[i], likelihood);
	}
	return arm;
}

struct counts_said
counts_say(struct counts_arm arm, enum likelihood likelihood)
{
	struct counts_said to = { .mean = mean_of(arm, likelihood) };
	double log_a;

	if (likelihood == LIKELIHOOD_BERNOULLI) {
		to.sd = sqrt(to.mean * (1 - to.mean) / (arm.a + arm.b + 1));
		beta_logit(arm.a, arm.b, &to.z, &to.variance);
		return to;
	}
	beta_polygamma(arm.a, &log_a, &to.variance);
	to.z = vec_log(fmax(arm.b, 1e-300)) - log_a;
	to.sd = to.mean * sqrt(to.variance);
	return to;
}
