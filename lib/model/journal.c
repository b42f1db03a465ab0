/* SPDX-License-Identifier: MIT */
#include "lib/model/journal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/state/block.h"

enum {
	RING_MIN = 1 << 20, /* twice the largest entry and more */
	BUCKET_BYTES = 128, /* of the ring for each bucket */
	GAP = INT32_MAX,    /* the rest of the ring is not used */
	FIRST = 8,          /* no entry begins at 0, which is nowhere */
};

/* An example, and behind it keys, values and the values of its place; 8 bytes aligned. */
struct entry {
	uint32_t size; /* of all; GAP */
	uint8_t taken_back, pending, known, delayed;
	uint64_t identity, before; /* where the one before in its bucket is */
	instant at;
	double weight, elapsed;
	double label[MODEL_TARGETS], of[MODEL_TARGETS];
	uint64_t slice, place;
	uint32_t keys, values; /* bytes */
	uint32_t place_value[EXAMINATION_KEYS];
};

_Static_assert(sizeof(struct entry) % 8 == 0, "entries are aligned");

/* --- Its life -------------------------------------------------------------------------- */

static uint64_t
power_of_two(uint64_t most)
{
	uint64_t n = 1;

	while (2 * n <= most)
		n *= 2;
	return n;
}

static struct model *
model_like(const struct journal *j, const struct model_options *o, struct error *error)
{
	return model_new(o, j->model_bytes, j->os, NULL, error);
}

struct journal *
journal_new(const struct model_options *o, int64_t span_us, int64_t every_us,
    uint64_t model_bytes, uint64_t ring_bytes, const struct os *os, struct error *error)
{
	struct journal *j = calloc(1, sizeof *j);

	if (j == NULL) {
		error_set(error, "no memory for a journal");
		return NULL;
	}
	j->os = os;
	j->span_us = span_us;
	j->every_us = every_us;
	j->model_bytes = model_bytes;
	j->size = power_of_two(ring_bytes > RING_MIN ? ring_bytes : RING_MIN);
	j->buckets = j->size / BUCKET_BYTES;
	j->tail = j->head = FIRST;
	j->last = j->settled_at = WHEN_NEVER;
	j->ring = calloc(j->size, 1);
	j->newest = calloc(j->buckets, sizeof *j->newest);
	if (j->ring != NULL && j->newest != NULL &&
	    dirty_init(&j->dirty, j->size) == 0) {
		j->base = model_like(j, o, error);
		if (j->base != NULL)
			return j;
	} else {
		error_set(error, "no memory for a journal");
	}
	journal_free(j);
	return NULL;
}

void
journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	model_free(j->base);
	free(j->ring);
	free(j->newest);
	dirty_fini(&j->dirty);
	free(j);
}

int
journal_begin(struct journal *j, const struct model *m, struct error *error)
{
	assert(j->entries == 0);
	return model_copy(j->base, m, error);
}

/* --- Entries --------------------------------------------------------------------------- */

static struct entry *
entry_at(const struct journal *j, uint64_t offset)
{
	return (struct entry *)(void *)(j->ring + (offset & (j->size - 1)));
}

static void
mark(struct journal *j, uint64_t offset, size_t size)
{
	dirty_mark(&j->dirty, offset & (j->size - 1), size);
}

/* Past a gap at the end of the ring. */
static uint64_t
skip(const struct journal *j, uint64_t offset)
{
	uint64_t end = (offset | (j->size - 1)) + 1;

	if (offset < j->head &&
	    (end - offset < sizeof(struct entry) || entry_at(j, offset)->size == GAP))
		return end < j->head ? end : j->head;
	return offset;
}

static const uint8_t *
place_values(const struct entry *e, struct examination_place *to)
{
	const uint8_t *at = (const uint8_t *)(e + 1) + e->keys + e->values;

	*to = (struct examination_place){ .key = e->place };
	for (unsigned i = 0; i < EXAMINATION_KEYS && e->place_value[i] > 0; i++) {
		to->value[to->n++] = slice_of(at, e->place_value[i]);
		at += e->place_value[i];
	}
	return at;
}

static void
example_of(const struct entry *e, struct features *f, struct model_example *to)
{
	const uint8_t *keys = (const uint8_t *)(e + 1);

	f->keys = slice_of(keys, e->keys);
	f->values = slice_of(e->values > 0 ? keys + e->keys : NULL, e->values);
	memset(to, 0, sizeof *to);
	to->weight = e->weight;
	to->elapsed = e->elapsed;
	to->pending = e->delayed != 0;
	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		to->target[t].known = (e->known >> t & 1) != 0;
		to->target[t].label = e->label[t];
		to->target[t].weight = e->of[t];
	}
}

/* Set the model to an entry, and say what there is to learn. */
static void
turn_to(struct model *m, const struct entry *e, struct features *f,
    struct model_example *to)
{
	struct examination_place place;

	(void)place_values(e, &place);
	model_slice(m, e->slice);
	model_place_at(m, &place);
	example_of(e, f, to);
}

static void
learn(struct model *m, const struct entry *e)
{
	struct model_estimates said;
	struct model_example example;
	struct features f;

	turn_to(m, e, &f, &example);
	(void)model_learn(m, &f, &example, &said);
}

/* The oldest one goes where it cannot be taken back. */
static void
leave(struct journal *j)
{
	const struct entry *e;

	j->tail = skip(j, j->tail);
	if (j->tail == j->head)
		return;
	e = entry_at(j, j->tail);
	if (!e->taken_back)
		learn(j->base, e);
	j->entries--;
	j->tail += e->size;
}

void
journal_go_on(struct journal *j, instant now)
{
	if (j->last == WHEN_NEVER)
		j->settled_at = now;
	if (now > j->last)
		j->last = now;
	for (;;) {
		j->tail = skip(j, j->tail);
		if (j->tail == j->head ||
		    j->last - entry_at(j, j->tail)->at < j->span_us)
			return;
		leave(j);
	}
}

/* Room at the head for so many bytes in one piece. */
static struct entry *
make_room(struct journal *j, uint64_t size)
{
	uint64_t left = j->size - (j->head & (j->size - 1));
	uint64_t gap = left < size ? left : 0;

	while (j->head + gap + size - j->tail > j->size) {
		j->counts.early += j->entries > 0;
		leave(j);
	}
	if (gap >= sizeof(uint32_t)) {
		uint32_t word = GAP;

		memcpy(entry_at(j, j->head), &word, sizeof word);
		mark(j, j->head, sizeof word);
	}
	if (j->tail == j->head)
		j->tail += gap;
	j->head += gap;
	return entry_at(j, j->head);
}

/* Only these are in buckets: of what is given and taken back again and again, one. */
static bool
can_be_taken_back(const struct entry *e)
{
	return e->weight > 0 && !e->taken_back;
}

static uint64_t *
bucket_of(const struct journal *j, uint64_t identity)
{
	return &j->newest[identity & (j->buckets - 1)];
}

uint64_t
journal_identity(struct hash_key key, struct slice id, const struct features *f,
    const struct model_example *e)
{
	struct {
		uint64_t id, keys, values;
		double weight, label[MODEL_TARGETS], of[MODEL_TARGETS];
	} parts = { hash_keyed(key, id), hash_keyed(key, f->keys), 0, fabs(e->weight),
		{ 0 }, { 0 } };

	if (f->values.size > 0)
		parts.values = hash_keyed(key, f->values);
	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		parts.label[t] = e->target[t].label;
		parts.of[t] = e->target[t].weight;
	}
	return hash_keyed(key, slice_of(&parts, sizeof parts));
}

static void
put_values(
    struct entry *e, const struct features *f, const struct examination_place *place)
{
	uint8_t *at = (uint8_t *)(e + 1);

	memcpy(at, f->keys.at, e->keys);
	at += e->keys;
	if (e->values > 0)
		memcpy(at, f->values.at, e->values);
	at += e->values;
	for (unsigned i = 0; i < place->n; i++) {
		memcpy(at, place->value[i].at, place->value[i].size);
		at += place->value[i].size;
	}
	memset(at, 0, (size_t)((uint8_t *)e + e->size - at));
}

static uint64_t
size_of(const struct features *f, const struct examination_place *place)
{
	uint64_t size = sizeof(struct entry) + f->keys.size + f->values.size;

	for (unsigned i = 0; i < place->n; i++)
		size += place->value[i].size;
	return (size + 7) / 8 * 8;
}

void
journal_note(struct journal *j, const struct model *m, const struct features *f,
    const struct model_example *example, uint64_t identity)
{
	uint64_t size = size_of(f, &m->place), *bucket = bucket_of(j, identity);
	struct entry *e = make_room(j, size);

	*e = (struct entry){
		.size = (uint32_t)size,
		.delayed = example->pending,
		.identity = identity,
		.before = *bucket < j->tail ? 0 : *bucket,
		.at = j->last,
		.weight = example->weight,
		.elapsed = example->elapsed,
		.slice = m->slices == NULL ? 0 : m->slices->slice,
		.place = m->place.key,
		.keys = (uint32_t)f->keys.size,
		.values = (uint32_t)f->values.size,
	};
	for (unsigned t = 0; t < MODEL_TARGETS; t++) {
		e->known |= (uint8_t)(example->target[t].known << t);
		e->label[t] = example->target[t].label;
		e->of[t] = example->target[t].weight;
	}
	for (unsigned i = 0; i < m->place.n; i++)
		e->place_value[i] = (uint32_t)m->place.value[i].size;
	put_values(e, f, &m->place);
	mark(j, j->head, size);
	if (can_be_taken_back(e))
		*bucket = j->head;
	j->head += size;
	j->entries++;
}

bool
journal_take_back(
    struct journal *j, const struct model_example *example, uint64_t identity)
{
	uint64_t *link = bucket_of(j, identity), linked = 0, at;

	for (at = *link; at >= j->tail && at >= FIRST; at = *link) {
		struct entry *e = entry_at(j, at);

		if (e->identity == identity && e->weight == -example->weight) {
			*link = e->before;
			if (linked > 0)
				mark(j, linked, sizeof *e);
			e->taken_back = e->pending = 1;
			mark(j, at, sizeof *e);
			j->pending++;
			j->counts.taken_back++;
			return true;
		}
		link = &e->before;
		linked = at;
	}
	j->counts.too_late++;
	return false;
}

/* --- Settling ----------------------------------------------------------------------------- */

/* The next entry from `at` on; NULL at the end. */
static struct entry *
next(const struct journal *j, uint64_t *at)
{
	struct entry *e;

	*at = skip(j, *at);
	if (*at == j->head)
		return NULL;
	e = entry_at(j, *at);
	*at += e->size;
	return e;
}

struct model *
journal_peek(const struct journal *j, struct error *error)
{
	struct model *m = model_like(j, &j->base->options, error);
	const struct entry *e;

	if (m == NULL)
		return NULL;
	if (model_copy(m, j->base, error) < 0) {
		model_free(m);
		return NULL;
	}
	for (uint64_t at = j->tail; (e = next(j, &at)) != NULL;)
		if (!e->taken_back)
			learn(m, e);
	return m;
}

static double
log_odds(struct model *m, const struct entry *e)
{
	struct model_estimates said;
	struct model_example example;
	struct features f;

	turn_to(m, e, &f, &example);
	return model_predict(m, &f, &said) == FEATURES_FINE ? said.of[m->first].z : 0;
}

/* How far the model was from the one that is right. */
static void
compare(struct journal *j, struct model *was, struct model *is)
{
	struct entry *e;

	for (uint64_t at = j->tail; (e = next(j, &at)) != NULL;) {
		double error;

		if (!e->pending)
			continue;
		error = fabs(log_odds(was, e) - log_odds(is, e));
		j->counts.measured++;
		j->counts.error_sum += error;
		j->counts.error_max = fmax(j->counts.error_max, error);
		e->pending = 0;
		mark(j, at - e->size, sizeof *e);
	}
}

struct model *
journal_settle(struct journal *j, struct model *now, struct error *error)
{
	struct model *m = journal_peek(j, error);

	if (m == NULL)
		return NULL;
	compare(j, now, m);
	j->counts.settled++;
	j->counts.relearned += j->entries;
	j->pending = 0;
	j->settled_at = j->last;
	return m;
}

/* --- Snapshots ------------------------------------------------------------------------- */

void
journal_save(struct journal *j, struct state_writer *to)
{
	state_put_u64(to, j->tail);
	state_put_u64(to, j->head);
	state_put_u64(to, j->entries);
	state_put_u64(to, j->pending);
	state_put_i64(to, j->last);
	state_put_i64(to, j->settled_at);
	state_put(to, &j->counts, sizeof j->counts);
	state_put_block(to, slice_of(j->ring, j->size), &j->dirty);
	model_save(j->base, to);
}

/* Whether an entry is what its sizes say, before anything is read by them. */
static bool
is_sound(const struct journal *j, uint64_t at)
{
	uint64_t left = (at | (j->size - 1)) + 1 - at, size = sizeof(struct entry);
	const struct entry *e = entry_at(j, at);

	if (at % 8 != 0 || j->head - at < size || left < size || e->size % 8 != 0 ||
	    e->size > j->head - at || e->size > left || e->keys > e->size ||
	    e->values > e->size || e->keys % 8 != 0)
		return false;
	size += (uint64_t)e->keys + e->values;
	for (unsigned i = 0; i < EXAMINATION_KEYS; i++)
		size += e->place_value[i];
	return (size + 7) / 8 * 8 == e->size;
}

/* Buckets follow from the entries, which must be linked so. */
static int
index_entries(struct journal *j)
{
	uint64_t n = 0;

	for (uint64_t at = skip(j, j->tail); at != j->head; at = skip(j, at), n++) {
		const struct entry *e = entry_at(j, at);
		uint64_t *bucket;

		if (!is_sound(j, at))
			return -1;
		bucket = bucket_of(j, e->identity);
		if (can_be_taken_back(e)) {
			if ((e->before < j->tail ? 0 : e->before) != *bucket)
				return -1;
			*bucket = at;
		}
		at += e->size;
	}
	return n == j->entries ? 0 : -1;
}

int
journal_load(struct journal *j, struct state_reader *from, struct error *error)
{
	struct model *base;

	if (state_get_u64(from, &j->tail) < 0 || state_get_u64(from, &j->head) < 0 ||
	    state_get_u64(from, &j->entries) < 0 ||
	    state_get_u64(from, &j->pending) < 0 || state_get_i64(from, &j->last) < 0 ||
	    state_get_i64(from, &j->settled_at) < 0 ||
	    state_get(from, &j->counts, sizeof j->counts) < 0 || j->tail < FIRST ||
	    j->head < j->tail || j->head - j->tail > j->size || j->tail % 8 != 0 ||
	    j->head % 8 != 0 || j->head > UINT64_MAX / 2)
		return error_set(error, "the journal is damaged");
	if (state_get_block(from, j->ring, j->size, &j->dirty, error) < 0)
		return -1;
	if (index_entries(j) < 0)
		return error_set(error, "the journal is damaged");
	base = model_like(j, &j->base->options, error);
	if (base == NULL)
		return -1;
	model_free(j->base);
	j->base = base;
	return model_load(base, from, error);
}
