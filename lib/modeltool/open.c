/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/open.h"

#include <string.h>

#include "lib/base/assert.h"
#include "lib/model/predictor.h"

/* How often a cell of a live model is read that does not hold still. */
enum { TRIES = 16 };

const char *
model_head_name(unsigned head)
{
	return head == MODEL_DELAY ? "delay"
				   : model_target_name((enum model_target)head);
}

bool
model_can_be_copied(const struct model_options *options, struct error *error)
{
	if (options->by[0] == '\0')
		return true;
	(void)error_set(error, "models with slices (by) can be shown and printed only");
	return false;
}

struct model_size
model_size_of(const struct model *m)
{
	struct model_size size = { m->cells.homes, m->newcomers.size, 0, 0 };

	if (m->rows != NULL) {
		size.row_homes = m->rows->cells.homes;
		size.seen = m->rows->seen.size;
	}
	return size;
}

/* Bytes of the table of rows. */
static uint64_t
budget_of_rows(const struct model_options *options, uint64_t homes)
{
	const struct cells_kind kind = { .size = model_options_factored(options) *
		    factors_row_size(&options->factors) };

	return homes == 0 ? 0 : cells_budget(&kind, homes);
}

static uint64_t
budget_of_cells(const struct model_options *options, uint64_t homes)
{
	const struct cells_kind kind = { .size = model_cell_size(options) };

	return homes == 0 ? UINT64_MAX : cells_budget(&kind, homes);
}

/* What a learner has for its counters beside tables of this size. */
struct model_size
model_size_for(const struct model_options *options, uint64_t homes, uint64_t row_homes)
{
	struct model_size size = { homes, 0, row_homes, 0 };

	if (options->admit > 1)
		size.newcomers =
		    budget_of_cells(options, homes) / 15 + 1 + NEWCOMERS_BYTES_MIN;
	if (model_options_factored(options) > 0)
		size.seen = ROWS_SEEN_BYTES;
	return size;
}

struct model *
model_fit(const struct model_options *options, struct model_size size, uint64_t memory,
    const struct os *os, const char *live, struct error *error)
{
	struct model_budget b = { .newcomers = size.newcomers, .seen = size.seen };
	uint64_t bytes;
	struct model *m;

	if (model_options_check(options, error) < 0 ||
	    !model_can_be_copied(options, error))
		return NULL;
	b.cells = budget_of_cells(options, size.homes);
	b.rows = budget_of_rows(options, size.row_homes);
	if (b.cells == UINT64_MAX || b.rows == UINT64_MAX ||
	    size.newcomers > UINT64_MAX / 2 || size.seen > ROWS_SEEN_BYTES ||
	    (size.row_homes > 0) != (model_options_factored(options) > 0)) {
		error_set(error, "the size of its table is damaged");
		return NULL;
	}
	bytes = b.cells + b.newcomers + b.rows + b.seen + model_search_bytes(options);
	if (bytes > memory) {
		error_set(error, "it needs --memory %llum",
		    (unsigned long long)(bytes >> 20) + 1);
		return NULL;
	}
	m = model_new_within(options, &b, os, NULL, error);
	if (m == NULL)
		return NULL;
	if (cells_resize(&m->cells, size.homes, error) == 0 &&
	    (m->rows == NULL ||
		cells_resize(&m->rows->cells, size.row_homes, error) == 0) &&
	    (live == NULL || model_show(m, live, NULL, error) == 0)) {
		assert(m->cells.homes == size.homes);
		assert(m->rows == NULL || m->rows->cells.homes == size.row_homes);
		return m;
	}
	model_free(m);
	return NULL;
}

/* --- Model files -------------------------------------------------------------------- */

/* How many bytes of counters of newcomers the body has, behind how many were added. */
static int
read_newcomers(const struct os *os, const char *path, uint64_t memory, uint64_t *to,
    struct error *error)
{
	uint8_t head[sizeof(struct model_state) + 16];

	if (state_head(os, path, head, sizeof head, error) < 0)
		return -1;
	*to = bytes_load_le64(head + sizeof(struct model_state) + 8);
	return *to >= NEWCOMERS_BYTES_MIN && *to <= memory
	    ? 0
	    : error_set(error, "its counts are damaged");
}

/* Every place is as it is there, and all within the memory. */
static int
check_size(const struct model *m, uint64_t memory, struct error *error)
{
	uint64_t bytes = m->newcomers.size;

	for (unsigned t = 0; t < LAYOUT_TABLES; t++) {
		const struct cells *c = layout_of(m, t);

		if (c != NULL)
			bytes += cells_budget(c->kind, c->loaded);
	}
	return bytes <= memory ? 0
			       : error_set(error, "it needs --memory %llum",
				     (unsigned long long)(bytes >> 20) + 1);
}

static struct model *
read_body(const struct os *os, const char *path, struct state_reader *from,
    uint64_t memory, struct error *error)
{
	struct model_budget b = { .cells = memory,
		.rows = memory,
		.seen = NEWCOMERS_BYTES_MIN,
		.slices = memory };
	struct model_options options;
	struct model *m;

	if (model_options_understand(state_identity(from), &options, error) < 0 ||
	    (options.admit > 1 &&
		read_newcomers(os, path, memory, &b.newcomers, error) < 0))
		return NULL;
	m = model_new_within(&options, &b, os, NULL, error);
	if (m != NULL && model_load(m, from, error) == 0 &&
	    check_size(m, memory, error) == 0)
		return m;
	model_free(m);
	return NULL;
}

static struct model *
read_file(const struct os *os, const char *path, uint64_t memory, struct error *error)
{
	enum state_trouble trouble;
	struct state_reader *from = state_read(os, path, NULL, &trouble, error);
	struct error why;
	struct model *m;

	if (from == NULL)
		return NULL;
	m = read_body(os, path, from, memory, &why);
	state_close(from);
	if (m == NULL)
		error_set(error, "cannot use the model %s: %s", path, why.text);
	return m;
}

/* --- Live models -------------------------------------------------------------------- */

/* The cell of a place, read so that its key is still the same afterwards. */
static bool
copy_cell(struct cells *to, const struct cells *from, uint64_t place, uint64_t last)
{
	_Alignas(64) uint8_t cell[CELLS_SIZE_MAX];

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t key = cells_key_at(from, place);
		uint16_t touched = layout_touched(from, place);

		if (key == 0)
			return true;
		memcpy(cell, cells_at(from, place), from->kind->size);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (cells_key_at(from, place) != key || key == CELLS_CHANGING)
			continue;
		if (cells_put(to, place, touched, key, cell, last))
			return true;
	}
	return false;
}

static bool
copy_fields(struct rows *to, const struct rows *from)
{
	for (unsigned i = 0; i < TRIES; i++) {
		*rows_fields(to) = *rows_fields(from);
		if (factors_fields_are_sound(rows_fields(to)))
			return true;
	}
	return false;
}

static struct model *
copy_live(const struct os *os, const char *path, const struct model *live,
    uint64_t memory, struct error *error)
{
	struct model_size size = model_size_of(live);
	struct error why;
	struct model *m;
	uint64_t last;

	/* Counters are not shared. */
	size = model_size_for(&live->options, size.homes, size.row_homes);
	m = model_fit(&live->options, size, memory, os, NULL, &why);
	if (m == NULL) {
		error_set(error, "cannot use the model %s: %s", path, why.text);
		return NULL;
	}
	*model_state(m) = *model_state(live);
	last = region_version(&live->cells.region) + 2 * CELLS_TICK;
	for (unsigned t = 0; t < LAYOUT_TABLES; t++) {
		struct cells *to = layout_of(m, t), *from = layout_of(live, t);

		for (uint64_t p = 0; to != NULL && p < cells_places(from); p++)
			if (!copy_cell(to, from, p, last))
				to->evicted++;
	}
	if (m->rows != NULL && !copy_fields(m->rows, live->rows)) {
		model_free(m);
		error_set(
		    error, "cannot use the model %s: its fields are damaged", path);
		return NULL;
	}
	region_set_version(&m->cells.region, model_state(m)->examples);
	return m;
}

struct model *
model_read(const struct os *os, const char *path, uint64_t memory, struct error *error)
{
	struct model *live, *copy;
	struct error why;
	bool missing;

	/* Any other file is none for its magic, after a look at its head. */
	live = model_attach(os, path, &missing, &why);
	if (live == NULL)
		return read_file(os, path, memory, error);
	copy = copy_live(os, path, live, memory, error);
	model_free(live);
	return copy;
}

int
model_write(const struct os *os, struct model *m, const char *path, struct error *error)
{
	const struct predictor p = { .model = m };

	return predictor_commit(&p, os, path, error);
}
