/* SPDX-License-Identifier: MIT
 *
 * What a model is read from: the first byte says which.
 *
 * 0: any bytes as a file, written or live; 1: a model file that is sound outside, with
 * any counts, cells and changed bytes of its heads inside; 2: a live file with a sound sum,
 * of any shape, any options or ours, and changed bytes anywhere; 3: options as text. Each is
 * refused, or predicts probabilities; what was read from a file learns too, and is saved.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/hash.h"
#include "lib/model/predictor.h"

enum { BUDGET = 1 << 18, CONTENT = 1 << 14, KEYS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static int
sync_nothing(const struct os *os, int fd)
{
	(void)os;
	(void)fd;
	return 0;
}

static void
remove_folder(void)
{
	(void)unlink(path);
	*strrchr(path, '/') = '\0';
	(void)rmdir(path);
}

static struct os
here(void)
{
	struct os os = os_system;

	os.sync = os.sync_data = sync_nothing;
	if (path[0] == '\0') {
		strcpy(path, "/tmp/fuzz-model-XXXXXX");
		if (mkdtemp(path) == NULL)
			abort();
		strcat(path, "/m");
		(void)atexit(remove_folder);
	}
	return os;
}

static uint8_t
next(const uint8_t **data, size_t *size)
{
	if (*size == 0)
		return 0;
	--*size;
	return *(*data)++;
}

static uint64_t
next_word(const uint8_t **data, size_t *size)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = next(data, size);
	return bytes_load_le64(bytes);
}

/* Change bytes of a block, as long as there is data: three bytes each. */
static void
change(
    void *block, size_t block_size, unsigned most, const uint8_t **data, size_t *size)
{
	while (most-- > 0 && *size >= 3) {
		size_t at = (size_t)next(data, size) << 8;

		at |= next(data, size);
		((uint8_t *)block)[at * 8 % block_size + at % 8] = next(data, size);
	}
}

static void
check(const struct model *m, const struct model_estimates *said)
{
	assert(said->hidden >= 0 && said->hidden < 1);
	for (unsigned t = 0; t < MODEL_TARGETS; t++)
		if (m->options.target[t] && t != MODEL_VALUE)
			assert(said->of[t].mean >= 0 && said->of[t].mean <= 1);
}

static void
use(struct model *m, bool learns)
{
	uint8_t keys[8 * KEYS], values[4 * KEYS] = { 0 };
	struct features f = { slice_of(keys, sizeof keys), { 0 } };
	struct model_estimates said;

	for (unsigned i = 0; i < 20; i++) {
		struct model_example e = { .weight = i % 5 == 4 ? -1 : 1 };
		struct examination_place place = { .key = i % 4 };

		model_place_at(m, &place);

		for (unsigned k = 0; k < KEYS; k++) {
			bytes_store_le64(keys + 8 * k, (i + k) % 12);
			bytes_store_le32(values + 4 * k, 0x3f000000 + (k << 20));
		}
		if (i % 3 == 2)
			f.values = slice_of(values, sizeof values);
		for (unsigned t = 0; t < MODEL_TARGETS; t++) {
			e.target[t].known = true;
			e.target[t].label = t == MODEL_VALUE ? 1e6 : i % 2;
			e.target[t].weight = 1;
		}
		e.elapsed = i;
		e.pending = i % 2 == 0;
		if (model_predict(m, &f, &said) == FEATURES_FINE)
			check(m, &said);
		if (learns && model_learn(m, &f, &e, &said) == FEATURES_FINE)
			check(m, &said);
	}
}

static struct model_options
options_of(uint8_t choice)
{
	struct model_options o =
	    model_options_default((enum optimiser_algorithm)(choice % OPTIMISER_COUNT));

	o.target[MODEL_CONVERSION] = o.target[MODEL_VALUE] = choice & 32;
	o.feedback = choice & 32 && choice & 64 ? FEEDBACK_DFM : FEEDBACK_REVISE;
	strcpy(o.examination, choice & 16 ? "position" : "");
	o.calibration = choice & 128 ? CALIBRATION_ISOTONIC : CALIBRATION_PLATT;
	o.dimensions = 8;
	if (optimiser_is_exact(o.optimiser.algorithm)) {
		o.feedback = FEEDBACK_REVISE;
		o.calibration = CALIBRATION_NONE;
		strcpy(o.examination, "");
	}
	return o;
}

static void
attach(const struct os *os, bool learns)
{
	struct predictor p = { 0 };
	enum state_trouble trouble;
	struct error error;

	if (predictor_attach(&p, os, path, BUDGET, &trouble, &error) == 0) {
		use(p.model, learns && p.live == NULL);
		if (learns && p.live == NULL)
			assert(predictor_commit(&p, os, path, &error) == 0);
	}
	predictor_free(&p);
}

static void
write_file(const void *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
		abort();
}

/* --- Each form ------------------------------------------------------------------------- */

static void
write_model(const struct os *os, const uint8_t *data, size_t size)
{
	struct model_options o = options_of(next(&data, &size));
	static _Alignas(64) uint8_t cell[CELLS_SIZE_MAX];
	struct model_state heads;
	struct model_described d;
	struct state_writer *to;
	struct error error;
	struct model *m = model_new(&o, BUDGET, os, NULL, &error);
	uint64_t homes = m->cells.homes, last, n;

	heads = *model_state(m);
	heads.examples = last = next_word(&data, &size);
	change(&heads, sizeof heads, next(&data, &size) % 8, &data, &size);
	model_options_describe(&o, &d);
	to = state_write(os, path, &d.identity, &error);
	assert(to != NULL);
	state_put(to, &heads, sizeof heads);
	state_put_u64(to, next(&data, &size) % 3);
	state_put_u64(to, m->kind.size);
	state_put_u64(to, size % 2 ? homes : next_word(&data, &size));
	n = size / 40;
	state_put_u64(to, n);
	state_put_u64(to, next(&data, &size));
	state_put_u64(to, next(&data, &size));
	state_put_u64(to, size % 2 ? last / CELLS_TICK : next_word(&data, &size));
	for (; n > 0; n--) {
		uint64_t key = next(&data, &size) % 16;
		uint64_t place = cells_home(&m->cells, key) * CELLS_LINE;

		place += next(&data, &size);
		memset(cell, 0, sizeof cell);
		for (unsigned k = 0; k < LANES; k++)
			((struct lanes_cell *)(void *)cell)->variance[k] =
			    o.optimiser.algorithm == OPTIMISER_LANES ? 0.1f : 0;
		change(cell, m->kind.size, 10, &data, &size);
		state_put_u64(to,
		    place << 16 | (uint64_t)next(&data, &size) << 8 |
			next(&data, &size));
		state_put_u64(to, key);
		state_put(to, cell, m->kind.size);
	}
	if (m->linear != NULL)
		state_put_u64(to, 0);
	model_free(m);
	assert(state_commit(to, &error) == 0);
}

static void
write_live(const uint8_t *data, size_t size)
{
	static _Alignas(64) uint8_t file[REGION_HEAD + CONTENT];
	struct region_head *h = (struct region_head *)(void *)file;
	struct model_options o = options_of(next(&data, &size));
	unsigned text = next(&data, &size), cell = 0;
	struct model_state *state = (struct model_state *)(void *)(file + REGION_OWNER);

	memset(file, 0, sizeof file);
	h->magic = REGION_MAGIC;
	h->size = sizeof file;
	o.crosses = size % 5 == 0 ? 8 : 0;
	model_options_print(&o, h->text, sizeof h->text);
	if (text > 0)
		for (h->text_size = 0; h->text_size < text; h->text_size++)
			h->text[h->text_size] = (char)next(&data, &size);
	else
		h->text_size = strlen(h->text);
	for (unsigned i = 0; i < MODEL_HEADS; i++) {
		struct head_options of = model_options_of_head(&o, i);

		head_init(&state->head[i], &of);
		cell += model_options_has(&o, i) ? head_cell_size(&of) : 0;
	}
	h->shape[0] = size % 2 ? cell : next_word(&data, &size);
	h->shape[1] = size % 2 ? 2 : next_word(&data, &size);
	change(file + REGION_OWNER, REGION_HEAD - REGION_OWNER, 8, &data, &size);
	/* Keys of the kind that are asked for, and anything in their cells. */
	for (unsigned i = 0; i < 4 * CELLS_LINE; i++)
		bytes_store_le64(
		    file + REGION_HEAD + i / CELLS_LINE * 64 + i % CELLS_LINE * 8,
		    i % 12);
	change(file + REGION_HEAD, CONTENT, 1000, &data, &size);
	h->text_sum = hash_pair(hash_bytes(slice_of(h->text, h->text_size), h->size),
	    hash_bytes(slice_of(h->shape, sizeof h->shape), 0));
	write_file(file, sizeof file);
}

static void
read_options(const uint8_t *data, size_t size)
{
	struct model_options o, again;
	char text[REGION_TEXT], second[REGION_TEXT];
	struct error error;

	if (model_options_read(slice_of(data, size), &o, &error) < 0)
		return;
	model_options_print(&o, text, sizeof text);
	assert(model_options_read(slice_text(text), &again, &error) == 0);
	model_options_print(&again, second, sizeof second);
	assert(strcmp(text, second) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct os os = here();

	if (size < 2 || size > CONTENT)
		return 0;
	switch (data[0] % 4) {
	case 0:
		write_file(data + 1, size - 1);
		attach(&os, true);
		break;
	case 1:
		write_model(&os, data + 1, size - 1);
		attach(&os, true);
		break;
	case 2:
		write_live(data + 1, size - 1);
		attach(&os, false);
		break;
	default:
		read_options(data + 1, size - 1);
	}
	return 0;
}
