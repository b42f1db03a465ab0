/* SPDX-License-Identifier: MIT */
#include "lib/model/explain.h"

#include <math.h>
#include <string.h>

#include "lib/model/exact.h"

/* What it says alone, against the base rate. */
static struct explain_weight
counts_weight(
    const struct head *head, const struct head_options *o, const struct counts *c)
{
	double base = head_base(head, o);
	struct counts own = counts_read(c);
	struct counts_said said = counts_say(
	    counts_arm(&own, 1, o->likelihood, base, o->optimiser.l2), o->likelihood);

	return (struct explain_weight){ said.z - likelihood_link(o->likelihood, base),
		sqrt(said.variance) };
}

/* On the scale of the label. NaN: the cell is of a pair. */
static struct explain_weight
linear_weight_of(
    const struct model *m, const struct head *head, const void *cell, unsigned which)
{
	uint64_t key = cells_key_of(&m->cells, cell);
	struct explain_weight w = { NAN, NAN };
	double doubt;

	if (linear_is_pair(key))
		return w;
	w.mean = 0;
	if (!model_linear_weight(m, which, key, &w.mean, &doubt))
		return w;
	w.mean *= exact_scale(&m->of_head[which]);
	w.sd = exact_scale(&m->of_head[which]) *
	    sqrt(exact_noise(head, &m->of_head[which]) * doubt);
	return w;
}

struct explain_weight
explain_weight(
    const struct model *m, const struct head *head, const void *cell, unsigned which)
{
	const void *part = (const uint8_t *)cell + m->offset[which];
	const struct lanes_cell *lanes = part;
	const struct weight *weight = part;
	unsigned k;

	if (m->options.optimiser.algorithm == OPTIMISER_COUNTS)
		return counts_weight(head, &m->of_head[which], part);
	if (m->linear != NULL)
		return linear_weight_of(m, head, cell, which);

	if (m->options.optimiser.algorithm != OPTIMISER_LANES)
		return (struct explain_weight){ (double)weight->value, NAN };
	k = mixture_best(&head->mixture);
	return (struct explain_weight){ (double)lanes->mean[k],
		sqrt((double)lanes->variance[k]) };
}

int
explain_init(struct explain *e, uint64_t most, const char *names, uint64_t *bytes,
    const struct os *os, struct error *error)
{
	uint64_t share = *bytes / EXPLAIN_SHARE;

	*e = (struct explain){ .most = (unsigned)most };
	if (most > EXPLAIN_MAX)
		return error_set(error, "--explain is at most %d", EXPLAIN_MAX);
	if (names == NULL)
		return 0;
	if (most == 0)
		return error_set(error, "--names is of use with --explain only");
	e->named = true;
	*bytes -= share;
	return names_read(&e->names, os, names,
	    share > NAMES_BYTES_MIN ? share : NAMES_BYTES_MIN, error);
}

void
explain_fini(struct explain *e)
{
	names_free(&e->names);
}

static double
size_of(const struct explain_part *p)
{
	return fabs(p->effect + p->pairs);
}

/* In the order of what both add, at equal ones as they come. */
static void
insert(struct explain *e, unsigned target, struct explain_part part)
{
	struct explain_part *all = e->part[target];
	unsigned at = e->count[target];

	if (at == e->most) {
		if (size_of(&part) <= size_of(&all[at - 1]))
			return;
		at--;
	} else {
		e->count[target]++;
	}
	for (; at > 0 && size_of(&all[at - 1]) < size_of(&part); at--)
		all[at] = all[at - 1];
	all[at] = part;
}

/* The factors of a target, scored; NULL when it has none. */
static struct factors_example *
score_pairs(const struct model *m, unsigned target, const float *x)
{
	struct factors_example *e;

	if (m->rows == NULL || target > MODEL_CONVERSION)
		return NULL;
	e = rows_of_head(m->rows, model_rows_part(&m->options, target), x);
	factors_score(&m->options.factors, e);
	return e;
}

/* Crosses, which come behind the features given, have no rows. */
static void
note_target(struct explain *e, const struct model *m, const struct features *f,
    const struct features *all, unsigned target, const float *x)
{
	const struct head *head = &model_state(m)->head[target];
	struct factors_example *pairs = score_pairs(m, target, x);

	for (unsigned i = 0; i < features_count(all); i++) {
		struct explain_part part = { features_key(all, i), 0, NAN, 0 };
		uint64_t place =
		    cells_find(&m->cells, cells_home(&m->cells, part.key), part.key);

		if (place != CELLS_NONE) {
			double value = x == NULL ? 1 : (double)x[i];
			struct explain_weight w =
			    explain_weight(m, head, cells_at(&m->cells, place), target);

			part.effect = w.mean * value;
			part.sd = w.sd * fabs(value);
		}
		if (pairs != NULL && i < features_count(f))
			part.pairs = factors_effect(&m->options.factors, pairs, i);
		if (part.effect != 0 || part.pairs != 0)
			insert(e, target, part);
	}
}

void
explain_note(struct explain *e, const struct model *m, const struct features *f)
{
	const struct features all = model_weighted(m, f);
	float values[FEATURES_MAX];
	const float *x;

	memset(e->count, 0, sizeof e->count);
	if (e->most == 0)
		return;
	x = features_values(&all, values);
	if (m->rows != NULL)
		rows_look_up(m->rows, f);
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		if (m->options.target[t])
			note_target(e, m, f, &all, t, x);
}

void
explain_build(const struct explain *e, const struct model *m, struct build *to)
{
	uint32_t parts = 0;
	unsigned targets = 0;
	char text[NAME_TEXT_MAX];

	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		parts += e->count[t];
		targets += m->options.target[t];
	}
	build_text(to, "explanation");
	build_array(to, parts);
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		for (unsigned i = 0; i < e->count[t]; i++) {
			const struct explain_part *p = &e->part[t][i];
			bool sure = isfinite(p->sd), several = targets > 1;
			bool paired = m->rows != NULL && t <= MODEL_CONVERSION;

			build_map(to, 2u + sure + paired + several);
			build_text(to, "feature");
			build_str(
			    to, names_text(e->named ? &e->names : NULL, p->key, text));
			build_text(to, "effect");
			build_double(to, p->effect);
			if (sure) {
				build_text(to, "sd");
				build_double(to, p->sd);
			}
			if (paired) {
				build_text(to, "pairs");
				build_double(to, p->pairs);
			}
			if (several) {
				build_text(to, "target");
				build_text(to, model_target_name((enum model_target)t));
			}
		}
}
