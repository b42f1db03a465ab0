/* SPDX-License-Identifier: MIT */
#include "lib/model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/model/inside.h"
#include "lib/vec.h"

/* What newcomers may have of the budget. */
enum { NEWCOMERS_SHARE = 16 };

/* And the slices. */
enum { SLICES_SHARE = 16, SLICES_BYTES_MIN = 1 << 20 };

/* A reader whose head changes under it asks again, so often. */
enum { HEAD_TRIES = 1000 };

/* A table for linear has so many places for each sum. */
enum { LINEAR_ROOM = 4 };

/* The mean label of those who have learned nothing yet. */
#define MODEL_BASE_RATE 0.01

/* --- Its cells ---------------------------------------------------------------------- */

static float
worth_of_lanes(const struct cells_kind *kind, const void *cell)
{
	const struct lanes_cell *lanes = cell;
	float most = 0;

	for (unsigned i = 0; i < kind->size / sizeof *lanes; i++)
		most = fmaxf(most, lanes_worth(&lanes[i]));
	return most;
}

static bool
lanes_are_sound(const struct cells_kind *kind, const void *cell)
{
	const struct lanes_cell *lanes = cell;
	bool sound = true;

	for (unsigned i = 0; i < kind->size / sizeof *lanes; i++)
		sound = sound && lanes_is_sound(&lanes[i]);
	return sound;
}

static float
worth_of_weights(const struct cells_kind *kind, const void *cell)
{
	const struct weight *w = cell;
	float most = 0;

	for (unsigned i = 0; i < kind->size / sizeof *w; i++)
		most = fmaxf(most, fabsf(w[i].value));
	return most;
}

static bool
weights_are_sound(const struct cells_kind *kind, const void *cell)
{
	const struct weight *w = cell;
	bool sound = true;

	for (unsigned i = 0; i < kind->size / sizeof *w; i++)
		sound = sound && weight_is_sound(&w[i]);
	return sound;
}

/* Those of what was seen least go first, and first of all those of what was taken back. */
static float
worth_of_sums(const struct cells_kind *kind, const void *cell)
{
	const uint64_t *words = cell;
	float most = 0;

	/* The first of each 16 bytes is of a number of trials, or the lower half of a sum. */
	for (unsigned i = 0; i < kind->size / sizeof *words; i += 2)
		most = fmaxf(most, fabsf((float)(int64_t)words[i]));
	return most;
}

static bool
sums_are_sound(const struct cells_kind *kind, const void *cell)
{
	(void)kind;
	(void)cell;
	return true;
}

unsigned
model_cell_size(const struct model_options *options)
{
	unsigned size = 0;

	for (unsigned h = 0; h < MODEL_HEADS; h++) {
		struct head_options o = model_options_of_head(options, h);

		size += model_options_has(options, h) ? head_cell_size(&o) : 0;
	}
	return size;
}

static bool
is_linear(const struct model_options *o)
{
	return o->optimiser.algorithm == OPTIMISER_LINEAR;
}

static int
give_linear(struct model *m)
{
	const struct model_options *o = &m->options;
	const struct linear_options of = { o->dimensions, o->optimiser.l2,
		o->base_rate > 0 ? o->base_rate : MODEL_BASE_RATE };
	unsigned offset[LINEAR_HEADS], heads = 0;

	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		if (o->target[t])
			offset[heads++] = m->offset[t];
	m->linear = linear_new(&of, heads, offset);
	return m->linear == NULL ? -1 : 0;
}

struct linear_sums
model_sums(const struct model *m)
{
	struct linear_sums sums = { .cells = &m->cells,
		.version = region_version(&m->cells.region) };
	unsigned heads = 0;

	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		if (m->options.target[t])
			sums.totals[heads++] = &model_state(m)->head[t].totals;
	return sums;
}

/* Heads, what they are made with, and how large a cell is. */
static struct model *
model_of(const struct model_options *options, struct error *error)
{
	struct model *m = aligned_alloc(64, (sizeof *m + 63) / 64 * 64);
	bool lanes = options->optimiser.algorithm == OPTIMISER_LANES;
	bool exact = optimiser_is_exact(options->optimiser.algorithm);

	if (m == NULL) {
		error_set(error, "no memory for a model");
		return NULL;
	}
	memset(m, 0, sizeof *m);
	m->options = *options;
	m->first = model_options_first(options);
	m->kind.worth = lanes ? worth_of_lanes
	    : exact           ? worth_of_sums
			      : worth_of_weights;
	m->kind.is_sound = lanes ? lanes_are_sound
	    : exact              ? sums_are_sound
				 : weights_are_sound;
	for (unsigned h = 0; h < MODEL_HEADS; h++) {
		m->of_head[h] = model_options_of_head(options, h);
		m->offset[h] = m->kind.size;
		if (!model_options_has(options, h))
			continue;
		m->kind.size += head_cell_size(&m->of_head[h]);
		m->heads++;
		m->targets += h < MODEL_TARGETS;
	}
	m->scratch = calloc(1, sizeof *m->scratch);
	if (m->scratch != NULL && (!is_linear(options) || give_linear(m) == 0))
		return m;
	free(m->scratch);
	free(m);
	error_set(error, "no memory for a model");
	return NULL;
}

uint64_t
model_search_bytes(const struct model_options *options)
{
	return options->crosses > 0 ? crosses_search_size() : 0;
}

/* What follows from the sums, and a table for all of them, in which none is in the way. */
static int
take_for_linear(const struct model_options *o, uint64_t *bytes)
{
	const struct cells_kind kind = { .size = model_cell_size(o) };
	unsigned heads = kind.size / (unsigned)sizeof(struct linear_cell);
	uint64_t rest = linear_bytes(o->dimensions, heads);
	uint64_t lines = linear_cells(o->dimensions) / CELLS_LINE + 1;

	if (*bytes < rest || *bytes - rest < cells_budget(&kind, LINEAR_ROOM * lines))
		return -1;
	*bytes -= rest;
	return 0;
}

struct model *
model_new(const struct model_options *options, uint64_t bytes, const struct os *os,
    const char *live, struct error *error)
{
	uint64_t search = model_search_bytes(options);
	struct model_budget b = { 0 };

	if (model_options_check(options, error) < 0)
		return NULL;
	if (bytes < search + CELLS_BYTES_MIN) {
		error_set(error, "there is too little memory for --crosses");
		return NULL;
	}
	b.cells = bytes -= search;
	if (is_linear(options) && take_for_linear(options, &b.cells) < 0) {
		error_set(error, "there is too little memory for --dimensions %u",
		    options->dimensions);
		return NULL;
	}
	b.newcomers = options->admit > 1 ? bytes / NEWCOMERS_SHARE : 0;
	b.rows = rows_share(&options->factors, model_options_factored(options),
	    model_cell_size(options), bytes);
	b.seen = rows_share_of_seen(b.rows);
	b.rows -= b.seen;
	b.slices = options->by[0] != '\0' ? bytes / SLICES_SHARE : 0;
	b.cells -= b.newcomers + b.rows + b.seen + b.slices;
	return model_new_within(options, &b, os, live, error);
}

struct model *
model_new_within(const struct model_options *options, const struct model_budget *b,
    const struct os *os, const char *live, struct error *error)
{
	unsigned factored = model_options_factored(options);
	uint64_t search = model_search_bytes(options);
	struct model *m;

	if (model_options_check(options, error) < 0)
		return NULL;
	m = model_of(options, error);
	if (m == NULL)
		return NULL;
	model_options_print(options, m->text, sizeof m->text);
	if (search > 0 && (m->search = crosses_search_new()) == NULL) {
		error_set(error, "no memory for --crosses");
		goto fail;
	}
	if (factored > 0) {
		m->rows = rows_new(&options->factors, factored, b->rows, b->seen, os,
		    slice_text(m->text), error);
		if (m->rows == NULL)
			goto fail;
	}
	if (options->admit > 1 &&
	    (b->newcomers < NEWCOMERS_BYTES_MIN ||
		newcomers_init(&m->newcomers, b->newcomers) < 0)) {
		error_set(error, "there is too little memory for --admit");
		goto fail;
	}
	if (options->by[0] != '\0') {
		if (b->slices < SLICES_BYTES_MIN) {
			error_set(error, "there is too little memory for --by");
			goto fail;
		}
		m->slices =
		    slices_new(m->targets, b->slices, os, slice_text(m->text), error);
		if (m->slices == NULL)
			goto fail;
	}
	if (cells_init(&m->cells, &m->kind, b->cells, os, NULL, slice_text(m->text),
		error) < 0)
		goto fail;
	for (unsigned h = 0; h < MODEL_HEADS; h++)
		head_init(&model_state(m)->head[h], &m->of_head[h]);
	if (live == NULL || model_show(m, live, NULL, error) == 0)
		return m;
fail:
	model_free(m);
	return NULL;
}

/* The rows first: who finds the cells will look for them. */
int
model_show(struct model *m, const char *live, struct model *old, struct error *error)
{
	if (m->rows != NULL &&
	    rows_show(m->rows, live, old == NULL ? NULL : old->rows, error) < 0)
		return -1;
	if (m->slices != NULL &&
	    slices_show(m->slices, live, old == NULL ? NULL : old->slices, error) < 0)
		return -1;
	return cells_show(&m->cells, live, old == NULL ? NULL : &old->cells, error);
}

static bool
heads_are_sound(const struct model_state *state)
{
	bool sound = crosses_are_sound(&state->crosses) &&
	    examination_is_sound(&state->examination);

	for (unsigned h = 0; h < MODEL_HEADS; h++)
		sound = sound && head_is_sound(&state->head[h]);
	return sound;
}

/* A file of the options that were read before, as it may have been replaced since, and of
 * heads that are sound; they may be changing. */
static int
check_attached(const struct model *m, const char *live, struct error *error)
{
	const struct region_head *h = m->cells.region.head;

	if (!slice_is(slice_of(h->text, h->text_size), m->text))
		return error_set(error, "%s has just become another model", live);
	for (unsigned i = 0; i < HEAD_TRIES; i++)
		if (heads_are_sound(model_state(m)))
			return 0;
	return error_set(error, "%s is damaged", live);
}

struct model *
model_attach(const struct os *os, const char *live, bool *missing, struct error *error)
{
	struct model_options options;
	struct region region;
	struct error why;
	struct model *m;
	int status;

	if (region_open(&region, os, live, missing, error) < 0)
		return NULL;
	status = model_options_read(
	    slice_of(region.head->text, region.head->text_size), &options, &why);
	region_fini(&region, os);
	if (status < 0) {
		error_set(error, "cannot use %s: %s", live, why.text);
		return NULL;
	}
	m = model_of(&options, error);
	if (m == NULL)
		return NULL;
	model_options_print(&options, m->text, sizeof m->text);
	if (model_options_factored(&options) > 0)
		m->rows = rows_attach(&options.factors,
		    model_options_factored(&options), os, live, missing, error);
	if (options.by[0] != '\0')
		m->slices = slices_attach(m->targets, os, live, missing, error);
	if ((m->rows != NULL || model_options_factored(&options) == 0) &&
	    (m->slices != NULL || options.by[0] == '\0') &&
	    cells_open(&m->cells, &m->kind, os, live, missing, error) == 0) {
		if (check_attached(m, live, error) == 0)
			return m;
		cells_fini(&m->cells);
	}
	slices_free(m->slices);
	rows_free(m->rows);
	linear_free(m->linear);
	free(m->scratch);
	free(m);
	return NULL;
}

void
model_free(struct model *m)
{
	if (m == NULL)
		return;
	cells_fini(&m->cells);
	rows_free(m->rows);
	crosses_search_free(m->search);
	slices_free(m->slices);
	linear_free(m->linear);
	newcomers_fini(&m->newcomers);
	free(m->scratch);
	free(m);
}

/* --- The cells of an example --------------------------------------------------------- */

struct features
model_weighted(const struct model *m, const struct features *f)
{
	return m->options.crosses == 0
	    ? *f
	    : crosses_extend(&model_state(m)->crosses, f, &m->scratch->crosses);
}

static void
go_home(const struct model *m, const struct features *f, unsigned n)
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

	go_home(m, f, n);
	for (unsigned i = 0; i < n; i++) {
		uint64_t place = cells_find(c, s->home[i], features_key(f, i));

		s->cell[i] = place == CELLS_NONE ? NULL : cells_at(c, place);
		__builtin_prefetch(s->cell[i]);
	}
}

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

	go_home(m, f, n);
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
