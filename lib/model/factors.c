/* SPDX-License-Identifier: MIT */
#include "lib/model/factors.h"

#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* Whatever comes in, what is kept stays finite. */
#define MEAN_MAX 1e3f
#define VARIANCE_MIN 1e-20f
#define SPREAD_MAX 1e12
/* The least sum of x^2 of a field that a prior is scaled by. */
#define SQUARE_MIN 1e-4

enum { STEP = FACTORS_STEP };

typedef float quad __attribute__((vector_size(STEP * sizeof(float)), may_alias));
typedef int32_t mask __attribute__((vector_size(STEP * sizeof(int32_t)), may_alias));

#define QUAD(at) (*(quad *)(void *)(at))
#define QUAD_CONST(at) (*(const quad *)(const void *)(at))
#define EACH_BIT(i, bits)                                                              \
	for (uint32_t i##_left = (bits), i;                                            \
	     i##_left != 0 && (i = (uint32_t)__builtin_ctz(i##_left), true);           \
	     i##_left &= i##_left - 1)

/* The usual sizes have code of their own: half of the time. */
#define INLINE inline __attribute__((always_inline))
#define SPECIALISE(f, o, ...)                                                          \
	do {                                                                           \
		const struct factors_options eight = { 8, false },                     \
					     four = { 4, false };                      \
		if ((o)->k == 8 && !(o)->field_aware)                                  \
			f(&eight, __VA_ARGS__);                                        \
		else if ((o)->k == 4 && !(o)->field_aware)                             \
			f(&four, __VA_ARGS__);                                         \
		else                                                                   \
			f(o, __VA_ARGS__);                                             \
	} while (0)

/* --- Fields and rows ---------------------------------------------------------------- */

unsigned
factors_field(struct factors_fields *f, uint16_t space, bool frozen)
{
	for (uint32_t i = 0; i < f->count && i < FACTORS_FIELDS; i++)
		if (f->space[i] == space)
			return i;
	if (f->count >= FACTORS_FIELDS)
		return (unsigned)hash_bucket(hash_mix(space), FACTORS_FIELDS);
	if (!frozen)
		f->space[f->count++] = space;
	return frozen ? f->count : f->count - 1;
}

bool
factors_fields_are_sound(const struct factors_fields *f)
{
	if (f->count > FACTORS_FIELDS)
		return false;
	for (uint32_t i = 0; i < f->count; i++)
		for (uint32_t j = 0; j < i; j++)
			if (f->space[i] == f->space[j])
				return false;
	return true;
}

/* How many fields a row tells apart. */
static INLINE unsigned
parts(const struct factors_options *o)
{
	return o->field_aware ? FACTORS_FIELDS : 1;
}

unsigned
factors_row_size(const struct factors_options *o)
{
	return parts(o) * 2 * o->k * (unsigned)sizeof(float);
}

/* A row that was taught has variances. */
static INLINE bool
is_fresh(const struct factors_options *o, const float *row)
{
	return row == NULL || row[o->k] == 0;
}

static INLINE float
value(const struct factors_example *e, unsigned i)
{
	return e->x == NULL ? 1 : e->x[i];
}

/* Of a row in field s: the parts that the example speaks of. */
static INLINE uint32_t
spoken(const struct factors_options *o, const struct factors_example *e, unsigned s)
{
	return o->field_aware ? e->used & ~(UINT32_C(1) << s) : 1;
}

static INLINE float *
sum_of(
    const struct factors_options *o, struct factors_example *e, unsigned s, unsigned t)
{
	return e->sum + (s * parts(o) + t) * o->k;
}

/* G[s][t] */
static INLINE const float *
slope_of(
    const struct factors_options *o, struct factors_example *e, unsigned s, unsigned t)
{
	return o->field_aware ? sum_of(o, e, t, s) : e->slope + s * o->k;
}

static INLINE float
total(quad q)
{
	return (q[0] + q[1]) + (q[2] + q[3]);
}

/* --- Beginning ---------------------------------------------------------------------- */

/* Evenly spread, of a variance of 1. */
static float
draw(uint64_t key, unsigned i)
{
	uint64_t bits = hash_mix(key ^ hash_mix(i + 1));
	double unit = ((double)(bits >> 11) + 0.5) / 9007199254740992.0;

	return (float)((2 * unit - 1) * 1.7320508075688772);
}

static void
begin(const struct factors_options *o, float *row, uint64_t key, double variance)
{
	float apart = (float)sqrt(FACTORS_APART * variance);

	for (unsigned t = 0; t < parts(o); t++, row += 2 * o->k)
		for (unsigned f = 0; f < o->k; f++) {
			row[f] = apart * draw(key, t * o->k + f);
			row[o->k + f] = (float)variance;
		}
}

/* z is a sum of as many products as there are pairs of fields, and factors. */
static double
variance_of(const struct factors_options *o, double fields)
{
	return sqrt(FACTORS_PRIOR / (fmax(fields * (fields - 1) / 2, 1) * o->k));
}

void
factors_beginning(
    const struct factors_options *o, unsigned fields, uint64_t key, float *row)
{
	begin(o, row, key, variance_of(o, fields));
}

/* A prior is that of a field as a whole: T[s], whose variance is that of a factor times the
 * sum of x^2. */
void
factors_begin(const struct factors_options *o, struct factors_example *e)
{
	double square[FACTORS_FIELDS] = { 0 }, variance;
	uint32_t seen = 0;
	bool any = false;

	for (unsigned i = 0; i < e->n; i++)
		any = any || (e->row[i] != NULL && is_fresh(o, e->row[i]));
	if (!any)
		return;
	for (unsigned i = 0; i < e->n; i++) {
		square[e->field[i]] += (double)value(e, i) * (double)value(e, i);
		seen |= UINT32_C(1) << e->field[i];
	}
	variance = variance_of(o, __builtin_popcount(seen));
	for (unsigned i = 0; i < e->n; i++)
		if (e->row[i] != NULL && is_fresh(o, e->row[i]))
			begin(o, e->row[i], e->key[i],
			    variance / fmax(square[e->field[i]], SQUARE_MIN));
}

/* --- Scoring ------------------------------------------------------------------------ */

static INLINE void
clear_sums(const struct factors_options *o, struct factors_example *e)
{
	e->used = 0;
	for (unsigned i = 0; i < e->n; i++)
		if (!is_fresh(o, e->row[i]))
			e->used |= UINT32_C(1) << e->field[i];
	EACH_BIT(s, e->used)
	EACH_BIT(t, spoken(o, e, s))
	memset(sum_of(o, e, s, t), 0, o->k * sizeof(float));
}

/* G of an FM from T; z. */
static INLINE void
close_sums(const struct factors_options *o, struct factors_example *e)
{
	_Alignas(16) float all[FACTORS_MAX] = { 0 };
	double z = 0;

	EACH_BIT(s, o->field_aware ? 0 : e->used)
	for (unsigned f = 0; f < o->k; f += STEP)
		QUAD(all + f) += QUAD(sum_of(o, e, s, 0) + f);
	EACH_BIT(s, o->field_aware ? 0 : e->used)
	for (unsigned f = 0; f < o->k; f += STEP)
		QUAD(e->slope + s * o->k + f) =
		    QUAD(all + f) - QUAD(sum_of(o, e, s, 0) + f);
	EACH_BIT(s, e->used)
	EACH_BIT(t, spoken(o, e, s))
	{
		const float *sum = sum_of(o, e, s, t);
		const float *slope = slope_of(o, e, s, t);
		quad product = { 0 };

		for (unsigned f = 0; f < o->k; f += STEP)
			product += QUAD_CONST(sum + f) * QUAD_CONST(slope + f);
		z += (double)total(product);
	}
	e->z = vec_clamp(z / 2, -VEC_LOGIT_MAX, VEC_LOGIT_MAX);
}

static INLINE void
spread(const struct factors_options *o, struct factors_example *e)
{
	quad v = { 0 };

	for (unsigned i = 0; i < e->n; i++) {
		float square = value(e, i) * value(e, i);

		if (is_fresh(o, e->row[i]))
			continue;
		EACH_BIT(t, spoken(o, e, e->field[i]))
		{
			const float *variance = e->row[i] + (2 * t + 1) * o->k;
			const float *slope = slope_of(o, e, e->field[i], t);

			for (unsigned f = 0; f < o->k; f += STEP) {
				quad g = QUAD_CONST(slope + f);

				v += QUAD_CONST(variance + f) * (g * g) * square;
			}
		}
	}
	e->v = (double)total(v);
}

static INLINE void
score(const struct factors_options *o, struct factors_example *e)
{
	clear_sums(o, e);
	for (unsigned i = 0; i < e->n; i++) {
		float x = value(e, i);

		if (is_fresh(o, e->row[i]))
			continue;
		EACH_BIT(t, spoken(o, e, e->field[i]))
		{
			const float *mean = e->row[i] + 2 * t * o->k;
			float *sum = sum_of(o, e, e->field[i], t);

			for (unsigned f = 0; f < o->k; f += STEP)
				QUAD(sum + f) += QUAD_CONST(mean + f) * x;
		}
	}
	close_sums(o, e);
	spread(o, e);
}

void
factors_score(const struct factors_options *o, struct factors_example *e)
{
	SPECIALISE(score, o, e);
}

/* --- Learning ----------------------------------------------------------------------- */

/* Where a step is not small, z is not linear in it: an example of a great weight moves the
 * factors no further than one of a weight of 1. */
static INLINE float
held_gain(double gain)
{
	return (float)vec_clamp(gain, -1, 1);
}

static INLINE quad
at_most(quad a, float high)
{
	quad h = (quad){ 0 } + high;
	mask more = a > h;

	return (quad)(((mask)h & more) | ((mask)a & ~more));
}

static INLINE quad
held(quad a)
{
	return -at_most(-at_most(a, MEAN_MAX), MEAN_MAX);
}

static INLINE quad
at_least(quad a, float low)
{
	return -at_most(-a, -low);
}

static INLINE void
learn(const struct factors_options *o, struct factors_example *e, double gain,
    double loss)
{
	const float g = held_gain(gain), l = (float)loss;

	if (!(e->v < SPREAD_MAX))
		return;
	for (unsigned i = 0; i < e->n; i++) {
		float x = value(e, i);

		if (is_fresh(o, e->row[i]))
			continue;
		EACH_BIT(t, spoken(o, e, e->field[i]))
		{
			float *mean = e->row[i] + 2 * t * o->k, *variance = mean + o->k;
			const float *slope = slope_of(o, e, e->field[i], t);

			for (unsigned f = 0; f < o->k; f += STEP) {
				quad s = QUAD(variance + f);
				quad sx = s * QUAD_CONST(slope + f) * x;

				QUAD(mean + f) = held(QUAD(mean + f) + sx * g);
				QUAD(variance + f) =
				    at_least(s - sx * sx * l, VARIANCE_MIN);
			}
		}
	}
}

void
factors_learn(const struct factors_options *o, struct factors_example *e, double gain,
    double loss)
{
	SPECIALISE(learn, o, e, gain, loss);
}

/* --- Taking back -------------------------------------------------------------------- */

/* The variance before a step that left `after`: the smaller root of
 * after = s - s^2 slope^2 loss. */
static INLINE float
variance_before(float after, float slope_loss)
{
	float root = 1 - 4 * slope_loss * after;

	return 2 * after / (1 + (root > 0 ? sqrtf(root) : 0));
}

/* The k factors of a part as they were, by the slopes that e holds. */
static void
part_before(const struct factors_options *o, struct factors_example *e, unsigned i,
    unsigned t, float gain, float loss, float *mean, float *variance)
{
	const float *now = e->row[i] + 2 * t * o->k;
	const float *slope = slope_of(o, e, e->field[i], t);
	float x = value(e, i);

	for (unsigned f = 0; f < o->k; f++) {
		float sx = slope[f] * x;

		variance[f] = variance_before(now[o->k + f], sx * sx * loss);
		mean[f] = (float)vec_clamp((double)(now[f] - variance[f] * sx * gain),
		    (double)-MEAN_MAX, (double)MEAN_MAX);
	}
}

/* Not near 0. */
static inline float
divisor(float d)
{
	return d < 0 ? fminf(d, -0.05f) : fmaxf(d, 0.05f);
}

/* A step moved each sum T by gain P G, where P is the sum of variance x^2 and G is linear in
 * the sums: back by solving for them. For each factor
 *
 *	T'[s] = T[s] + g P[s] (S - T[s]), S the sum of all T
 *	T'[s][t] = T[s][t] + g P[s][t] T[t][s]
 */
static void
solve(const struct factors_options *o, struct factors_example *e, const float *moved,
    float g)
{
	const unsigned k = o->k;

	EACH_BIT(s, o->field_aware ? e->used : 0)
	EACH_BIT(t, spoken(o, e, s) & ~((UINT32_C(2) << s) - 1))
	for (unsigned f = 0; f < k; f++) {
		unsigned a = (s * FACTORS_FIELDS + t) * k + f;
		unsigned b = (t * FACTORS_FIELDS + s) * k + f;
		float p = g * moved[a], q = g * moved[b];
		float u = e->sum[a], v = e->sum[b];

		e->sum[a] = (u - p * v) / divisor(1 - p * q);
		e->sum[b] = (v - q * u) / divisor(1 - p * q);
	}
	for (unsigned f = 0; f < k && !o->field_aware; f++) {
		float sum = 0, part = 0;

		EACH_BIT(s, e->used)
		{
			float p = g * moved[s * k + f];

			sum += e->sum[s * k + f] / divisor(1 - p);
			part += p / divisor(1 - p);
		}
		sum /= divisor(1 + part);
		EACH_BIT(s, e->used)
		{
			float p = g * moved[s * k + f];

			e->sum[s * k + f] =
			    (e->sum[s * k + f] - p * sum) / divisor(1 - p);
		}
	}
}

void
factors_score_before(const struct factors_options *o, struct factors_example *e,
    double gain, double loss)
{
	_Alignas(16) float mean[FACTORS_MAX], variance[FACTORS_MAX];
	float after[FACTORS_FIELDS * FACTORS_FIELDS * FACTORS_MAX] = { 0 };
	float moved[FACTORS_FIELDS * FACTORS_FIELDS * FACTORS_MAX] = { 0 };
	const float g = held_gain(gain);
	double v = 0;

	if (!(e->v < SPREAD_MAX))
		return;
	for (unsigned i = 0; i < e->n; i++) {
		float x = value(e, i);
		unsigned s = e->field[i];

		if (is_fresh(o, e->row[i]))
			continue;
		EACH_BIT(t, spoken(o, e, s))
		{
			unsigned at = (s * parts(o) + t) * o->k;
			const float *now = e->row[i] + 2 * t * o->k;
			const float *slope = slope_of(o, e, s, t);

			part_before(o, e, i, t, g, (float)loss, mean, variance);
			for (unsigned f = 0; f < o->k; f++) {
				after[at + f] += now[f] * x;
				moved[at + f] += variance[f] * x * x;
				v +=
				    (double)(variance[f] * x * x * slope[f] * slope[f]);
			}
		}
	}
	memcpy(e->sum, after, FACTORS_FIELDS * parts(o) * o->k * sizeof(float));
	solve(o, e, moved, g);
	close_sums(o, e);
	e->v = v;
}

void
factors_unlearn(const struct factors_options *o, struct factors_example *e, double gain,
    double loss)
{
	if (!(e->v < SPREAD_MAX))
		return;
	for (unsigned i = e->n; i-- > 0;) {
		if (is_fresh(o, e->row[i]))
			continue;
		EACH_BIT(t, spoken(o, e, e->field[i]))
		{
			float *mean = e->row[i] + 2 * t * o->k;

			part_before(
			    o, e, i, t, (float)gain, (float)loss, mean, mean + o->k);
		}
	}
}

/* --- Rows --------------------------------------------------------------------------- */

double
factors_effect(const struct factors_options *o, struct factors_example *e, unsigned i)
{
	unsigned s = e->field[i];
	double sum = 0;

	if (is_fresh(o, e->row[i]))
		return 0;
	EACH_BIT(t, spoken(o, e, s))
	{
		const float *mean = e->row[i] + 2 * t * o->k;
		const float *slope = slope_of(o, e, s, t);

		for (unsigned f = 0; f < o->k; f++)
			sum += (double)mean[f] * (double)slope[f];
	}
	return sum * (double)value(e, i) / 2;
}

float
factors_worth(const struct factors_options *o, const float *row)
{
	float worth = 0;

	if (is_fresh(o, row))
		return 0;
	for (unsigned t = 0; t < parts(o); t++, row += 2 * o->k)
		for (unsigned f = 0; f < o->k; f++)
			worth += row[f] * row[f] / row[o->k + f];
	return worth / (float)(parts(o) * o->k);
}

bool
factors_is_sound(const struct factors_options *o, const float *row)
{
	bool fresh = is_fresh(o, row);

	for (unsigned t = 0; t < parts(o); t++, row += 2 * o->k)
		for (unsigned f = 0; f < o->k; f++)
			if (!(fabsf(row[f]) <= (fresh ? 0 : MEAN_MAX)) ||
			    !(fresh ? row[o->k + f] == 0
				    : row[o->k + f] > 0 && row[o->k + f] <= 1e6f))
				return false;
	return true;
}
