/* SPDX-License-Identifier: MIT
 *
 * What a model says of an example: its cells as they are, summed up by head.
 */
#include <string.h>

#include "lib/model/inside.h"

/* --- The cells of an example --------------------------------------------------------- */

struct features
model_weighted(const struct model *m, const struct features *f)
{
	return m->options.crosses == 0
	    ? *f
	    : crosses_extend(&model_state(m)->crosses, f, &m->scratch->crosses);
}

void
model_go_home(const struct model *m, const struct features *f, unsigned n)
{
	uint64_t *home = m->scratch->home;

	for (unsigned i = 0; i < n; i++)
		home[i] = cells_home(&m->cells, features_key(f, i));
}

void
model_look_up(const struct model *m, const struct features *f, unsigned n)
{
	struct model_scratch *s = m->scratch;
	const struct cells *c = &m->cells;

	model_go_home(m, f, n);
	for (unsigned i = 0; i < n; i++) {
		uint64_t place = cells_find(c, s->home[i], features_key(f, i));

		s->cell[i] = place == CELLS_NONE ? NULL : cells_at(c, place);
		__builtin_prefetch(s->cell[i]);
	}
}

/* The factors of one head. */
static struct factors_example *
factors_of(const struct model *m, unsigned head, const float *x)
{
	if (m->rows == NULL || head > MODEL_CONVERSION)
		return NULL;
	return rows_of_head(m->rows, model_rows_part(&m->options, head), x);
}

/* Which of the targets it is. */
static unsigned
number_of(const struct model *m, unsigned head)
{
	unsigned before = 0;

	for (unsigned t = 0; t < head && t < MODEL_TARGETS; t++)
		before += m->options.target[t];
	return before;
}

/* What is believed in the slice of one target; NULL: what is of all. */
static struct head_belief *
belief_of(const struct model *m, unsigned head)
{
	if (m->slices == NULL || m->slices->found == NULL || head >= MODEL_TARGETS)
		return NULL;
	return &m->slices->found[number_of(m, head)];
}

struct head_features
model_gather(const struct model *m, unsigned n, unsigned head, bool valued)
{
	struct model_scratch *s = m->scratch;
	unsigned offset = m->offset[head];

	if (offset == 0)
		memcpy(s->of_head, s->cell, n * sizeof *s->cell);
	else
		for (unsigned i = 0; i < n; i++)
			s->of_head[i] = s->cell[i] == NULL
			    ? NULL
			    : (union head_cell *)(void *)(s->cell[i] + offset);
	return (struct head_features){
		.cells = s->of_head,
		.x = valued ? s->x : NULL,
		.n = n,
		.factors = factors_of(m, head, valued ? s->x : NULL),
		.linear = m->linear,
		.which = number_of(m, head),
		.belief = belief_of(m, head),
		.hidden = head == m->first ? s->hidden : 0,
	};
}

void
model_prefetch(const struct model *m, const struct features *f)
{
	unsigned n = features_count(f);

	for (unsigned i = 0; i < n && i < FEATURES_MAX; i++)
		(void)cells_home(&m->cells, features_key(f, i));
	if (m->rows != NULL)
		rows_prefetch(m->rows, f);
}

void
model_prefetch_cells(const struct model *m, const struct features *f)
{
	unsigned n = features_count(f);

	for (unsigned i = 0; i < n && i < FEATURES_MAX; i++) {
		uint64_t key = features_key(f, i);
		uint64_t place = cells_find(&m->cells, cells_home(&m->cells, key), key);

		if (place != CELLS_NONE)
			__builtin_prefetch(cells_at(&m->cells, place), 1);
	}
}

/* --- Predicting ----------------------------------------------------------------------- */

bool
model_still_there(
    const struct model *m, const struct features *f, const struct features *all)
{
	const struct model_scratch *s = m->scratch;
	const struct cells *c = &m->cells;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	for (unsigned i = 0; i < features_count(all); i++) {
		uint64_t place = cells_find(c, s->home[i], features_key(all, i));

		if (s->cell[i] != (place == CELLS_NONE ? NULL : cells_at(c, place)))
			return false;
	}
	return m->rows == NULL || rows_are_there(m->rows, f);
}

/* Which is made afresh where the sums have gone on. */
static void
look_up_linear(const struct model *m, const struct features *f, bool valued)
{
	const struct linear_sums sums = model_sums(m);

	linear_follow(m->linear, &sums);
	linear_look(m->linear, f, valued ? m->scratch->x : NULL);
}

bool
model_linear_weight(
    const struct model *m, unsigned target, uint64_t key, double *weight, double *doubt)
{
	const struct linear_sums sums = model_sums(m);

	linear_follow(m->linear, &sums);
	return linear_weight(m->linear, number_of(m, target), key, weight, doubt);
}

/* Add the features of each head to its sum, again where a cell has changed hands. */
static enum features_fault
add(const struct model *m, const struct features *f, const struct model_shared *before,
    struct model_shared *to)
{
	enum features_fault fault = features_check(f);
	struct features all;
	bool valued;
	unsigned n;

	if (fault != FEATURES_FINE)
		return fault;
	all = model_weighted(m, f);
	n = features_count(&all);
	valued = features_values(&all, m->scratch->x) != NULL;
	for (unsigned i = 0; i < MODEL_TRIES; i++) {
		*to = *before;
		if (m->linear != NULL)
			look_up_linear(m, &all, valued);
		else
			model_look_up(m, &all, n);
		if (m->rows != NULL)
			rows_look_up(m->rows, f);
		for (unsigned t = 0; t < MODEL_TARGETS; t++) {
			struct head_features cells;

			if (!m->options.target[t])
				continue;
			cells = model_gather(m, n, t, valued);
			head_add(&m->of_head[t], &cells, &to->sum[t]);
		}
		if (!m->cells.region.reads || m->linear != NULL ||
		    model_still_there(m, f, &all))
			break;
	}
	return FEATURES_FINE;
}

void
model_begin(const struct model *m, struct model_shared *to)
{
	to->version = region_version(&m->cells.region);
	to->features = (struct features){ { 0 }, { 0 } };
	if (m->slices != NULL)
		slices_look_up(m->slices);
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		if (m->options.target[t])
			head_begin(&model_state(m)->head[t], &m->of_head[t],
			    belief_of(m, t), &to->sum[t]);
}

void
model_conclude(
    const struct model *m, const struct model_shared *s, struct model_estimates *to)
{
	to->version = s->version;
	to->hidden = 1 - model_examination(m, m->place.key);
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		if (m->options.target[t])
			head_conclude(&model_state(m)->head[t], &m->of_head[t],
			    &s->sum[t], &to->of[t]);
}

/* Pairs of which the candidates share one feature are not shared; nor is what is no sum. */
static bool
has_pairs(const struct model *m)
{
	return m->rows != NULL || m->options.crosses > 0 ||
	    optimiser_is_exact(m->options.optimiser.algorithm);
}

enum features_fault
model_share(const struct model *m, const struct features *f, struct model_shared *to)
{
	struct model_shared none;
	enum features_fault fault;

	model_begin(m, &none);
	if (!has_pairs(m))
		return add(m, f, &none, to);
	fault = features_check(f);
	*to = none;
	to->features = *f;
	return fault;
}

static enum features_fault
join(const struct model *m, const struct features *a, const struct features *b,
    struct features *to)
{
	const struct features *part[2] = { a, b };
	bool valued = a->values.at != NULL || b->values.at != NULL;
	struct model_scratch *s = m->scratch;
	unsigned n = 0;

	if (features_check(b) != FEATURES_FINE)
		return features_check(b);
	if (features_count(a) + features_count(b) > FEATURES_MAX)
		return FEATURES_MANY;
	for (unsigned p = 0; p < 2; p++) {
		const float *x = features_values(part[p], s->x);

		for (unsigned i = 0; i < features_count(part[p]); i++, n++) {
			s->joined_key[n] = features_key(part[p], i);
			s->joined_value[n] = x == NULL ? 1 : x[i];
		}
	}
	to->keys = slice_of(s->joined_key, n * sizeof *s->joined_key);
	to->values = slice_of(
	    valued ? s->joined_value : NULL, valued ? n * sizeof *s->joined_value : 0);
	return FEATURES_FINE;
}

enum features_fault
model_predict_besides(const struct model *m, const struct model_shared *shared,
    const struct features *f, struct model_estimates *to)
{
	enum features_fault fault = FEATURES_FINE;
	struct features joined = *f;
	struct model_shared all;

	if (has_pairs(m) && shared->features.keys.size > 0)
		fault = join(m, &shared->features, f, &joined);
	if (fault == FEATURES_FINE)
		fault = add(m, &joined, shared, &all);
	if (fault == FEATURES_FINE)
		model_conclude(m, &all, to);
	return fault;
}

enum features_fault
model_predict(
    const struct model *m, const struct features *f, struct model_estimates *to)
{
	struct model_shared none;

	model_begin(m, &none);
	return model_predict_besides(m, &none, f, to);
}

double
model_mean(
    const struct model *m, const struct model_estimates *e, enum model_target target)
{
	double mean = 1 - e->hidden;

	for (unsigned t = 0; t <= target; t++)
		if (m->options.target[t])
			mean *= e->of[t].mean;
	return mean;
}
