/* SPDX-License-Identifier: MIT */
#include "lib/model/optimiser.h"

#include <math.h>
#include <stddef.h>

#include "lib/base/assert.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static const char *const names[OPTIMISER_COUNT] = {
	[OPTIMISER_LANES] = "lanes",
	[OPTIMISER_FTRL] = "ftrl",
	[OPTIMISER_ADAGRAD] = "adagrad",
	[OPTIMISER_SGD] = "sgd",
	[OPTIMISER_ADAM] = "adam",
	[OPTIMISER_COUNTS] = "counts",
	[OPTIMISER_LINEAR] = "linear",
};

/* Kingma and Ba's. */
#define ADAM_FIRST 0.9f
#define ADAM_SECOND 0.999f
#define ADAM_EPSILON 1e-8f

struct optimiser
optimiser_default(enum optimiser_algorithm algorithm)
{
	struct optimiser o = { .algorithm = algorithm, .rate = 0.1, .beta = 1 };

	if (algorithm == OPTIMISER_SGD)
		o.rate = 0.02;
	if (algorithm == OPTIMISER_ADAM)
		o.rate = 0.001;
	if (optimiser_is_exact(algorithm))
		o.l2 = 1;
	return o;
}

bool
weight_is_sound(const struct weight *w)
{
	return fabsf(w->value) <= OPTIMISER_VALUE_MAX && isfinite(w->state[0]) &&
	    isfinite(w->state[1]) && w->state[1] >= 0 && isfinite(w->state[2]) &&
	    w->state[2] >= 0;
}

bool
optimiser_parse(struct slice name, enum optimiser_algorithm *to)
{
	for (unsigned i = 0; i < OPTIMISER_COUNT; i++) {
		if (slice_is(name, names[i])) {
			*to = (enum optimiser_algorithm)i;
			return true;
		}
	}
	return false;
}

const char *
optimiser_name(enum optimiser_algorithm algorithm)
{
	assert(algorithm < OPTIMISER_COUNT);
	return names[algorithm];
}

int
optimiser_check(const struct optimiser *o, struct error *error)
{
	if (!(o->rate >= 1e-6 && o->rate <= 1000))
		return error_set(error, "the rate must be from 1e-6 to 1000");
	if (!(o->beta >= 1e-6 && o->beta <= 1e6))
		return error_set(error, "beta must be from 1e-6 to 1e6");
	if (!(o->l1 >= 0 && o->l1 <= 1e6))
		return error_set(error, "l1 must be from 0 to 1e6");
	if (!(o->l2 >= 0 && o->l2 <= 1e6))
		return error_set(error, "l2 must be from 0 to 1e6");
	if (optimiser_is_exact(o->algorithm) && o->l2 < 1e-6)
		return error_set(error, "l2 of %s must be from 1e-6 to 1e6",
		    optimiser_name(o->algorithm));
	return 0;
}

/* Plain comparisons: fminf must see to NaN and is a call. */
static inline float
clamp(float value, float low, float high)
{
	value = value < low ? low : value;
	return value > high ? high : value;
}

/* The settings as the steps use them. */
struct settings {
	float rate, beta, l1, l2;
};

static inline float
held(float value)
{
	return clamp(value, -OPTIMISER_VALUE_MAX, OPTIMISER_VALUE_MAX);
}

/* theta - eta s (g + l2 theta), where the decay at most reaches 0, and then eta s l1 closer
 * to 0. */
static inline float
descend(const struct settings *o, float theta, float eta, float g, float s)
{
	float decay = eta * s * o->l2, least = eta * s * o->l1;

	theta -= eta * s * g + (decay > 1 ? theta : decay * theta);
	if (o->l1 > 0)
		theta = fabsf(theta) <= least ? 0 : theta - copysignf(least, theta);
	return held(theta);
}

static inline float
sum_of_squares(float n, float g, float s)
{
	return clamp(n + s * fabsf(s) * g * g, 0, 1e30f);
}

static inline void
ftrl(const struct settings *o, struct weight *w, float g, float s)
{
	float n = sum_of_squares(w->state[1], g, s);
	float root = sqrtf(n);
	float sigma = (root - w->state[2]) / o->rate;
	float z = w->state[0] + s * g - sigma * w->value;
	float excess;

	z = clamp(z, -1e30f, 1e30f);
	excess = fabsf(z) - o->l1;
	w->state[0] = z;
	w->state[1] = n;
	w->state[2] = root;
	if (excess <= 0)
		w->value = 0;
	else
		w->value = held(-copysignf(excess, z) * o->rate /
		    (o->beta + root + o->l2 * o->rate));
}

static inline void
adagrad(const struct settings *o, struct weight *w, float g, float s)
{
	float n = sum_of_squares(w->state[1], g, s);
	float root = sqrtf(n);

	w->state[1] = n;
	w->state[2] = root;
	w->value = descend(o, w->value, o->rate / (o->beta + root), g, s);
}

static inline void
sgd(const struct settings *o, struct weight *w, float g, float s)
{
	w->value = descend(o, w->value, o->rate, g, s);
}

/* 1 - decay^t */
static inline float
warmth(float decay, float t)
{
	return 1 - (float)vec_exp((double)t * vec_log((double)decay));
}

static inline void
adam(const struct settings *o, struct weight *w, float g, float s)
{
	float m = ADAM_FIRST * w->state[0] + (1 - ADAM_FIRST) * s * g;
	float v = ADAM_SECOND * w->state[1] + (1 - ADAM_SECOND) * s * s * g * g;
	float t = clamp(w->state[2] + 1, 0, 1e6f);

	w->state[0] = m = held(m);
	w->state[1] = v = clamp(v, 0, 1e30f);
	w->state[2] = t;
	m /= warmth(ADAM_FIRST, t);
	v = sqrtf(v / warmth(ADAM_SECOND, t)) + ADAM_EPSILON;
	/* The gradient has the weight of the example in it; the decay gets it here. */
	w->value = descend(o, held(w->value - o->rate * m / v), o->rate, 0, s);
}

void
optimiser_step(const struct optimiser *o, struct weight *w, float g, float s)
{
	optimiser_step_each(o, &w, NULL, 1, g, s);
}

void
optimiser_step_each(const struct optimiser *o, struct weight *const *w, const float *x,
    unsigned n, float g, float s)
{
	const struct settings here = { (float)o->rate, (float)o->beta, (float)o->l1,
		(float)o->l2 };

	assert(isfinite(g) && isfinite(s));
	switch (o->algorithm) {
	case OPTIMISER_FTRL:
		for (unsigned i = 0; i < n; i++)
			ftrl(&here, w[i], x == NULL ? g : g * x[i], s);
		break;
	case OPTIMISER_ADAGRAD:
		for (unsigned i = 0; i < n; i++)
			adagrad(&here, w[i], x == NULL ? g : g * x[i], s);
		break;
	case OPTIMISER_SGD:
		for (unsigned i = 0; i < n; i++)
			sgd(&here, w[i], x == NULL ? g : g * x[i], s);
		break;
	case OPTIMISER_ADAM:
		for (unsigned i = 0; i < n; i++)
			adam(&here, w[i], x == NULL ? g : g * x[i], s);
		break;
	default:
		break;
	}
}
