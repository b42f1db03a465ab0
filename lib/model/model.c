/* SPDX-License-Identifier: MIT */
#include "lib/model/model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/inside.h"

/* What newcomers may have of the budget. */
enum { NEWCOMERS_SHARE = 16 };

/* And the slices. */
enum { SLICES_SHARE = 16, SLICES_BYTES_MIN = 1 << 20 };

/* A reader whose head changes under it asks again, so often. */
enum { HEAD_TRIES = 1000 };

/* One that comes while a model is replaced, file by file, looks again, so often. */
enum { ATTACH_TRIES = 100 };

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

/* What tells the parts of this model from those that others have seen there. */
static int
next_showing(
    const struct os *os, const struct model *old, uint64_t *to, struct error *error)
{
	if (old != NULL && old->cells.path != NULL) {
		*to = old->cells.showing + 1;
		return 0;
	}
	if (os->random(os, to, sizeof *to) != 0)
		return error_set(error, "no random number: %s", strerror(errno));
	return 0;
}

/* All is copied before anything is shown, and the rows are shown first: who finds the cells
 * will look for them. */
int
model_show(struct model *m, const char *live, struct model *old, struct error *error)
{
	struct rows *rows = old == NULL ? NULL : old->rows;
	struct slices *slices = old == NULL ? NULL : old->slices;
	struct cells *cells = old == NULL ? NULL : &old->cells;
	uint64_t showing;

	if (next_showing(m->cells.os, old, &showing, error) < 0 ||
	    (m->rows != NULL && rows_beside(m->rows, live, rows, showing, error) < 0) ||
	    (m->slices != NULL &&
		slices_beside(m->slices, live, slices, showing, error) < 0) ||
	    cells_beside(&m->cells, live, cells, showing, error) < 0)
		return -1;
	if ((m->rows != NULL && rows_show(m->rows, rows, error) < 0) ||
	    (m->slices != NULL && slices_show(m->slices, slices, error) < 0))
		return -1;
	return cells_show(&m->cells, cells, error);
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

/* What the model at `live` is made with. */
static int
read_options(const struct os *os, const char *live, struct model_options *to,
    bool *missing, struct error *error)
{
	struct region region;
	struct error why;
	int status;

	if (region_open(&region, os, live, missing, error) < 0)
		return -1;
	status = model_options_read(
	    slice_of(region.head->text, region.head->text_size), to, &why);
	region_fini(&region, os);
	return status == 0 ? 0 : error_set(error, "cannot use %s: %s", live, why.text);
}

static int
attach_parts(struct model *m, const struct os *os, const char *live, bool *missing,
    struct error *error)
{
	unsigned factored = model_options_factored(&m->options);

	if (factored > 0) {
		m->rows = rows_attach(
		    &m->options.factors, factored, os, live, missing, error);
		if (m->rows == NULL)
			return -1;
	}
	if (m->options.by[0] != '\0') {
		m->slices = slices_attach(m->targets, os, live, missing, error);
		if (m->slices == NULL)
			return -1;
	}
	return cells_open(&m->cells, &m->kind, os, live, missing, error);
}

/* The parts of one model, not some of that which replaces it. */
static bool
is_whole(const struct model *m)
{
	uint64_t showing = m->cells.showing;

	return (m->rows == NULL || m->rows->cells.showing == showing) &&
	    (m->slices == NULL || m->slices->cells.showing == showing);
}

struct model *
model_attach(const struct os *os, const char *live, bool *missing, struct error *error)
{
	struct model_options options;

	for (unsigned i = 0; i < ATTACH_TRIES; i++) {
		struct model *m;

		if (read_options(os, live, &options, missing, error) < 0)
			return NULL;
		m = model_of(&options, error);
		if (m == NULL)
			return NULL;
		model_options_print(&options, m->text, sizeof m->text);
		if (attach_parts(m, os, live, missing, error) < 0 ||
		    (is_whole(m) && check_attached(m, live, error) < 0)) {
			model_free(m);
			return NULL;
		}
		if (is_whole(m))
			return m;
		model_free(m);
	}
	error_set(error, "%s is just being replaced", live);
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
