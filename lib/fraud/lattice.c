/* SPDX-License-Identifier: MIT */
#include "lib/fraud/lattice.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"
#include "lib/hash.h"

enum {
	LINE = 64,
	HALF = 2, /* cells of a line */
	CELLS = 2 * HALF,
	OTHERS = LATTICE_FIELDS - 1,
	ROWS = 4, /* of the sketch; a key has one counter of each, all in one line */
	COLUMNS = LINE / ROWS / sizeof(uint16_t),
	COUNT_MAX = UINT16_MAX,
};

/* Of `now` and `before` the first is of the slice that the cell was last touched in. */
struct cell {
	uint32_t tag;           /* 0: empty */
	uint32_t brief, length; /* slices */
	uint16_t velocity[2], volume[2], clicks[2];
	uint8_t distinct[2]
			[OTHERS]; /* of the fields that are not in the set, in order */
};

_Static_assert(sizeof(struct cell) * HALF == LINE, "a line holds two cells");

struct pair {
	struct cell cell[CELLS];
};

struct counters {
	uint16_t row[ROWS][COLUMNS];
};

struct lattice {
	struct lattice_rule rule;
	void *block;        /* owned */
	struct pair *pairs; /* in it, aligned */
	uint64_t count;
	struct dirty dirty;
	struct counters *sketch; /* owned: `width` for each of two long slices */
	uint64_t width;
	uint32_t sketch_slice; /* the newer of these */
	struct dirty sketch_dirty;
	struct lattice_totals totals;
};

struct slices {
	uint32_t brief, length;
};

uint64_t
lattice_memory_min(void)
{
	return 1 << 14;
}

/* An eighth is the sketch's. */
struct lattice *
lattice_new(struct lattice_rule rule, uint64_t memory_bytes)
{
	struct lattice *l;
	size_t cells, sketch, over;

	assert(rule.brief.us >= WHEN_SECOND && rule.length.us >= rule.brief.us);
	if (memory_bytes < lattice_memory_min())
		return NULL;
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return NULL;
	l->rule = rule;
	l->width = memory_bytes / 8 / (2 * sizeof *l->sketch);
	l->count = memory_bytes / 8 * 7 / (sizeof *l->pairs + 1) - 1;
	cells = l->count * sizeof *l->pairs;
	sketch = 2 * l->width * sizeof *l->sketch;
	l->block = calloc(l->count + 1, sizeof *l->pairs);
	l->sketch = calloc(2 * l->width, sizeof *l->sketch);
	if (l->block == NULL || l->sketch == NULL ||
	    dirty_init(&l->dirty, cells) != 0 ||
	    dirty_init(&l->sketch_dirty, sketch) != 0) {
		lattice_free(l);
		return NULL;
	}
	memory_prefer_huge(l->block, cells + sizeof *l->pairs);
	over = (uintptr_t)l->block % sizeof *l->pairs;
	l->pairs = (struct pair *)(void *)((uint8_t *)l->block +
	    (over == 0 ? 0 : sizeof *l->pairs - over));
	return l;
}

void
lattice_free(struct lattice *l)
{
	if (l == NULL)
		return;
	dirty_fini(&l->dirty);
	dirty_fini(&l->sketch_dirty);
	free(l->block);
	free(l->sketch);
	free(l);
}

/* --- Places ------------------------------------------------------------------------ */

/* The hash of each set of the fields that are there. */
static void
hash_sets(const struct lattice_point *p, uint64_t to[LATTICE_SETS])
{
	to[0] = 0;
	for (unsigned set = 1; set < LATTICE_SETS; set++)
		to[set] = to[set & (set - 1)] ^ p->hash[__builtin_ctz(set)];
}

static inline bool
is_there(const struct lattice_point *p, unsigned set)
{
	return (set & ~p->present) == 0;
}

static inline uint32_t
tag_of(uint64_t hash)
{
	return (uint32_t)hash == 0 ? 1 : (uint32_t)hash;
}

static inline uint64_t
pair_of(const struct lattice *l, uint64_t hash)
{
	return hash_bucket(hash, l->count);
}

/* The i-th place to look at: those of its own line come first. */
static inline unsigned
place(uint64_t hash, unsigned i)
{
	return i ^ (unsigned)(hash >> 30 & HALF);
}

static uint32_t
slice_of_time(struct span length, instant when)
{
	return (uint32_t)(when / length.us - (when % length.us < 0));
}

static struct slices
slices_of(const struct lattice *l, instant when)
{
	return (struct slices){ slice_of_time(l->rule.brief, when),
		slice_of_time(l->rule.length, when) };
}

/* The cell; NULL: there is none. A line is filled before its neighbour is, and nothing is
 * ever emptied, so that an empty place ends the search. */
static inline struct cell *
find(const struct lattice *l, uint64_t hash)
{
	struct pair *pair = &l->pairs[pair_of(l, hash)];
	uint32_t tag = tag_of(hash);

	for (unsigned i = 0; i < CELLS; i++) {
		struct cell *c = &pair->cell[place(hash, i)];

		if (c->tag == tag)
			return c;
		if (c->tag == 0)
			return NULL;
	}
	return NULL;
}

void
lattice_prefetch(const struct lattice *l, const struct lattice_point *p)
{
	uint64_t hash[LATTICE_SETS];

	hash_sets(p, hash);
	for (unsigned set = 1; set < LATTICE_SETS; set++)
		if (is_there(p, set))
			__builtin_prefetch(
			    &l->pairs[pair_of(l, hash[set])].cell[place(hash[set], 0)],
			    1);
}

/* --- Slices ------------------------------------------------------------------------ */

static inline uint16_t
more(uint16_t count, uint32_t by)
{
	return by > COUNT_MAX - (uint32_t)count ? COUNT_MAX : (uint16_t)(count + by);
}

/* What a pair of counts is when the newest slice is `ahead` of the one it is of. */
static inline uint32_t
within(const uint16_t count[2], int32_t ahead)
{
	return ahead <= 0 ? (uint32_t)count[0] + count[1] : ahead == 1 ? count[0] : 0;
}

static void
turn(uint16_t count[2], int32_t ahead)
{
	count[1] = ahead == 1 ? count[0] : 0;
	count[0] = 0;
}

/* The slices of the event become the cell's, where they are later. */
static inline void
advance(struct cell *c, struct slices now)
{
	int32_t brief = (int32_t)(now.brief - c->brief);
	int32_t length = (int32_t)(now.length - c->length);

	if (brief > 0) {
		turn(c->velocity, brief);
		c->brief = now.brief;
	}
	if (length > 0) {
		turn(c->volume, length);
		turn(c->clicks, length);
		memcpy(c->distinct[1], c->distinct[0], OTHERS);
		if (length > 1)
			memset(c->distinct[1], 0, OTHERS);
		memset(c->distinct[0], 0, OTHERS);
		c->length = now.length;
	}
}

/* --- What goes --------------------------------------------------------------------- */

static struct counters *
counters_of(const struct lattice *l, uint32_t slice, uint64_t key)
{
	return &l->sketch[(slice & 1) * l->width + hash_bucket(key, l->width)];
}

static inline unsigned
column(uint64_t key, unsigned row)
{
	return (unsigned)(key >> 3 * row) % COLUMNS;
}

/* What is older than the slice before is forgotten. */
static void
turn_sketch(struct lattice *l, uint32_t slice)
{
	int32_t ahead = (int32_t)(slice - l->sketch_slice);

	if (ahead <= 0)
		return;
	for (uint32_t s = ahead > 1 ? slice - 1 : slice; s != slice + 1; s++)
		memset(&l->sketch[(s & 1) * l->width], 0, l->width * sizeof *l->sketch);
	dirty_mark_all(&l->sketch_dirty);
	l->sketch_slice = slice;
}

/* What a key that has no cell had in that slice, or more. */
static uint16_t
estimate(const struct lattice *l, uint32_t slice, uint64_t key)
{
	const struct counters *c = counters_of(l, slice, key);
	uint16_t least = COUNT_MAX;

	if (l->sketch_slice - slice > 1)
		return 0;
	for (unsigned row = 0; row < ROWS; row++)
		if (c->row[row][column(key, row)] < least)
			least = c->row[row][column(key, row)];
	return least;
}

static void
leave(struct lattice *l, uint64_t key, const struct cell *cell, uint32_t slice)
{
	uint32_t mass = within(cell->volume, (int32_t)(slice - cell->length));
	struct counters *c = counters_of(l, slice, key);

	if (mass == 0)
		return;
	l->totals.evicted++;
	l->totals.mass += mass;
	if (cell->length != slice || l->sketch_slice - slice > 1)
		return;
	for (unsigned row = 0; row < ROWS; row++) {
		uint16_t *at = &c->row[row][column(key, row)];

		*at = more(*at, cell->volume[0]);
	}
	dirty_mark(
	    &l->sketch_dirty, (size_t)((uint8_t *)c - (uint8_t *)l->sketch), sizeof *c);
}

/* What identifies a cell beside its tag: its pair. */
static uint64_t
sketch_key(const struct lattice *l, uint64_t hash, uint32_t tag)
{
	return hash_pair(pair_of(l, hash), tag);
}

/* A cell for a key that has none. */
static struct cell *
take(struct lattice *l, uint64_t hash, struct slices now)
{
	struct pair *pair = &l->pairs[pair_of(l, hash)];
	struct cell *best = NULL;
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < CELLS; i++) {
		struct cell *c = &pair->cell[place(hash, i)];
		uint64_t worth;

		if (c->tag == 0) {
			l->totals.cells++;
			best = c;
			break;
		}
		worth = (uint64_t)within(c->volume, (int32_t)(now.length - c->length))
			<< 32 |
		    c->brief;
		if (worth < least) {
			least = worth;
			best = c;
		}
	}
	if (best->tag != 0)
		leave(l, sketch_key(l, hash, best->tag), best, now.length);
	*best = (struct cell){ .tag = tag_of(hash),
		.brief = now.brief,
		.length = now.length,
		.volume = {
		    estimate(l, now.length, sketch_key(l, hash, tag_of(hash))), 0 } };
	return best;
}

/* --- Counting ---------------------------------------------------------------------- */

/* Where a field that is not in the set has its count. */
static inline unsigned
rank(unsigned set, unsigned field)
{
	return (unsigned)__builtin_popcount(~set & ((1U << field) - 1));
}

static inline void
tell(const struct cell *c, unsigned set, struct slices now, struct lattice_counts *to)
{
	int32_t length = (int32_t)(now.length - c->length);
	unsigned i = 0;

	to->velocity = within(c->velocity, (int32_t)(now.brief - c->brief));
	to->volume = within(c->volume, length);
	to->clicks = within(c->clicks, length);
	for (unsigned field = 0; field < LATTICE_FIELDS; field++) {
		uint8_t first, second;

		to->distinct[field] = 0;
		if ((set >> field & 1) != 0)
			continue;
		first = length <= 1 ? c->distinct[0][i] : 0;
		second = length <= 0 ? c->distinct[1][i] : 0;
		to->distinct[field] = first > second ? first : second;
		i++;
	}
}

/* In the slice of the event, which is the cell's or the one before; false: it is older. */
static inline bool
count(struct cell *c, struct slices now, bool click)
{
	uint32_t brief = c->brief - now.brief, length = c->length - now.length;

	if (brief <= 1)
		c->velocity[brief] = more(c->velocity[brief], 1);
	if (length > 1)
		return false;
	c->volume[length] = more(c->volume[length], 1);
	c->clicks[length] = more(c->clicks[length], click);
	return true;
}

/* The sets in `fresh` are new in their slice: to those without one field of it, they are
 * another value of that field. */
static void
spread(struct cell *const cell[LATTICE_SETS], const uint64_t hash[LATTICE_SETS],
    uint32_t fresh, uint32_t slice)
{
	for (; fresh != 0; fresh &= fresh - 1) {
		unsigned set = (unsigned)__builtin_ctz(fresh);

		for (unsigned rest = set; rest != 0; rest &= rest - 1) {
			unsigned field = (unsigned)__builtin_ctz(rest);
			unsigned below = set & ~(1U << field);
			struct cell *c = cell[below];
			uint8_t *distinct;

			/* The memory may have been too small for both. */
			if (below == 0 || c->tag != tag_of(hash[below]) ||
			    c->length != slice)
				continue;
			distinct = &c->distinct[0][rank(below, field)];
			*distinct = (uint8_t)(*distinct + (*distinct < UINT8_MAX));
		}
	}
}

void
lattice_add(struct lattice *l, const struct lattice_point *p, instant when, bool click,
    struct lattice_counts to[LATTICE_SETS])
{
	uint64_t hash[LATTICE_SETS];
	struct cell *cell[LATTICE_SETS];
	struct slices now = slices_of(l, when);
	uint32_t fresh = 0;
	bool held = true;

	turn_sketch(l, now.length);
	hash_sets(p, hash);
	for (unsigned set = 1; set < LATTICE_SETS; set++) {
		struct cell *c;

		if (!is_there(p, set))
			continue;
		c = find(l, hash[set]);
		if (c == NULL || (int32_t)(now.length - c->length) > 0)
			fresh |= 1U << set;
		if (c == NULL)
			c = take(l, hash[set], now);
		advance(c, now);
		held &= count(c, now, click);
		dirty_mark(
		    &l->dirty, (size_t)((uint8_t *)c - (uint8_t *)l->pairs), sizeof *c);
		cell[set] = c;
	}
	l->totals.late += !held;
	spread(cell, hash, fresh, now.length);
	for (unsigned set = 1; set < LATTICE_SETS; set++)
		if (is_there(p, set))
			tell(cell[set], set, now, &to[set]);
}

void
lattice_read(const struct lattice *l, const struct lattice_point *p, instant when,
    struct lattice_counts to[LATTICE_SETS])
{
	static const struct cell none;
	uint64_t hash[LATTICE_SETS];
	struct slices now = slices_of(l, when);

	hash_sets(p, hash);
	for (unsigned set = 1; set < LATTICE_SETS; set++)
		if (is_there(p, set)) {
			const struct cell *c = find(l, hash[set]);

			tell(c == NULL ? &none : c, set, now, &to[set]);
		}
}

struct lattice_totals
lattice_totals(const struct lattice *l)
{
	return l->totals;
}

/* --- Snapshots --------------------------------------------------------------------- */

void
lattice_save(struct lattice *l, struct state_writer *to)
{
	state_put_block(to, slice_of(l->pairs, l->count * sizeof *l->pairs), &l->dirty);
	state_put_block(to, slice_of(l->sketch, 2 * l->width * sizeof *l->sketch),
	    &l->sketch_dirty);
	state_put_u64(to, l->sketch_slice);
	state_put(to, &l->totals, sizeof l->totals);
}

int
lattice_load(struct lattice *l, struct state_reader *from, struct error *error)
{
	uint64_t slice;

	if (state_get_block(
		from, l->pairs, l->count * sizeof *l->pairs, &l->dirty, error) != 0 ||
	    state_get_block(from, l->sketch, 2 * l->width * sizeof *l->sketch,
		&l->sketch_dirty, error) != 0)
		return -1;
	if (state_get_u64(from, &slice) != 0 ||
	    state_get(from, &l->totals, sizeof l->totals) != 0)
		return error_set(error, "the snapshot is too short");
	l->sketch_slice = (uint32_t)slice;
	return 0;
}
