/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/model/exact.h"
#include "lib/modeltool/align.h"
#include "lib/vec.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* --- One weight ------------------------------------------------------------------- */

static bool
is_fresh(const struct lanes_cell *cell)
{
	return cell->variance[0] == 0;
}

/* A prior that was scaled by x^2 is wider than it is for 1: then the wider one of the two is
 * what both began with. */
static void
merge_lanes(struct lanes_cell *to, const struct lanes_cell *from, const float *prior)
{
	if (is_fresh(from))
		return;
	if (is_fresh(to)) {
		*to = *from;
		return;
	}
	for (unsigned k = 0; k < LANES; k++) {
		double a = 1 / (double)to->variance[k],
		       b = 1 / (double)from->variance[k];
		double least = fmin(1 / (double)prior[k], fmin(a, b));
		double sum = a + b - least;

		to->mean[k] =
		    (float)((a * (double)to->mean[k] + b * (double)from->mean[k]) /
			sum);
		to->variance[k] = fmaxf((float)(1 / sum), 1e-20f);
	}
}

/* What each knows of its weight. */
static void
knowledge(const struct optimiser *o, const struct weight *a, const struct weight *b,
    double examples_a, double examples_b, double *of_a, double *of_b)
{
	bool squares =
	    o->algorithm == OPTIMISER_FTRL || o->algorithm == OPTIMISER_ADAGRAD;
	bool touches = o->algorithm == OPTIMISER_ADAM;

	*of_a = squares ? (double)a->state[1]
	    : touches   ? (double)a->state[2]
			: examples_a;
	*of_b = squares ? (double)b->state[1]
	    : touches   ? (double)b->state[2]
			: examples_b;
}

static void
merge_weight(const struct optimiser *o, struct weight *to, const struct weight *from,
    double examples_to, double examples_from)
{
	const struct weight a = *to, b = *from;
	double of_a, of_b, t;

	knowledge(o, &a, &b, examples_to, examples_from, &of_a, &of_b);
	if (!(of_b > 0))
		return;
	if (!(of_a > 0)) {
		*to = b;
		return;
	}
	t = of_b / (of_a + of_b);
	to->value = (float)((1 - t) * (double)a.value + t * (double)b.value);
	switch (o->algorithm) {
	case OPTIMISER_FTRL:
		to->state[1] = fminf(a.state[1] + b.state[1], 1e30f);
		to->state[2] = sqrtf(to->state[1]);
		to->state[0] = to->value == 0
		    ? (float)vec_clamp(
			  (1 - t) * (double)a.state[0] + t * (double)b.state[0], -o->l1,
			  o->l1)
		    : -to->value *
			    (float)((o->beta + (double)to->state[2]) / o->rate +
				o->l2) -
			copysignf((float)o->l1, to->value);
		break;
	case OPTIMISER_ADAGRAD:
		to->state[1] = fminf(a.state[1] + b.state[1], 1e30f);
		to->state[2] = sqrtf(to->state[1]);
		break;
	case OPTIMISER_ADAM:
		to->state[0] =
		    (float)((1 - t) * (double)a.state[0] + t * (double)b.state[0]);
		to->state[1] =
		    (float)((1 - t) * (double)a.state[1] + t * (double)b.state[1]);
		to->state[2] = fminf(a.state[2] + b.state[2], 1e6f);
		break;
	default:
		break;
	}
}

/* --- Heads -------------------------------------------------------------------------- */

/* What both began with divides out. */
static void
merge_mixture(struct mixture *to, const struct mixture *from)
{
	struct mixture prior;
	double sum = 0;

	mixture_init(&prior);
	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++) {
		to->weight[k] *= from->weight[k] / prior.weight[k];
		sum += to->weight[k];
	}
	if (!(sum > 1e-300)) {
		mixture_init(to);
		return;
	}
	for (unsigned k = 0; k < MIXTURE_EXPERTS; k++)
		to->weight[k] = to->weight[k] / sum * (1 - MIXTURE_SHARE) +
		    MIXTURE_SHARE / MIXTURE_EXPERTS;
}

static void
merge_head(struct head *to, const struct head *from, const struct head_options *o)
{
	double seen = fmax(to->seen, 0), other = fmax(from->seen, 0);
	struct head fresh;

	if (optimiser_is_exact(o->optimiser.algorithm)) {
		exact_merge(to, from, o);
		return;
	}
	head_init(&fresh, o);
	if (memcmp(from, &fresh, sizeof fresh) == 0)
		return;
	if (memcmp(to, &fresh, sizeof fresh) == 0) {
		*to = *from;
		return;
	}
	merge_lanes(&to->intercept, &from->intercept, fresh.intercept.variance);
	merge_weight(
	    &o->optimiser, &to->linear_intercept, &from->linear_intercept, seen, other);
	merge_mixture(&to->mixture, &from->mixture);
	calibration_merge(&to->calibration, &from->calibration, o->calibration);
	to->seen += from->seen;
	to->sum += from->sum;
	to->deviance += from->deviance;
	to->degrees += from->degrees;
}

static void
merge_newcomers(struct newcomers *to, const struct newcomers *from)
{
	if (to->size != from->size)
		return;
	for (uint64_t i = 0; i < to->size; i++) {
		unsigned sum = (unsigned)to->count[i] + from->count[i];

		to->count[i] =
		    (uint8_t)(sum < NEWCOMERS_COUNT_MAX ? sum : NEWCOMERS_COUNT_MAX);
	}
	to->added += from->added;
}

/* --- Models ------------------------------------------------------------------------- */

/* How long ago a cell was touched, counted in ticks from now: what is the same in a model of
 * more examples. */
static uint64_t
touched_in(const struct model *to, const struct cells *in, const struct model *from,
    const struct cells *of, uint64_t place)
{
	uint64_t tick = model_state(from)->examples / CELLS_TICK - of->base + 1;
	uint64_t now = model_state(to)->examples / CELLS_TICK - in->base + 1;
	uint64_t touched = layout_touched(of, place);
	uint64_t age = touched < tick ? tick - touched : 0;

	return age < now ? now - age : 1;
}

static void
merge_cell(struct model *to, void *there, const struct model *from, const void *cell)
{
	double examples_to =
	    (double)model_state(to)->examples - (double)model_state(from)->examples;

	for (unsigned h = 0; h < MODEL_HEADS; h++) {
		const struct head_options *o = &to->of_head[h];
		void *a = (uint8_t *)there + to->offset[h];
		const void *b = (const uint8_t *)cell + from->offset[h];

		if (!model_options_has(&to->options, h))
			continue;
		if (o->optimiser.algorithm == OPTIMISER_LANES)
			merge_lanes(a, b, o->lanes.prior.of);
		else if (optimiser_is_exact(o->optimiser.algorithm))
			exact_merge_cell(o, a, b);
		else
			merge_weight(&o->optimiser, a, b, examples_to,
			    (double)model_state(from)->examples);
	}
}

/* All cells of one table into that of another; false when one finds no place. Rows are turned
 * to those that are there, if there is how. */
static bool
pour(struct model *to, const struct model *from, unsigned table,
    const struct align *align)
{
	_Alignas(64) uint8_t cell[CELLS_SIZE_MAX];
	struct cells *in = layout_of(to, table);
	const struct cells *of = layout_of(from, table);

	for (uint64_t p = layout_next(of, 0); p != CELLS_NONE;
	     p = layout_next(of, p + 1)) {
		uint64_t key = cells_key_at(of, p), place = layout_find(in, key);

		memcpy(cell, cells_at(of, p), of->kind->size);
		if (align != NULL)
			align_turn(align, key, cell);
		if (place == CELLS_NONE) {
			if (!layout_put(in, key, touched_in(to, in, from, of, p), cell))
				return false;
		} else if (align == NULL) {
			merge_cell(to, cells_at(in, place), from, cell);
		} else {
			align_merge(align, key, cells_at(in, place), cell);
		}
	}
	return true;
}

/* Whether the numbers of one are the first of the other. */
static bool
are_of_one_order(const struct factors_fields *a, const struct factors_fields *b)
{
	uint32_t n = a->count < b->count ? a->count : b->count;

	return memcmp(a->space, b->space, n * sizeof *a->space) == 0;
}

static void
merge_fields(struct factors_fields *to, const struct factors_fields *from)
{
	for (uint32_t i = 0; i < from->count; i++)
		(void)factors_field(to, from->space[i], false);
}

static void
copy_counts(struct newcomers *to, const struct newcomers *from)
{
	if (to->size == from->size && to->size > 0)
		memcpy(to->count, from->count, to->size);
	to->added = from->added;
}

/* Its counts are those of `a`. */
static struct model *
empty_like(const struct model *a, struct model_size size, uint64_t memory,
    const struct os *os, struct error *error)
{
	struct model *m = model_fit(&a->options, size, memory, os, NULL, error);

	if (m == NULL)
		return NULL;
	copy_counts(&m->newcomers, &a->newcomers);
	if (m->rows != NULL) {
		copy_counts(&m->rows->seen, &a->rows->seen);
		*rows_fields(m->rows) = *rows_fields(a->rows);
	}
	return m;
}

/* Every place as it is there. */
static struct model *
copy_of(
    const struct model *a, uint64_t memory, const struct os *os, struct error *error)
{
	struct model *m = empty_like(a, model_size_of(a), memory, os, error);

	if (m == NULL)
		return NULL;
	*model_state(m) = *model_state(a);
	if (m->search != NULL && a->search != NULL)
		crosses_search_copy(m->search, a->search);
	for (unsigned t = 0; t < LAYOUT_TABLES; t++)
		if (layout_of(a, t) != NULL)
			layout_copy(
			    layout_of(m, t), layout_of(a, t), model_state(a)->examples);
	return m;
}

static void
add_up(struct model *to, const struct model *a, const struct model *b)
{
	struct model_state *s = model_state(to);
	uint64_t tick;

	*s = *model_state(a);
	s->examples += model_state(b)->examples;
	s->taken_back += model_state(b)->taken_back;
	s->crowded += model_state(b)->crowded;
	crosses_merge(&s->crosses, &model_state(b)->crosses, to->options.crosses);
	for (unsigned h = 0; h < MODEL_HEADS; h++)
		merge_head(&s->head[h], &model_state(b)->head[h], &to->of_head[h]);
	tick = s->examples / CELLS_TICK;
	for (unsigned t = 0; t < LAYOUT_TABLES; t++) {
		struct cells *c = layout_of(to, t);

		if (c == NULL)
			continue;
		c->evicted = layout_of(a, t)->evicted + layout_of(b, t)->evicted;
		c->base = tick < UINT16_MAX ? 0 : tick + 1 - (UINT16_MAX + 1) / 2;
	}
	examination_merge(&s->examination, &model_state(b)->examination);
	merge_newcomers(&to->newcomers, &b->newcomers);
	if (to->rows == NULL)
		return;
	merge_newcomers(&to->rows->seen, &b->rows->seen);
	merge_fields(rows_fields(to->rows), rows_fields(b->rows));
}

static bool
is_empty(const struct model *m)
{
	return model_state(m)->examples == 0 && m->cells.used == 0;
}

/* Homes for the keys of both, if they are spread well. */
static uint64_t
homes_of_both(const struct model *a, const struct model *b, unsigned table)
{
	const struct cells *x = layout_of(a, table), *y = layout_of(b, table);
	uint64_t homes;

	if (x == NULL)
		return 0;
	homes = x->homes > y->homes ? x->homes : y->homes;
	while (x->used + y->used > homes * CELLS_LINE)
		homes *= 2;
	return homes;
}

static struct model *
merge(const struct model *a, const struct model *b, const struct align *align,
    uint64_t memory, const struct os *os, struct error *error)
{
	struct model_size size = model_size_of(a);
	struct model *m;

	size.homes = homes_of_both(a, b, LAYOUT_CELLS);
	size.row_homes = homes_of_both(a, b, LAYOUT_ROWS);
	for (;;) {
		m = empty_like(a, size, memory, os, error);
		if (m == NULL)
			return NULL;
		add_up(m, a, b);
		if (!pour(m, a, LAYOUT_CELLS, NULL) || !pour(m, b, LAYOUT_CELLS, NULL))
			size.homes *= 2;
		else if (m->rows != NULL &&
		    (!pour(m, a, LAYOUT_ROWS, NULL) || !pour(m, b, LAYOUT_ROWS, align)))
			size.row_homes *= 2;
		else
			return m;
		model_free(m);
	}
}

struct model *
model_merge(const struct model *a, const struct model *b, uint64_t memory,
    const struct os *os, struct error *error)
{
	struct align *align = NULL;
	struct model *m;

	if (strcmp(a->text, b->text) != 0) {
		error_set(error, "the two models have other options (bp-model diff)");
		return NULL;
	}
	if (is_empty(b))
		return copy_of(a, memory, os, error);
	if (is_empty(a))
		return copy_of(b, memory, os, error);
	if (a->options.factors.field_aware &&
	    !are_of_one_order(rows_fields(a->rows), rows_fields(b->rows))) {
		error_set(error,
		    "their features came in another order of fields, so that their "
		    "factors do not go together");
		return NULL;
	}
	if (a->rows != NULL && (align = align_new(a->rows, b->rows)) == NULL) {
		error_set(error, "no memory to align factors");
		return NULL;
	}
	m = merge(a, b, align, memory, os, error);
	align_free(align);
	return m;
}

/* --- Without some ------------------------------------------------------------------- */

static bool
is_among(uint64_t key, const uint64_t *keys, size_t n)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (keys[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && keys[low] == key;
}

/* The crosses of those keys that have cells, in order; owned by the caller. An error is that
 * of no memory. */
struct crossed {
	uint64_t *keys;
	size_t n, room;
};

static int
add_crossed(struct crossed *x, const struct model *m, uint64_t a, uint64_t b)
{
	uint64_t key = crosses_key(a, b);

	if (model_place(m, key) == CELLS_NONE)
		return 0;
	if (x->n == x->room) {
		size_t room = 2 * x->room + 64;
		uint64_t *more = realloc(x->keys, room * sizeof *more);

		if (more == NULL)
			return -1;
		x->keys = more;
		x->room = room;
	}
	x->keys[x->n++] = cells_key(key);
	return 0;
}

/* All that has the field of the other end of a chosen pair may have been crossed with it. */
static int
cross_all(struct crossed *x, const struct model *m, uint64_t key)
{
	const struct crosses *c = &model_state(m)->crosses;
	bool partner[CROSSES_FIELDS] = { false };

	for (unsigned i = 0; i < c->count; i++) {
		unsigned a = c->pair[i].a, b = c->pair[i].b;

		partner[b] = partner[b] || c->space[a] == key >> 48;
		partner[a] = partner[a] || c->space[b] == key >> 48;
	}
	for (unsigned f = 0; f < c->fields; f++)
		for (uint64_t p = partner[f] ? model_next(m, 0) : CELLS_NONE;
		     p != CELLS_NONE; p = model_next(m, p + 1)) {
			uint64_t other = cells_key_at(&m->cells, p);

			if (other >> 48 == c->space[f] &&
			    add_crossed(x, m, key, other) != 0)
				return -1;
		}
	return 0;
}

static int
compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int
find_crossed(struct crossed *x, const struct model *m, const uint64_t *keys, size_t n)
{
	*x = (struct crossed){ 0 };
	for (size_t i = 0; i < n; i++)
		if (cross_all(x, m, keys[i]) != 0) {
			free(x->keys);
			return -1;
		}
	if (x->n > 0)
		qsort(x->keys, x->n, sizeof *x->keys, compare_keys);
	return 0;
}

static void
leave_out(struct cells *to, const struct cells *from, const uint64_t *keys, size_t n,
    const struct crossed *crossed)
{
	size_t without = 0;

	to->base = from->base;
	to->evicted = from->evicted;
	/* In the order of the places: each finds its old one, or one before it. */
	for (uint64_t p = layout_next(from, 0); p != CELLS_NONE;
	     p = layout_next(from, p + 1)) {
		uint64_t key = cells_key_at(from, p);

		if (is_among(key, keys, n) || is_among(key, crossed->keys, crossed->n))
			without++;
		else
			(void)layout_put(
			    to, key, layout_touched(from, p), cells_at(from, p));
	}
	assert(to->used + without == from->used);
}

static bool
has(const struct model *m, uint64_t key)
{
	return layout_find(&m->cells, key) != CELLS_NONE ||
	    (m->rows != NULL && layout_find(&m->rows->cells, key) != CELLS_NONE);
}

struct model *
model_without(const struct model *m, const uint64_t *keys, size_t n, uint64_t memory,
    const struct os *os, size_t *found, struct error *error)
{
	struct model *to = empty_like(m, model_size_of(m), memory, os, error);
	struct crossed crossed;

	*found = 0;
	if (to == NULL)
		return NULL;
	if (find_crossed(&crossed, m, keys, n) != 0) {
		model_free(to);
		error_set(error, "no memory for the crosses of %zu keys", n);
		return NULL;
	}
	*model_state(to) = *model_state(m);
	for (unsigned t = 0; t < LAYOUT_TABLES; t++)
		if (layout_of(m, t) != NULL)
			leave_out(layout_of(to, t), layout_of(m, t), keys, n, &crossed);
	free(crossed.keys);
	for (size_t i = 0; i < n; i++)
		*found += has(m, keys[i]);
	return to;
}
