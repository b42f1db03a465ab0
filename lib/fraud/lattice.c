/* SPDX-License-Identifier: MIT */
#include "lib/fraud/lattice.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/memory.h"
#include "lib/fraud/lattice_inside.h"

/* Where a field has its count in a set that it is not in: how many fields before it are not
 * in it, either. */
static const uint8_t rank[LATTICE_FIELDS][LATTICE_SETS] = {
#define RANK(f, s)                                                                     \
	((f) > 0 && !((s)&1)) + ((f) > 1 && !((s)&2)) + ((f) > 2 && !((s)&4)) +        \
	    ((f) > 3 && !((s)&8))
#define RANKS(f, s) RANK(f, s), RANK(f, s + 1), RANK(f, s + 2), RANK(f, s + 3)
#define RANKS_OF(f)                                                                    \
	{                                                                              \
		RANKS(f, 0), RANKS(f, 4), RANKS(f, 8), RANKS(f, 12), RANKS(f, 16),     \
		    RANKS(f, 20), RANKS(f, 24), RANKS(f, 28)                           \
	}
	RANKS_OF(0), RANKS_OF(1), RANKS_OF(2), RANKS_OF(3), RANKS_OF(4)
#undef RANKS_OF
#undef RANKS
#undef RANK
};

/* The sets, as bits, that a field is in. */
static const uint32_t sets_with[LATTICE_FIELDS] = { 0xAAAAAAAA, 0xCCCCCCCC, 0xF0F0F0F0,
	0xFF00FF00, 0xFFFF0000 };

enum {
	ADDRESS = 1 << LATTICE_ADDRESS,
	DEVICE = 1 << LATTICE_DEVICE,
	USER = 1 << LATTICE_USER,
	BANNER = 1 << LATTICE_BANNER,
};

/* A set is in the block of its leader: its user, or else its address, with the banner if it
 * has that; what has neither is by itself, others have too many things with them. */
static inline unsigned
leader_of(unsigned set)
{
	return (set & USER) != 0   ? set & (USER | BANNER)
	    : (set & ADDRESS) != 0 ? set & (ADDRESS | BANNER)
				   : set;
}

/* Which of its lines: sets that differ by the system only share one. Bits of the leader's
 * hash choose where the set does not. */
static inline unsigned
line_of(unsigned set, unsigned leader)
{
	unsigned device = (set & DEVICE) != 0, address = (set & ADDRESS) != 0;

	return (set & USER) != 0 ? device << 1 | address
	    : address != 0       ? device | (leader & (BLOCK - 2))
				 : leader & (BLOCK - 1);
}

/* Of the fields that are present all sets, as bits. */
static uint32_t
sets_of(unsigned present)
{
	uint32_t sets = 0;

	for (unsigned set = present; set != 0; set = (set - 1) & present)
		sets |= UINT32_C(1) << set;
	return sets;
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
	for (unsigned set = 1; set < LATTICE_SETS; set++) {
		l->sets_of[set] = sets_of(set);
		l->leaders |= UINT32_C(1) << leader_of(set);
	}
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

static inline struct lattice_cell *
find(const struct lattice *l, struct lattice_cell *home, uint64_t hash)
{
	uint32_t tag = tag_of(hash);

	if (__builtin_expect(home[0].tag == tag, 1))
		return home;
	if (home[1].tag == tag)
		return home + 1;
	return home[1].tag == 0 ? NULL : lattice_find_away(l, hash, tag);
}

void
lattice_open(const struct lattice *l, const struct lattice_point *p, uint32_t sets,
    struct lattice_view *to)
{
	struct block *block[LATTICE_SETS];

	to->present = (unsigned)p->present;
	to->sets = sets & l->sets_of[p->present];
	to->unfetched = to->sets;
	to->hash[0] = 0;
#pragma GCC unroll 31
	for (unsigned set = 1; set < LATTICE_SETS; set++) {
		unsigned last = (unsigned)(31 - __builtin_clz(set));

		to->hash[set] = to->hash[set ^ 1U << last] ^ p->hash[last];
		if (leader_of(set) == set)
			block[set] = &l->blocks[hash_bucket(to->hash[set], l->count)];
	}
#pragma GCC unroll 31
	for (unsigned set = 1; set < LATTICE_SETS; set++) {
		unsigned leader = leader_of(set);
		unsigned line = line_of(set, (unsigned)to->hash[leader]);

		to->home[set] = &block[leader]->cell[line * CELLS];
	}
	for (sets = to->sets; sets != 0; sets &= sets - 1)
		__builtin_prefetch(to->home[__builtin_ctz(sets)], 1);
	__asm__ volatile("" : : "r"(to)); /* else gcc 12 drops the loop */
}

void
lattice_fetch(const struct lattice *l, struct lattice_view *v)
{
	uint32_t full = 0;

	for (uint32_t sets = v->unfetched; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);
		const struct lattice_cell *home = v->home[set];
		uint32_t tag = tag_of(v->hash[set]);

		full |= (uint32_t)((home[0].tag != tag) & (home[1].tag != tag) &
			    (home[1].tag != 0))
		    << set;
	}
	v->unfetched = 0;
	lattice_prefetch_refuges(l, v, full);
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

/* Of those that the volume has, so that their rate stays right when it is full. */
static inline uint16_t
one_click_more(const struct lattice_cell *c, uint32_t slice)
{
	return (uint16_t)(c->clicks[slice] + (c->volume[slice] < COUNT_MAX));
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
		memcpy(c->distinct[1], c->distinct[0], LATTICE_OTHERS);
		if (length > 1)
			memset(c->distinct[1], 0, LATTICE_OTHERS);
		memset(c->distinct[0], 0, LATTICE_OTHERS);
		c->length = v->length;
		c->began = 0;
	}
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
	if (click)
		c->clicks[length] = one_click_more(c, length);
	c->volume[length] = one_more(c->volume[length]);
	return true;
}

/* And how many there are in the brief slices. */
static inline uint16_t
count(struct lattice_cell *c, bool click)
{
	c->velocity[0] = one_more(c->velocity[0]);
	if (click)
		c->clicks[0] = one_click_more(c, 0);
	c->volume[0] = one_more(c->volume[0]);
	return more(c->velocity[0], c->velocity[1]);
}

/* The sets in `fresh` are new in their slice: to those without one field of it, which has
 * another bit less in its number, they are another value of that field. */
static void
spread(const struct lattice_view *v, uint32_t fresh)
{
	for (unsigned field = 0; field < LATTICE_FIELDS; field++) {
		const uint8_t *at = rank[field];
		uint32_t below = (fresh & sets_with[field]) >> (1U << field) & v->sets;

		for (; below != 0; below &= below - 1) {
			unsigned set = (unsigned)__builtin_ctz(below);
			uint8_t *distinct = &v->cell[set]->distinct[0][at[set]];

			*distinct = (uint8_t)(*distinct + (*distinct < UINT8_MAX));
		}
	}
}

/* Those that are where they are first looked for: their cells; the others, as bits. */
static uint32_t
look_home(const struct lattice *l, struct lattice_view *v)
{
	uint32_t absent = 0, full = 0;

	for (uint32_t sets = v->sets; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);
		struct lattice_cell *home = v->home[set];
		uint32_t tag = tag_of(v->hash[set]);

		v->cell[set] = home[0].tag == tag ? home : home + 1;
		if (v->cell[set]->tag == tag)
			continue;
		absent |= UINT32_C(1) << set;
		full |= (uint32_t)(home[1].tag != 0) << set;
	}
	if (full != 0) {
		lattice_prefetch_refuges(l, v, full & v->unfetched);
		lattice_prefetch_counters(l, v, full);
	}
	return absent;
}

/* A cell of nothing for a set, at home if there is room, as most that are new find. */
static inline struct lattice_cell *
begin(struct lattice *l, const struct lattice_view *v, unsigned set)
{
	struct lattice_cell *home = v->home[set];
	struct lattice_cell *c = home[0].tag == 0 ? home : home + 1;

	if (c->tag != 0)
		return lattice_take(l, v, set);
	c->tag = tag_of(v->hash[set]);
	c->length = v->length;
	c->brief = v->brief;
	l->totals.cells++;
	return c;
}

/* Of a set that is not at home, or may not be there any more. */
static struct lattice_cell *
find_or_begin(
    struct lattice *l, const struct lattice_view *v, unsigned set, uint32_t *fresh)
{
	struct lattice_cell *c = find(l, v->home[set], v->hash[set]);

	if (c == NULL) {
		*fresh |= UINT32_C(1) << set;
		c = begin(l, v, set);
	}
	if (c < v->home[set] || c > v->home[set] + 1)
		lattice_mark(l, c);
	return c;
}

/* Where the memory was too small for all sets of one event, a cell may have become that of
 * another set: who had it first has none. */
static void
disown(struct lattice *l, struct lattice_view *v, uint16_t velocity[LATTICE_SETS])
{
	for (uint32_t sets = v->sets; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);

		if (v->cell[set]->tag == tag_of(v->hash[set]))
			continue;
		v->cell[set] = &l->none;
		velocity[set] = 0;
	}
}

/* The blocks that sets have their homes in. */
static void
mark_homes(struct lattice *l, const struct lattice_view *v)
{
	for (uint32_t sets = l->leaders & l->sets_of[v->present]; sets != 0;
	     sets &= sets - 1)
		lattice_mark(l, v->home[__builtin_ctz(sets)]);
}

void
lattice_add(struct lattice *l, instant when, bool click, struct lattice_view *v,
    uint16_t velocity[LATTICE_SETS])
{
	uint64_t replaced = l->replaced;
	uint32_t fresh = 0, absent;
	bool held = true;

	set_time(l, when, v);
	lattice_turn_sketch(l, v->length);
	absent = look_home(l, v);
	mark_homes(l, v);
	memset(velocity, 0, LATTICE_SETS * sizeof *velocity);
	for (uint32_t others = ~v->sets; others != 0; others &= others - 1)
		v->cell[__builtin_ctz(others)] = &l->none;
	for (uint32_t sets = v->sets; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);
		struct lattice_cell *c = v->cell[set];

		if ((absent >> set & 1) != 0 ||
		    __builtin_expect(l->replaced != replaced, 0))
			v->cell[set] = c = find_or_begin(l, v, set, &fresh);
		if (__builtin_expect(
			c->brief == v->brief && c->length == v->length, 1)) {
			velocity[set] = count(c, click);
			continue;
		}
		if ((int32_t)(v->length - c->length) > 0)
			fresh |= UINT32_C(1) << set;
		advance(c, v);
		held &= count_late(c, v, click);
		velocity[set] = lattice_velocity_of(c, v);
	}
	l->totals.late += !held;
	if (__builtin_expect(l->replaced != replaced, 0))
		disown(l, v, velocity);
	if (held)
		spread(v, fresh);
	l->none = (struct lattice_cell){ .tag = 0 };
}

void
lattice_look(struct lattice *l, uint32_t sets, instant when, struct lattice_view *v)
{
	set_time(l, when, v);
	for (sets &= v->sets; sets != 0; sets &= sets - 1) {
		unsigned set = (unsigned)__builtin_ctz(sets);
		struct lattice_cell *c = find(l, v->home[set], v->hash[set]);

		v->cell[set] = c == NULL ? &l->none : c;
	}
}

uint32_t
lattice_distinct(const struct lattice_view *v, unsigned set, unsigned field)
{
	const struct lattice_cell *c = v->cell[set];
	int32_t ahead = (int32_t)(v->length - c->length);
	unsigned i = rank[field][set];
	uint8_t first = ahead <= 1 ? c->distinct[0][i] : 0;
	uint8_t second = ahead <= 0 ? c->distinct[1][i] : 0;

	return first > second ? first : second;
}

unsigned
lattice_rank(unsigned set, unsigned field)
{
	return rank[field][set];
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
	l->sketched[0] = l->sketched[1] = true; /* for all that is known */
	return 0;
}
