/* SPDX-License-Identifier: MIT */
#include "lib/rank/portrait.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/record/kind.h"
#include "lib/state/block.h"

enum {
	CREATIVES_SHARE = 4,            /* of the memory: a quarter, and no more than */
	CREATIVES_BYTES_MAX = 24 << 20, /* what 16384 of the largest take */
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
	struct table *creatives; /* owned; struct creative by hash of the id */
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

/* --- Life ------------------------------------------------------------------------- */

struct portrait *
portrait_new(
    struct slice text, uint64_t memory_bytes, uint64_t seed, struct error *error)
{
	struct portrait *p = calloc(1, sizeof *p);
	uint64_t quarter = memory_bytes / CREATIVES_SHARE;
	uint64_t share = quarter < CREATIVES_BYTES_MAX ? quarter : CREATIVES_BYTES_MAX;
	struct spec *spec;

	if (p == NULL || (p->reader = reader_new()) == NULL ||
	    (p->storage = calloc(1, STORAGE)) == NULL)
		goto no_memory;
	p->hash_key = hash_key(seed);
	p->creative_id = reader_key(p->reader, "creative_id");
	p->shown_at = reader_key(p->reader, "shown_at");
	p->occurred_at = reader_key(p->reader, "occurred_at");
	spec = spec_new(p->reader, text, error);
	if (spec == NULL)
		goto fail;
	p->extract = extract_new(spec, memory_bytes - share, seed, NULL, NULL, error);
	if (p->extract == NULL)
		goto fail;
	p->creatives = table_new(TABLE_KEY_64, sizeof(struct creative), share);
	if (p->creatives != NULL)
		return p;
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
	table_free(p->creatives);
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

void
portrait_begin(struct portrait *p, const struct record *r,
    const uint64_t without[RECORD_KEYS_MAX / 64], struct count_times t)
{
	struct build b;

	p->record = r;
	p->times = t;
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
}

static bool
has_key(const struct portrait *p, uint8_t name, struct slice key)
{
	if ((p->names[name / 64] >> (name % 64) & 1) == 0)
		return false;
	for (unsigned i = 0; i < p->record->count; i++)
		if (slice_equal(record_key_at(p->record, i), key))
			return true;
	return false;
}

/* How many pairs of the creative were added. */
static unsigned
add_creative(const struct portrait *p, struct slice id, struct build *to)
{
	const struct creative *c =
	    table_find(p->creatives, hash_keyed(p->hash_key, id));
	unsigned added = 0;
	const uint8_t *at;

	if (c == NULL)
		return 0;
	at = c->bytes;
	for (unsigned i = 0; i < c->pairs; i++) {
		uint8_t name = *at++;
		size_t key = value_size(at), size = key + value_size(at + key);
		struct slice text;

		if (value_str(slice_of(at, key), &text) && !has_key(p, name, text)) {
			build_raw(to, slice_of(at, size));
			added++;
		}
		at += size;
	}
	return added;
}

bool
portrait_features(
    struct portrait *p, struct slice id, int64_t position, struct features *to)
{
	struct build b;
	struct record made;
	struct fault fault;
	unsigned pairs;
	size_t need;

	build_init(&b, p->storage, STORAGE - RECORD_PADDING);
	b.at += p->common;
	build_text(&b, "creative_id");
	build_raw(&b, id);
	build_text(&b, "position");
	build_int(&b, position);
	pairs = p->pairs + 2 + add_creative(p, id, &b);
	bytes_store_be16(p->storage + 1, (uint16_t)pairs);
	if (build_full(&b) ||
	    record_scan(p->reader, build_slice(&b), &made, &fault, &need) !=
		SCAN_RECORD)
		return false;
	return extract_features(p->extract, &made, p->times, true, to) == 0;
}

/* --- What passes ------------------------------------------------------------------ */

/* Of the envelope are the creative's record's own: when it came is not when it shows. */
static bool
is_envelope(struct slice key)
{
	return is_own(key) || slice_is(key, "event_id") || slice_is(key, "timestamp") ||
	    slice_is(key, "received_at") || slice_is(key, "weight");
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
	c = table_touch(p->creatives, hash_keyed(p->hash_key, id), now, &fresh);
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
	struct fault fault;
	struct count_times t;
	enum kind kind;
	double weight;
	size_t need;

	if (record_scan(p->reader, bytes, &r, &fault, &need) != SCAN_RECORD)
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
	if (state_get_table(from, p->creatives, error) != 0)
		return -1;
	for (size_t s = table_next(p->creatives, 0); s != TABLE_NONE;
	     s = table_next(p->creatives, s + 1))
		if (!creative_is_whole(table_cell(p->creatives, s)))
			return error_set(error, "a creative in it is not whole");
	return 0;
}
