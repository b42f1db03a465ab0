/* SPDX-License-Identifier: MIT */
#include "lib/model/delta.h"

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

/* What a record is about, beside its envelope. */
struct delta {
	uint64_t version, sequence;
	bool begin, last;
	uint64_t table[TABLE];
	struct slice options, places, keys, touched, cells, state;
};

static uint64_t
sum_of(const struct delta *d)
{
	uint64_t flags = (d->begin ? 2u : 0u) + (d->last ? 1u : 0u);
	uint64_t sum = hash_pair(d->version, d->sequence << 2 | flags);

	sum = hash_bytes(slice_of(d->table, sizeof d->table), sum);
	sum = hash_bytes(d->options, sum);
	sum = hash_bytes(d->places, sum);
	sum = hash_bytes(d->keys, sum);
	sum = hash_bytes(d->touched, sum);
	sum = hash_bytes(d->cells, sum);
	return hash_bytes(d->state, sum);
}

/* --- Sending ---------------------------------------------------------------------- */

struct delta_part {
	uint64_t count, number;
	uint64_t place[COUNT_MAX], key[COUNT_MAX];
	uint16_t touched[COUNT_MAX];
	uint8_t cells[DELTA_CELLS];
	/* The record: the above, the state, the options, and names. */
	uint8_t record[DELTA_CELLS + 18 * COUNT_MAX + 2 * REGION_TEXT +
	    sizeof(struct model_state) + RECORD_PADDING];
};

_Static_assert(sizeof(struct delta_part) < 1 << 20, "a record is not too large");

int
deltas_begin(struct deltas *d, struct model *m, struct error *error)
{
	if (!model_is_linear(&m->options, error))
		return -1;
	d->model = m;
	d->begin = true;
	d->sequence = 0;
	if (d->part == NULL)
		d->part = calloc(1, sizeof *d->part);
	if (d->part == NULL)
		return error_set(error, "no memory for deltas");
	return cells_track(&m->cells, error);
}

void
deltas_fini(struct deltas *d)
{
	free(d->part);
	d->part = NULL;
}

static void
build_table(const struct delta *d, struct build *b)
{
	build_text(b, "table");
	build_array(b, TABLE);
	for (unsigned i = 0; i < TABLE; i++)
		build_uint(b, d->table[i]);
}

static void
build_pair(struct build *b, const char *name, struct slice bytes)
{
	build_text(b, name);
	build_bin(b, bytes);
}

static void
build_delta(const struct delta *d, uint64_t part, bool whole, instant timestamp,
    struct build *b)
{
	char id[64];

	(void)snprintf(id, sizeof id, "%" PRIu64 "-%s%" PRIu64, d->version,
	    whole ? "whole-" : "", part);
	build_map(b, 14u + d->begin + d->last);
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
	build_table(d, b);
	build_pair(b, "places", d->places);
	build_pair(b, "keys", d->keys);
	build_pair(b, "touched", d->touched);
	build_pair(b, "cells", d->cells);
	if (d->last)
		build_pair(b, "state", d->state);
	build_text(b, "sum");
	build_uint(b, sum_of(d));
}

static int
send_part(struct deltas *d, instant timestamp, bool last)
{
	const struct cells *c = &d->model->cells;
	struct delta_part *p = d->part;
	bool begin = d->begin && p->number == 0;
	struct delta delta = { model_state(d->model)->examples, d->sequence++, begin,
		last, { c->homes, c->used, c->evicted, c->base, c->cramped },
		slice_of(d->model->text, begin ? strlen(d->model->text) : 0),
		slice_of(p->place, p->count * sizeof *p->place),
		slice_of(p->key, p->count * sizeof *p->key),
		slice_of(p->touched, p->count * sizeof *p->touched),
		slice_of(p->cells, p->count * c->kind->size),
		slice_of(
		    model_state(d->model), last ? sizeof(struct model_state) : 0) };
	struct build b;

	build_init(&b, p->record, sizeof p->record - RECORD_PADDING);
	build_delta(&delta, p->number++, d->begin, timestamp, &b);
	assert(!build_full(&b));
	p->count = 0;
	return d->emit(d->context, build_slice(&b));
}

static int
add_cell(struct deltas *d, uint64_t place, instant timestamp)
{
	const struct cells *c = &d->model->cells;
	struct delta_part *p = d->part;
	uint64_t key = cells_key_at(c, place);

	if (key == 0)
		return 0;
	if ((p->count + 1) * c->kind->size > DELTA_CELLS &&
	    send_part(d, timestamp, false) != 0)
		return -1;
	p->place[p->count] = place;
	p->key[p->count] = key;
	p->touched[p->count] = model_touched_at(d->model, place);
	memcpy(p->cells + p->count * c->kind->size, cells_at(c, place), c->kind->size);
	p->count++;
	return 0;
}

int
deltas_send(struct deltas *d, instant timestamp)
{
	struct dirty *changed;
	size_t from = 0, first, end;

	if (deltas_pending(d) == 0)
		return 0;
	changed = &d->model->cells.changed;
	d->part->count = d->part->number = 0;
	while (dirty_next(changed, from, &first, &end)) {
		for (size_t place = first;
		     place < end && place < model_places(d->model); place++)
			if (add_cell(d, place, timestamp) != 0)
				return -1;
		from = end;
	}
	if (send_part(d, timestamp, true) != 0)
		return -1;
	dirty_clear(changed);
	d->begin = false;
	d->sent = model_state(d->model)->examples;
	return 0;
}

void
deltas_save(const struct deltas *d, struct state_writer *to)
{
	const struct dirty *changed = &d->model->cells.changed;

	state_put_u64(to, d->sequence);
	state_put_u64(to, d->sent);
	state_put_u64(to, d->begin);
	state_put_u64(to, changed->words);
	state_put_block(to, slice_of(changed->bits, changed->words * 8), NULL);
}

int
deltas_load(struct deltas *d, struct state_reader *from, struct error *error)
{
	uint64_t sequence, sent, begin, words, *bits;
	int status;

	if (state_get_u64(from, &sequence) < 0 || state_get_u64(from, &sent) < 0 ||
	    state_get_u64(from, &begin) < 0 || state_get_u64(from, &words) < 0 ||
	    begin > 1 || words > UINT64_C(1) << 40)
		return error_set(error, "what is to be sent of the model is damaged");
	bits = calloc(words + 1, sizeof *bits);
	if (bits == NULL)
		return error_set(error, "no memory for deltas");
	status = state_get_block(from, bits, words * 8, NULL, error);
	if (status == 0 && d != NULL && words == d->model->cells.changed.words &&
	    sent <= model_state(d->model)->examples) {
		memcpy(d->model->cells.changed.bits, bits, words * 8);
		d->sequence = sequence;
		d->sent = sent;
		d->begin = begin != 0;
	}
	free(bits);
	return status;
}

/* --- Following -------------------------------------------------------------------- */

void
follower_init(struct follower *f, struct reader *reader, const struct os *os,
    const char *live, uint64_t memory)
{
	*f = (struct follower){ .os = os, .live = live, .memory = memory };
	f->begin = reader_key(reader, "begin");
	f->last = reader_key(reader, "last");
	f->options = reader_key(reader, "options");
	f->table = reader_key(reader, "table");
	f->places = reader_key(reader, "places");
	f->keys = reader_key(reader, "keys");
	f->touched = reader_key(reader, "touched");
	f->cells = reader_key(reader, "cells");
	f->state = reader_key(reader, "state");
	f->schema = reader_key(reader, "schema");
	f->sum = reader_key(reader, "sum");
	f->version_key = reader_key(reader, "version");
	f->sequence = reader_key(reader, "sequence");
}

/* A table that was never completed is given up. */
static void
give_up_new(struct follower *f)
{
	if (!f->renews)
		return;
	cells_fini(&f->model->cells);
	f->model->cells = f->old;
	f->renews = false;
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
read_table(const struct record *r, struct key key, uint64_t to[TABLE])
{
	struct slice table, item;

	if (!record_value(r, key, &table) || value_type(table) != VALUE_ARRAY ||
	    value_count(table) != TABLE)
		return false;
	for (unsigned i = 0; i < TABLE; i++)
		if (!value_at(table, i, &item) || !value_uint(item, &to[i]))
			return false;
	return true;
}

/* What the record says, if it says all, and its sum is right. */
static const char *
read_delta(const struct follower *f, const struct record *r, struct delta *to)
{
	uint64_t sum, schema;

	if (!read_uint(r, f->schema, &schema))
		return "it does not say its schema";
	if (schema != MODEL_SCHEMA)
		return "it is of another version of bp-learn";
	if (!record_bool(r, f->begin, &to->begin) ||
	    !record_bool(r, f->last, &to->last) ||
	    !read_table(r, f->table, to->table) ||
	    !record_bin(r, f->places, &to->places) ||
	    !record_bin(r, f->keys, &to->keys) ||
	    !record_bin(r, f->touched, &to->touched) ||
	    !record_bin(r, f->cells, &to->cells) || !read_uint(r, f->sum, &sum) ||
	    (to->last && !record_bin(r, f->state, &to->state)) ||
	    (to->begin && !record_str(r, f->options, &to->options)))
		return "a part of it is missing";
	return f->trusts || sum_of(to) == sum ? NULL : "checksum mismatch";
}

/* A model to fill, of these options. */
static const char *
begin(struct follower *f, const struct delta *d, struct error *error)
{
	struct model_options options;
	struct model_size size = { d->table[HOMES], 0 };

	f->complete = false;
	if (model_options_read(d->options, &options, error) < 0)
		return "its options are not those of a model";
	if (f->model != NULL)
		give_up_new(f);
	if (f->model != NULL && slice_is(d->options, f->model->text))
		return NULL;
	if (f->model != NULL)
		return "another model begins in the same stream";
	/* As many counts of newcomers as make room for the cells. */
	if (options.admit > 1)
		size.newcomers = (f->memory - model_search_bytes(&options)) / 16 - 1;
	f->model = model_fit(&options, size, f->memory, f->os, f->live, error);
	return f->model != NULL ? NULL : error->text;
}

/* A table of another size, or a new one. */
static const char *
renew(struct follower *f, uint64_t homes, struct error *error)
{
	struct model *m = f->model;

	if (homes == 0 || cells_budget(&m->kind, homes) > f->memory)
		return "it needs more --memory";
	give_up_new(f);
	if (cells_renew(&m->cells, &f->old, homes, error) < 0)
		return error->text;
	f->renews = true;
	m->cells.base = 0;
	return NULL;
}

static const char *
put_cells(struct follower *f, const struct delta *d)
{
	struct cells *c = &f->model->cells;
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
			bytes_load_le64(d->keys.at + 8 * i), cell, d->version))
			return "a cell of it is not sound";
	}
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
	if (state.examples != d->version || m->cells.used != d->table[USED])
		return "what came before it is not what it follows";
	*model_state(m) = state;
	m->cells.evicted = d->table[EVICTED];
	m->cells.cramped = d->table[CRAMPED] != 0;
	region_set_version(&m->cells.region, d->version);
	if (f->renews) {
		f->renews = false;
		if (cells_renewed(&m->cells, &f->old, error) < 0)
			return error->text;
	}
	f->complete = true;
	f->version = d->version;
	return NULL;
}

static const char *
apply(struct follower *f, const struct delta *d, struct error *error)
{
	const char *wrong = d->begin ? begin(f, d, error) : NULL;
	struct cells *c;

	f->complete = false;
	if (wrong != NULL)
		return wrong;
	c = &f->model->cells;
	if (d->begin || d->table[HOMES] != c->homes)
		wrong = renew(f, d->table[HOMES], error);
	if (wrong != NULL)
		return wrong;
	if (d->table[BASE] < c->base || d->table[BASE] > d->version / CELLS_TICK)
		return "its ticks are not those of its version";
	if (d->table[BASE] > c->base)
		cells_rebase(c, d->table[BASE]);
	wrong = put_cells(f, d);
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
