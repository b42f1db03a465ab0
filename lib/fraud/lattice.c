/* SPDX-License-Identifier: MIT */
#include "lib/fraud/lattice.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"
#include "lib/hash.h"

enum {
	LINE = 64,
	CELLS = 2, /* of a line */
	BLOCK = 4, /* lines of what goes together */
	REFUGES = 2,
	OTHERS = LATTICE_FIELDS - 1,
	ROWS = 4, /* of the sketch; a key has one counter of each, all in one line */
	COLUMNS = LINE / ROWS / sizeof(uint16_t),
	COUNT_MAX = UINT16_MAX,
};

_Static_assert(sizeof(struct lattice_cell) * CELLS == LINE, "a line holds two cells");

struct block {
	struct lattice_cell cell[BLOCK * CELLS];
};

struct counters {
	uint16_t row[ROWS][COLUMNS];
};

/* Where a set is: in the block of its leader, which is a set of one field, or two with the
 * banner; and in which of its lines. */
struct spot {
	uint8_t leader, line;
	uint8_t mask; /* of the leader's hash: bits of the line that it chooses */
};

struct lattice {
	struct spot spot[LATTICE_SETS];
	struct lattice_rule rule;
	void *memory;         /* owned */
	struct block *blocks; /* in it, aligned */
	uint64_t count;
	struct dirty dirty;
	struct counters *sketch; /* owned: `width` for each of two long slices */
	uint64_t width;
	uint32_t sketch_slice; /* the newer of these */
	struct dirty sketch_dirty;
	struct lattice_totals totals;
	struct lattice_cell none; /* what a set has that has no cell: nothing */
};

#define ALL_SETS (UINT32_MAX - 1) /* but the empty one */

/* Where a field has its count in a set that it is not in. */
static const uint8_t rank[LATTICE_SETS][LATTICE_FIELDS] = {
#define RANK(s)                                                                        \
	{                                                                              \
		0, !((s)&1), !((s)&1) + !((s)&2), !((s)&1) + !((s)&2) + !((s)&4),      \
		    !((s)&1) + !((s)&2) + !((s)&4) + !((s)&8)                          \
	}
#define RANKS(s) RANK(s), RANK(s + 1), RANK(s + 2), RANK(s + 3)
	RANKS(0), RANKS(4), RANKS(8), RANKS(12), RANKS(16), RANKS(20), RANKS(24),
	RANKS(28)
#undef RANKS
#undef RANK
};

/* The first of these that a set has leads it; others have too many things with them, and
 * what has neither is by itself. */
static const uint8_t leaders[] = { LATTICE_USER, LATTICE_ADDRESS };

static struct spot
spot_of(unsigned set)
{
	const unsigned banner = 1U << LATTICE_BANNER;
	unsigned rest = set & ~banner, i = 0, line;

	while (i < sizeof leaders && (rest >> leaders[i] & 1) == 0)
		i++;
	if (i == sizeof leaders)
		return (struct spot){ .leader = (uint8_t)set, .mask = BLOCK - 1 };
	/* Sets that differ by the system only share a line. */
	line = rest >> LATTICE_DEVICE & 1;
	if (i == 0)
		line = line << 1 | (rest >> LATTICE_ADDRESS & 1);
	return (struct spot){
		.leader = (uint8_t)((set & banner) | 1U << leaders[i]),
		.line = (uint8_t)line,
		.mask = i == 0 ? 0 : BLOCK - 2,
	};
}

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
	assert(rule.length.us / rule.brief.us <= LATTICE_RATIO_MAX);
	if (memory_bytes < lattice_memory_min())
		return NULL;
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return NULL;
	l->rule = rule;
	for (unsigned set = 1; set < LATTICE_SETS; set++)
		l->spot[set] = spot_of(set);
	l->width = memory_bytes / 8 / (2 * sizeof *l->sketch);
	l->count = memory_bytes / 8 * 7 / (sizeof *l->blocks + 1) - 1;
	cells = l->count * sizeof *l->blocks;
	sketch = 2 * l->width * sizeof *l->sketch;
	l->memory = calloc(l->count + 1, sizeof *l->blocks);
	l->sketch = calloc(2 * l->width, sizeof *l->sketch);
	if (l->memory == NULL || l->sketch == NULL ||
	    dirty_init(&l->dirty, cells) != 0 ||
	    dirty_init(&l->sketch_dirty, sketch) != 0) {
		lattice_free(l);
		return NULL;
	}
	memory_prefer_huge(l->memory, cells + sizeof *l->blocks);
	over = (uintptr_t)l->memory % sizeof *l->blocks;
	l->blocks = (struct block *)(void *)((uint8_t *)l->memory +
	    (over == 0 ? 0 : sizeof *l->blocks - over));
	return l;
}

void
lattice_free(struct lattice *l)
{
	if (l == NULL)
		return;
	dirty_fini(&l->dirty);
	dirty_fini(&l->sketch_dirty);
	free(l->memory);
	free(l->sketch);
	free(l);
}

/* --- Places ------------------------------------------------------------------------ */

static inline bool
is_there(const struct lattice_view *v, unsigned set)
{
	return (set & ~v->present) == 0;
}

static inline uint32_t
tag_of(uint64_t hash)
{
	return (uint32_t)hash == 0 ? 1 : (uint32_t)hash;
}

static inline struct lattice_cell *
line_at(const struct lattice *l, uint64_t hash, unsigned line)
{
	return &l->blocks[hash_bucket(hash, l->count)].cell[line * CELLS];
}

static inline struct lattice_cell *
home_of(const struct lattice *l, const struct lattice_view *v, unsigned set)
{
	struct spot spot = l->spot[set];
	uint64_t leader = v->hash[spot.leader];

	return line_at(l, leader, spot.line | ((unsigned)leader & spot.mask));
}

/* The i-th line of its own that a set has, where its home is full. */
static inline struct lattice_cell *
refuge_of(const struct lattice *l, uint64_t hash, unsigned i)
{
	uint64_t at = hash_mix(hash + i);

	return line_at(l, at, (unsigned)at % BLOCK);
}

/* The cell; NULL: there is none. One line is filled before the next is, and nothing is ever
 * emptied, so that an empty place ends the search. */
static struct lattice_cell *
find_away(const struct lattice *l, uint64_t hash, uint32_t tag)
{
	for (unsigned i = 0; i < REFUGES; i++) {
		struct lattice_cell *line = refuge_of(l, hash, i);

		for (unsigned k = 0; k < CELLS; k++)
			if (line[k].tag == tag)
				return &line[k];
		if (line[CELLS - 1].tag == 0)
			break;
	}
	return NULL;
}

static inline struct lattice_cell *
find(const struct lattice *l, struct lattice_cell *home, uint64_t hash)
{
	uint32_t tag = tag_of(hash);

	if (__builtin_expect(home[0].tag == tag, 1))
		return home;
	if (home[1].tag == tag)
		return home + 1;
	return home[1].tag == 0 ? NULL : find_away(l, hash, tag);
}

void
lattice_open(const struct lattice *l, const struct lattice_point *p, uint32_t sets,
    struct lattice_view *to)
{
	to->present = (unsigned)p->present;
	to->hash[0] = 0;
	for (unsigned i = 0; i < LATTICE_FIELDS; i++)
		for (unsigned set = 0; set < 1U << i; set++)
			to->hash[set | 1U << i] = to->hash[set] ^ p->hash[i];
	for (sets &= ALL_SETS; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);

		to->home[set] = home_of(l, to, set);
		if (is_there(to, set))
			__builtin_prefetch(to->home[set], 1);
	}
}

/* --- Slices ------------------------------------------------------------------------ */

static uint32_t
slice_of_time(struct span length, instant when)
{
	return (uint32_t)(when / length.us - (when % length.us < 0));
}

static void
set_time(const struct lattice *l, instant when, struct lattice_view *v)
{
	v->brief = (uint16_t)slice_of_time(l->rule.brief, when);
	v->length = slice_of_time(l->rule.length, when);
}

static inline uint16_t
one_more(uint16_t count)
{
	return (uint16_t)(count + (count < COUNT_MAX));
}

static inline uint16_t
more(uint16_t count, uint32_t by)
{
	return by > COUNT_MAX - (uint32_t)count ? COUNT_MAX : (uint16_t)(count + by);
}

static void
turn(uint16_t count[2], int32_t ahead)
{
	count[1] = ahead == 1 ? count[0] : 0;
	count[0] = 0;
}

/* The slices of the view become the cell's, where they are later. */
static void
advance(struct lattice_cell *c, const struct lattice_view *v)
{
	int32_t brief = (int16_t)(uint16_t)(v->brief - c->brief);
	int32_t length = (int32_t)(v->length - c->length);

	if (brief > 0 || length > 1) {
		turn(c->velocity, length > 1 ? 2 : brief);
		c->brief = v->brief;
	}
	if (length > 0) {
		turn(c->volume, length);
		turn(c->clicks, length);
		memcpy(c->distinct[1], c->distinct[0], OTHERS);
		if (length > 1)
			memset(c->distinct[1], 0, OTHERS);
		memset(c->distinct[0], 0, OTHERS);
		c->length = v->length;
		c->began = 0;
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

/* What a cell counts goes into the sketch, and out of it comes what the new one begins
 * with. */
static struct lattice_cell
leave(struct lattice *l, uint64_t hash, const struct lattice_cell *cell, uint32_t slice)
{
	uint64_t key = hash_mix(cell->tag); /* that is all that is known of it */
	uint32_t mass = lattice_within(cell->volume, (int32_t)(slice - cell->length));
	struct counters *c = counters_of(l, slice, key);
	struct lattice_cell begun = { .tag = tag_of(hash) };
	uint32_t own = (uint32_t)cell->volume[0] - cell->began;

	begun.began = begun.volume[0] = estimate(l, slice, hash_mix(begun.tag));
	if (mass == 0)
		return begun;
	l->totals.evicted++;
	l->totals.mass += mass - (mass < cell->began ? mass : cell->began);
	if (cell->length != slice || l->sketch_slice - slice > 1)
		return begun;
	for (unsigned row = 0; row < ROWS; row++) {
		uint16_t *at = &c->row[row][column(key, row)];

		*at = more(*at, own);
	}
	dirty_mark(
	    &l->sketch_dirty, (size_t)((uint8_t *)c - (uint8_t *)l->sketch), sizeof *c);
	return begun;
}

/* Of home and refuges the place that is empty, or else worth least. */
static struct lattice_cell *
choose(const struct lattice *l, const struct lattice_view *v, unsigned set)
{
	struct lattice_cell *line = v->home[set], *best = NULL;
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i <= REFUGES; i++) {
		for (struct lattice_cell *c = line; c < line + CELLS; c++) {
			int32_t ahead = (int32_t)(v->length - c->length);
			uint64_t worth =
			    (uint64_t)lattice_within(c->volume, ahead) << 32 | c->brief;

			if (c->tag == 0)
				return c;
			if (worth < least) {
				least = worth;
				best = c;
			}
		}
		line = refuge_of(l, v->hash[set], i);
	}
	return best;
}

/* A cell for a set that has none. */
static struct lattice_cell *
take(struct lattice *l, const struct lattice_view *v, unsigned set)
{
	struct lattice_cell *c = choose(l, v, set);
	bool empty = c->tag == 0;

	l->totals.cells += empty;
	*c = empty ? (struct lattice_cell){ .tag = tag_of(v->hash[set]) }
		   : leave(l, v->hash[set], c, v->length);
	c->brief = v->brief;
	c->length = v->length;
	return c;
}

/* Those of `sets` that are not at home: bring in what a search, and then a take, needs,
 * so that misses of several sets overlap. */
static void
prefetch_absent(const struct lattice *l, const struct lattice_view *v, uint32_t sets)
{
	uint32_t full = 0;

	for (; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);
		uint64_t key = hash_mix(tag_of(v->hash[set]));

		if (v->home[set][0].tag == 0 || v->home[set][1].tag == 0)
			continue;
		full |= 1U << set;
		for (unsigned i = 0; i < REFUGES; i++)
			__builtin_prefetch(refuge_of(l, v->hash[set], i), 1);
		__builtin_prefetch(counters_of(l, v->length, key), 1);
	}
	for (; full != 0; full &= full - 1) {
		unsigned set = (unsigned)__builtin_ctz(full);
		uint64_t key = hash_mix(choose(l, v, set)->tag);

		__builtin_prefetch(counters_of(l, v->length, key), 1);
	}
}

/* The sets that are not where they are first looked for. */
static uint32_t
absent(const struct lattice_view *v)
{
	uint32_t sets = 0;

	for (unsigned set = 1; set < LATTICE_SETS; set++) {
		const struct lattice_cell *home = v->home[set];
		uint32_t tag = tag_of(v->hash[set]);

		if (is_there(v, set))
			sets |= (uint32_t)(home[0].tag != tag && home[1].tag != tag)
			    << set;
	}
	return sets;
}

/* --- Counting ---------------------------------------------------------------------- */

/* In the slice of the event, which is the cell's or the one before; false: it is older. */
static bool
count_late(struct lattice_cell *c, const struct lattice_view *v, bool click)
{
	uint16_t brief = (uint16_t)(c->brief - v->brief);
	uint32_t length = c->length - v->length;

	if (brief <= 1)
		c->velocity[brief] = one_more(c->velocity[brief]);
	if (length > 1)
		return false;
	c->volume[length] = one_more(c->volume[length]);
	if (click)
		c->clicks[length] = one_more(c->clicks[length]);
	return true;
}

static inline bool
count(struct lattice_cell *c, const struct lattice_view *v, bool click)
{
	if (__builtin_expect(c->brief != v->brief || c->length != v->length, 0)) {
		advance(c, v);
		return count_late(c, v, click);
	}
	c->velocity[0] = one_more(c->velocity[0]);
	c->volume[0] = one_more(c->volume[0]);
	if (click)
		c->clicks[0] = one_more(c->clicks[0]);
	return true;
}

/* The sets in `fresh` are new in their slice: to those without one field of it, they are
 * another value of that field. */
static void
spread(const struct lattice_view *v, uint32_t fresh)
{
	for (; fresh != 0; fresh &= fresh - 1) {
		unsigned set = (unsigned)__builtin_ctz(fresh);

		for (unsigned rest = set; rest != 0; rest &= rest - 1) {
			unsigned below = set ^ (rest & -rest);
			unsigned i = rank[below][__builtin_ctz(rest)];
			uint8_t *distinct = &v->cell[below]->distinct[0][i];

			*distinct = (uint8_t)(*distinct + (*distinct < UINT8_MAX));
		}
	}
}

/* Where the memory was too small for all sets of one event, a cell may have become that of
 * another set: who had it first has none. */
static void
disown(struct lattice *l, struct lattice_view *v)
{
	for (unsigned set = 1; set < LATTICE_SETS; set++)
		if (is_there(v, set) && v->cell[set]->tag != tag_of(v->hash[set]))
			v->cell[set] = &l->none;
}

void
lattice_add(struct lattice *l, instant when, bool click, struct lattice_view *v)
{
	uint64_t evicted = l->totals.evicted;
	uint32_t fresh = 0;
	bool held = true;

	set_time(l, when, v);
	turn_sketch(l, v->length);
	prefetch_absent(l, v, absent(v));
	v->cell[0] = &l->none;
	for (unsigned set = 1; set < LATTICE_SETS; set++) {
		struct lattice_cell *c;

		v->cell[set] = &l->none;
		if (!is_there(v, set))
			continue;
		c = find(l, v->home[set], v->hash[set]);
		if (c == NULL || (int32_t)(v->length - c->length) > 0)
			fresh |= 1U << set;
		if (c == NULL)
			c = take(l, v, set);
		held &= count(c, v, click);
		dirty_mark_grain(&l->dirty,
		    (size_t)((uint8_t *)c - (uint8_t *)l->blocks) >> DIRTY_GRAIN_BITS);
		v->cell[set] = c;
	}
	l->totals.late += !held;
	if (__builtin_expect(l->totals.evicted != evicted, 0))
		disown(l, v);
	if (held)
		spread(v, fresh);
	l->none = (struct lattice_cell){ .tag = 0 };
}

void
lattice_look(struct lattice *l, uint32_t sets, instant when, struct lattice_view *v)
{
	set_time(l, when, v);
	for (sets &= ALL_SETS; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);
		struct lattice_cell *c =
		    is_there(v, set) ? find(l, v->home[set], v->hash[set]) : NULL;

		v->cell[set] = c == NULL ? &l->none : c;
	}
}

uint32_t
lattice_distinct(const struct lattice_view *v, unsigned set, unsigned field)
{
	const struct lattice_cell *c = v->cell[set];
	int32_t ahead = (int32_t)(v->length - c->length);
	unsigned i = rank[set][field];
	uint8_t first = ahead <= 1 ? c->distinct[0][i] : 0;
	uint8_t second = ahead <= 0 ? c->distinct[1][i] : 0;

	return first > second ? first : second;
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
	state_put_block(
	    to, slice_of(l->blocks, l->count * sizeof *l->blocks), &l->dirty);
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
		from, l->blocks, l->count * sizeof *l->blocks, &l->dirty, error) != 0 ||
	    state_get_block(from, l->sketch, 2 * l->width * sizeof *l->sketch,
		&l->sketch_dirty, error) != 0)
		return -1;
	if (state_get_u64(from, &slice) != 0 ||
	    state_get(from, &l->totals, sizeof l->totals) != 0)
		return error_set(error, "the snapshot is too short");
	l->sketch_slice = (uint32_t)slice;
	return 0;
}
