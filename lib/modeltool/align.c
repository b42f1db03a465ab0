/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/align.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
	HEADS = 2,
	K = FACTORS_MAX,
	SQUARE = K * K,
	PAIRS = FACTORS_FIELDS * FACTORS_FIELDS,
	ROUNDS = 60,
};

/* What is known of two sets of factors that say nothing of each other, beside those that do. */
#define LITTLE 1e-6

struct align {
	const struct rows *of; /* borrowed; a */
	unsigned k, parts, heads, fields;
	struct factors_fields numbers;
	double turn[]; /* of each head and pair of fields, or head: K by K */
};

/* --- Matrices ------------------------------------------------------------------------- */

/* to = inverse of m, transposed; false when there is none. Gauss and Jordan, with pivots. */
static bool
invert(const double *m, double *to, unsigned k)
{
	double a[SQUARE], b[SQUARE] = { 0 };

	memcpy(a, m, sizeof a);
	for (unsigned i = 0; i < k; i++)
		b[i * K + i] = 1;
	for (unsigned c = 0; c < k; c++) {
		unsigned best = c;
		double pivot;

		for (unsigned r = c + 1; r < k; r++)
			if (fabs(a[r * K + c]) > fabs(a[best * K + c]))
				best = r;
		pivot = a[best * K + c];
		if (!(fabs(pivot) > 1e-12))
			return false;
		for (unsigned i = 0; i < k; i++) {
			double x = a[best * K + i], y = b[best * K + i];

			a[best * K + i] = a[c * K + i];
			b[best * K + i] = b[c * K + i];
			a[c * K + i] = x / pivot;
			b[c * K + i] = y / pivot;
		}
		for (unsigned r = 0; r < k; r++) {
			double times = a[r * K + c];

			for (unsigned i = 0; i < k && r != c; i++) {
				a[r * K + i] -= times * a[c * K + i];
				b[r * K + i] -= times * b[c * K + i];
			}
		}
	}
	for (unsigned r = 0; r < k; r++)
		for (unsigned c = 0; c < k; c++)
			to[r * K + c] = b[c * K + r];
	return true;
}

static double
norm(const double *m, unsigned k)
{
	double sum = 0;

	for (unsigned r = 0; r < k; r++)
		for (unsigned c = 0; c < k; c++)
			sum += m[r * K + c] * m[r * K + c];
	return sqrt(sum);
}

static void
set_unit(double *m, unsigned k)
{
	memset(m, 0, SQUARE * sizeof *m);
	for (unsigned i = 0; i < k; i++)
		m[i * K + i] = 1;
}

/* The orthogonal matrix that is nearest to m, by Newton's iteration X = (g X + X^-T / g) / 2
 * (Higham, SIAM J. Sci. Stat. Comput. 1986). Where m says nothing it is the unit. */
static void
make_orthogonal(double *m, unsigned k)
{
	double size = norm(m, k), inverse[SQUARE] = { 0 };

	if (!(size > 0) || !isfinite(size)) {
		set_unit(m, k);
		return;
	}
	for (unsigned i = 0; i < k; i++)
		m[i * K + i] += LITTLE * size;
	for (unsigned i = 0; i < SQUARE; i++)
		m[i] /= size;
	for (unsigned round = 0; round < ROUNDS; round++) {
		double g, moved = 0;

		if (!invert(m, inverse, k)) {
			set_unit(m, k);
			return;
		}
		g = sqrt(norm(inverse, k) / norm(m, k));
		for (unsigned r = 0; r < k; r++)
			for (unsigned c = 0; c < k; c++) {
				double *x = &m[r * K + c];
				double next = (g * *x + inverse[r * K + c] / g) / 2;

				moved = fmax(moved, fabs(next - *x));
				*x = next;
			}
		if (moved < 1e-14)
			break;
	}
}

/* --- Turning -------------------------------------------------------------------------- */

static double *
turn_of(struct align *t, unsigned head, unsigned s, unsigned other)
{
	unsigned low = s < other ? s : other, high = s < other ? other : s;
	size_t at =
	    t->parts == 1 ? head : (size_t)head * PAIRS + low * FACTORS_FIELDS + high;

	return t->turn + at * SQUARE;
}

static float *
part_of(const struct align *t, const void *row, unsigned head, unsigned part)
{
	return (float *)(uintptr_t)row + (head * t->parts + part) * 2 * t->k;
}

static bool
is_fresh(const struct align *t, const void *row, unsigned head)
{
	return part_of(t, row, head, 0)[t->k] == 0;
}

static unsigned
field_of(const struct align *t, uint64_t key)
{
	struct factors_fields numbers = t->numbers;

	return factors_field(&numbers, (uint16_t)(key >> 48), true) % FACTORS_FIELDS;
}

/* Add a b' / variance of one part. */
static void
add_up(const struct align *t, const float *a, const float *b, double *to)
{
	double variance = 0;

	for (unsigned f = 0; f < t->k; f++)
		variance += (double)a[t->k + f] + (double)b[t->k + f];
	for (unsigned r = 0; r < t->k; r++)
		for (unsigned c = 0; c < t->k; c++)
			to[r * K + c] += (double)a[r] * (double)b[c] / variance;
}

static void
add_row(struct align *t, uint64_t key, const void *a, const void *b)
{
	unsigned field = field_of(t, key);

	for (unsigned h = 0; h < t->heads; h++) {
		if (is_fresh(t, a, h) || is_fresh(t, b, h))
			continue;
		for (unsigned p = 0; p < t->parts; p++)
			add_up(t, part_of(t, a, h, p), part_of(t, b, h, p),
			    turn_of(t, h, field, p));
	}
}

struct align *
align_new(const struct rows *a, const struct rows *b)
{
	unsigned parts = a->options.field_aware ? FACTORS_FIELDS : 1;
	size_t turns = (size_t)HEADS * (parts == 1 ? 1 : PAIRS);
	struct align *t = calloc(1, sizeof *t + turns * SQUARE * sizeof *t->turn);

	if (t == NULL)
		return NULL;
	t->of = a;
	t->k = a->options.k;
	t->parts = parts;
	t->heads = a->kind.size / a->part_size;
	assert(t->heads <= HEADS);
	t->numbers = *rows_fields(a);
	for (uint32_t i = 0; i < rows_fields(b)->count; i++)
		(void)factors_field(&t->numbers, rows_fields(b)->space[i], false);
	t->fields = t->numbers.count;
	for (uint64_t p = layout_next(&b->cells, 0); p != CELLS_NONE;
	     p = layout_next(&b->cells, p + 1)) {
		uint64_t key = cells_key_at(&b->cells, p);
		uint64_t there = layout_find(&a->cells, key);

		if (there != CELLS_NONE)
			add_row(
			    t, key, cells_at(&a->cells, there), cells_at(&b->cells, p));
	}
	for (size_t i = 0; i < turns; i++)
		make_orthogonal(t->turn + i * SQUARE, t->k);
	return t;
}

void
align_free(struct align *t)
{
	free(t);
}

static void
turn_part(const struct align *t, const double *turn, float *part)
{
	double mean[K] = { 0 }, variance[K] = { 0 };

	for (unsigned r = 0; r < t->k; r++)
		for (unsigned c = 0; c < t->k; c++) {
			double x = turn[r * K + c];

			mean[r] += x * (double)part[c];
			variance[r] += x * x * (double)part[t->k + c];
		}
	for (unsigned f = 0; f < t->k; f++) {
		part[f] = (float)mean[f];
		part[t->k + f] = (float)variance[f];
	}
}

void
align_turn(const struct align *t, uint64_t key, void *row)
{
	unsigned field = field_of(t, key);

	for (unsigned h = 0; h < t->heads; h++)
		for (unsigned p = 0; p < t->parts && !is_fresh(t, row, h); p++)
			turn_part(t, turn_of((struct align *)(uintptr_t)t, h, field, p),
			    part_of(t, row, h, p));
}

/* --- Merging -------------------------------------------------------------------------- */

/* Of k factors; both began as `begin`, that of b turned as `turned`. */
static void
merge_part(const struct align *t, float *to, const float *from, const float *begin,
    const float *turned)
{
	for (unsigned f = 0; f < t->k; f++) {
		unsigned v = t->k + f;
		double a = 1 / (double)to[v], b = 1 / (double)from[v];
		double prior = fmin(1 / (double)begin[v], fmin(a, b));
		double sum = a + b - prior;
		double mean = ((double)begin[f] + (double)turned[f]) / 2;

		to[f] = (float)vec_clamp(
		    (a * (double)to[f] + b * (double)from[f] - prior * mean) / sum,
		    -1e3, 1e3);
		to[v] = fmaxf((float)(1 / sum), 1e-20f);
	}
}

void
align_merge(const struct align *t, uint64_t key, void *to, const void *from)
{
	_Alignas(64) float begin[CELLS_SIZE_MAX / sizeof(float)];
	_Alignas(64) float turned[CELLS_SIZE_MAX / sizeof(float)];

	for (unsigned h = 0; h < t->heads; h++)
		factors_beginning(
		    &t->of->options, t->fields, key, part_of(t, begin, h, 0));
	memcpy(turned, begin, t->of->kind.size);
	align_turn(t, key, turned);
	for (unsigned h = 0; h < t->heads; h++) {
		if (is_fresh(t, from, h))
			continue;
		if (is_fresh(t, to, h))
			memcpy(part_of(t, to, h, 0), part_of(t, from, h, 0),
			    t->of->part_size);
		else
			for (unsigned p = 0; p < t->parts; p++)
				merge_part(t, part_of(t, to, h, p),
				    part_of(t, from, h, p), part_of(t, begin, h, p),
				    part_of(t, turned, h, p));
	}
}
