/* SPDX-License-Identifier: MIT */
#include "lib/model/merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
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
touched_in(const struct model *to, const struct model *from, uint64_t place)
{
	uint64_t tick = model_state(from)->examples / CELLS_TICK - from->cells.base + 1;
	uint64_t now = model_state(to)->examples / CELLS_TICK - to->cells.base + 1;
	uint64_t touched = model_touched_at(from, place);
	uint64_t age = touched < tick ? tick - touched : 0;

	return age < now ? now - age : 1;
}

static void
merge_cell(struct model *to, uint64_t place, const struct model *from, const void *cell)
{
	uint8_t *there = cells_at(&to->cells, place);
	double examples_to =
	    (double)model_state(to)->examples - (double)model_state(from)->examples;

	for (unsigned h = 0; h < MODEL_HEADS; h++) {
		const struct head_options *o = &to->of_head[h];
		void *a = there + to->offset[h];
		const void *b = (const uint8_t *)cell + from->offset[h];

		if (!model_options_has(&to->options, h))
			continue;
		if (o->optimiser.algorithm == OPTIMISER_LANES)
			merge_lanes(a, b, o->lanes.prior.of);
		else
			merge_weight(&o->optimiser, a, b, examples_to,
			    (double)model_state(from)->examples);
	}
}

/* All cells of one into another; false when one finds no place. */
static bool
pour(struct model *to, const struct model *from)
{
	for (uint64_t p = model_next(from, 0); p != CELLS_NONE;
	     p = model_next(from, p + 1)) {
		uint64_t key = cells_key_at(&from->cells, p), place;
		const void *cell = cells_at(&from->cells, p);

		place = model_place(to, key);
		if (place != CELLS_NONE)
			merge_cell(to, place, from, cell);
		else if (!model_put(to, key, touched_in(to, from, p), cell))
			return false;
	}
	return true;
}

static struct model *
empty_like(const struct model *a, uint64_t homes, uint64_t memory, const struct os *os,
    struct error *error)
{
	struct model_size size = model_size_of(a);
	struct model *m;

	if (a->options.admit > 1 && homes > size.homes) {
		uint64_t more = cells_budget(&a->kind, homes) / 15 + 1;

		size.newcomers = more > size.newcomers ? more : size.newcomers;
	}
	size.homes = homes;
	m = model_fit(&a->options, size, memory, os, NULL, error);
	if (m != NULL && m->newcomers.size == a->newcomers.size &&
	    m->newcomers.size > 0)
		memcpy(m->newcomers.count, a->newcomers.count, m->newcomers.size);
	if (m != NULL)
		m->newcomers.added = a->newcomers.added;
	return m;
}

/* Every place as it is there. */
static struct model *
copy_of(
    const struct model *a, uint64_t memory, const struct os *os, struct error *error)
{
	struct model *m = empty_like(a, a->cells.homes, memory, os, error);

	if (m == NULL)
		return NULL;
	*model_state(m) = *model_state(a);
	m->cells.base = a->cells.base;
	m->cells.evicted = a->cells.evicted;
	m->cells.cramped = a->cells.cramped;
	if (m->search != NULL && a->search != NULL)
		crosses_search_copy(m->search, a->search);
	for (uint64_t p = model_next(a, 0); p != CELLS_NONE; p = model_next(a, p + 1))
		(void)cells_put(&m->cells, p, model_touched_at(a, p),
		    cells_key_at(&a->cells, p), cells_at(&a->cells, p),
		    model_state(a)->examples);
	return m;
}

static void
add_up(struct model *to, const struct model *a, const struct model *b)
{
	struct model_state *s = model_state(to);
	uint64_t tick;

	*s = *model_state(a);
	s->examples += model_state(b)->examples;
	s->crowded += model_state(b)->crowded;
	crosses_merge(&s->crosses, &model_state(b)->crosses, to->options.crosses);
	for (unsigned h = 0; h < MODEL_HEADS; h++)
		merge_head(&s->head[h], &model_state(b)->head[h], &to->of_head[h]);
	to->cells.evicted = a->cells.evicted + b->cells.evicted;
	tick = s->examples / CELLS_TICK;
	to->cells.base = tick < UINT16_MAX ? 0 : tick + 1 - (UINT16_MAX + 1) / 2;
	merge_newcomers(&to->newcomers, &b->newcomers);
}

static bool
is_empty(const struct model *m)
{
	return model_state(m)->examples == 0 && m->cells.used == 0;
}

struct model *
model_merge(const struct model *a, const struct model *b, uint64_t memory,
    const struct os *os, struct error *error)
{
	uint64_t homes =
	    a->cells.homes > b->cells.homes ? a->cells.homes : b->cells.homes;
	struct model *m;

	if (strcmp(a->text, b->text) != 0) {
		error_set(error, "the two models have other options (bp-model diff)");
		return NULL;
	}
	if (is_empty(b))
		return copy_of(a, memory, os, error);
	if (is_empty(a))
		return copy_of(b, memory, os, error);
	while (a->cells.used + b->cells.used > homes * CELLS_LINE)
		homes *= 2;
	for (;; homes *= 2) {
		m = empty_like(a, homes, memory, os, error);
		if (m == NULL)
			return NULL;
		add_up(m, a, b);
		if (pour(m, a) && pour(m, b))
			return m;
		model_free(m);
	}
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

struct model *
model_without(const struct model *m, const uint64_t *keys, size_t n, uint64_t memory,
    const struct os *os, size_t *found, struct error *error)
{
	struct model *to = empty_like(m, m->cells.homes, memory, os, error);
	struct crossed crossed;
	size_t gone = 0;

	*found = 0;
	if (to == NULL)
		return NULL;
	if (find_crossed(&crossed, m, keys, n) != 0) {
		model_free(to);
		error_set(error, "no memory for the crosses of %zu keys", n);
		return NULL;
	}
	*model_state(to) = *model_state(m);
	to->cells.base = m->cells.base;
	to->cells.evicted = m->cells.evicted;
	/* In the order of the places: each finds its old one, or one before it. */
	for (uint64_t p = model_next(m, 0); p != CELLS_NONE; p = model_next(m, p + 1)) {
		uint64_t key = cells_key_at(&m->cells, p);

		if (is_among(key, keys, n))
			++*found;
		else if (is_among(key, crossed.keys, crossed.n))
			gone++;
		else
			(void)model_put(
			    to, key, model_touched_at(m, p), cells_at(&m->cells, p));
	}
	assert(to->cells.used + *found + gone == m->cells.used);
	free(crossed.keys);
	return to;
}
