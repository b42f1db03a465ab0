/* SPDX-License-Identifier: MIT */
#include "lib/model/parts.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/model/inside.h"
#include "lib/vec.h"
#include "lib/vec/normal.h"

/* What the features of a part add to the sums of an example, of each target. */
struct parts {
	struct model_shared shared;
	struct lanes_sum lanes[MODEL_TARGETS][PARTS_MAX];
	double linear[MODEL_TARGETS][PARTS_MAX]; /* of other algorithms */
	struct estimate said[MODEL_TARGETS][PARTS_EXAMPLES_MAX + 1];
};

/* Examples that are concluded together. */
enum { TOGETHER = 32 };

struct parts *
parts_new(void)
{
	return aligned_alloc(_Alignof(struct parts), sizeof(struct parts));
}

void
parts_free(struct parts *p)
{
	free(p);
}

bool
parts_suit(const struct model *m)
{
	return m->rows == NULL && m->options.crosses == 0 &&
	    !optimiser_is_exact(m->options.optimiser.algorithm);
}

/* --- Sums ------------------------------------------------------------------------- */

/* Some of the features. */
static struct features
some(const struct features *f, unsigned from, unsigned to)
{
	bool valued = f->values.at != NULL;

	return (struct features){ slice_of(f->keys.at + 8 * (size_t)from,
				      8 * (size_t)(to - from)),
		slice_of(valued ? f->values.at + 4 * (size_t)from : NULL,
		    valued ? 4 * (size_t)(to - from) : 0) };
}

static double
sum_linear(const struct head_features *cells, unsigned from, unsigned to)
{
	double sum = 0;

	for (unsigned i = from; i < to; i++)
		if (cells->cells[i] != NULL)
			sum += (double)head_weight(cells->cells[i])->value *
			    (cells->x == NULL ? 1.0 : (double)cells->x[i]);
	return sum;
}

/* The parts from..to, whose features are looked up. */
static void
add_parts(struct parts *p, const struct model *m, const struct model_parts *of,
    unsigned from, unsigned to, bool valued)
{
	const uint32_t *begin = of->begin + from;
	unsigned n = of->begin[to] - begin[0];

	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		const struct head_options *o = &m->of_head[t];
		struct head_features cells;

		if (!m->options.target[t])
			continue;
		cells = model_gather(m, n, t, valued);
		if (o->optimiser.algorithm == OPTIMISER_LANES) {
			lanes_sum_up(&o->lanes,
			    (const struct lanes_cell *const *)(void *)cells.cells,
			    cells.x, begin, to - from, &p->lanes[t][from]);
			continue;
		}
		for (unsigned i = 0; i < to - from; i++)
			p->linear[t][from + i] = sum_linear(
			    &cells, begin[i] - begin[0], begin[i + 1] - begin[0]);
	}
}

/* As many parts as the scratch has room for; the first of those that are left. */
static unsigned
sum_some(
    struct parts *p, const struct model *m, const struct model_parts *of, unsigned from)
{
	unsigned to = from + 1;
	struct features f;
	bool valued;

	while (to < of->count && of->begin[to + 1] - of->begin[from] <= FEATURES_MAX)
		to++;
	f = some(&of->all, of->begin[from], of->begin[to]);
	valued = features_values(&f, m->scratch->x) != NULL;
	for (unsigned i = 0; i < MODEL_TRIES; i++) {
		model_look_up(m, &f, features_count(&f));
		add_parts(p, m, of, from, to, valued);
		if (!m->cells.region.reads || model_still_there(m, &f, &f))
			break;
	}
	return to;
}

static enum features_fault
check_values(const struct features *f)
{
	enum features_fault fault = FEATURES_FINE;
	unsigned n = features_count(f);

	for (unsigned i = 0; i < n && fault == FEATURES_FINE; i += FEATURES_MAX) {
		struct features few =
		    some(f, i, n - i < FEATURES_MAX ? n : i + FEATURES_MAX);

		fault = features_check(&few);
	}
	return fault;
}

/* --- Examples --------------------------------------------------------------------- */

/* As head_conclude, of lanes that say a probability, with the intercept. */
static void
conclude_together(const struct head_options *o, const struct head_sum *shared,
    const struct lanes_sum *sums, unsigned n, struct estimate *to)
{
	double e[LANES * TOGETHER], mean[TOGETHER], odds[TOGETHER];
	const double least = vec_sigmoid(-VEC_LOGIT_MAX);
	unsigned open = head_open_lane(&o->lanes);

	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < LANES; k++)
			e[LANES * i + k] = -vec_clamp(
			    (double)sums[i].z.of[k], -VEC_LOGIT_MAX, VEC_LOGIT_MAX);
		to[i].open_z = (double)sums[i].z.of[open];
		to[i].open_deviation = sqrt((double)sums[i].v.of[open]);
	}
	vec_exp_all(e, e, (size_t)LANES * n);
	mixture_means(shared->mixture, vec_sigmoid(shared->offset), e, n, mean);
	for (unsigned i = 0; i < n; i++) {
		mean[i] = vec_clamp(mean[i], least, 1 - least);
		odds[i] = mean[i] / (1 - mean[i]);
	}
	vec_log_all(odds, odds, n);
	for (unsigned i = 0; i < n; i++) {
		to[i].raw = odds[i];
		to[i].z = vec_clamp(
		    calibration_apply(shared->calibration, o->calibration, odds[i]),
		    -VEC_LOGIT_MAX, VEC_LOGIT_MAX);
		mean[i] = -to[i].z;
	}
	vec_exp_all(mean, mean, n);
	for (unsigned i = 0; i < n; i++) {
		to[i].mean = 1 / (1 + mean[i]);
		to[i].deviation = to[i].sd = 0;
	}
}

static void
conclude_one(struct parts *p, const struct model *m, const struct model_parts *of,
    unsigned target, unsigned i)
{
	unsigned columns = i < of->n ? of->columns : 0;
	struct head_sum sum = p->shared.sum[target];
	struct lanes_sum lanes = { sum.z, sum.v };

	if (m->of_head[target].optimiser.algorithm == OPTIMISER_LANES) {
		(void)lanes_add(p->lanes[target], of->of + i, of->n, columns, &lanes);
		sum.z = lanes.z;
		sum.v = lanes.v;
	} else {
		for (unsigned c = 0; c < columns; c++)
			sum.linear += p->linear[target][of->of[c * (size_t)of->n + i]];
	}
	head_conclude(&model_state(m)->head[target], &m->of_head[target], &sum,
	    &p->said[target][i]);
	p->said[target][i].deviation = 0;
}

/* The examples from..to. False when it is better to ask for each by itself. */
static bool
conclude_some(struct parts *p, const struct model *m, const struct model_parts *of,
    unsigned target, unsigned from, unsigned to)
{
	const struct head_options *o = &m->of_head[target];
	const struct head_sum *shared = &p->shared.sum[target];
	const struct lanes_cell *const intercept =
	    &model_state(m)->head[target].intercept;
	struct lanes_sum first = { shared->z, shared->v }, sums[TOGETHER];

	if (o->optimiser.algorithm != OPTIMISER_LANES ||
	    o->likelihood != LIKELIHOOD_BERNOULLI)
		return false;
	lanes_score(&o->lanes, &intercept, NULL, 1, &first.z, &first.v);
	for (unsigned i = from; i < to; i++) {
		sums[i - from] = first;
		/* Cells that others write may be anything. */
		if (!lanes_add(p->lanes[target], of->of + i, of->n,
			i < of->n ? of->columns : 0, &sums[i - from]))
			return false;
	}
	conclude_together(o, shared, sums, to - from, &p->said[target][from]);
	return true;
}

/* All of them, and at last what they share. */
static void
conclude(struct parts *p, const struct model *m, const struct model_parts *of,
    unsigned target)
{
	for (unsigned from = 0, to; from <= of->n; from = to) {
		to = of->n + 1 - from < TOGETHER ? of->n + 1 : from + TOGETHER;
		if (conclude_some(p, m, of, target, from, to))
			continue;
		for (unsigned i = from; i < to; i++)
			conclude_one(p, m, of, target, i);
	}
}

enum features_fault
parts_ask(struct parts *p, const struct model *m, const struct model_parts *of)
{
	enum features_fault fault = check_values(&of->all);

	assert(parts_suit(m) && of->count <= PARTS_MAX && of->n <= PARTS_EXAMPLES_MAX);
	if (fault == FEATURES_FINE)
		fault = model_share(m, &of->shared, &p->shared);
	for (unsigned i = 0; i < of->count && fault == FEATURES_FINE;)
		i = sum_some(p, m, of, i);
	for (unsigned t = 0; t < MODEL_TARGETS && fault == FEATURES_FINE; t++)
		if (m->options.target[t])
			conclude(p, m, of, t);
	return fault;
}

const struct estimate *
parts_said(const struct parts *p, enum model_target target, unsigned i)
{
	return &p->said[target][i];
}

uint64_t
parts_version(const struct parts *p)
{
	return p->shared.version;
}
