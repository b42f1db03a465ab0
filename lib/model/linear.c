/* SPDX-License-Identifier: MIT */
#include "lib/model/linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
	SIZE = LINEAR_MAX + 1,
	SLOTS = 1024,    /* of the map from keys to dimensions */
	READER_LAG = 64, /* a reader follows when it is so far behind, or a 64th */
};

static const double unit = 0x1p-40;
/* Below this a change of rank 1 loses digits. */
static const double least_pivot = 1e-4;

struct linear_head {
	unsigned offset;
	double *inverse; /* size x size, of which n + 1 are used */
	double theta[SIZE];
	double said; /* of the example at hand */
};

struct linear {
	struct linear_options o;
	unsigned heads, size;
	struct linear_head head[LINEAR_HEADS];
	double *work;       /* size x size */
	uint64_t version;   /* of the model, that it is of */
	uint64_t since;     /* examples since it was made afresh */
	uint64_t spoilt;    /* a change was left out */
	unsigned n;         /* features */
	uint64_t key[SIZE]; /* of dimension i: key[i], i from 1 */
	uint16_t slot[SLOTS];
	/* The example at hand: its dimensions, the intercept first, and values. */
	unsigned count;
	double fresh; /* the sum of x^2 of what has no dimension yet */
	uint16_t at[SIZE];
	double x[SIZE], across[SIZE];
	uint8_t *cell[SIZE], **pair; /* as many as may be */
};

/* --- Sums ----------------------------------------------------------------------------- */

double
linear_value(linear_sum s)
{
	return (double)s * unit;
}

/* What runs over comes back. */
static inline linear_sum
sum(linear_sum a, linear_sum b)
{
	__extension__ typedef unsigned __int128 bits;

	return (linear_sum)((bits)a + (bits)b);
}

static inline void
add(linear_sum *to, double value)
{
	*to = sum(*to, (linear_sum)rint(value / unit));
}

void
linear_count(struct linear_totals *t, double label, double weight)
{
	add(&t->n, weight);
	add(&t->label, weight * label);
	add(&t->square, weight * (label * label));
}

void
linear_totals_merge(struct linear_totals *to, const struct linear_totals *from)
{
	to->n = sum(to->n, from->n);
	to->label = sum(to->label, from->label);
	to->square = sum(to->square, from->square);
}

void
linear_merge(struct linear_cell *to, const struct linear_cell *from)
{
	to->square = sum(to->square, from->square);
	to->label = sum(to->label, from->label);
	to->once = sum(to->once, from->once);
}

uint64_t
linear_pair(uint64_t a, uint64_t b)
{
	uint64_t pair = a < b ? hash_pair(a, b) : hash_pair(b, a);

	return pair | UINT64_C(0xffff) << 48;
}

/* --- Its life -------------------------------------------------------------------------- */

uint64_t
linear_bytes(unsigned dimensions, unsigned heads)
{
	uint64_t size = dimensions + 1;

	return sizeof(struct linear) + (heads + 1) * size * size * sizeof(double) +
	    linear_cells(dimensions) * sizeof(uint8_t *);
}

uint64_t
linear_cells(unsigned dimensions)
{
	return (uint64_t)dimensions * (dimensions + 1) / 2;
}

static void
prior(struct linear *l)
{
	for (unsigned h = 0; h < l->heads; h++) {
		struct linear_head *head = &l->head[h];

		memset(head->theta, 0, sizeof head->theta);
		memset(head->inverse, 0,
		    (size_t)l->size * l->size * sizeof *head->inverse);
		for (unsigned i = 0; i < l->size; i++)
			head->inverse[(size_t)i * l->size + i] = 1 / l->o.l2;
		head->theta[0] = l->o.mean;
	}
}

struct linear *
linear_new(const struct linear_options *o, unsigned heads, const unsigned *offset)
{
	struct linear *l = calloc(1, sizeof *l);
	size_t size = o->dimensions + 1;

	assert(heads <= LINEAR_HEADS && o->dimensions <= LINEAR_MAX);
	if (l == NULL)
		return NULL;
	l->o = *o;
	l->size = (unsigned)size;
	l->work = calloc(size * size, sizeof *l->work);
	l->pair = calloc(linear_cells(o->dimensions), sizeof *l->pair);
	for (unsigned h = 0; h < heads; h++) {
		l->head[h].offset = offset[h];
		l->head[h].inverse = calloc(size * size, sizeof(double));
		l->heads += l->head[h].inverse != NULL;
	}
	if (l->work == NULL || l->pair == NULL || l->heads < heads) {
		linear_free(l);
		return NULL;
	}
	prior(l);
	return l;
}

void
linear_free(struct linear *l)
{
	if (l == NULL)
		return;
	for (unsigned h = 0; h < LINEAR_HEADS; h++)
		free(l->head[h].inverse);
	free(l->work);
	free(l->pair);
	free(l);
}

/* --- Dimensions ------------------------------------------------------------------------ */

/* Where a key is or would be. */
static uint16_t *
slot_of(struct linear *l, uint64_t key)
{
	uint64_t s = hash_bucket(hash_mix(key), SLOTS);

	while (l->slot[s] != 0 && l->key[l->slot[s]] != key)
		s = (s + 1) % SLOTS;
	return &l->slot[s];
}

static void
append(struct linear *l, uint64_t key)
{
	l->key[++l->n] = key;
	*slot_of(l, key) = (uint16_t)l->n;
}

static void
look(struct linear *l, unsigned dimension, double x)
{
	for (unsigned i = 0; i < l->count; i++)
		if (l->at[i] == dimension) {
			l->x[i] += x;
			return;
		}
	l->at[l->count] = (uint16_t)dimension;
	l->x[l->count++] = x;
}

void
linear_look(struct linear *l, const struct features *f, const float *x)
{
	l->count = 0;
	l->fresh = 0;
	look(l, 0, 1);
	for (unsigned i = 0; i < features_count(f); i++) {
		uint16_t dimension = *slot_of(l, linear_key(features_key(f, i)));
		double value = x == NULL ? 1 : (double)x[i];

		if (dimension != 0)
			look(l, dimension, value);
		else if (l->n < l->o.dimensions)
			l->fresh += value * value;
	}
}

static uint8_t *
cell_of(struct cells *c, uint64_t key, uint64_t now)
{
	uint64_t home = cells_home(c, key), place = cells_find(c, home, key);

	if (place == CELLS_NONE)
		place = cells_take(c, home, key, now);
	if (place == CELLS_NONE)
		return NULL;
	cells_touch(c, place, now);
	return cells_at(c, place);
}

/* The cells of the example; false when the table has to grow first, or is full. */
static bool
find_cells(struct linear *l, struct cells *c, uint64_t now)
{
	unsigned p = 0;

	for (unsigned i = 1; i < l->count; i++) {
		uint64_t key = l->key[l->at[i]];

		l->cell[i] = cell_of(c, key, now);
		if (l->cell[i] == NULL)
			return false;
		for (unsigned k = 1; k < i; k++, p++) {
			l->pair[p] =
			    cell_of(c, linear_pair(key, l->key[l->at[k]]), now);
			if (l->pair[p] == NULL)
				return false;
		}
	}
	return true;
}

unsigned
linear_take_up(struct linear *l, struct cells *c, const struct features *f,
    const float *x, uint64_t now)
{
	unsigned left_out = 0;

	for (unsigned i = 0; i < features_count(f); i++) {
		uint64_t key = linear_key(features_key(f, i));

		if (*slot_of(l, key) != 0)
			continue;
		if (l->n < l->o.dimensions)
			append(l, key);
		else
			left_out++;
	}
	linear_look(l, f, x);
	for (unsigned tries = 0; tries < 2; tries++) {
		cells_reserve(c, (uint64_t)l->count * l->count / 2, now);
		if (find_cells(l, c, now))
			return left_out;
	}
	/* There is no room: nothing is learned of them. */
	left_out += l->count - 1;
	l->count = 1;
	return left_out;
}

/* --- Afresh ---------------------------------------------------------------------------- */

static const struct linear_cell *
part(const struct linear *l, const struct cells *c, unsigned head, uint64_t key)
{
	uint64_t place = cells_find(c, cells_home(c, key), key);

	return place == CELLS_NONE
	    ? NULL
	    : (const void *)((const uint8_t *)cells_at(c, place) +
		  l->head[head].offset);
}

static bool
is_nothing(const void *cell, size_t size)
{
	const uint64_t *words = cell;

	for (size_t i = 0; i < size / sizeof *words; i++)
		if (words[i] != 0)
			return false;
	return true;
}

static int
compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
collect(void *context, uint64_t key, const void *cell)
{
	struct linear *l = context;

	if (l->n < l->o.dimensions && !linear_is_pair(key) &&
	    !is_nothing(cell, l->heads * sizeof(struct linear_cell)))
		l->key[++l->n] = key;
}

/* Those of which something is known, in the order of their keys: the same whatever the order
 * in which they came. */
static void
list(struct linear *l, const struct cells *c)
{
	l->n = 0;
	memset(l->slot, 0, sizeof l->slot);
	cells_walk(c, collect, l);
	qsort(l->key + 1, l->n, sizeof *l->key, compare_keys);
	for (unsigned i = 1; i <= l->n; i++)
		*slot_of(l, l->key[i]) = (uint16_t)i;
}

/* A into work, b into theta. */
static void
gather(struct linear *l, const struct linear_sums *from, unsigned h)
{
	const struct linear_totals *totals = from->totals[h];
	const struct cells *c = from->cells;
	struct linear_head *head = &l->head[h];
	double *a = l->work;
	size_t size = l->size;

	a[0] = l->o.l2 + linear_value(totals->n);
	head->theta[0] = l->o.l2 * l->o.mean + linear_value(totals->label);
	for (unsigned i = 1; i <= l->n; i++) {
		const struct linear_cell *of = part(l, c, h, l->key[i]), *pair;

		a[i * size] = of == NULL ? 0 : linear_value(of->once);
		a[i * size + i] = l->o.l2 + (of == NULL ? 0 : linear_value(of->square));
		head->theta[i] = of == NULL ? 0 : linear_value(of->label);
		for (unsigned k = 1; k < i; k++) {
			pair = part(l, c, h, linear_pair(l->key[i], l->key[k]));
			a[i * size + k] = pair == NULL ? 0 : linear_value(pair->square);
		}
	}
}

/* The lower factor of the lower half of a, in place; false when a is not positive. */
static bool
factorise(double *a, size_t size, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		double *row = a + i * size;

		for (unsigned k = 0; k <= i; k++) {
			const double *other = a + k * size;
			double sum = row[k];

			for (unsigned j = 0; j < k; j++)
				sum -= row[j] * other[j];
			if (k < i)
				row[k] = sum / other[k];
			else if (sum > 1e-12 * row[i] && sum > 0)
				row[i] = sqrt(sum);
			else
				return false;
		}
	}
	return true;
}

/* inv(L L') of a factor L, whose inverse takes its place. */
static void
invert(double *l, double *to, size_t size, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		double *row = l + i * size;
		double pivot = 1 / row[i];

		for (unsigned k = 0; k < i; k++) {
			double sum = 0;

			for (unsigned j = k; j < i; j++)
				sum += row[j] * l[j * size + k];
			to[k] = -pivot * sum;
		}
		memcpy(row, to, i * sizeof *row);
		row[i] = pivot;
	}
	memset(to, 0, size * n * sizeof *to);
	for (unsigned j = 0; j < n; j++)
		for (unsigned i = 0; i <= j; i++) {
			double factor = l[j * size + i];

			for (unsigned k = 0; k <= j; k++)
				to[i * size + k] += factor * l[j * size + k];
		}
}

/* More was taken back than given so far: each by itself, as if they had nothing to do with
 * each other, until it is given. */
static void
fall_back(struct linear *l, const struct linear_sums *from, unsigned h)
{
	double *inverse = l->head[h].inverse;

	gather(l, from, h);
	memset(inverse, 0, (size_t)l->size * l->size * sizeof *inverse);
	for (unsigned i = 0; i <= l->n; i++) {
		size_t own = (size_t)i * l->size + i;

		inverse[own] = 1 / fmax(l->work[own], l->o.l2);
	}
}

static void
solve(struct linear *l, struct linear_head *head)
{
	double b[SIZE];
	unsigned n = l->n + 1;

	memcpy(b, head->theta, n * sizeof *b);
	for (unsigned i = 0; i < n; i++) {
		const double *row = head->inverse + (size_t)i * l->size;
		double sum = 0;

		for (unsigned k = 0; k < n; k++)
			sum += row[k] * b[k];
		head->theta[i] = sum;
	}
}

/* A dimension that is new later begins with its prior. */
static void
clear_rest(struct linear *l, struct linear_head *head)
{
	for (unsigned i = l->n + 1; i < l->size; i++) {
		head->theta[i] = 0;
		for (unsigned k = 0; k < l->size; k++)
			head->inverse[(size_t)i * l->size + k] =
			    head->inverse[(size_t)k * l->size + i] = 0;
		head->inverse[(size_t)i * l->size + i] = 1 / l->o.l2;
	}
}

void
linear_rebuild(struct linear *l, const struct linear_sums *from)
{
	list(l, from->cells);
	for (unsigned h = 0; h < l->heads; h++) {
		struct linear_head *head = &l->head[h];

		gather(l, from, h);
		if (factorise(l->work, l->size, l->n + 1))
			invert(l->work, head->inverse, l->size, l->n + 1);
		else
			fall_back(l, from, h);
		solve(l, head);
		clear_rest(l, head);
	}
	l->version = from->version;
	l->since = l->spoilt = 0;
}

void
linear_follow(struct linear *l, const struct linear_sums *from)
{
	uint64_t behind = from->version - l->version;

	if (behind != 0 &&
	    (!from->cells->region.reads || l->version == 0 ||
		(behind > READER_LAG && behind > from->version / READER_LAG)))
		linear_rebuild(l, from);
}

/* --- Examples -------------------------------------------------------------------------- */

void
linear_say(struct linear *l, unsigned h, double *mean, double *variance)
{
	struct linear_head *head = &l->head[h];

	*mean = 0;
	*variance = l->fresh / l->o.l2;
	for (unsigned i = 0; i < l->count; i++) {
		const double *row = head->inverse + (size_t)l->at[i] * l->size;
		double sum = 0;

		for (unsigned k = 0; k < l->count; k++)
			sum += row[l->at[k]] * l->x[k];
		*mean += head->theta[l->at[i]] * l->x[i];
		*variance += sum * l->x[i];
	}
	*variance = fmax(*variance, 0);
	head->said = *mean;
}

static void
count(struct linear *l, unsigned h, double label, double weight)
{
	unsigned offset = l->head[h].offset, p = 0;

	for (unsigned i = 1; i < l->count; i++) {
		struct linear_cell *own = (void *)(l->cell[i] + offset);
		double x = weight * l->x[i];

		add(&own->square, x * l->x[i]);
		add(&own->label, x * label);
		add(&own->once, x);
		for (unsigned k = 1; k < i; k++, p++) {
			struct linear_cell *pair = (void *)(l->pair[p] + offset);

			add(&pair->square, x * l->x[k]);
		}
	}
}

/* inv(A) x, and x' inv(A) x. */
static double
go_across(struct linear *l, const struct linear_head *head)
{
	double sum = 0;

	memset(l->across, 0, (l->n + 1) * sizeof *l->across);
	for (unsigned i = 0; i < l->count; i++) {
		const double *row = head->inverse + (size_t)l->at[i] * l->size;

		for (unsigned k = 0; k <= l->n; k++)
			l->across[k] += l->x[i] * row[k];
	}
	for (unsigned i = 0; i < l->count; i++)
		sum += l->x[i] * l->across[l->at[i]];
	return sum;
}

void
linear_learn(struct linear *l, unsigned h, double label, double weight)
{
	struct linear_head *head = &l->head[h];
	double pivot = 1 + weight * go_across(l, head), step;

	count(l, h, label, weight);
	if (!(pivot >= least_pivot) || !isfinite(pivot) || l->spoilt > 0) {
		l->spoilt += l->spoilt == 0;
		return;
	}
	step = weight / pivot;
	for (unsigned i = 0; i <= l->n; i++) {
		double *row = head->inverse + (size_t)i * l->size;
		double factor = step * l->across[i];

		for (unsigned k = 0; k <= l->n && factor != 0; k++)
			row[k] -= factor * l->across[k];
		head->theta[i] += factor * (label - head->said);
	}
}

void
linear_done(struct linear *l, const struct linear_sums *from)
{
	l->version = from->version;
	l->since++;
	l->spoilt += l->spoilt > 0;
	if (l->since >= LINEAR_REBUILD || l->spoilt > LINEAR_SOON)
		linear_rebuild(l, from);
}

bool
linear_weight(const struct linear *l, unsigned head, uint64_t key, double *weight,
    double *variance)
{
	const struct linear_head *h = &l->head[head];

	for (unsigned i = 1; i <= l->n; i++)
		if (l->key[i] == linear_key(key)) {
			*weight = h->theta[i];
			*variance = h->inverse[(size_t)i * l->size + i];
			return true;
		}
	return false;
}

/* --- Snapshots ------------------------------------------------------------------------- */

void
linear_save(const struct linear *l, struct state_writer *to)
{
	unsigned n = l->n + 1;

	state_put_u64(to, l->n);
	state_put_u64(to, l->version);
	state_put_u64(to, l->since);
	state_put_u64(to, l->spoilt);
	state_put(to, l->key, n * sizeof *l->key);
	for (unsigned h = 0; h < l->heads; h++) {
		state_put(to, l->head[h].theta, n * sizeof(double));
		for (unsigned i = 0; i < n; i++)
			state_put(to, l->head[h].inverse + (size_t)i * l->size,
			    n * sizeof(double));
	}
}

static bool
are_finite(const double *x, unsigned n)
{
	bool finite = true;

	for (unsigned i = 0; i < n; i++)
		finite = finite && isfinite(x[i]);
	return finite;
}

static int
load_head(struct linear *l, struct linear_head *head, struct state_reader *from)
{
	unsigned n = l->n + 1;
	bool sound = state_get(from, head->theta, n * sizeof(double)) == 0 &&
	    are_finite(head->theta, n);

	for (unsigned i = 0; i < n && sound; i++) {
		double *row = head->inverse + (size_t)i * l->size;

		sound =
		    state_get(from, row, n * sizeof(double)) == 0 && are_finite(row, n);
	}
	return sound ? 0 : -1;
}

int
linear_load(struct linear *l, struct state_reader *from, struct error *error)
{
	uint64_t n;

	if (state_get_u64(from, &n) < 0 || state_get_u64(from, &l->version) < 0 ||
	    state_get_u64(from, &l->since) < 0 || state_get_u64(from, &l->spoilt) < 0 ||
	    n > l->o.dimensions || l->since >= LINEAR_REBUILD ||
	    l->spoilt > LINEAR_SOON ||
	    state_get(from, l->key, (n + 1) * sizeof *l->key) < 0)
		return error_set(error, "its dimensions are damaged");
	l->n = (unsigned)n;
	for (unsigned i = 1; i <= l->n; i++) {
		uint16_t *slot = slot_of(l, l->key[i]);

		if (*slot != 0)
			return error_set(error, "its dimensions are damaged");
		*slot = (uint16_t)i;
	}
	for (unsigned h = 0; h < l->heads; h++)
		if (load_head(l, &l->head[h], from) < 0)
			return error_set(error, "its covariances are damaged");
	return 0;
}

void
linear_copy(struct linear *to, const struct linear *from)
{
	size_t bytes = (size_t)from->size * from->size * sizeof(double);

	assert(to->size == from->size && to->heads == from->heads);
	to->version = from->version;
	to->since = from->since;
	to->spoilt = from->spoilt;
	to->n = from->n;
	memcpy(to->key, from->key, sizeof to->key);
	memcpy(to->slot, from->slot, sizeof to->slot);
	for (unsigned h = 0; h < from->heads; h++) {
		memcpy(
		    to->head[h].theta, from->head[h].theta, sizeof to->head[h].theta);
		memcpy(to->head[h].inverse, from->head[h].inverse, bytes);
	}
}
