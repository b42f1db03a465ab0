/* SPDX-License-Identifier: MIT */
#include "lib/delivery/targeting.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/feature/subject.h"
#include "lib/hash.h"
#include "lib/table.h"

enum { HOURS = 7 * 24, NAME_SLOTS = 128, NO_KEY = 0, SIZE_KEY = 1, SLOT_KEY = 2 };

/* The bitmaps of one level. Keys and values are numbered from 1. */
struct level {
	uint32_t rows;
	size_t words, used; /* of a bitmap; up to the last row that was ever present */
	uint64_t *present, *matched, *some; /* some: scratch */
	uint64_t *hours;                    /* HOURS bitmaps */
	uint64_t *any;                      /* by key: rows that do not mind */
	uint64_t *values;                   /* by value: rows that want it */
	struct table *numbers; /* owned; of hash_pair(key, value): its number */
	uint64_t hashes[TARGETING_VALUES_MAX + 1];
	uint32_t wanted[TARGETING_VALUES_MAX + 1]; /* by how many rows */
	uint32_t highest, free[TARGETING_VALUES_MAX], free_count;
};

struct targeting {
	struct level levels[TARGETING_LEVELS];
	uint64_t names[TARGETING_KEYS_MAX + 1]; /* hash of each key */
	uint32_t users[TARGETING_KEYS_MAX + 1]; /* values wanted of it, by rows */
	unsigned keys;
	uint8_t slots[NAME_SLOTS]; /* keys by hash; linear probing */
	/* The request. */
	uint64_t facts[TARGETING_KEYS_MAX + 1][TARGETING_FACTS_MAX];
	unsigned fact_count[TARGETING_KEYS_MAX + 1];
	unsigned hour;
};

/* --- Memory ----------------------------------------------------------------------- */

static void
level_fini(struct level *l)
{
	free(l->present);
	free(l->matched);
	free(l->some);
	free(l->hours);
	free(l->any);
	free(l->values);
	table_free(l->numbers);
}

static int
level_init(struct level *l, uint32_t rows)
{
	l->rows = rows;
	l->words = (rows + 63) / 64;
	l->present = calloc(l->words, 8);
	l->matched = calloc(l->words, 8);
	l->some = calloc(l->words, 8);
	l->hours = calloc(l->words * HOURS, 8);
	l->any = calloc(l->words * (TARGETING_KEYS_MAX + 1), 8);
	l->values = calloc(l->words * (TARGETING_VALUES_MAX + 1), 8);
	l->numbers =
	    table_new(TABLE_KEY_64, 8, UINT64_C(24) * TARGETING_VALUES_MAX * 2);
	return l->present != NULL && l->matched != NULL && l->some != NULL &&
		l->hours != NULL && l->any != NULL && l->values != NULL &&
		l->numbers != NULL
	    ? 0
	    : -1;
}

static unsigned key_number(struct targeting *t, struct slice name, bool make);

struct targeting *
targeting_new(const uint32_t rows[TARGETING_LEVELS])
{
	struct targeting *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	for (unsigned i = 0; i < TARGETING_LEVELS; i++)
		if (level_init(&t->levels[i], rows[i]) != 0) {
			targeting_free(t);
			return NULL;
		}
	/* A name that no record can have: creatives' width and height. */
	(void)key_number(t, slice_of("\0size", 5), true);
	(void)key_number(t, slice_text("slot_id"), true);
	return t;
}

void
targeting_free(struct targeting *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < TARGETING_LEVELS; i++)
		level_fini(&t->levels[i]);
	free(t);
}

/* --- Keys and values -------------------------------------------------------------- */

static inline uint64_t *
any_of(struct level *l, unsigned key)
{
	return l->any + l->words * key;
}

static inline uint64_t *
rows_of(struct level *l, uint32_t value)
{
	return l->values + l->words * value;
}

/* A key that no row wants anything of any more makes room for another. */
static unsigned
key_place(struct targeting *t)
{
	for (unsigned key = SLOT_KEY + 1; key <= t->keys; key++)
		if (t->users[key] == 0)
			return key;
	return t->keys < TARGETING_KEYS_MAX ? ++t->keys : NO_KEY;
}

static void
index_keys(struct targeting *t)
{
	memset(t->slots, 0, sizeof t->slots);
	for (unsigned key = 1; key <= t->keys; key++) {
		unsigned slot = t->names[key] % NAME_SLOTS;

		while (t->slots[slot] != NO_KEY)
			slot = (slot + 1) % NAME_SLOTS;
		t->slots[slot] = (uint8_t)key;
	}
}

static unsigned
key_number(struct targeting *t, struct slice name, bool make)
{
	uint64_t hash = hash_bytes(name, 0);
	unsigned key;

	for (unsigned slot = hash % NAME_SLOTS; (key = t->slots[slot]) != NO_KEY;
	     slot = (slot + 1) % NAME_SLOTS)
		if (t->names[key] == hash)
			return key;
	if (!make || (key = key_place(t)) == NO_KEY)
		return NO_KEY;
	t->names[key] = hash;
	index_keys(t);
	for (unsigned i = 0; i < TARGETING_LEVELS; i++) {
		struct level *l = &t->levels[i];

		memcpy(any_of(l, key), l->present, l->words * 8);
	}
	return key;
}

static uint32_t
value_find(const struct level *l, uint64_t hash)
{
	const uint64_t *cell = table_find(l->numbers, hash);

	return cell == NULL ? 0 : (uint32_t)*cell;
}

static uint32_t
value_make(struct level *l, uint64_t hash)
{
	uint32_t number = value_find(l, hash);
	bool fresh;

	if (number != 0)
		return number;
	if (l->free_count > 0)
		number = l->free[--l->free_count];
	else if (l->highest < TARGETING_VALUES_MAX)
		number = ++l->highest;
	else
		return 0;
	l->hashes[number] = hash;
	*(uint64_t *)table_touch(l->numbers, hash, 0, &fresh) = number;
	return number;
}

/* The value, of a float that is whole as of the integer; texts differ from numbers. */
static bool
fact_hash(unsigned key, struct slice value, uint64_t *hash)
{
	if (!subject_hash(value, hash))
		return false;
	*hash = hash_pair(key, *hash);
	return true;
}

/* --- What rows want --------------------------------------------------------------- */

static void
forget_value(struct level *l, uint32_t number)
{
	if (--l->wanted[number] > 0)
		return;
	(void)table_erase(l->numbers, l->hashes[number]);
	l->free[l->free_count++] = number;
}

void
targeting_clear(struct targeting *t, enum targeting_level level, uint32_t row)
{
	struct level *l = &t->levels[level];
	uint64_t bit = UINT64_C(1) << row % 64;
	size_t word = row / 64;

	assert(row < l->rows);
	if ((l->present[word] & bit) == 0)
		return;
	l->present[word] &= ~bit;
	for (unsigned hour = 0; hour < HOURS; hour++)
		l->hours[hour * l->words + word] &= ~bit;
	for (unsigned key = 1; key <= t->keys; key++) {
		t->users[key] -= (any_of(l, key)[word] & bit) == 0;
		any_of(l, key)[word] &= ~bit;
	}
	for (uint32_t v = 1; v <= l->highest; v++)
		if ((rows_of(l, v)[word] & bit) != 0) {
			rows_of(l, v)[word] &= ~bit;
			forget_value(l, v);
		}
}

static int
want_value(struct level *l, uint32_t row, uint64_t hash, struct error *error)
{
	uint64_t bit = UINT64_C(1) << row % 64, *word;
	uint32_t number = value_make(l, hash);

	if (number == 0)
		return error_set(error, "more than %d different values are targeted",
		    TARGETING_VALUES_MAX);
	word = rows_of(l, number) + row / 64;
	l->wanted[number] += (*word & bit) == 0;
	*word |= bit;
	return 0;
}

/* The row minds the key: nothing but the values that follow will do. */
static unsigned
want_key(struct targeting *t, struct level *l, uint32_t row, struct slice name,
    struct error *e)
{
	unsigned key = key_number(t, name, true);
	uint64_t bit = UINT64_C(1) << row % 64;

	if (key == NO_KEY) {
		(void)error_set(
		    e, "more than %d different keys are targeted", TARGETING_KEYS_MAX);
		return NO_KEY;
	}
	if ((any_of(l, key)[row / 64] & bit) == 0) {
		(void)error_set(
		    e, "'%.*s' is wanted twice", (int)name.size, (const char *)name.at);
		return NO_KEY;
	}
	any_of(l, key)[row / 64] &= ~bit;
	t->users[key]++;
	return key;
}

/* The items of a list, or the one value. */
static bool
next_item(struct slice value, struct value_walk *walk, bool *begun, struct slice *item)
{
	struct slice none;

	if (!*begun) {
		*begun = true;
		value_open(value, walk);
		if (value_type(value) != VALUE_ARRAY) {
			*item = value;
			return true;
		}
	}
	return value_type(value) == VALUE_ARRAY && value_next(walk, &none, item);
}

static int
want(struct targeting *t, struct level *l, uint32_t row, struct slice name,
    struct slice value, struct error *error)
{
	unsigned key = want_key(t, l, row, name, error);
	struct value_walk walk;
	struct slice item;
	bool begun = false;
	uint64_t hash;

	if (key == NO_KEY)
		return -1;
	while (next_item(value, &walk, &begun, &item)) {
		if (!fact_hash(key, item, &hash))
			return error_set(error,
			    "'%.*s' is to be a text, number or truth, or a list of "
			    "them",
			    (int)name.size, (const char *)name.at);
		if (want_value(l, row, hash, error) != 0)
			return -1;
	}
	return 0;
}

/* Bits of the hours of a day, or days of a week, that are listed. */
static int
read_times(struct slice name, struct slice value, unsigned n, uint32_t *bits,
    struct error *error)
{
	struct value_walk walk;
	struct slice item;
	bool begun = false;
	int64_t time;

	for (*bits = 0; next_item(value, &walk, &begun, &item);) {
		if (!value_int(item, &time) || time < 0 || time >= (int64_t)n)
			return error_set(error, "'%.*s' is 0 to %u, or a list of them",
			    (int)name.size, (const char *)name.at, n - 1);
		*bits |= UINT32_C(1) << time;
	}
	return 0;
}

static int
want_map(struct targeting *t, struct level *l, uint32_t row, struct slice map,
    uint32_t *hours, uint32_t *days, struct error *error)
{
	struct value_walk walk;
	struct slice key, value, name;
	int status = 0;

	if (value_type(map) != VALUE_MAP)
		return error_set(error, "targeting is neither a map nor an expression");
	for (value_open(map, &walk); status == 0 && value_next(&walk, &key, &value);) {
		if (!value_str(key, &name) || name.size == 0 ||
		    name.size > RECORD_KEY_SIZE_MAX)
			return error_set(error, "targeting has a key that is no text");
		if (slice_is(name, "hour"))
			status = read_times(name, value, 24, hours, error);
		else if (slice_is(name, "weekday"))
			status = read_times(name, value, 7, days, error);
		else
			status = want(t, l, row, name, value, error);
	}
	return status;
}

static int
want_size(struct targeting *t, struct level *l, uint32_t row,
    const struct target *want_of, struct error *error)
{
	uint64_t size = (uint64_t)want_of->width << 32 | want_of->height;
	uint64_t bit = UINT64_C(1) << row % 64;

	if (want_of->width == 0 || want_of->height == 0)
		return 0;
	any_of(l, SIZE_KEY)[row / 64] &= ~bit;
	t->users[SIZE_KEY]++;
	return want_value(l, row, hash_pair(SIZE_KEY, hash_mix(size)), error);
}

int
targeting_set(struct targeting *t, enum targeting_level level, uint32_t row,
    const struct target *target, struct error *error)
{
	struct level *l = &t->levels[level];
	uint64_t bit = UINT64_C(1) << row % 64;
	uint32_t hours = (1 << 24) - 1, days = (1 << 7) - 1;
	size_t word = row / 64;
	int status;

	targeting_clear(t, level, row);
	l->used = word + 1 > l->used ? word + 1 : l->used;
	l->present[word] |= bit;
	for (unsigned key = 1; key <= t->keys; key++)
		any_of(l, key)[word] |= bit;
	status = want_size(t, l, row, target, error);
	if (status == 0 && target->slot_ids.at != NULL)
		status =
		    want(t, l, row, slice_text("slot_id"), target->slot_ids, error);
	if (status == 0 && target->map.at != NULL)
		status = want_map(t, l, row, target->map, &hours, &days, error);
	for (unsigned hour = 0; hour < HOURS; hour++)
		if ((hours >> hour % 24 & days >> hour / 24 & 1) != 0)
			l->hours[hour * l->words + word] |= bit;
	if (status != 0)
		targeting_clear(t, level, row);
	return status;
}

/* --- Requests --------------------------------------------------------------------- */

static void
read_fact(struct targeting *t, struct slice name, struct slice value)
{
	unsigned key = key_number(t, name, false);
	struct value_walk walk;
	struct slice item;
	bool begun = false;
	uint64_t hash;

	if (key == NO_KEY || t->fact_count[key] > 0)
		return;
	while (t->fact_count[key] < TARGETING_FACTS_MAX &&
	    next_item(value, &walk, &begun, &item))
		if (fact_hash(key, item, &hash))
			t->facts[key][t->fact_count[key]++] = hash;
}

/* The size of the slot: a request that does not say it takes any. */
static void
read_size(struct slice name, struct slice value, int64_t *width, int64_t *height)
{
	if (slice_is(name, "width"))
		(void)value_int(value, width);
	else if (slice_is(name, "height"))
		(void)value_int(value, height);
}

static void
read_map(struct targeting *t, struct slice map, int64_t *width, int64_t *height)
{
	struct value_walk walk;
	struct slice key, value, name;

	if (value_type(map) != VALUE_MAP)
		return;
	for (value_open(map, &walk); value_next(&walk, &key, &value);)
		if (value_str(key, &name)) {
			read_fact(t, name, value);
			read_size(name, value, width, height);
		}
}

void
targeting_read(struct targeting *t, const struct record *r, instant when)
{
	int64_t hours = when / WHEN_HOUR - (when % WHEN_HOUR < 0), width = 0,
		height = 0;
	int64_t week = (hours + 3 * 24) % HOURS; /* 1970 began on a Thursday */
	uint64_t size;

	memset(t->fact_count, 0, sizeof t->fact_count);
	t->hour = (unsigned)(week < 0 ? week + HOURS : week);
	for (unsigned i = 0; i < r->count; i++)
		read_fact(t, record_key_at(r, i), record_value_at(r, i));
	for (unsigned i = 0; i < r->count; i++) {
		struct slice name = record_key_at(r, i), value = record_value_at(r, i);

		read_size(name, value, &width, &height);
		if (slice_is(name, "context") || slice_is(name, "user"))
			read_map(t, value, &width, &height);
	}
	if (width <= 0 || height <= 0 || width > TARGETING_SIZE_MAX ||
	    height > TARGETING_SIZE_MAX)
		return;
	size = (uint64_t)width << 32 | (uint64_t)height;
	t->facts[SIZE_KEY][0] = hash_pair(SIZE_KEY, hash_mix(size));
	t->fact_count[SIZE_KEY] = 1;
}

uint64_t *
targeting_match(struct targeting *t, enum targeting_level level, size_t *words)
{
	struct level *l = &t->levels[level];
	const uint64_t *hour = l->hours + t->hour * l->words;

	*words = l->used;
	for (size_t w = 0; w < l->used; w++)
		l->matched[w] = l->present[w] & hour[w];
	for (unsigned key = 1; key <= t->keys; key++) {
		if (t->users[key] == 0 || (key == SIZE_KEY && t->fact_count[key] == 0))
			continue;
		memcpy(l->some, any_of(l, key), l->used * 8);
		for (unsigned i = 0; i < t->fact_count[key]; i++) {
			uint32_t number = value_find(l, t->facts[key][i]);
			const uint64_t *rows = rows_of(l, number);

			for (size_t w = 0; number != 0 && w < l->used; w++)
				l->some[w] |= rows[w];
		}
		for (size_t w = 0; w < l->used; w++)
			l->matched[w] &= l->some[w];
	}
	return l->matched;
}
