/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/delta.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/state/block.h"

/* What is said of the table. */
enum { HOMES, USED, EVICTED, BASE, CRAMPED, TABLE };

enum { COUNT_MAX = DELTA_CELLS / 16 };

static const char kind[] = "model_delta";

/* The names of what is said of each table. */
static const struct names_of {
	const char *table, *places, *keys, *touched, *cells;
} names_of[LAYOUT_TABLES] = {
	{ "table", "places", "keys", "touched", "cells" },
	{ "row_table", "row_places", "row_keys", "row_touched", "rows" },
};

/* What a record is about, beside its envelope. */
struct delta {
	uint64_t version, sequence;
	bool begin, last;
	unsigned tables;
	struct delta_table {
		uint64_t table[TABLE];
		struct slice places, keys, touched, cells;
	} of[LAYOUT_TABLES];
	struct slice options, fields, state;
};

static uint64_t
sum_of(const struct delta *d)
{
	uint64_t flags = (d->begin ? 2u : 0u) + (d->last ? 1u : 0u);
	uint64_t sum = hash_pair(d->version, d->sequence << 2 | flags);

	for (unsigned t = 0; t < d->tables; t++) {
		const struct delta_table *of = &d->of[t];

		sum = hash_bytes(slice_of(of->table, sizeof of->table), sum);
		sum = hash_bytes(t == 0 ? d->options : d->fields, sum);
		sum = hash_bytes(of->places, sum);
		sum = hash_bytes(of->keys, sum);
		sum = hash_bytes(of->touched, sum);
		sum = hash_bytes(of->cells, sum);
	}
	return hash_bytes(d->state, sum);
}

/* --- Sending ---------------------------------------------------------------------- */

struct delta_part {
	uint64_t number;
	size_t size; /* of the cells of both */
	struct part_table {
		uint64_t count, place[COUNT_MAX], key[COUNT_MAX];
		uint16_t touched[COUNT_MAX];
		uint8_t cells[DELTA_CELLS];
	} of[LAYOUT_TABLES];
	/* The record: the above (of both tables as much as of one), the state, the options,
	 * and names. */
	uint8_t record[DELTA_CELLS + 18 * COUNT_MAX + 2 * REGION_TEXT +
	    sizeof(struct model_state) + RECORD_PADDING];
};

_Static_assert(
    sizeof(((struct delta_part *)0)->record) < 1 << 20, "a record is not too large");

int
deltas_begin(struct deltas *d, struct model *m, struct error *error)
{
	if (!model_can_be_copied(&m->options, error))
		return -1;
	d->model = m;
	d->begin = true;
	d->sequence = 0;
	if (d->part == NULL)
		d->part = calloc(1, sizeof *d->part);
	if (d->part == NULL)
		return error_set(error, "no memory for deltas");
	for (unsigned t = 0; t < LAYOUT_TABLES; t++)
		if (layout_of(m, t) != NULL && cells_track(layout_of(m, t), error) < 0)
			return -1;
	return 0;
}

void
deltas_fini(struct deltas *d)
{
	free(d->part);
	d->part = NULL;
}

static void
build_pair(struct build *b, const char *name, struct slice bytes)
{
	build_text(b, name);
	build_bin(b, bytes);
}

static void
build_table(const struct delta_table *of, const struct names_of *names, struct build *b)
{
	build_text(b, names->table);
	build_array(b, TABLE);
	for (unsigned i = 0; i < TABLE; i++)
		build_uint(b, of->table[i]);
	build_pair(b, names->places, of->places);
	build_pair(b, names->keys, of->keys);
	build_pair(b, names->touched, of->touched);
	build_pair(b, names->cells, of->cells);
}

static void
build_delta(const struct delta *d, uint64_t part, bool whole, instant timestamp,
    struct build *b)
{
	bool factored = d->tables > 1;
	char id[64];

	(void)snprintf(id, sizeof id, "%" PRIu64 "-%s%" PRIu64, d->version,
	    whole ? "whole-" : "", part);
	build_map(b, 9u + 5 * d->tables + factored + d->begin + d->last);
	build_text(b, "event");
	build_text(b, kind);
	build_text(b, "event_id");
	build_text(b, id);
	build_text(b, "timestamp");
	build_int(b, timestamp);
	build_text(b, "version");
	build_uint(b, d->version);
	build_text(b, "sequence");
	build_uint(b, d->sequence);
	build_text(b, "begin");
	build_bool(b, d->begin);
	build_text(b, "last");
	build_bool(b, d->last);
	build_text(b, "schema");
	build_uint(b, MODEL_SCHEMA);
	if (d->begin) {
		build_text(b, "options");
		build_str(b, d->options);
	}
	for (unsigned t = 0; t < d->tables; t++)
		build_table(&d->of[t], &names_of[t], b);
	if (factored)
		build_pair(b, "fields", d->fields);
	if (d->last)
		build_pair(b, "state", d->state);
	build_text(b, "sum");
	build_uint(b, sum_of(d));
}

static struct delta_table
table_of(const struct cells *c, const struct part_table *p)
{
	return (struct delta_table){
		{ c->homes, c->used, c->evicted, c->base, c->cramped },
		slice_of(p->place, p->count * sizeof *p->place),
		slice_of(p->key, p->count * sizeof *p->key),
		slice_of(p->touched, p->count * sizeof *p->touched),
		slice_of(p->cells, p->count * c->kind->size),
	};
}

static int
send_part(struct deltas *d, instant timestamp, bool last)
{
	const struct model *m = d->model;
	struct delta_part *p = d->part;
	bool begin = d->begin && p->number == 0;
	struct delta delta = { .version = model_state(m)->examples,
		.sequence = d->sequence++,
		.begin = begin,
		.last = last,
		.tables = m->rows == NULL ? 1 : 2 };
	struct build b;

	delta.options = slice_of(m->text, begin ? strlen(m->text) : 0);
	delta.state = slice_of(model_state(m), last ? sizeof(struct model_state) : 0);
	if (m->rows != NULL)
		delta.fields =
		    slice_of(rows_fields(m->rows), sizeof(struct factors_fields));
	for (unsigned t = 0; t < delta.tables; t++)
		delta.of[t] = table_of(layout_of(m, t), &p->of[t]);
	build_init(&b, p->record, sizeof p->record - RECORD_PADDING);
	build_delta(&delta, p->number++, d->begin, timestamp, &b);
	assert(!build_full(&b));
	p->size = 0;
	for (unsigned t = 0; t < LAYOUT_TABLES; t++)
		p->of[t].count = 0;
	return d->emit(d->context, build_slice(&b));
}

static int
add_cell(struct deltas *d, unsigned table, uint64_t place, instant timestamp)
{
	const struct cells *c = layout_of(d->model, table);
	struct part_table *p = &d->part->of[table];
	uint64_t key = cells_key_at(c, place);
	size_t size = c->kind->size;

	if (key == 0)
		return 0;
	if (d->part->size + size > DELTA_CELLS && send_part(d, timestamp, false) != 0)
		return -1;
	p->place[p->count] = place;
	p->key[p->count] = key;
	p->touched[p->count] = layout_touched(c, place);
	memcpy(p->cells + p->count * size, cells_at(c, place), size);
	p->count++;
	d->part->size += size;
	return 0;
}

static int
add_changed(struct deltas *d, unsigned table, instant timestamp)
{
	const struct cells *c = layout_of(d->model, table);
	size_t from = 0, first, end;

	while (c != NULL && dirty_next(&c->changed, from, &first, &end)) {
		for (size_t p = first; p < end && p < cells_places(c); p++)
			if (add_cell(d, table, p, timestamp) != 0)
				return -1;
		from = end;
	}
	return 0;
}

int
deltas_send(struct deltas *d, instant timestamp)
{
	if (deltas_pending(d) == 0)
		return 0;
	d->part->number = 0;
	for (unsigned t = 0; t < LAYOUT_TABLES; t++)
		if (add_changed(d, t, timestamp) != 0)
			return -1;
	if (send_part(d, timestamp, true) != 0)
		return -1;
	for (unsigned t = 0; t < LAYOUT_TABLES; t++)
		if (layout_of(d->model, t) != NULL)
			dirty_clear(&layout_of(d->model, t)->changed);
	d->begin = false;
	d->sent = model_state(d->model)->examples;
	return 0;
}

/* Whether it begins, and with 2 whether the marks of rows follow those of the cells. */
void
deltas_save(const struct deltas *d, struct state_writer *to)
{
	state_put_u64(to, d->sequence);
	state_put_u64(to, d->sent);
	state_put_u64(to, d->begin + (d->model->rows == NULL ? 0u : 2u));
	for (unsigned t = 0; t < LAYOUT_TABLES; t++) {
		const struct cells *c = layout_of(d->model, t);

		if (c == NULL)
			continue;
		state_put_u64(to, c->changed.words);
		state_put_block(
		    to, slice_of(c->changed.bits, c->changed.words * 8), NULL);
	}
}

struct marks {
	uint64_t words, *bits; /* bits owned */
};

static int
load_marks(struct marks *to, struct state_reader *from, struct error *error)
{
	if (state_get_u64(from, &to->words) < 0 || to->words > UINT64_C(1) << 40)
		return error_set(error, "what is to be sent of the model is damaged");
	to->bits = calloc(to->words + 1, sizeof *to->bits);
	if (to->bits == NULL)
		return error_set(error, "no memory for deltas");
	return state_get_block(from, to->bits, to->words * 8, NULL, error);
}

static bool
marks_fit(const struct deltas *d, const struct marks marks[LAYOUT_TABLES])
{
	for (unsigned t = 0; t < LAYOUT_TABLES; t++) {
		const struct cells *c = layout_of(d->model, t);

		if (marks[t].words != (c == NULL ? 0 : c->changed.words))
			return false;
	}
	return true;
}

int
deltas_load(struct deltas *d, struct state_reader *from, struct error *error)
{
	struct marks marks[LAYOUT_TABLES] = { 0 };
	uint64_t sequence, sent, begin;
	unsigned tables;
	int status = 0;

	if (state_get_u64(from, &sequence) < 0 || state_get_u64(from, &sent) < 0 ||
	    state_get_u64(from, &begin) < 0 || begin > 3)
		return error_set(error, "what is to be sent of the model is damaged");
	tables = begin > 1 ? 2 : 1;
	for (unsigned t = 0; t < tables && status == 0; t++)
		status = load_marks(&marks[t], from, error);
	if (status == 0 && d != NULL && marks_fit(d, marks) &&
	    sent <= model_state(d->model)->examples) {
		for (unsigned t = 0; t < tables; t++)
			memcpy(layout_of(d->model, t)->changed.bits, marks[t].bits,
			    marks[t].words * 8);
		d->sequence = sequence;
		d->sent = sent;
		d->begin = begin % 2 != 0;
	}
	for (unsigned t = 0; t < LAYOUT_TABLES; t++)
		free(marks[t].bits);
	return status;
}

/* --- Following -------------------------------------------------------------------- */

void
follower_init(struct follower *f, struct reader *reader, const struct os *os,
    const char *live, uint64_t memory)
{
	*f = (struct follower){ .os = os, .live = live, .memory = memory };
	for (unsigned t = 0; t < LAYOUT_TABLES; t++) {
		f->of[t].table = reader_key(reader, names_of[t].table);
		f->of[t].places = reader_key(reader, names_of[t].places);
		f->of[t].keys = reader_key(reader, names_of[t].keys);
		f->of[t].touched = reader_key(reader, names_of[t].touched);
		f->of[t].cells = reader_key(reader, names_of[t].cells);
	}
	f->fields = reader_key(reader, "fields");
	f->begin = reader_key(reader, "begin");
	f->last = reader_key(reader, "last");
	f->options = reader_key(reader, "options");
	f->state = reader_key(reader, "state");
	f->schema = reader_key(reader, "schema");
	f->sum = reader_key(reader, "sum");
	f->version_key = reader_key(reader, "version");
	f->sequence = reader_key(reader, "sequence");
}

/* Tables that were never completed are given up. */
static void
give_up_new(struct follower *f)
{
	for (unsigned t = 0; t < LAYOUT_TABLES; t++) {
		struct cells *c = layout_of(f->model, t);

		if (!f->of[t].renews)
			continue;
		cells_fini(c);
		*c = f->of[t].old;
		f->of[t].renews = false;
	}
}

void
follower_fini(struct follower *f)
{
	if (f->model != NULL)
		give_up_new(f);
	model_free(f->model);
	f->model = NULL;
}

static bool
read_uint(const struct record *r, struct key key, uint64_t *to)
{
	struct slice value;

	return record_value(r, key, &value) && value_uint(value, to);
}

static bool
read_table(
    const struct record *r, const struct follower_table *key, struct delta_table *to)
{
	struct slice table, item;

	if (!record_value(r, key->table, &table) || value_type(table) != VALUE_ARRAY ||
	    value_count(table) != TABLE)
		return false;
	for (unsigned i = 0; i < TABLE; i++)
		if (!value_at(table, i, &item) || !value_uint(item, &to->table[i]))
			return false;
	return record_bin(r, key->places, &to->places) &&
	    record_bin(r, key->keys, &to->keys) &&
	    record_bin(r, key->touched, &to->touched) &&
	    record_bin(r, key->cells, &to->cells);
}

/* What the record says, if it says all, and its sum is right. */
static const char *
read_delta(const struct follower *f, const struct record *r, struct delta *to)
{
	uint64_t sum, schema;
	bool whole;

	if (!read_uint(r, f->schema, &schema))
		return "it does not say its schema";
	if (schema != MODEL_SCHEMA)
		return "it is of another version of bp-learn";
	to->tables = record_bin(r, f->fields, &to->fields) ? 2 : 1;
	whole = record_bool(r, f->begin, &to->begin) &&
	    record_bool(r, f->last, &to->last) && read_uint(r, f->sum, &sum);
	for (unsigned t = 0; t < to->tables; t++)
		whole = whole && read_table(r, &f->of[t], &to->of[t]);
	if (!whole || (to->last && !record_bin(r, f->state, &to->state)) ||
	    (to->begin && !record_str(r, f->options, &to->options)))
		return "a part of it is missing";
	return f->trusts || sum_of(to) == sum ? NULL : "checksum mismatch";
}

/* A model to fill, of these options. */
static const char *
begin(struct follower *f, const struct delta *d, struct error *error)
{
	struct model_options options;
	struct model_size size;

	f->complete = false;
	if (model_options_read(d->options, &options, error) < 0)
		return "its options are not those of a model";
	if (f->model != NULL)
		give_up_new(f);
	if (f->model != NULL && slice_is(d->options, f->model->text)) {
		f->showing = f->model->cells.showing + 1;
		return NULL;
	}
	if (f->model != NULL)
		return "another model begins in the same stream";
	size = model_size_for(&options, d->of[LAYOUT_CELLS].table[HOMES],
	    d->of[LAYOUT_ROWS].table[HOMES]);
	f->model = model_fit(&options, size, f->memory, f->os, f->live, error);
	if (f->model == NULL)
		return error->text;
	f->showing = f->model->cells.showing;
	return NULL;
}

/* What the other tables and counters may not have. */
static bool
has_room(const struct follower *f, const struct cells *renewed, uint64_t homes)
{
	uint64_t bytes = f->model->newcomers.size;

	if (f->model->rows != NULL)
		bytes += f->model->rows->seen.size;
	for (unsigned t = 0; t < LAYOUT_TABLES; t++) {
		const struct cells *c = layout_of(f->model, t);

		if (c != NULL && c != renewed)
			bytes += cells_budget(c->kind, c->homes);
	}
	return homes > 0 && bytes <= f->memory &&
	    cells_budget(renewed->kind, homes) <= f->memory - bytes;
}

/* A table of another size, or a new one. */
static const char *
renew(struct follower *f, unsigned table, uint64_t homes, struct error *error)
{
	struct cells *c = layout_of(f->model, table);
	struct follower_table *of = &f->of[table];

	if (!has_room(f, c, homes))
		return "it needs more --memory";
	if (of->renews) {
		cells_fini(c);
		*c = of->old;
		of->renews = false;
	}
	if (cells_renew(c, &of->old, homes, error) < 0)
		return error->text;
	of->renews = true;
	c->showing = f->showing;
	c->base = 0;
	return NULL;
}

static const char *
put_cells(struct cells *c, const struct delta_table *d, uint64_t version)
{
	size_t n = d->keys.size / 8, size = c->kind->size;
	_Alignas(64) uint8_t cell[CELLS_SIZE_MAX];

	if (d->keys.size != 8 * n || d->places.size != 8 * n ||
	    d->touched.size != 2 * n || d->cells.size != size * n)
		return "its parts are not of one size";
	for (size_t i = 0; i < n; i++) {
		uint16_t touched =
		    (uint16_t)(d->touched.at[2 * i] | d->touched.at[2 * i + 1] << 8);

		memcpy(cell, d->cells.at + size * i, size);
		if (!cells_put(c, bytes_load_le64(d->places.at + 8 * i), touched,
			bytes_load_le64(d->keys.at + 8 * i), cell, version))
			return "a cell of it is not sound";
	}
	return NULL;
}

/* Fields are numbered as they come, so there may be more, and no others. */
static const char *
put_fields(struct rows *r, struct slice bytes)
{
	struct factors_fields fields;

	if (bytes.size != sizeof fields)
		return "its fields are of another size";
	memcpy(&fields, bytes.at, sizeof fields);
	if (!factors_fields_are_sound(&fields))
		return "its fields are not sound";
	*rows_fields(r) = fields;
	return NULL;
}

/* All of the version is there. */
static const char *
conclude(struct follower *f, const struct delta *d, struct error *error)
{
	struct model *m = f->model;
	_Alignas(64) struct model_state state;

	if (d->state.size != sizeof state)
		return "its state is of another size";
	memcpy(&state, d->state.at, sizeof state);
	for (unsigned h = 0; h < MODEL_HEADS; h++)
		if (!head_is_sound(&state.head[h]))
			return "its state is not sound";
	if (!crosses_are_sound(&state.crosses))
		return "its crosses are not sound";
	if (!examination_is_sound(&state.examination))
		return "its places are not sound";
	for (unsigned t = 0; t < d->tables; t++)
		if (layout_of(m, t)->used != d->of[t].table[USED])
			return "what came before it is not what it follows";
	if (state.examples != d->version)
		return "what came before it is not what it follows";
	*model_state(m) = state;
	region_set_version(&m->cells.region, d->version);
	for (unsigned t = d->tables; t-- > 0;) {
		struct cells *c = layout_of(m, t);

		c->evicted = d->of[t].table[EVICTED];
		c->cramped = d->of[t].table[CRAMPED] != 0;
		if (!f->of[t].renews)
			continue;
		f->of[t].renews = false;
		if (cells_renewed(c, &f->of[t].old, error) < 0)
			return error->text;
	}
	f->complete = true;
	f->version = d->version;
	return NULL;
}

static const char *
apply_table(
    struct follower *f, const struct delta *d, unsigned table, struct error *error)
{
	const struct delta_table *of = &d->of[table];
	struct cells *c = layout_of(f->model, table);
	const char *wrong = NULL;

	if (d->begin || of->table[HOMES] != c->homes)
		wrong = renew(f, table, of->table[HOMES], error);
	if (wrong != NULL)
		return wrong;
	if (of->table[BASE] < c->base || of->table[BASE] > d->version / CELLS_TICK)
		return "its ticks are not those of its version";
	if (of->table[BASE] > c->base)
		cells_rebase(c, of->table[BASE]);
	return put_cells(c, of, d->version);
}

static const char *
apply(struct follower *f, const struct delta *d, struct error *error)
{
	const char *wrong = d->begin ? begin(f, d, error) : NULL;

	f->complete = false;
	if (wrong == NULL && d->tables != (f->model->rows == NULL ? 1 : 2))
		wrong = "a part of it is missing";
	for (unsigned t = 0; t < d->tables && wrong == NULL; t++)
		wrong = apply_table(f, d, t, error);
	if (wrong == NULL && f->model->rows != NULL)
		wrong = put_fields(f->model->rows, d->fields);
	return wrong == NULL && d->last ? conclude(f, d, error) : wrong;
}

int
follower_take(struct follower *f, const struct record *r, struct error *error)
{
	struct delta d = { 0 };
	struct slice event;
	const char *wrong;
	struct error why;

	if (!record_str(r, KEY_EVENT, &event) || !slice_is(event, kind))
		return 0;
	if (!read_uint(r, f->sequence, &d.sequence) ||
	    !read_uint(r, f->version_key, &d.version))
		return error_set(error,
		    "record %" PRIu64 ": a delta without sequence or version",
		    r->number);
	wrong = read_delta(f, r, &d);
	if (wrong == NULL && !d.begin && f->model == NULL)
		wrong = "the stream does not begin with it (restart bp-learn, or read "
			"from where it began)";
	else if (wrong == NULL && !d.begin && d.sequence != f->next)
		return error_set(error,
		    "delta %" PRIu64 " is missing: after %" PRIu64 " came %" PRIu64
		    " of version %" PRIu64,
		    f->next, f->next - 1, d.sequence, d.version);
	else if (wrong == NULL && d.begin && d.sequence != 0)
		wrong = "it begins a stream, but is not its first";
	if (wrong == NULL)
		wrong = apply(f, &d, &why);
	if (wrong != NULL)
		return error_set(error, "delta %" PRIu64 " of version %" PRIu64 ": %s",
		    d.sequence, d.version, wrong);
	f->next = d.sequence + 1;
	return f->complete;
}
