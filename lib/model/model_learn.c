/* SPDX-License-Identifier: MIT
 *
 * How a model learns an example: its cells taken up, and the labels of its heads.
 */
#include <math.h>

#include "lib/model/inside.h"
#include "lib/vec.h"

/* --- The cells to be changed ---------------------------------------------------------- */

/* A place for a feature that has none; CELLS_NONE when it gets none. */
static uint64_t
admit(struct model *m, uint64_t home, uint64_t key, uint64_t now)
{
	uint64_t place;

	if (m->options.admit > 1 &&
	    newcomers_see(&m->newcomers, key) < m->options.admit)
		return CELLS_NONE;
	place = cells_take(&m->cells, home, key, now);
	model_state(m)->crowded += place == CELLS_NONE;
	return place;
}

/* The cells to be changed; features that have none get one, if the example gives and does
 * not take back. */
static void
take_up(struct model *m, const struct features *f, unsigned n, bool gives, uint64_t now)
{
	struct model_scratch *s = m->scratch;
	struct cells *c = &m->cells;

	model_go_home(m, f, n);
	for (unsigned i = 0; i < n; i++) {
		uint64_t key = features_key(f, i);
		uint64_t place = cells_find(c, s->home[i], key);

		if (__builtin_expect(place == CELLS_NONE, 0) && gives)
			place = admit(m, s->home[i], key, now);
		s->cell[i] = NULL;
		if (__builtin_expect(place == CELLS_NONE, 0))
			continue;
		s->cell[i] = cells_at(c, place);
		__builtin_prefetch(s->cell[i], 1);
		cells_touch(c, place, now);
	}
}

/* Each gets one, now or when the table has grown; and if what is taken back is given later. */
static void
take_up_all(struct model *m, const struct features *f, unsigned n, uint64_t now)
{
	uint64_t crowded = model_state(m)->crowded;

	take_up(m, f, n, true, now);
	if (__builtin_expect(!m->cells.cramped, 1))
		return;
	model_state(m)->crowded = crowded;
	cells_reserve(&m->cells, n, now);
	take_up(m, f, n, true, now);
}

/* What is left out is no longer when it is taken back. */
static void
take_up_linear(
    struct model *m, const struct features *f, bool valued, double weight, uint64_t now)
{
	uint64_t left_out =
	    linear_take_up(m->linear, &m->cells, f, valued ? m->scratch->x : NULL, now);

	model_state(m)->crowded += weight < 0 ? -left_out : left_out;
}

/* --- Learning ------------------------------------------------------------------------- */

static enum features_fault
check(const struct model *m, const struct features *f, const struct model_example *e)
{
	enum features_fault fault = features_check(f);

	if (fault != FEATURES_FINE)
		return fault;
	if (!(fabs(e->weight) <= FEATURES_VALUE_MAX))
		return FEATURES_WEIGHT;
	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		double label = e->target[t].label, weight = e->target[t].weight;

		if (!m->options.target[t] || weight == 0)
			continue;
		if (!(t == MODEL_VALUE ? label > 0 && label <= 1e15
				       : label >= 0 && label <= 1))
			return FEATURES_LABEL;
		if (!(weight >= 0 && weight * fabs(e->weight) <= FEATURES_VALUE_MAX))
			return FEATURES_WEIGHT;
	}
	return FEATURES_FINE;
}

/* One target of the example. */
static void
learn_head(struct model *m, unsigned n, bool valued, unsigned head, double label,
    double weight, struct estimate *to)
{
	struct head_features cells = model_gather(m, n, head, valued);
	struct head *h = &model_state(m)->head[head];

	if (weight == 0)
		head_predict(h, &m->of_head[head], &cells, to);
	else
		head_learn(h, &m->of_head[head], &cells, label, weight, to);
}

/* A conversion that may have been delayed (Chapelle, KDD 2014). That none has come so far
 * makes one less likely, as far as one would have come by now:
 *
 *	P(one comes | none in t) = p exp(-t / d) / (1 - p + p exp(-t / d))
 *
 * which is the label whose gradient is that of the likelihood. How long it takes, d, is
 * learned from those that came and, by that label, from the wait for the others. */
static double
delayed(struct model *m, unsigned n, bool valued, const struct model_example *e,
    double weight)
{
	struct head_features cells = model_gather(m, n, MODEL_CONVERSION, valued);
	const struct head *h = model_state(m)->head;
	double label = e->target[MODEL_CONVERSION].label;
	struct estimate conversion, delay;
	double late, posterior;

	if (e->elapsed < 0)
		return label;
	head_predict(
	    &h[MODEL_CONVERSION], &m->of_head[MODEL_CONVERSION], &cells, &conversion);
	conversion.mean *= 1 - cells.hidden;
	if (label > 0) {
		learn_head(m, n, valued, MODEL_DELAY, fmax(e->elapsed, 1),
		    weight * label, &delay);
		return label;
	}
	if (!e->pending)
		return label;
	cells = model_gather(m, n, MODEL_DELAY, valued);
	head_predict(&h[MODEL_DELAY], &m->of_head[MODEL_DELAY], &cells, &delay);
	late = conversion.mean * vec_exp(-e->elapsed / delay.mean);
	posterior = late / (1 - conversion.mean + late);
	return posterior;
}

/* Of a stream in which a conversion comes first as none, then once more as itself, what
 * weighs each so that the mean is right (Ktena et al., RecSys 2019, eq. 7). */
static double
fake_negative_weight(const struct model *m, unsigned n, bool valued, double label)
{
	struct head_features cells = model_gather(m, n, MODEL_CONVERSION, valued);
	struct estimate e;

	head_predict(&model_state(m)->head[MODEL_CONVERSION],
	    &m->of_head[MODEL_CONVERSION], &cells, &e);
	e.mean *= 1 - cells.hidden;
	return label > 0 ? 1 + e.mean : (1 - e.mean) * (1 + e.mean);
}

static void
learn_target(struct model *m, unsigned n, bool valued, const struct model_example *e,
    unsigned t, struct estimate *to)
{
	double label = e->target[t].label;
	double weight = e->weight * e->target[t].weight;

	if (t == MODEL_CONVERSION && weight != 0) {
		if (m->options.feedback == FEEDBACK_DFM)
			label = delayed(m, n, valued, e, weight);
		if (m->options.feedback == FEEDBACK_FNW)
			weight *= fake_negative_weight(m, n, valued, label);
	}
	if (t == m->first) {
		m->scratch->label = label;
		m->scratch->weight = weight;
	}
	learn_head(m, n, valued, t, label, weight, to);
}

/* How the place is looked at, from what came of the first target. What is taken back was
 * expected by a model that had not learned it. */
static void
learn_place(struct model *m, unsigned n, bool valued, double said, uint64_t now)
{
	struct model_scratch *s = m->scratch;

	if (s->weight < 0) {
		struct head_features cells = model_gather(m, n, m->first, valued);
		struct estimate before;

		head_predict(&model_state(m)->head[m->first], &m->of_head[m->first],
		    &cells, &before);
		said = before.mean;
	}
	examination_note(
	    &model_state(m)->examination, &m->place, s->label, said, s->weight, now);
}

/* Whether there is more to be crossed. What is taken back is not searched: the evidence is of
 * what came, and stays. */
static void
search(struct model *m, const struct features *f, const struct model_example *e,
    const struct model_estimates *said)
{
	unsigned t = m->first;
	struct model_state *state = model_state(m);
	double label = e->target[t].label;
	double weight = e->weight * e->target[t].weight;

	if (m->scratch->hidden > 0)
		examination_complete(
		    1 - said->hidden, said->of[t].mean, &label, &weight);
	if (weight > 0 && state->crosses.count < m->options.crosses)
		crosses_search_learn(m->search, &state->crosses, f,
		    &m->scratch->crosses, label, weight, said->of[t].mean,
		    head_base(&state->head[t], &m->of_head[t]));
	if (state->examples % CROSSES_LOOK == 0)
		(void)crosses_search_choose(
		    m->search, &state->crosses, m->options.crosses);
}

/* A new slice begins with what the heads believe. */
static void
take_up_slice(struct model *m, uint64_t now)
{
	const struct head *heads[MODEL_TARGETS];
	unsigned n = 0;

	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		if (m->options.target[t])
			heads[n++] = &model_state(m)->head[t];
	slices_take_up(m->slices, heads, now);
}

enum features_fault
model_learn(struct model *m, const struct features *f, const struct model_example *e,
    struct model_estimates *to)
{
	enum features_fault fault = check(m, f, e);
	struct model_state *state = model_state(m);
	uint64_t now = state->examples + 1;
	struct features all;
	bool valued;
	unsigned n;

	if (fault != FEATURES_FINE)
		return fault;
	if (m->search != NULL)
		crosses_meet(&state->crosses, f);
	all = model_weighted(m, f);
	n = features_count(&all);
	valued = features_values(&all, m->scratch->x) != NULL;
	cells_reserve(&m->cells, n, now);
	state = model_state(m);
	if (m->linear != NULL)
		take_up_linear(m, &all, valued, e->weight, now);
	else if (optimiser_is_exact(m->options.optimiser.algorithm))
		take_up_all(m, &all, n, now);
	else
		take_up(m, &all, n, e->weight > 0, now);
	state = model_state(m);
	if (m->rows != NULL)
		rows_take_up(m->rows, f, e->weight > 0, now);
	if (m->slices != NULL)
		take_up_slice(m, now);
	to->version = state->examples;
	to->hidden = 1 - model_examination(m, m->place.key);
	m->scratch->hidden = to->hidden;
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		if (m->options.target[t])
			learn_target(m, n, valued, e, t, &to->of[t]);
	if (m->options.examination[0] != '\0')
		learn_place(m, n, valued, to->of[m->first].mean, now);
	state->examples = now;
	state->taken_back += e->weight < 0;
	if (m->search != NULL)
		search(m, f, e, to);
	region_set_version(&m->cells.region, now);
	if (m->linear != NULL) {
		const struct linear_sums sums = model_sums(m);

		linear_done(m->linear, &sums);
	}
	return FEATURES_FINE;
}
