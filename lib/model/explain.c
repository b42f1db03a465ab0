/* SPDX-License-Identifier: MIT */
#include "lib/model/explain.h"

#include <math.h>
#include <string.h>

struct explain_weight
explain_weight(
    const struct model *m, const struct head *head, const void *cell, unsigned which)
{
	const void *part = (const uint8_t *)cell + m->offset[which];
	const struct lanes_cell *lanes = part;
	const struct weight *weight = part;
	unsigned k;

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

/* In the order of |effect|, at equal ones as they come. */
static void
insert(struct explain *e, unsigned target, struct explain_part part)
{
	struct explain_part *all = e->part[target];
	unsigned at = e->count[target];

	if (at == e->most) {
		if (fabs(part.effect) <= fabs(all[at - 1].effect))
			return;
		at--;
	} else {
		e->count[target]++;
	}
	for (; at > 0 && fabs(all[at - 1].effect) < fabs(part.effect); at--)
		all[at] = all[at - 1];
	all[at] = part;
}

static float
value_of(const struct features *f, unsigned i)
{
	uint32_t bits;
	float value;

	if (f->values.at == NULL)
		return 1;
	bits = bytes_load_le32(f->values.at + 4 * (size_t)i);
	memcpy(&value, &bits, sizeof value);
	return value;
}

void
explain_note(struct explain *e, const struct model *m, const struct features *f)
{
	const struct head *head = model_state(m)->head;
	const struct features all = model_weighted(m, f);

	memset(e->count, 0, sizeof e->count);
	if (e->most == 0)
		return;
	for (unsigned i = 0; i < features_count(&all); i++) {
		uint64_t key = features_key(&all, i);
		uint64_t place = cells_find(&m->cells, cells_home(&m->cells, key), key);
		double x = (double)value_of(&all, i);

		if (place == CELLS_NONE)
			continue;
		for (unsigned t = 0; t < MODEL_TARGETS; t++) {
			struct explain_weight w;

			if (!m->options.target[t])
				continue;
			w = explain_weight(m, &head[t], cells_at(&m->cells, place), t);
			if (w.mean * x != 0)
				insert(e, t,
				    (struct explain_part){
					key, w.mean * x, w.sd * fabs(x) });
		}
	}
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

			build_map(to, 2u + sure + several);
			build_text(to, "feature");
			build_str(
			    to, names_text(e->named ? &e->names : NULL, p->key, text));
			build_text(to, "effect");
			build_double(to, p->effect);
			if (sure) {
				build_text(to, "sd");
				build_double(to, p->sd);
			}
			if (several) {
				build_text(to, "target");
				build_text(to, model_target_name((enum model_target)t));
			}
		}
}
