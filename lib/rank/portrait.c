/* SPDX-License-Identifier: MIT */
#include "lib/rank/portrait.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/feature/plan.h"
#include "lib/rank/faces.h"
#include "lib/record/kind.h"
#include "lib/state/block.h"

enum {
	CREATIVES_SHARE = 4,            /* of the memory: a quarter, and no more than */
	CREATIVES_BYTES_MAX = 24 << 20, /* what 16384 of the largest take */
	FACES_SHARE = 8,                /* of the memory, likewise */
	FACES_BYTES_MAX = 32 << 20,
	HEADER = 3, /* of the record that is made: a map of 16 bits */
	STORAGE = RECORD_SIZE_MAX + PORTRAIT_CREATIVE_MAX + RECORD_PADDING,
};

/* What is remembered of a creative: its pairs, a byte of the key's hash before each. */
struct creative {
	uint32_t size, pairs;
	uint8_t bytes[PORTRAIT_CREATIVE_MAX];
};

struct portrait {
	struct reader *reader;   /* owned: the stream's own views stay valid */
	struct extract *extract; /* owned */
	struct plan *plan;       /* owned */
	struct table *creatives; /* owned; struct creative by hash of the id */
	struct faces faces;
	struct hash_key hash_key;
	struct key creative_id, shown_at, occurred_at;
	struct portrait_counts counts;

	/* Of the record at hand. */
	const struct record *record; /* borrowed */
	struct count_times times;
	uint64_t names[4]; /* bit i: some key of it has i as a byte of its hash */
	unsigned pairs;
	size_t common; /* bytes of the record that is made: what all have */
	uint8_t *storage;
	uint64_t without[RECORD_KEYS_MAX / 64]; /* pairs that are not taken over */
	uint64_t shape;                         /* that the plan is divided by */

	/* Of the slate at hand. */
	const struct slice *ids; /* borrowed, while it is planned */
	int64_t position;
	bool planned; /* it is in the plan */
};

static bool
is_own(struct slice key)
{
	return slice_is(key, "event") || slice_is(key, "creative_id") ||
	    slice_is(key, "position");
}

static uint8_t
name_byte(struct slice key)
{
	return (uint8_t)hash_bytes(key, 0);
}

/* As candidates are known by. */
static uint64_t
id_hash(const struct portrait *p, struct slice id)
{
	uint64_t hash = hash_keyed(p->hash_key, id);

	return hash != 0 ? hash : 1;
}

static void
forget_face(void *context, const struct table *t, size_t slot)
{
	struct portrait *p = context;

	faces_forget(&p->faces, table_key(t, slot));
}

/* --- Life ------------------------------------------------------------------------- */

struct portrait *
portrait_new(
    struct slice text, uint64_t memory_bytes, uint64_t seed, struct error *error)
{
	struct portrait *p = calloc(1, sizeof *p);
	uint64_t quarter = memory_bytes / CREATIVES_SHARE;
	uint64_t share = quarter < CREATIVES_BYTES_MAX ? quarter : CREATIVES_BYTES_MAX;
	uint64_t eighth = memory_bytes / FACES_SHARE;
	uint64_t faces = eighth < FACES_BYTES_MAX ? eighth : FACES_BYTES_MAX;
	struct spec *spec;

	if (p == NULL || (p->reader = reader_new()) == NULL ||
	    (p->storage = calloc(1, STORAGE)) == NULL)
		goto no_memory;
	p->hash_key = hash_key(seed);
	p->creative_id = reader_key(p->reader, "creative_id");
	p->shown_at = reader_key(p->reader, "shown_at");
	p->occurred_at = reader_key(p->reader, "occurred_at");
	(void)reader_key(p->reader, "position");
	spec = spec_new(p->reader, text, error);
	if (spec == NULL)
		goto fail;
	p->extract =
	    extract_new(spec, memory_bytes - share - faces, seed, NULL, NULL, error);
	if (p->extract == NULL)
		goto fail;
	p->plan = plan_new(p->extract, p->reader);
	p->creatives = table_new(TABLE_KEY_64, sizeof(struct creative), share);
	if (p->plan != NULL && p->creatives != NULL &&
	    faces_init(&p->faces, faces) == 0) {
		table_on_evict(p->creatives, forget_face, p);
		return p;
	}
no_memory:
	(void)error_set(error, "no memory for features");
fail:
	portrait_free(p);
	return NULL;
}

void
portrait_free(struct portrait *p)
{
	if (p == NULL)
		return;
	faces_fini(&p->faces);
	table_free(p->creatives);
	plan_free(p->plan);
	extract_free(p->extract);
	reader_free(p->reader);
	free(p->storage);
	free(p);
}

const struct portrait_counts *
portrait_counts(const struct portrait *p)
{
	return &p->counts;
}

const struct extract_counts *
portrait_extract_counts(const struct portrait *p)
{
	return extract_counts(p->extract);
}

/* --- The record that is made ------------------------------------------------------ */

static bool
has_key(const struct portrait *p, uint8_t name, struct slice key)
{
	if ((p->names[name / 64] >> (name % 64) & 1) == 0)
		return false;
	for (unsigned i = 0; i < p->record->count; i++)
		if ((p->without[i / 64] >> (i % 64) & 1) == 0 &&
		    slice_equal(record_key_at(p->record, i), key))
			return true;
	return false;
}

/* Whether the record that is made has no pair of that key yet. */
typedef bool adds(const struct portrait *p, uint8_t name, struct slice key);

static bool
adds_all(const struct portrait *p, uint8_t name, struct slice key)
{
	(void)p;
	(void)name;
	(void)key;
	return true;
}

static bool
adds_others(const struct portrait *p, uint8_t name, struct slice key)
{
	return !has_key(p, name, key);
}

/* How many pairs of the creative were added. */
static unsigned
add_creative(const struct portrait *p, uint64_t id, adds *wanted, struct build *to)
{
	const struct creative *c = table_find(p->creatives, id);
	unsigned added = 0;
	const uint8_t *at;

	if (c == NULL)
		return 0;
	at = c->bytes;
	for (unsigned i = 0; i < c->pairs; i++) {
		uint8_t name = *at++;
		size_t key = value_size(at), size = key + value_size(at + key);
		struct slice text;

		if (value_str(slice_of(at, key), &text) && wanted(p, name, text)) {
			build_raw(to, slice_of(at, size));
			added++;
		}
		at += size;
	}
	return added;
}

static bool
scan(struct portrait *p, struct slice bytes, struct record *to)
{
	struct fault fault;
	size_t need;

	return record_scan(p->reader, bytes, to, &fault, &need) == SCAN_RECORD;
}

/* The record of a candidate by itself; its id msgpack. */
static bool
make_own(struct portrait *p, struct slice id, uint64_t hash, struct record *to)
{
	uint8_t *at = p->storage + p->common;
	struct build b;
	unsigned pairs;

	build_init(&b, at, (size_t)(p->storage + STORAGE - RECORD_PADDING - at));
	build_raw(&b, slice_of("\xde\0\0", HEADER));
	build_text(&b, "creative_id");
	build_raw(&b, id);
	pairs = 1 + add_creative(p, hash, adds_all, &b);
	bytes_store_be16(at + 1, (uint16_t)pairs);
	return !build_full(&b) && scan(p, build_slice(&b), to);
}

/* What is common, and the candidate, unless its id is absent. */
static bool
make(struct portrait *p, struct slice id, struct record *to)
{
	unsigned pairs = p->pairs + 1;
	struct build b;

	build_init(&b, p->storage, STORAGE - RECORD_PADDING);
	b.at += p->common;
	if (id.at != NULL) {
		build_text(&b, "creative_id");
		build_raw(&b, id);
		pairs++;
	}
	build_text(&b, "position");
	build_int(&b, p->position);
	if (id.at != NULL)
		pairs += add_creative(p, id_hash(p, id), adds_others, &b);
	bytes_store_be16(p->storage + 1, (uint16_t)pairs);
	return !build_full(&b) && scan(p, build_slice(&b), to);
}

/* Which keys are the request's: those that were taken over from it. */
static void
divide(struct portrait *p)
{
	static const struct slice nobody = { NULL, 0 };
	struct record common;

	p->shape = 0;
	if (!make(p, nobody, &common))
		return; /* nor can a slate be made of it */
	plan_divide(p->plan, &common);
	p->shape = record_shape_id(p->record);
}

void
portrait_begin(struct portrait *p, const struct record *r,
    const uint64_t without[RECORD_KEYS_MAX / 64], struct count_times t)
{
	bool same = record_shape_id(r) == p->shape &&
	    memcmp(without, p->without, sizeof p->without) == 0;
	struct build b;

	p->record = r;
	p->times = t;
	p->planned = false;
	memcpy(p->without, without, sizeof p->without);
	p->pairs = 1;
	memset(p->names, 0, sizeof p->names);
	build_init(&b, p->storage, STORAGE - RECORD_PADDING);
	build_raw(&b, slice_of("\xde\0\0", HEADER));
	build_text(&b, "event");
	build_text(&b, "decision");
	for (unsigned i = 0; i < r->count; i++) {
		struct slice key = record_key_at(r, i);
		uint8_t name = name_byte(key);

		if ((without[i / 64] >> (i % 64) & 1) != 0 || is_own(key))
			continue;
		build_raw(&b, record_pair_at(r, i));
		p->names[name / 64] |= UINT64_C(1) << (name % 64);
		p->pairs++;
	}
	assert(!build_full(&b)); /* there is room for a whole record and more */
	p->common = build_slice(&b).size;
	if (!same)
		divide(p);
}

/* --- The slate -------------------------------------------------------------------- */

static bool
make_whole(void *context, unsigned i, struct record *to)
{
	struct portrait *p = context;

	return make(p, p->ids[i], to);
}

static const void *
find_face(struct portrait *p, struct slice id)
{
	uint64_t hash = id_hash(p, id);
	struct record own;
	struct face *face;
	bool known;

	face = faces_take(&p->faces, hash, &known);
	if (!known &&
	    (!make_own(p, id, hash, &own) ||
		!plan_face(p->plan, &own, face->bytes, sizeof face->bytes))) {
		face->id = 0;
		return NULL;
	}
	return face->bytes;
}

bool
portrait_slate(struct portrait *p, const struct slice *ids, unsigned n,
    int64_t position, struct model_parts *to)
{
	static const struct slice none = { NULL, 0 };
	const void *faces[PLAN_CANDIDATES_MAX];
	struct record common;

	p->ids = ids;
	p->position = position;
	p->planned = false;
	faces_next_slate(&p->faces);
	for (unsigned i = 0; i < n; i++) {
		faces[i] = find_face(p, ids[i]);
		if (faces[i] == NULL)
			return false;
	}
	if (!make(p, none, &common))
		return false;
	plan_begin(p->plan, &common, p->times);
	p->planned = plan_slate(p->plan, n, faces, make_whole, p, to);
	return p->planned;
}

bool
portrait_features(struct portrait *p, unsigned i, struct slice id, struct features *to)
{
	struct record made;

	if (p->planned) {
		plan_features(p->plan, i, to);
		return true;
	}
	return make(p, id, &made) &&
	    extract_features(p->extract, &made, p->times, true, to) == 0;
}

/* --- What passes ------------------------------------------------------------------ */

/* Of the envelope are the creative's record's own: when it came is not when it shows. */
static bool
is_envelope(struct slice key)
{
	return is_own(key) || slice_is(key, "event_id") || slice_is(key, "timestamp") ||
	    slice_is(key, "consent") || slice_is(key, "received_at") ||
	    slice_is(key, "weight");
}

static void
remember(struct portrait *p, const struct record *r, instant now)
{
	struct creative *c;
	struct slice id;
	struct build b;
	uint32_t pairs = 0;
	bool fresh;

	if (!record_value(r, p->creative_id, &id))
		return;
	c = table_touch(p->creatives, id_hash(p, id), now, &fresh);
	faces_forget(&p->faces, id_hash(p, id));
	memset(c, 0, sizeof *c);
	build_init(&b, c->bytes, sizeof c->bytes);
	for (unsigned i = 0; i < r->count; i++) {
		struct slice key = record_key_at(r, i);

		if (is_envelope(key))
			continue;
		build_byte(&b, name_byte(key));
		build_raw(&b, record_pair_at(r, i));
		pairs++;
	}
	p->counts.large += build_full(&b);
	if (!build_full(&b)) {
		c->pairs = pairs;
		c->size = (uint32_t)build_slice(&b).size;
	}
	p->counts.creatives = table_counts(p->creatives).cells;
	p->counts.evicted = table_counts(p->creatives).evicted;
}

void
portrait_update(struct portrait *p, struct slice bytes)
{
	struct record r;
	struct count_times t;
	enum kind kind;
	double weight;

	if (!scan(p, bytes, &r))
		return;
	kind = record_kind(&r);
	if (kind == KIND_OTHER || !record_timestamp(&r, &t.known) ||
	    !record_weight(&r, &weight))
		return;
	if (!record_instant(
		&r, kind == KIND_OUTCOME ? p->shown_at : p->occurred_at, &t.shown) ||
	    t.shown > t.known || t.shown < -WHEN_MAX)
		t.shown = t.known;
	if (kind == KIND_CREATIVE)
		remember(p, &r, t.known);
	extract_turn(p->extract);
	extract_update(p->extract, &r, kind, weight, t);
}

void
portrait_save(const struct portrait *p, struct state_writer *to)
{
	extract_save(p->extract, to);
	state_put(to, &p->counts, sizeof p->counts);
	state_put_table(to, p->creatives);
}

/* A creative's bytes are walked through without a look at where they end, so it has to be
 * what was written. */
static bool
creative_is_whole(const struct creative *c)
{
	size_t at = 0;

	if (c->size > sizeof c->bytes || c->pairs > RECORD_KEYS_MAX)
		return false;
	for (uint32_t i = 0; i < 2 * c->pairs; i++) {
		struct fault fault;
		uint8_t padded[PORTRAIT_CREATIVE_MAX + 1] = { 0 };
		size_t size;

		at += i % 2 == 0;
		if (at >= c->size)
			return false;
		memcpy(padded, c->bytes + at, c->size - at);
		if (record_extent(slice_of(padded, c->size - at), &size, &fault) !=
		    SCAN_RECORD)
			return false;
		at += size;
	}
	return at == c->size;
}

int
portrait_load(struct portrait *p, struct state_reader *from, struct error *error)
{
	if (extract_load(p->extract, from, error) != 0)
		return -1;
	if (state_get(from, &p->counts, sizeof p->counts) != 0)
		return error_set(error, "the snapshot is too short");
	faces_clear(&p->faces);
	if (state_get_table(from, p->creatives, error) != 0)
		return -1;
	for (size_t s = table_next(p->creatives, 0); s != TABLE_NONE;
	     s = table_next(p->creatives, s + 1))
		if (!creative_is_whole(table_cell(p->creatives, s)))
			return error_set(error, "a creative in it is not whole");
	return 0;
}
