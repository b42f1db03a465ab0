/* SPDX-License-Identifier: MIT */
#include "lib/model/lanes.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* As in vec.c: the widest form that the machine has, and the same bits in all. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                 \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LANES_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define LANES_WIDE
#endif

/* What a variance may fall to, so that it stays one. */
#define VARIANCE_MIN 1e-20f
#define MEAN_MAX 1e12f
#define VARIANCE_MAX 1e15f
/* The least x^2 that a prior is scaled by. */
#define SQUARE_MIN 1e-12f

/* One register, or two; aligned as the structs are. Passed by address only: how a vector is
 * passed by value depends on the machine. */
typedef float wide __attribute__((vector_size(LANES * sizeof(float)), may_alias));

typedef int32_t mask __attribute__((vector_size(LANES * sizeof(int32_t)), may_alias));

#define WIDE(lanes) (*(wide *)(void *)(lanes))
#define WIDE_CONST(lanes) (*(const wide *)(const void *)(lanes))

const struct lanes_options lanes_default = {
	.prior = { { 0.005f, 0.02f, 0.06f, 0.3f, 0.005f, 0.02f, 0.06f, 0.3f } },
	.noise = { { 0, 0, 0, 0, 1e-5f, 1e-5f, 1e-5f, 1e-5f } },
};

/* Not less than `low` in any lane: a key that an example has twice meets a variance that its
 * first time has changed. */
static inline void
raise_to(wide *v, float low)
{
	wide l = (wide){ 0 } + low;
	mask less = *v < l;

	*v = (wide)(((mask)l & less) | ((mask)*v & ~less));
}

/* A cell that was taught has a variance in all lanes. Asked of the bits: a comparison of
 * floats is three branches. */
static inline bool
is_fresh(const struct lanes_cell *cell)
{
	uint32_t bits;

	if (cell == NULL)
		return true;
	memcpy(&bits, cell->variance, sizeof bits);
	return bits == 0;
}

#define INLINE static inline __attribute__((always_inline))

/* Each loop twice: most examples have no values, and need no multiplication by them. */
INLINE void
score(const wide *prior, const struct lanes_cell *const *cells, const float *x,
    unsigned n, wide *z, wide *v)
{
	for (unsigned i = 0; i < n && x == NULL; i++) {
		if (is_fresh(cells[i])) {
			*v += *prior;
			continue;
		}
		*z += WIDE_CONST(cells[i]->mean);
		*v += WIDE_CONST(cells[i]->variance);
	}
	for (unsigned i = 0; i < n && x != NULL; i++) {
		float t = x[i];

		if (is_fresh(cells[i])) {
			if (t != 0)
				*v += *prior;
			continue;
		}
		*z += WIDE_CONST(cells[i]->mean) * t;
		*v += WIDE_CONST(cells[i]->variance) * (t * t);
	}
}

LANES_WIDE void
lanes_score(const struct lanes_options *o, const struct lanes_cell *const *cells,
    const float *x, unsigned n, struct lanes *z, struct lanes *v)
{
	const wide prior = WIDE_CONST(o->prior.of);
	wide sum = WIDE_CONST(z->of), spread = WIDE_CONST(v->of);

	score(&prior, cells, x, n, &sum, &spread);
	WIDE(z->of) = sum;
	WIDE(v->of) = spread;
}

LANES_WIDE void
lanes_sum_up(const struct lanes_options *o, const struct lanes_cell *const *cells,
    const float *x, const uint32_t *begin, unsigned n, struct lanes_sum *to)
{
	const wide prior = WIDE_CONST(o->prior.of);

	for (unsigned i = 0; i < n; i++) {
		unsigned at = begin[i] - begin[0];
		wide sum = { 0 }, spread = { 0 };

		score(&prior, cells + at, x == NULL ? NULL : x + at,
		    begin[i + 1] - begin[i], &sum, &spread);
		WIDE(to[i].z.of) = sum;
		WIDE(to[i].v.of) = spread;
	}
}

LANES_WIDE bool
lanes_add(const struct lanes_sum *sums, const uint16_t *of, size_t stride, unsigned n,
    struct lanes_sum *to)
{
	wide sum = WIDE_CONST(to->z.of), spread = WIDE_CONST(to->v.of), none;
	uint64_t bits[4];

	for (unsigned i = 0; i < n; i++) {
		const struct lanes_sum *s = &sums[of[i * stride]];

		sum += WIDE_CONST(s->z.of);
		spread += WIDE_CONST(s->v.of);
	}
	WIDE(to->z.of) = sum;
	WIDE(to->v.of) = spread;
	/* x - x is 0, or no number. */
	none = (sum - sum) + (spread - spread);
	memcpy(bits, &none, sizeof bits);
	return ((bits[0] | bits[1]) | (bits[2] | bits[3])) == 0;
}

LANES_WIDE void
lanes_learn(const struct lanes_options *o, struct lanes_cell *const *cells,
    const float *x, unsigned n, const struct lanes *gain, const struct lanes *loss)
{
	const wide g = WIDE_CONST(gain->of), l = WIDE_CONST(loss->of);
	const wide prior = WIDE_CONST(o->prior.of), noise = WIDE_CONST(o->noise.of);

	for (unsigned i = 0; i < n && x == NULL; i++) {
		struct lanes_cell *cell = cells[i];
		wide s;

		if (cell == NULL)
			continue;
		s = is_fresh(cell) ? prior : WIDE_CONST(cell->variance);
		WIDE(cell->mean) = WIDE_CONST(cell->mean) + s * g;
		s -= s * s * l;
		raise_to(&s, VARIANCE_MIN);
		WIDE(cell->variance) = s + noise;
	}
	for (unsigned i = 0; i < n && x != NULL; i++) {
		struct lanes_cell *cell = cells[i];
		float t = x[i];
		wide s, sx;

		if (cell == NULL || t == 0)
			continue;
		if (is_fresh(cell))
			s = prior / (t * t < SQUARE_MIN ? SQUARE_MIN : t * t);
		else
			s = WIDE_CONST(cell->variance);
		sx = s * t;
		WIDE(cell->mean) = WIDE_CONST(cell->mean) + sx * g;
		s -= sx * sx * l;
		raise_to(&s, VARIANCE_MIN);
		WIDE(cell->variance) = s + noise;
	}
}

/* The variance before a step that left `after`: the smaller root of
 * after = s - s^2 x^2 loss + noise, which lies between `after` and twice that. */
static inline float
variance_before(float after, float noise, float xx_loss)
{
	float t = after - noise, root;

	if (t < VARIANCE_MIN)
		t = VARIANCE_MIN;
	root = 1 - 4 * xx_loss * t;
	return 2 * t / (1 + (root > 0 ? sqrtf(root) : 0));
}

void
lanes_score_before(const struct lanes_options *o, const struct lanes_cell *const *cells,
    const float *x, unsigned n, const struct lanes *gain, const struct lanes *loss,
    struct lanes *z, struct lanes *v)
{
	for (unsigned i = 0; i < n; i++) {
		float t = x == NULL ? 1 : x[i];

		if (t == 0)
			continue;
		for (unsigned k = 0; k < LANES && is_fresh(cells[i]); k++)
			v->of[k] += o->prior.of[k];
		for (unsigned k = 0; k < LANES && !is_fresh(cells[i]); k++) {
			float s = variance_before(
			    cells[i]->variance[k], o->noise.of[k], t * t * loss->of[k]);

			z->of[k] += (cells[i]->mean[k] - s * t * gain->of[k]) * t;
			v->of[k] += s * t * t;
		}
	}
}

/* What is taken back and was never given has no bound otherwise. */
static inline float
held(float value, float most)
{
	return value > most ? most : value < -most ? -most : value;
}

void
lanes_unlearn(const struct lanes_options *o, struct lanes_cell *const *cells,
    const float *x, unsigned n, const struct lanes *gain, const struct lanes *loss)
{
	while (n-- > 0) {
		float t = x == NULL ? 1 : x[n];

		if (t == 0)
			continue;
		for (unsigned k = 0; k < LANES && !is_fresh(cells[n]); k++) {
			float s = variance_before(
			    cells[n]->variance[k], o->noise.of[k], t * t * loss->of[k]);

			cells[n]->mean[k] =
			    held(cells[n]->mean[k] - s * t * gain->of[k], MEAN_MAX);
			cells[n]->variance[k] = held(s, VARIANCE_MAX);
		}
	}
}

float
lanes_worth(const struct lanes_cell *cell)
{
	float most = 0;

	for (unsigned k = 0; k < LANES / 2; k++) {
		float worth = cell->variance[k] > 0
		    ? cell->mean[k] * cell->mean[k] / cell->variance[k]
		    : 0;

		most = worth > most ? worth : most;
	}
	return most;
}

bool
lanes_is_sound(const struct lanes_cell *cell)
{
	bool fresh = is_fresh(cell);

	for (unsigned k = 0; k < LANES; k++)
		if (!isfinite(cell->mean[k]) || !isfinite(cell->variance[k]) ||
		    (fresh ? cell->variance[k] != 0 || cell->mean[k] != 0
			   : cell->variance[k] <= 0))
			return false;
	return true;
}
