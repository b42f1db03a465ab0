/* SPDX-License-Identifier: MIT */
#include "lib/model/model.h"

#include <string.h>

#include "lib/base/assert.h"
#include "lib/model/inside.h"

/* More than anybody can have learned. */
#define EXAMPLES_MAX (UINT64_C(1) << 60)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "numbers lie in memory as they do in files");

void
model_save(struct model *m, struct state_writer *to)
{
	state_put(to, model_state(m), sizeof(struct model_state));
	if (m->options.admit > 1)
		newcomers_save(&m->newcomers, to);
	cells_save(&m->cells, to);
	if (m->search != NULL)
		crosses_search_save(m->search, to);
	if (m->rows != NULL)
		rows_save(m->rows, to);
	if (m->slices != NULL)
		slices_save(m->slices, to);
	if (m->linear != NULL) {
		state_put_u64(to, 1);
		linear_save(m->linear, to);
	}
}

static bool
is_nothing(const void *cell, unsigned size)
{
	const uint64_t *words = cell;

	for (unsigned i = 0; i < size / sizeof *words; i++)
		if (words[i] != 0)
			return false;
	return true;
}

void
model_save_learned(struct model *m, struct state_writer *to)
{
	const struct model_state *from = model_state(m);
	struct model_state learned;

	if (!optimiser_is_exact(m->options.optimiser.algorithm)) {
		model_save(m, to);
		return;
	}
	memset(&learned, 0, sizeof learned);
	if (from->examples > 2 * from->taken_back)
		learned.examples = from->examples - 2 * from->taken_back;
	learned.crowded = from->crowded;
	for (unsigned h = 0; h < MODEL_HEADS; h++) {
		head_init(&learned.head[h], &m->of_head[h]);
		learned.head[h].seen = from->head[h].seen;
		learned.head[h].sum = from->head[h].sum;
		learned.head[h].counts = from->head[h].counts;
		learned.head[h].totals = from->head[h].totals;
	}
	state_put(to, &learned, sizeof learned);
	cells_save_sorted(&m->cells, is_nothing, to);
	if (m->linear != NULL)
		state_put_u64(to, 0);
}

static int
copy_rows(struct rows *to, const struct rows *from, struct error *error)
{
	newcomers_copy(&to->seen, &from->seen);
	return cells_copy(&to->cells, &from->cells, error);
}

int
model_copy(struct model *to, const struct model *from, struct error *error)
{
	assert(strcmp(to->text, from->text) == 0);
	if (from->options.admit > 1)
		newcomers_copy(&to->newcomers, &from->newcomers);
	if (from->search != NULL)
		crosses_search_copy(to->search, from->search);
	if (from->linear != NULL)
		linear_copy(to->linear, from->linear);
	if (cells_copy(&to->cells, &from->cells, error) < 0 ||
	    (from->rows != NULL && copy_rows(to->rows, from->rows, error) < 0) ||
	    (from->slices != NULL &&
		cells_copy(&to->slices->cells, &from->slices->cells, error) < 0))
		return -1;
	return 0;
}

/* As it was, or to be made afresh of the sums. */
static int
load_linear(struct model *m, struct state_reader *from, struct error *error)
{
	const struct linear_sums sums = model_sums(m);
	uint64_t whole;

	if (state_get_u64(from, &whole) < 0 || whole > 1)
		return error_set(error, "its dimensions are damaged");
	if (whole != 0)
		return linear_load(m->linear, from, error);
	linear_rebuild(m->linear, &sums);
	return 0;
}

int
model_load(struct model *m, struct state_reader *from, struct error *error)
{
	struct model_state *state = model_state(m);

	assert(state->examples == 0);
	if (state_get(from, state, sizeof *state) < 0)
		return error_set(error, "what it holds is cut off");
	if (state->examples > EXAMPLES_MAX || state->taken_back > state->examples)
		return error_set(error, "its count of examples is damaged");
	for (unsigned h = 0; h < MODEL_HEADS; h++)
		if (!head_is_sound(&state->head[h]))
			return error_set(error, "what it holds of its %s is damaged",
			    h == MODEL_DELAY ? "delays"
					     : model_target_name((enum model_target)h));
	if (!crosses_are_sound(&state->crosses))
		return error_set(error, "its crosses are damaged");
	if (!examination_is_sound(&state->examination))
		return error_set(error, "what it holds of its places is damaged");
	if (m->options.admit > 1 && newcomers_load(&m->newcomers, from, error) < 0)
		return -1;
	if (cells_load(&m->cells, from, state->examples, error) < 0)
		return -1;
	if (m->search != NULL && crosses_search_load(m->search, from, error) < 0)
		return -1;
	if (m->rows != NULL &&
	    rows_load(m->rows, from, model_state(m)->examples, error) < 0)
		return -1;
	if (m->slices != NULL &&
	    slices_load(m->slices, from, model_state(m)->examples, error) < 0)
		return -1;
	region_set_version(&m->cells.region, model_state(m)->examples);
	return m->linear == NULL ? 0 : load_linear(m, from, error);
}
