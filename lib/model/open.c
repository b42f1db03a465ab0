/* SPDX-License-Identifier: MIT */
#include "lib/model/open.h"

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
model_is_linear(const struct model_options *options, struct error *error)
{
	if (model_options_factored(options) == 0 && options->by[0] == '\0')
		return true;
	(void)error_set(error, "models with %s can be shown and printed only",
	    options->by[0] == '\0' ? "factors" : "slices (by)");
	return false;
}

struct model_size
model_size_of(const struct model *m)
{
	return (struct model_size){ m->cells.homes, m->newcomers.size };
}

static struct cells_kind
kind_of(const struct model_options *options)
{
	struct cells_kind kind = { 0 };

	for (unsigned h = 0; h < MODEL_HEADS; h++) {
		struct head_options o = model_options_of_head(options, h);

		kind.size += model_options_has(options, h) ? head_cell_size(&o) : 0;
	}
	return kind;
}

/* The budget of which model_new makes newcomers of this size, and cells of at least those
 * homes. */
static uint64_t
budget(const struct model_options *options, struct model_size size)
{
	struct cells_kind kind = kind_of(options);
	uint64_t bytes = cells_budget(&kind, size.homes);

	if (options->admit <= 1 || bytes == UINT64_MAX)
		return bytes;
	return size.newcomers > UINT64_MAX / 32 ? UINT64_MAX : 16 * size.newcomers + 15;
}

struct model *
model_fit(const struct model_options *options, struct model_size size, uint64_t memory,
    const struct os *os, const char *live, struct error *error)
{
	uint64_t bytes = budget(options, size);
	struct model *m;

	if (model_options_check(options, error) < 0 || !model_is_linear(options, error))
		return NULL;
	if (size.homes == 0 || bytes > memory) {
		error_set(error,
		    bytes == UINT64_MAX || size.homes == 0
			? "the size of its table is damaged"
			: "it needs --memory %llum",
		    (unsigned long long)(bytes >> 20) + 1);
		return NULL;
	}
	m = model_new(options, bytes, os, live, error);
	if (m == NULL)
		return NULL;
	if (cells_resize(&m->cells, size.homes, error) == 0 &&
	    m->cells.homes == size.homes)
		return m;
	if (m->cells.homes != size.homes)
		error_set(error, "its counts of new features do not go with its table");
	model_free(m);
	return NULL;
}

/* --- Model files -------------------------------------------------------------------- */

/* What the body begins with. */
static int
read_size(const struct os *os, const char *path, const struct model_options *options,
    struct model_size *to, struct error *error)
{
	static const size_t state = sizeof(struct model_state);
	uint8_t head[sizeof(struct model_state) + 24];
	uint64_t newcomers = 0;

	if (state_head(os, path, head, sizeof head, error) < 0)
		return -1;
	if (options->admit > 1) {
		/* Behind how many were added: the size of the block. */
		newcomers = bytes_load_le64(head + state + 8);
		*to = (struct model_size){ 1, newcomers };
		return newcomers >= NEWCOMERS_BYTES_MIN
		    ? 0
		    : error_set(error, "%s: its counts are damaged", path);
	}
	*to = (struct model_size){ bytes_load_le64(head + state + 16), 0 };
	return 0;
}

static struct model *
read_file(const struct os *os, const char *path, uint64_t memory, struct error *error)
{
	enum state_trouble trouble;
	struct state_reader *from = state_read(os, path, NULL, &trouble, error);
	struct model_options options;
	struct model_size size;
	struct model *m = NULL;
	struct error why;

	if (from == NULL)
		return NULL;
	if (model_options_understand(state_identity(from), &options, &why) == 0 &&
	    read_size(os, path, &options, &size, &why) == 0)
		m = model_options_factored(&options) > 0
		    ? model_new(&options, memory, os, NULL, &why)
		    : options.admit > 1 && 16 * size.newcomers <= memory
		    ? model_new(&options, 16 * size.newcomers + 15, os, NULL, &why)
		    : model_fit(&options, size, memory, os, NULL, &why);
	if (m != NULL && model_load(m, from, &why) < 0) {
		model_free(m);
		m = NULL;
	}
	state_close(from);
	if (m == NULL)
		error_set(error, "cannot use the model %s: %s", path, why.text);
	return m;
}

/* --- Live models -------------------------------------------------------------------- */

/* The cell of a place, read so that its key is still the same afterwards. */
static bool
copy_cell(struct model *to, const struct model *from, uint64_t place, uint64_t last)
{
	_Alignas(64) uint8_t cell[CELLS_SIZE_MAX];

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t key = cells_key_at(&from->cells, place);
		uint16_t touched = model_touched_at(from, place);

		if (key == 0)
			return true;
		memcpy(cell, cells_at(&from->cells, place), from->kind.size);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (cells_key_at(&from->cells, place) != key || key == CELLS_CHANGING)
			continue;
		if (cells_put(&to->cells, place, touched, key, cell, last))
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

	/* Its counts of newcomers are not shared; as many as make room for the cells. */
	if (live->options.admit > 1)
		size.newcomers = cells_budget(&live->kind, size.homes) / 15 + 1 +
		    NEWCOMERS_BYTES_MIN;
	m = model_fit(&live->options, size, memory, os, NULL, &why);
	if (m == NULL) {
		error_set(error, "cannot use the model %s: %s", path, why.text);
		return NULL;
	}
	*model_state(m) = *model_state(live);
	last = region_version(&live->cells.region) + 2 * CELLS_TICK;
	for (uint64_t p = 0; p < model_places(live); p++)
		if (!copy_cell(m, live, p, last))
			m->cells.evicted++;
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

/* --- Places ------------------------------------------------------------------------- */

uint64_t
model_next(const struct model *m, uint64_t from)
{
	for (uint64_t p = from; p < model_places(m); p++) {
		uint64_t key = cells_key_at(&m->cells, p);

		if (key != 0 && key != CELLS_CHANGING)
			return p;
	}
	return CELLS_NONE;
}

bool
model_put(struct model *m, uint64_t key, uint64_t touched, const void *cell)
{
	uint64_t first = cells_home(&m->cells, key) << 3;
	uint64_t last = (m->cells.base + UINT16_MAX) * CELLS_TICK;

	for (uint64_t p = first; p < first + (CELLS_WINDOW << 3); p++)
		if ((p & 7) < CELLS_LINE && cells_key_at(&m->cells, p) == 0)
			return cells_put(
			    &m->cells, p, touched, cells_key(key), cell, last);
	return false;
}
