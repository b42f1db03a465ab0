/* SPDX-License-Identifier: MIT */
#include "lib/model/rows.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

/* What counts those that have no row yet is so large a part of a small budget. */
enum { SEEN_SHARE = 8 };

struct rows_scratch {
	uint64_t home[FEATURES_MAX], key[FEATURES_MAX];
	uint8_t field[FEATURES_MAX];
	uint8_t number[1 << 16];     /* of each namespace, and 1; 0: ask */
	uint8_t *cell[FEATURES_MAX]; /* of all heads; NULL: none */
	float *row[FEATURES_MAX];    /* of one head */
	unsigned n;
	struct factors_example example;
};

/* --- Its cells ---------------------------------------------------------------------- */

static const struct rows *
rows_of(const struct cells_kind *kind)
{
	return (const struct rows *)(const void *)kind;
}

static float
worth(const struct cells_kind *kind, const void *cell)
{
	const struct rows *r = rows_of(kind);
	float most = 0;

	for (unsigned at = 0; at < kind->size; at += r->part_size) {
		float one = factors_worth(&r->options,
		    (const float *)(const void *)((const uint8_t *)cell + at));

		most = one > most ? one : most;
	}
	return most;
}

static bool
is_sound(const struct cells_kind *kind, const void *cell)
{
	const struct rows *r = rows_of(kind);
	bool sound = true;

	for (unsigned at = 0; at < kind->size; at += r->part_size)
		sound = sound &&
		    factors_is_sound(&r->options,
			(const float *)(const void *)((const uint8_t *)cell + at));
	return sound;
}

uint64_t
rows_share(
    const struct factors_options *o, unsigned heads, unsigned cell_size, uint64_t bytes)
{
	uint64_t row = (uint64_t)heads * factors_row_size(o), percent;

	if (row == 0)
		return 0;
	percent = 100 * row / (row + cell_size);
	return bytes / 100 * (percent > 75 ? 75 : percent < 25 ? 25 : percent);
}

uint64_t
rows_share_of_seen(uint64_t bytes)
{
	return bytes / SEEN_SHARE < ROWS_SEEN_BYTES ? bytes / SEEN_SHARE
						    : ROWS_SEEN_BYTES;
}

static struct rows *
rows_of_options(const struct factors_options *o, unsigned heads, struct error *error)
{
	struct rows *r = calloc(1, sizeof *r);

	if (r == NULL)
		goto fail;
	r->options = *o;
	r->part_size = factors_row_size(o);
	r->kind = (struct cells_kind){ heads * r->part_size, worth, is_sound };
	r->scratch = aligned_alloc(64, (sizeof *r->scratch + 63) / 64 * 64);
	if (r->scratch == NULL)
		goto fail;
	memset(r->scratch->number, 0, sizeof r->scratch->number);
	return r;
fail:
	rows_free(r);
	error_set(error, "no memory for factors");
	return NULL;
}

static int
take_path(struct rows *r, const char *live, struct error *error)
{
	size_t size = strlen(live) + sizeof ROWS_SUFFIX;

	free(r->path);
	r->path = malloc(size);
	if (r->path == NULL)
		return error_set(error, "no memory for factors");
	memcpy(r->path, live, strlen(live));
	memcpy(r->path + strlen(live), ROWS_SUFFIX, sizeof ROWS_SUFFIX);
	return 0;
}

struct rows *
rows_new(const struct factors_options *o, unsigned heads, uint64_t bytes, uint64_t seen,
    const struct os *os, struct slice text, struct error *error)
{
	struct rows *r = rows_of_options(o, heads, error);

	if (r == NULL)
		return NULL;
	if (seen < NEWCOMERS_BYTES_MIN || newcomers_init(&r->seen, seen) < 0)
		error_set(error, "there is too little memory for factors");
	else if (cells_init(&r->cells, &r->kind, bytes, os, NULL, text, error) == 0)
		return r;
	rows_free(r);
	return NULL;
}

int
rows_beside(struct rows *r, const char *live, const struct rows *old, uint64_t showing,
    struct error *error)
{
	if (take_path(r, live, error) < 0)
		return -1;
	return cells_beside(
	    &r->cells, r->path, old == NULL ? NULL : &old->cells, showing, error);
}

int
rows_show(struct rows *r, struct rows *old, struct error *error)
{
	return cells_show(&r->cells, old == NULL ? NULL : &old->cells, error);
}

struct rows *
rows_attach(const struct factors_options *o, unsigned heads, const struct os *os,
    const char *live, bool *missing, struct error *error)
{
	struct rows *r = rows_of_options(o, heads, error);

	if (r == NULL)
		return NULL;
	if (take_path(r, live, error) == 0 &&
	    cells_open(&r->cells, &r->kind, os, r->path, missing, error) == 0)
		return r;
	rows_free(r);
	return NULL;
}

void
rows_free(struct rows *r)
{
	if (r == NULL)
		return;
	cells_fini(&r->cells);
	newcomers_fini(&r->seen);
	free(r->scratch);
	free(r->path);
	free(r);
}

/* --- The rows of an example ---------------------------------------------------------- */

/* A number that is final is remembered. */
static uint8_t
ask(struct rows *r, uint16_t space, bool frozen)
{
	struct factors_fields *fields = rows_fields(r);
	unsigned field = factors_field(fields, space, frozen);

	if (!frozen)
		r->scratch->number[space] = (uint8_t)(field + 1);
	return (uint8_t)(field % FACTORS_FIELDS);
}

/* Keys, their homes and fields. */
static void
read_keys(struct rows *r, const struct features *f, bool frozen)
{
	struct rows_scratch *s = r->scratch;

	s->n = features_count(f);
	for (unsigned i = 0; i < s->n; i++) {
		uint64_t key = features_key(f, i);

		s->key[i] = key;
		s->field[i] = s->number[key >> 48] > 0
		    ? s->number[key >> 48] - 1
		    : ask(r, (uint16_t)(key >> 48), frozen);
		s->home[i] = cells_home(&r->cells, key);
	}
}

static inline void
prefetch(const struct rows *r, const uint8_t *cell)
{
	if (!r->options.field_aware)
		for (unsigned at = 0; at < r->kind.size; at += 64)
			__builtin_prefetch(cell + at, 1);
}

void
rows_look_up(struct rows *r, const struct features *f)
{
	struct rows_scratch *s = r->scratch;
	const struct cells *c = &r->cells;

	read_keys(r, f, true);
	for (unsigned i = 0; i < s->n; i++) {
		uint64_t place = cells_find(c, s->home[i], s->key[i]);

		s->cell[i] = place == CELLS_NONE ? NULL : cells_at(c, place);
		if (s->cell[i] != NULL)
			prefetch(r, s->cell[i]);
	}
}

void
rows_take_up(struct rows *r, const struct features *f, bool gives, uint64_t now)
{
	struct rows_scratch *s = r->scratch;
	struct cells *c = &r->cells;

	cells_reserve(c, features_count(f), now);
	read_keys(r, f, !gives);
	for (unsigned i = 0; i < s->n; i++) {
		uint64_t place = cells_find(c, s->home[i], s->key[i]);

		if (place == CELLS_NONE && gives &&
		    newcomers_see(&r->seen, s->key[i]) >= ROWS_SEEN)
			place = cells_take(c, s->home[i], s->key[i], now);
		s->cell[i] = NULL;
		if (place == CELLS_NONE)
			continue;
		s->cell[i] = cells_at(c, place);
		prefetch(r, s->cell[i]);
		cells_touch(c, place, now);
	}
}

struct factors_example *
rows_of_head(struct rows *r, unsigned head, const float *x)
{
	struct rows_scratch *s = r->scratch;
	struct factors_example *e = &s->example;
	size_t at = (size_t)head * r->part_size;

	assert(at < r->kind.size);
	for (unsigned i = 0; i < s->n; i++)
		s->row[i] =
		    s->cell[i] == NULL ? NULL : (float *)(void *)(s->cell[i] + at);
	e->row = s->row;
	e->field = s->field;
	e->key = s->key;
	e->x = x;
	e->n = s->n;
	return e;
}

bool
rows_are_there(const struct rows *r, const struct features *f)
{
	const struct rows_scratch *s = r->scratch;
	const struct cells *c = &r->cells;

	for (unsigned i = 0; i < s->n; i++) {
		uint64_t place = cells_find(c, s->home[i], features_key(f, i));

		if (s->cell[i] != (place == CELLS_NONE ? NULL : cells_at(c, place)))
			return false;
	}
	return true;
}

void
rows_prefetch(const struct rows *r, const struct features *f)
{
	unsigned n = features_count(f);

	for (unsigned i = 0; i < n && i < FEATURES_MAX; i++)
		(void)cells_home(&r->cells, features_key(f, i));
}

/* --- Snapshots ---------------------------------------------------------------------- */

void
rows_save(struct rows *r, struct state_writer *to)
{
	state_put(to, rows_fields(r), sizeof(struct factors_fields));
	state_put_u64(to, r->seen.size);
	newcomers_save(&r->seen, to);
	cells_save(&r->cells, to);
}

int
rows_load(struct rows *r, struct state_reader *from, uint64_t last, struct error *error)
{
	struct factors_fields fields;
	uint64_t seen;

	if (state_get(from, &fields, sizeof fields) < 0 ||
	    !factors_fields_are_sound(&fields))
		return error_set(error, "what it holds of its fields is damaged");
	*rows_fields(r) = fields;
	if (state_get_u64(from, &seen) < 0 || seen < NEWCOMERS_BYTES_MIN ||
	    seen > ROWS_SEEN_BYTES)
		return error_set(error, "the counts of new features are damaged");
	if (seen != r->seen.size) {
		newcomers_fini(&r->seen);
		r->seen = (struct newcomers){ 0 };
		if (newcomers_init(&r->seen, seen) < 0)
			return error_set(error, "no memory for factors");
	}
	if (newcomers_load(&r->seen, from, error) < 0)
		return -1;
	return cells_load(&r->cells, from, last, error);
}
