/* SPDX-License-Identifier: MIT */
#include "lib/table.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/hash.h"

/* A set is the eight ages, then the eight keys, then the eight cells. An age is the
 * last touch moved by 2^63, so that it orders as unsigned and 0 is a free place: memory
 * fresh from the system is an empty table. */
enum { WAYS = 8, LINE = 64 };

#define LAYOUT UINT64_C(0x0100454C42415442) /* tells the byte order too */
#define AGE_BIAS (UINT64_C(1) << 63)

/* The start of the block. */
struct head {
	uint64_t layout;
	uint64_t key_size;
	uint64_t cell_size;
	uint64_t sets;
	uint64_t cells;
	uint64_t evicted;
	uint64_t expired;
	uint64_t horizon; /* an age */
};

_Static_assert(sizeof(struct head) == LINE, "the sets start on a cache line");

struct table {
	void *memory;      /* owned; what the block lies in */
	struct head *head; /* the block, aligned to a line */
	struct head empty; /* the head of an empty table */
	uint8_t *sets;
	size_t set_size;
	size_t cell_size;   /* rounded up to 8 */
	size_t key_words;   /* 1 or 2 */
	struct dirty dirty; /* of the block */
	table_evict *evict;
	void *context;
};

/* A key as its words in memory; the second is 0 for 64-bit keys. */
struct words {
	uint64_t w[2];
};

/* The two sets of a key. */
struct home {
	uint64_t set[2];
};

static size_t
cell_stride(size_t cell_size)
{
	assert(cell_size <= SIZE_MAX / 64);
	return (cell_size + 7) & ~(size_t)7;
}

static size_t
set_stride(enum table_key_size key_size, size_t cell_size)
{
	return WAYS * (sizeof(uint64_t) + (size_t)key_size + cell_stride(cell_size));
}

static uint64_t
age_of(instant when)
{
	uint64_t age = (uint64_t)when + AGE_BIAS;

	return age == 0 ? 1 : age;
}

static uint64_t *
set_ages(const struct table *t, uint64_t set)
{
	return (uint64_t *)(void *)(t->sets + set * t->set_size);
}

static uint64_t *
set_key(const struct table *t, uint64_t set, unsigned way)
{
	return set_ages(t, set) + WAYS + way * t->key_words;
}

static uint8_t *
set_cell(const struct table *t, uint64_t set, unsigned way)
{
	return (uint8_t *)(set_ages(t, set) + WAYS + WAYS * t->key_words) +
	    way * t->cell_size;
}

/* Bytes in the block change; its head is marked when it is saved. */
static void
mark(struct table *t, const void *at, size_t size)
{
	dirty_mark(&t->dirty, (size_t)((const uint8_t *)at - (uint8_t *)t->head), size);
}

static void
mark_cell(struct table *t, size_t slot)
{
	if (t->cell_size > 0)
		mark(t, set_cell(t, slot / WAYS, slot % WAYS), t->cell_size);
}

static void
mark_key(struct table *t, size_t slot)
{
	mark(t, set_key(t, slot / WAYS, slot % WAYS), t->key_words * sizeof(uint64_t));
}

static struct words
words_of(const struct table *t, uint64_t key)
{
	assert(t->key_words == 1);
	return (struct words){ { key, 0 } };
}

static struct words
words_wide(const struct table *t, const uint8_t key[16])
{
	assert(t->key_words == 2);
	return (struct words){ { bytes_load_le64(key), bytes_load_le64(key + 8) } };
}

static inline struct home
home_of(const struct table *t, struct words key)
{
	uint64_t sets = t->head->sets;
	uint64_t hash = hash_mix(key.w[0] + UINT64_C(0x9E3779B97F4A7C15));
	struct home home;

	if (t->key_words == 2)
		hash = hash_pair(hash, key.w[1]);
	home.set[0] = hash_bucket(hash, sets);
	home.set[1] = hash_bucket(hash_mix(hash ^ LAYOUT), sets - 1);
	home.set[1] += home.set[1] >= home.set[0];
	return home;
}

/* The ways of a set whose key it is, a bit each; without branches, for which way it is
 * cannot be foreseen. */
static inline unsigned
ways_of(const struct table *t, uint64_t set, struct words key)
{
	const uint64_t *keys = set_key(t, set, 0);
	unsigned ways = 0;

	if (t->key_words == 1) {
#pragma GCC unroll 8
		for (unsigned way = 0; way < WAYS; way++)
			ways |= (unsigned)(keys[way] == key.w[0]) << way;
	} else {
#pragma GCC unroll 8
		for (unsigned way = 0; way < WAYS; way++)
			ways |= (unsigned)((keys[2 * way] == key.w[0]) &
				    (keys[2 * way + 1] == key.w[1]))
			    << way;
	}
	return ways;
}

/* The place of a key in its home: its slot, TABLE_NONE when it has none. Free places have
 * the key 0, too. */
static inline size_t
place(const struct table *t, struct home home, struct words key)
{
	for (unsigned i = 0; i < 2; i++) {
		const uint64_t *ages = set_ages(t, home.set[i]);

		for (unsigned ways = ways_of(t, home.set[i], key); ways != 0;
		     ways &= ways - 1) {
			unsigned way = (unsigned)__builtin_ctz(ways);

			if (ages[way] != 0)
				return (size_t)home.set[i] * WAYS + way;
		}
	}
	return TABLE_NONE;
}

static unsigned
set_taken(const struct table *t, uint64_t set)
{
	const uint64_t *ages = set_ages(t, set);
	unsigned taken = 0;

	for (unsigned way = 0; way < WAYS; way++)
		taken += ages[way] != 0;
	return taken;
}

/* The place with the least age in a set, the first of equals; a free one if there is.
 */
static size_t
set_stalest(const struct table *t, uint64_t set)
{
	const uint64_t *ages = set_ages(t, set);
	unsigned stalest = 0;

	for (unsigned way = 1; way < WAYS; way++)
		if (ages[way] < ages[stalest])
			stalest = way;
	return (size_t)set * WAYS + stalest;
}

static uint64_t *
slot_age(const struct table *t, size_t slot)
{
	return &set_ages(t, slot / WAYS)[slot % WAYS];
}

/* A free place in the home's emptier set, made by eviction when both are full. */
static size_t
make_room(struct table *t, struct home home)
{
	unsigned first = set_taken(t, home.set[0]), second = set_taken(t, home.set[1]);
	size_t slot, other;
	uint64_t age;

	if (first < WAYS || second < WAYS)
		return set_stalest(t, home.set[second < first]);
	slot = set_stalest(t, home.set[0]);
	other = set_stalest(t, home.set[1]);
	if (*slot_age(t, other) < *slot_age(t, slot))
		slot = other;
	age = *slot_age(t, slot);
	if (t->evict != NULL)
		t->evict(t->context, t, slot);
	assert(*slot_age(t, slot) == age);
	t->head->evicted += age >= t->head->horizon;
	t->head->expired += age < t->head->horizon;
	table_erase_slot(t, slot);
	return slot;
}

static const void *
find(const struct table *t, struct words key)
{
	size_t slot = place(t, home_of(t, key), key);

	return slot == TABLE_NONE ? NULL : table_cell(t, slot);
}

/* The cell in a slot that is taken, touched. */
static inline void *
touch_slot(struct table *t, size_t slot, instant when)
{
	uint64_t *last = slot_age(t, slot), age = age_of(when);
	uint8_t *cell = set_cell(t, slot / WAYS, slot % WAYS);

	if (age > *last) {
		*last = age;
		mark(t, last, sizeof age);
	}
	if (t->cell_size > 0)
		mark(t, cell, t->cell_size);
	return cell;
}

static void *
touch(struct table *t, struct words key, instant when, bool *fresh)
{
	struct home home = home_of(t, key);
	size_t slot = place(t, home, key);

	*fresh = slot == TABLE_NONE;
	if (*fresh) {
		slot = make_room(t, home);
		memcpy(set_key(t, slot / WAYS, slot % WAYS), key.w,
		    t->key_words * sizeof key.w[0]);
		memset(set_cell(t, slot / WAYS, slot % WAYS), 0, t->cell_size);
		t->head->cells++;
		mark_key(t, slot);
	}
	return touch_slot(t, slot, when);
}

static bool
erase(struct table *t, struct words key)
{
	size_t slot = place(t, home_of(t, key), key);

	if (slot != TABLE_NONE)
		table_erase_slot(t, slot);
	return slot != TABLE_NONE;
}

uint64_t
table_memory_min(enum table_key_size key_size, size_t cell_size)
{
	return sizeof(struct table) + sizeof(struct head) + (LINE - 1) +
	    2 * set_stride(key_size, cell_size);
}

struct table *
table_new(enum table_key_size key_size, size_t cell_size, uint64_t memory_bytes)
{
	size_t stride = set_stride(key_size, cell_size);
	uint64_t min = table_memory_min(key_size, cell_size), sets;
	struct table *t;

	assert(key_size == TABLE_KEY_64 || key_size == TABLE_KEY_WIDE);
	if (memory_bytes < min || memory_bytes > SIZE_MAX / 2)
		return NULL;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	sets = 2 + (memory_bytes - min) / stride;
	t->memory = calloc(1, (LINE - 1) + sizeof(struct head) + sets * stride);
	if (t->memory == NULL ||
	    dirty_init(&t->dirty, sizeof(struct head) + sets * stride) != 0) {
		free(t->memory);
		free(t);
		return NULL;
	}
	t->head =
	    (struct head *)(((uintptr_t)t->memory + LINE - 1) & ~(uintptr_t)(LINE - 1));
	t->sets = (uint8_t *)(t->head + 1);
	t->set_size = stride;
	t->cell_size = cell_stride(cell_size);
	t->key_words = (size_t)key_size / sizeof(uint64_t);
	t->empty = (struct head){
		.layout = LAYOUT,
		.key_size = key_size,
		.cell_size = t->cell_size,
		.sets = sets,
	};
	*t->head = t->empty;
	return t;
}

void
table_free(struct table *t)
{
	if (t == NULL)
		return;
	dirty_fini(&t->dirty);
	free(t->memory);
	free(t);
}

void
table_on_evict(struct table *t, table_evict *evict, void *context)
{
	t->evict = evict;
	t->context = context;
}

void
table_set_horizon(struct table *t, instant horizon)
{
	if (age_of(horizon) > t->head->horizon)
		t->head->horizon = age_of(horizon);
}

const void *
table_find(const struct table *t, uint64_t key)
{
	return find(t, words_of(t, key));
}

const void *
table_find_wide(const struct table *t, const uint8_t key[16])
{
	return find(t, words_wide(t, key));
}

bool
table_touched(const struct table *t, uint64_t key, instant *last)
{
	struct words words = words_of(t, key);
	size_t slot = place(t, home_of(t, words), words);

	if (slot != TABLE_NONE)
		*last = table_last(t, slot);
	return slot != TABLE_NONE;
}

void *
table_touch(struct table *t, uint64_t key, instant when, bool *fresh)
{
	return touch(t, words_of(t, key), when, fresh);
}

size_t
table_find_slot(const struct table *t, uint64_t key)
{
	struct words words = words_of(t, key);

	return place(t, home_of(t, words), words);
}

void *
table_touch_slot(struct table *t, size_t slot, uint64_t key, instant when, bool *fresh)
{
	assert(t->key_words == 1 && (slot == TABLE_NONE || slot < table_slots(t)));
	if (slot == TABLE_NONE || *set_key(t, slot / WAYS, slot % WAYS) != key ||
	    *slot_age(t, slot) == 0)
		return table_touch(t, key, when, fresh);
	*fresh = false;
	return touch_slot(t, slot, when);
}

/* A free place has the key 0. */
const void *
table_find_at(const struct table *t, size_t slot, uint64_t key)
{
	return slot == TABLE_NONE || key == 0 || table_key(t, slot) != key
	    ? table_find(t, key)
	    : set_cell(t, slot / WAYS, slot % WAYS);
}

void *
table_touch_wide(struct table *t, const uint8_t key[16], instant when, bool *fresh)
{
	return touch(t, words_wide(t, key), when, fresh);
}

bool
table_erase(struct table *t, uint64_t key)
{
	return erase(t, words_of(t, key));
}

bool
table_erase_wide(struct table *t, const uint8_t key[16])
{
	return erase(t, words_wide(t, key));
}

/* Everything of a free place is zero, so that equal contents are equal blocks. */
void
table_erase_slot(struct table *t, size_t slot)
{
	assert(slot < table_slots(t) && *slot_age(t, slot) != 0);
	*slot_age(t, slot) = 0;
	memset(
	    set_key(t, slot / WAYS, slot % WAYS), 0, t->key_words * sizeof(uint64_t));
	memset(set_cell(t, slot / WAYS, slot % WAYS), 0, t->cell_size);
	t->head->cells--;
	mark(t, slot_age(t, slot), sizeof(uint64_t));
	mark_key(t, slot);
	mark_cell(t, slot);
}

/* Sets that hold nothing are not written to, so that they do not become resident. */
void
table_clear(struct table *t)
{
	*t->head = t->empty;
	dirty_mark_all(&t->dirty);
	for (uint64_t set = 0; set < t->empty.sets; set++)
		if (set_taken(t, set) > 0)
			memset(set_ages(t, set), 0, t->set_size);
}

void
table_prefetch(const struct table *t, uint64_t key)
{
	struct home home = home_of(t, words_of(t, key));

	for (unsigned i = 0; i < 2; i++) {
		__builtin_prefetch(set_ages(t, home.set[i]));
		__builtin_prefetch(set_key(t, home.set[i], 0));
		if (t->cell_size * WAYS <= LINE) /* all of its cells are one more */
			__builtin_prefetch(set_cell(t, home.set[i], 0));
	}
}

void
table_prefetch_slot(const struct table *t, size_t slot)
{
	const uint8_t *cell = set_cell(t, slot / WAYS, slot % WAYS);

	__builtin_prefetch(set_key(t, slot / WAYS, slot % WAYS));
	for (const uint8_t *at = cell; at < cell + t->cell_size; at += LINE)
		__builtin_prefetch(at);
	__builtin_prefetch(cell + t->cell_size - 1);
}

size_t
table_slots(const struct table *t)
{
	return (size_t)t->head->sets * WAYS;
}

size_t
table_next(const struct table *t, size_t from)
{
	size_t slots = table_slots(t);

	for (size_t slot = from; slot < slots; slot++)
		if (*slot_age(t, slot) != 0)
			return slot;
	return TABLE_NONE;
}

const void *
table_cell(const struct table *t, size_t slot)
{
	assert(slot < table_slots(t) && *slot_age(t, slot) != 0);
	return set_cell(t, slot / WAYS, slot % WAYS);
}

uint64_t
table_key(const struct table *t, size_t slot)
{
	assert(slot < table_slots(t) && t->key_words == 1);
	return *set_key(t, slot / WAYS, slot % WAYS);
}

void
table_key_wide(const struct table *t, size_t slot, uint8_t to[16])
{
	const uint64_t *key = set_key(t, slot / WAYS, slot % WAYS);

	assert(slot < table_slots(t) && t->key_words == 2);
	bytes_store_le64(to, key[0]);
	bytes_store_le64(to + 8, key[1]);
}

instant
table_last(const struct table *t, size_t slot)
{
	assert(slot < table_slots(t) && *slot_age(t, slot) != 0);
	return (instant)(*slot_age(t, slot) - AGE_BIAS);
}

size_t
table_slot(const struct table *t, const void *cell)
{
	size_t offset = (size_t)((const uint8_t *)cell - t->sets), set, way;

	assert(t->cell_size > 0);
	set = offset / t->set_size;
	way = (size_t)((const uint8_t *)cell - set_cell(t, set, 0)) / t->cell_size;

	assert(set < t->head->sets && way < WAYS);
	return set * WAYS + way;
}

struct table_counts
table_counts(const struct table *t)
{
	return (struct table_counts){
		.cells = t->head->cells,
		.evicted = t->head->evicted,
		.expired = t->head->expired,
	};
}

struct slice
table_bytes(const struct table *t)
{
	return slice_of(t->head, sizeof *t->head + (size_t)t->head->sets * t->set_size);
}

struct dirty *
table_dirty(struct table *t)
{
	mark(t, t->head, sizeof *t->head);
	return &t->dirty;
}

/* What the calls above could have made: every key in its home, and once. */
static int
check_cells(const struct table *t, struct error *error)
{
	uint64_t cells = 0;
	size_t slot;

	for (slot = table_next(t, 0); slot != TABLE_NONE;
	     slot = table_next(t, slot + 1)) {
		const uint64_t *at = set_key(t, slot / WAYS, slot % WAYS);
		struct words key = { { at[0], t->key_words == 2 ? at[1] : 0 } };

		if (place(t, home_of(t, key), key) != slot)
			return error_set(
			    error, "place %zu holds a key that is not at home", slot);
		cells++;
	}
	if (cells != t->head->cells)
		return error_set(error, "%llu cells are taken where %llu are announced",
		    (unsigned long long)cells, (unsigned long long)t->head->cells);
	return 0;
}

void *
table_load_begin(struct table *t)
{
	table_clear(t);
	*t->head = (struct head){ 0 };
	return t->head;
}

int
table_load_end(struct table *t, struct error *error)
{
	int status;

	if (memcmp(t->head, &t->empty, offsetof(struct head, cells)) == 0) {
		if (check_cells(t, error) == 0)
			return 0;
		status = -1;
	} else {
		status = error_set(error, "the table was saved with another layout");
	}
	/* Bytes of a block that is wrong may lie in places that are not taken. */
	memset(t->sets, 0, (size_t)t->empty.sets * t->set_size);
	*t->head = t->empty;
	dirty_mark_all(&t->dirty);
	return status;
}

int
table_load(struct table *t, struct slice bytes, struct error *error)
{
	if (bytes.size != table_bytes(t).size) {
		table_clear(t);
		return error_set(error,
		    "the table takes %zu bytes, not %zu (was it saved with another "
		    "--memory?)",
		    table_bytes(t).size, bytes.size);
	}
	memcpy(table_load_begin(t), bytes.at, bytes.size);
	return table_load_end(t, error);
}
