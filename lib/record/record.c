/* SPDX-License-Identifier: MIT */
#include "lib/record/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/hash.h"
#include "lib/record/measure.h"

enum {
	SHAPES_MAX = 512,
	PAIRS_MAX = 8192,    /* of all shapes together */
	NAMES_MAX = 1 << 18, /* bytes of their keys */
	GUESSES = 256,
	WATCHED_NAMES_MAX = 1 << 16,
};

/* A key as it stands in a record, msgpack header included. Its first 16 bytes are
 * compared in two masked words, what is longer with memcmp. */
struct shape_key {
	uint64_t word[2], mask[2];
	const uint8_t *bytes;
	uint16_t size;
	uint8_t header; /* bytes before the text */
};

struct shape {
	uint64_t id, hash;
	const struct shape_key *keys;
	unsigned count;
	int16_t index[RECORD_WATCHED_MAX]; /* of a watched key's pair, -1 for none */
};

struct reader {
	unsigned watched;
	struct slice watched_name[RECORD_WATCHED_MAX];
	uint8_t watched_names[WATCHED_NAMES_MAX];
	size_t watched_size;

	uint32_t values[RECORD_KEYS_MAX];
	unsigned shapes, pairs;
	size_t names;
	uint64_t next_id;
	struct shape *last;
	struct shape *guess[GUESSES][2]; /* the latest first */
	struct shape shape[SHAPES_MAX];
	struct shape *by_hash[2 * SHAPES_MAX];
	struct shape_key pair[PAIRS_MAX];
	uint8_t name[NAMES_MAX];
};

/* The scanner's place: a fault or the need for more bytes is left here. */
struct cursor {
	const uint8_t *start, *end;
	enum scan result; /* of a failed step */
	struct fault *fault;
	size_t need;
};

static const uint8_t *
fail(struct cursor *c, enum scan result, const uint8_t *at, const char *reason)
{
	c->result = result;
	c->fault->at = (size_t)(at - c->start);
	c->fault->reason = reason;
	return NULL;
}

static const uint8_t *
more(struct cursor *c, const uint8_t *at, uint64_t size)
{
	uint64_t need = (uint64_t)(at - c->start) + size;

	c->result = need > RECORD_SIZE_MAX ? SCAN_LARGE : SCAN_MORE;
	c->need = (size_t)need;
	return NULL;
}

static const uint8_t *skip_nested(
    struct cursor *c, const uint8_t *p, const struct measure *m, unsigned depth);

/* Step over one value, checking it; NULL with the cursor's result when that fails.
 * depth is the number of containers around it. */
static inline const uint8_t *
skip(struct cursor *c, const uint8_t *p, unsigned depth)
{
	const struct measure *m;
	uint32_t size;

	if (__builtin_expect(p >= c->end, 0))
		return more(c, p, 1);
	m = &measure_table[*p];
	if (__builtin_expect((size_t)(c->end - p) < m->size, 0))
		return more(c, p, m->size);
	if (__builtin_expect(m->class == MEASURE_FIXED, 1))
		return p + m->size;
	if (m->class != MEASURE_SIZED)
		return skip_nested(c, p, m, depth);
	size = measure_field(p + 1, m->head);
	if (size > RECORD_STRING_MAX)
		return fail(c, SCAN_REJECT, p, "a string of more than 64 KiB");
	if ((size_t)(c->end - p) < m->size + (size_t)size)
		return more(c, p, m->size + (uint64_t)size);
	return p + m->size + size;
}

static const uint8_t *
skip_nested(struct cursor *c, const uint8_t *p, const struct measure *m, unsigned depth)
{
	const uint8_t *at = p;
	uint32_t n;
	bool map = m->class == MEASURE_MAP;

	if (m->class == MEASURE_NEVER)
		return fail(c, SCAN_FOREIGN, p, "byte 0xc1, which msgpack never uses");
	n = measure_count(p, m);
	if (depth >= RECORD_DEPTH_MAX)
		return fail(c, SCAN_REJECT, p, "nested deeper than 8");
	if (map && n > RECORD_KEYS_MAX)
		return fail(c, SCAN_REJECT, p, "a map of more than 256 keys");
	p += m->size;
	if ((uint64_t)(c->end - p) < (map ? 2 : 1) * (uint64_t)n)
		return more(c, p, (map ? 2 : 1) * (uint64_t)n);
	for (uint32_t i = 0; i < n; i++) {
		if (map && (p = skip(c, p, depth + 1)) == NULL)
			break;
		if ((p = skip(c, p, depth + 1)) == NULL)
			break;
	}
	/* A claim that the bytes at hand cannot hold needs at least its count. */
	if (p == NULL && c->result == SCAN_MORE &&
	    (size_t)(at - c->start) + m->size + n > c->need)
		return more(c, at, m->size + (uint64_t)n);
	return p;
}

struct reader *
reader_new(void)
{
	static const char *const envelope[] = { "event", "event_id", "timestamp",
		"received_at", "weight" };
	struct reader *reader = calloc(1, sizeof *reader);

	if (reader == NULL)
		return NULL;
	reader->next_id = 1;
	for (unsigned i = 0; i < sizeof envelope / sizeof *envelope; i++)
		(void)reader_key(reader, envelope[i]);
	return reader;
}

void
reader_free(struct reader *reader)
{
	free(reader);
}

struct key
reader_key_slice(struct reader *reader, struct slice name)
{
	uint8_t *at = reader->watched_names + reader->watched_size;

	for (unsigned i = 0; i < reader->watched; i++)
		if (slice_equal(reader->watched_name[i], name))
			return (struct key){ (uint16_t)i };
	assert(reader->shapes == 0);
	assert(
	    reader->watched < RECORD_WATCHED_MAX && name.size <= RECORD_KEY_SIZE_MAX);
	assert(reader->watched_size + name.size <= WATCHED_NAMES_MAX);
	if (name.size > 0)
		memcpy(at, name.at, name.size);
	reader->watched_size += name.size;
	reader->watched_name[reader->watched] = slice_of(at, name.size);
	return (struct key){ (uint16_t)reader->watched++ };
}

struct key
reader_key(struct reader *reader, const char *name)
{
	return reader_key_slice(reader, slice_text(name));
}

struct slice
reader_name(const struct reader *reader, struct key key)
{
	return reader->watched_name[key.id];
}

static void
load_words(const uint8_t *at, uint64_t word[2])
{
	memcpy(word, at, 2 * sizeof *word);
}

static inline bool
key_matches(const struct shape_key *key, const uint8_t *at)
{
	uint64_t word[2];

	load_words(at, word);
	if ((((word[0] ^ key->word[0]) & key->mask[0]) |
		((word[1] ^ key->word[1]) & key->mask[1])) != 0)
		return false;
	return __builtin_expect(key->size <= 16, 1) ||
	    memcmp(at + 16, key->bytes + 16, key->size - 16u) == 0;
}

/* The text of a key at p: a str of at most RECORD_KEY_SIZE_MAX bytes; sets *header. */
static const uint8_t *
check_key(struct cursor *c, const uint8_t *p, uint8_t *header, struct slice *text)
{
	const uint8_t *next = skip(c, p, 1);

	if (next == NULL)
		return NULL;
	if (!value_str(slice_of(p, (size_t)(next - p)), text))
		return fail(c, SCAN_REJECT, p, "a key that is not a string");
	if (text->size > RECORD_KEY_SIZE_MAX)
		return fail(c, SCAN_REJECT, p, "a key of more than 255 bytes");
	*header = (uint8_t)(text->at - p);
	return next;
}

static void
set_key(struct shape_key *key, const uint8_t *bytes, uint16_t size, uint8_t header)
{
	uint8_t image[16] = { 0 }, mask[16] = { 0 };
	size_t n = size < 16 ? size : 16;

	memcpy(image, bytes, n);
	memset(mask, 0xff, n);
	load_words(image, key->word);
	load_words(mask, key->mask);
	key->bytes = bytes;
	key->size = size;
	key->header = header;
}

static struct slice
key_text(const struct shape_key *key)
{
	return slice_of(key->bytes + key->header, (size_t)(key->size - key->header));
}

static void
forget_shapes(struct reader *reader)
{
	reader->shapes = reader->pairs = 0;
	reader->names = 0;
	reader->last = NULL;
	memset(reader->guess, 0, sizeof reader->guess);
	memset(reader->by_hash, 0, sizeof reader->by_hash);
}

/* Whether two of the shape's keys have the same text. */
static bool
has_duplicate(const struct shape *shape)
{
	for (unsigned i = 1; i < shape->count; i++)
		for (unsigned j = 0; j < i; j++)
			if (slice_equal(
				key_text(&shape->keys[i]), key_text(&shape->keys[j])))
				return true;
	return false;
}

/* A new shape from the keys whose bytes lie at `at`, with the sizes given. NULL when a
 * key occurs twice: readers of msgpack disagree about which one counts. */
static struct shape *
add_shape(struct reader *reader, uint64_t hash, unsigned count,
    const uint8_t *const at[], const uint16_t size[], const uint8_t header[])
{
	struct shape *shape;
	struct shape_key *keys;
	size_t bytes = 0;

	for (unsigned i = 0; i < count; i++)
		bytes += size[i];
	if (reader->shapes == SHAPES_MAX || reader->pairs + count > PAIRS_MAX ||
	    reader->names + bytes > NAMES_MAX)
		forget_shapes(reader);
	assert(count <= PAIRS_MAX && bytes <= NAMES_MAX);
	shape = &reader->shape[reader->shapes];
	keys = &reader->pair[reader->pairs];
	*shape = (struct shape){
		.id = reader->next_id, .hash = hash, .keys = keys, .count = count
	};
	bytes = reader->names;
	for (unsigned i = 0; i < count; i++) {
		memcpy(reader->name + bytes, at[i], size[i]);
		set_key(&keys[i], reader->name + bytes, size[i], header[i]);
		bytes += size[i];
	}
	if (has_duplicate(shape))
		return NULL;
	memset(shape->index, 0xff, sizeof shape->index);
	for (unsigned w = 0; w < reader->watched; w++)
		for (unsigned i = 0; i < count; i++)
			if (slice_equal(key_text(&keys[i]), reader->watched_name[w]))
				shape->index[w] = (int16_t)i;
	reader->next_id++;
	reader->shapes++;
	reader->pairs += count;
	reader->names = bytes;
	return shape;
}

static bool
shape_matches(const struct shape *shape, unsigned count, const uint8_t *const at[],
    const uint16_t size[])
{
	if (shape->count != count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (shape->keys[i].size != size[i] ||
		    !key_matches(&shape->keys[i], at[i]))
			return false;
	return true;
}

/* Find or make the shape of a record whose guess was wrong, checking all of it. NULL
 * with the cursor's result when the record is wrong or cut off; *end is the record's
 * end. */
static struct shape *
learn_shape(struct reader *reader, struct cursor *c, const uint8_t *p, unsigned count,
    const uint8_t **end)
{
	const uint8_t *at[RECORD_KEYS_MAX];
	uint16_t size[RECORD_KEYS_MAX];
	uint8_t header[RECORD_KEYS_MAX];
	uint64_t hash = count;
	struct shape *shape;
	struct slice text;
	size_t slot;

	for (unsigned i = 0; i < count; i++) {
		at[i] = p;
		if ((p = check_key(c, p, &header[i], &text)) == NULL)
			return NULL;
		size[i] = (uint16_t)(p - at[i]);
		hash = hash_pair(hash, hash_bytes(slice_of(at[i], size[i]), 0));
		reader->values[i] = (uint32_t)(p - c->start);
		if ((p = skip(c, p, 1)) == NULL)
			return NULL;
	}
	*end = p;
	for (slot = hash % (2 * SHAPES_MAX); (shape = reader->by_hash[slot]) != NULL;
	     slot = (slot + 1) % (2 * SHAPES_MAX))
		if (shape->hash == hash && shape_matches(shape, count, at, size))
			return shape;
	shape = add_shape(reader, hash, count, at, size, header);
	if (shape == NULL) {
		(void)fail(c, SCAN_REJECT, c->start, "the same key twice");
		return NULL;
	}
	for (slot = hash % (2 * SHAPES_MAX); reader->by_hash[slot] != NULL;)
		slot = (slot + 1) % (2 * SHAPES_MAX);
	reader->by_hash[slot] = shape;
	return shape;
}

/* Check the record against a guessed shape. True when it has it; *end is the record's
 * end, NULL when the record is wrong or cut off (the guess was right so far). */
static bool
scan_guess(struct reader *reader, struct cursor *c, const uint8_t *p, unsigned count,
    const struct shape *guess, const uint8_t **end)
{
	if (guess == NULL || guess->count != count)
		return false;
	for (unsigned i = 0; i < count; i++) {
		const struct shape_key *key = &guess->keys[i];

		if ((size_t)(c->end - p) < key->size || !key_matches(key, p))
			return false;
		p += key->size;
		reader->values[i] = (uint32_t)(p - c->start);
		if ((p = skip(c, p, 1)) == NULL)
			break;
	}
	*end = p;
	return true;
}

/* Records of one kind begin alike, with "event" and its value; when keys are left out
 * of some, their number tells most of them apart. */
static size_t
guess_slot(const uint8_t *p, unsigned count)
{
	uint64_t word[2];

	load_words(p, word);
	word[0] ^= word[1] * UINT64_C(0x9E3779B97F4A7C15);
	return hash_mix(word[0] + count) % GUESSES;
}

static const struct shape *
find_shape(struct reader *reader, struct cursor *c, const uint8_t *p, unsigned count,
    const uint8_t **end)
{
	struct shape **guess = reader->guess[guess_slot(p, count)];
	struct shape *found = guess[0];

	*end = NULL;
	if (__builtin_expect(scan_guess(reader, c, p, count, found, end), 1))
		return reader->last = found;
	found = guess[1];
	if (!scan_guess(reader, c, p, count, found, end)) {
		found = reader->last;
		if (found == guess[0] || found == guess[1] ||
		    !scan_guess(reader, c, p, count, found, end))
			found = learn_shape(reader, c, p, count, end);
	}
	if (found == NULL) {
		*end = NULL;
		return NULL;
	}
	/* Learning may have dropped all shapes, and the guesses with them. */
	guess[1] = guess[0];
	return reader->last = guess[0] = found;
}

/* The extent of a well-formed value of any depth and size: what is left to skip is a
 * count, not a stack. NULL when it is cut off or not msgpack. */
static const uint8_t *
extent(struct cursor *c, const uint8_t *p)
{
	uint64_t left = 1;

	while (left > 0) {
		const struct measure *m = &measure_table[*p];
		uint64_t size = m->size;

		if (p >= c->end || (size_t)(c->end - p) < size)
			return more(c, p, size + left - 1);
		left--;
		if (m->class == MEASURE_NEVER)
			return fail(
			    c, SCAN_FOREIGN, p, "byte 0xc1, which msgpack never uses");
		if (m->class == MEASURE_SIZED)
			size += measure_field(p + 1, m->head);
		else if (m->class != MEASURE_FIXED)
			left += (m->class == MEASURE_MAP ? 2 : 1) *
			    (uint64_t)measure_count(p, m);
		if ((uint64_t)(c->end - p) < size + left)
			return more(c, p, size + left);
		p += size;
	}
	return p;
}

enum scan
record_extent(struct slice bytes, size_t *size, struct fault *fault)
{
	struct cursor c = {
		.start = bytes.at, .end = bytes.at + bytes.size, .fault = fault
	};
	const uint8_t *end = extent(&c, c.start);

	if (end == NULL)
		return c.result == SCAN_FOREIGN ? SCAN_FOREIGN : SCAN_MORE;
	*size = (size_t)(end - c.start);
	return SCAN_RECORD;
}

/* A record that breaks a rule: how far it goes, so that the next one can be read. */
static enum scan
scan_wrong(struct cursor *c, struct record *record)
{
	struct fault why = *c->fault;
	const uint8_t *end = extent(c, c->start);

	if (end == NULL)
		return c->result;
	*c->fault = why;
	record->size = (size_t)(end - c->start);
	if (record->size <= RECORD_SIZE_MAX)
		return SCAN_REJECT;
	c->need = record->size;
	return SCAN_LARGE;
}

static enum scan
scan_top(struct reader *reader, struct cursor *c, struct record *record)
{
	const uint8_t *p = c->start, *end = NULL;
	const struct measure *m = &measure_table[*p];
	uint32_t count;

	if (value_type(slice_of(p, 1)) == VALUE_EXT) {
		if ((end = skip(c, p, 0)) != NULL) {
			record->size = (size_t)(end - p);
			return SCAN_CONTROL;
		}
		return c->result == SCAN_REJECT ? scan_wrong(c, record) : c->result;
	}
	if (m->class != MEASURE_MAP) {
		(void)fail(c, SCAN_FOREIGN, p, "neither a map nor a control record");
		return SCAN_FOREIGN;
	}
	if ((size_t)(c->end - p) < m->size) {
		(void)more(c, p, m->size);
		return SCAN_MORE;
	}
	count = measure_count(p, m);
	if (count > RECORD_KEYS_MAX) {
		(void)fail(c, SCAN_REJECT, p, "a map of more than 256 keys");
		return scan_wrong(c, record);
	}
	record->shape = find_shape(reader, c, p + m->size, count, &end);
	if (end == NULL)
		return c->result == SCAN_REJECT ? scan_wrong(c, record) : c->result;
	record->count = count;
	record->values = reader->values;
	record->size = (size_t)(end - p);
	return record->size > RECORD_SIZE_MAX ? SCAN_LARGE : SCAN_RECORD;
}

enum scan
record_scan(struct reader *reader, struct slice bytes, struct record *record,
    struct fault *fault, size_t *need)
{
	struct cursor c = {
		.start = bytes.at, .end = bytes.at + bytes.size, .fault = fault
	};
	enum scan result;

	*fault = (struct fault){ 0 };
	*need = 1;
	record->bytes = bytes.at;
	if (bytes.size == 0)
		return SCAN_MORE;
	result = scan_top(reader, &c, record);
	if (result == SCAN_MORE || result == SCAN_LARGE)
		*need = c.need;
	return result;
}

int
record_index(const struct record *r, struct key key)
{
	return r->shape->index[key.id];
}

struct slice
record_value_at(const struct record *r, unsigned i)
{
	size_t end =
	    i + 1 < r->count ? r->values[i + 1] - r->shape->keys[i + 1].size : r->size;

	return slice_of(r->bytes + r->values[i], end - r->values[i]);
}

struct slice
record_key_at(const struct record *r, unsigned i)
{
	return key_text(&r->shape->keys[i]);
}

struct slice
record_pair_at(const struct record *r, unsigned i)
{
	struct slice value = record_value_at(r, i);
	size_t key = r->shape->keys[i].size;

	return slice_of(value.at - key, value.size + key);
}

bool
record_value(const struct record *r, struct key key, struct slice *to)
{
	int i = r->shape->index[key.id];

	if (i < 0)
		return false;
	*to = record_value_at(r, (unsigned)i);
	return true;
}

bool
record_bool(const struct record *r, struct key key, bool *to)
{
	struct slice value;

	return record_value(r, key, &value) && value_bool(value, to);
}

bool
record_int(const struct record *r, struct key key, int64_t *to)
{
	struct slice value;

	return record_value(r, key, &value) && value_int(value, to);
}

bool
record_number(const struct record *r, struct key key, double *to)
{
	struct slice value;

	return record_value(r, key, &value) && value_number(value, to);
}

bool
record_str(const struct record *r, struct key key, struct slice *to)
{
	struct slice value;

	return record_value(r, key, &value) && value_str(value, to);
}

bool
record_bin(const struct record *r, struct key key, struct slice *to)
{
	struct slice value;

	return record_value(r, key, &value) && value_bin(value, to);
}

bool
record_instant(const struct record *r, struct key key, instant *to)
{
	struct slice value;

	return record_value(r, key, &value) && value_instant(value, to);
}

bool
record_id(const struct record *r, struct key key, struct slice *to)
{
	if (!record_value(r, key, to))
		return false;
	return value_text(*to, to) || value_type(*to) == VALUE_INT;
}

bool
record_timestamp(const struct record *r, instant *to)
{
	return record_instant(r, KEY_TIMESTAMP, to) && *to <= WHEN_MAX &&
	    *to >= -WHEN_MAX;
}

bool
record_weight(const struct record *r, double *to)
{
	struct slice value;

	*to = 1;
	return !record_value(r, KEY_WEIGHT, &value) ||
	    (value_number(value, to) && isfinite(*to));
}

uint64_t
record_shape_id(const struct record *r)
{
	return r->shape->id;
}
