/* SPDX-License-Identifier: MIT
 *
 * cells: a bounded map from 64-bit feature keys to cells of a fixed size, without
 * collisions: two features never share a cell. What is in a cell is the owner's.
 *
 * Open addressing: a key lives in one of the lines of a window from the one that its hash
 * names on, in the first place that was free when it came. A line holds six keys and when
 * they were last touched, in 64 bytes; the cells lie apart, so that a search costs one
 * cache miss, seldom more, and what it finds another. The map starts small and doubles
 * when it is two thirds full or a window is; when it can grow no more and a window is full, a
 * newcomer replaces the cell that was touched longest ago; among those about equally stale
 * (ages of the same power of two) the one that is worth least to the owner. A place, once
 * taken, is not free again while the map does not grow, so a search stops at a free one.
 *
 * Other processes may read the map while it is written (lib/model/region.h): a key is stored
 * after its cell, and while a cell changes hands its key is CELLS_CHANGING.
 */
#ifndef BANNERPIPE_MODEL_CELLS_H
#define BANNERPIPE_MODEL_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/hash.h"
#include "lib/model/region.h"
#include "lib/state.h"

enum {
	CELLS_LINE = 6,   /* keys of a line */
	CELLS_WINDOW = 8, /* lines of a window */
	CELLS_NEAR = 3,   /* of them, those in which a newcomer may replace another */
	CELLS_BYTES_MIN = 65536,  /* the least budget */
	CELLS_TICK = 256,         /* updates that count as the same time */
	CELLS_SIZE_MAX = 1 << 13, /* bytes of a cell */
};

/* A place is a line times eight, and which of its keys. */
#define CELLS_NONE UINT64_MAX
#define CELLS_CHANGING UINT64_C(1)

struct cells_line {
	uint64_t key[CELLS_LINE];     /* 0: free */
	uint16_t touched[CELLS_LINE]; /* ticks since cells.base, from 1 */
	uint16_t unused[2];
};

_Static_assert(sizeof(struct cells_line) == 64, "a line is a cache line");

/* What the owner says of its cells. */
struct cells_kind {
	unsigned size; /* of a cell, a multiple of 16 */
	/* The least one goes first. */
	float (*worth)(const struct cells_kind *kind, const void *cell);
	/* Of one that comes from a file. */
	bool (*is_sound)(const struct cells_kind *kind, const void *cell);
};

struct cells {
	const struct cells_kind *kind; /* borrowed */
	uint64_t size;                 /* kind->size */
	bool whole_grains;             /* no cell lies in two grains of dirty_cells */
	const struct os *os;
	const char *path;  /* borrowed; of the region, or NULL */
	uint64_t showing;  /* as in cells_beside */
	struct slice text; /* borrowed; what the region is of */
	struct region region;
	struct cells_line *lines; /* in the region, line_count of them */
	uint8_t *at;              /* in the region, CELLS_LINE cells a line */
	uint64_t line_count;      /* homes, and CELLS_WINDOW - 1 more */
	uint64_t homes;           /* lines that a hash can name */
	uint64_t homes_max;       /* that the budget allows */
	uint64_t used, evicted, budget;
	uint64_t base; /* the tick that touched counts from */
	bool cramped;  /* a key found its window full, and there is room to grow */
	uint64_t
	    loaded; /* homes in the snapshot that it comes from; others: placed afresh */
	struct dirty dirty_lines, dirty_cells;
	bool
	    marks; /* somebody asks what changes: from the first snapshot on that tracks */
	struct dirty changed; /* a grain for each place; without bits: nobody asked */
};

/* A map within `bytes` of memory (at least CELLS_BYTES_MIN), also while it grows. With a path
 * others can read it (region_show; `text` says what it is of, and lives as long as the map).
 * 0, or -1 and error. */
int cells_init(struct cells *c, const struct cells_kind *kind, uint64_t bytes,
    const struct os *os, const char *path, struct slice text, struct error *error);
/* One that another process writes, for the functions that do not change it. */
int cells_open(struct cells *c, const struct cells_kind *kind, const struct os *os,
    const char *path, bool *missing, struct error *error);
/* Put a map that nobody else reads beside `path`, where cells_show puts it for others to read.
 * `old`, or NULL, is what they read there so far: it stays with its owner and is marked as
 * given up. Maps that are read together have the same `showing`, which is another one than
 * that of what was shown before; those that grow keep it. Cost: a copy, and a rename. -1 and
 * error; then it may have happened or not. */
int cells_beside(struct cells *c, const char *path, const struct cells *old,
    uint64_t showing, struct error *error);
int cells_show(struct cells *c, struct cells *old, struct error *error);
void cells_fini(struct cells *c);

/* Before n keys may come: grow if need be. All cells move then. Without memory to grow the
 * map stays as it is. `now` is the number of the update, from 1, and never falls. Cost: a
 * comparison, seldom a walk through all. */
void cells_reserve(struct cells *c, uint64_t n, uint64_t now);

/* A key as it is stored. 0 and 1 mean something else there. */
static inline uint64_t
cells_key(uint64_t key)
{
	return key <= CELLS_CHANGING ? ~key : key;
}

/* Keys are hashes already: Fibonacci's spreads what is left of an order. */
static inline uint64_t
cells_spread(uint64_t key)
{
	return cells_key(key) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Where the key's window begins, and a hint to the processor to fetch it. */
static inline uint64_t
cells_home(const struct cells *c, uint64_t key)
{
	uint64_t home = hash_bucket(cells_spread(key), c->homes);

	__builtin_prefetch(&c->lines[home], 1);
	return home;
}

/* The place of the key, CELLS_NONE when it is not known. Cost: one cache miss, seldom more. */
uint64_t cells_find_further(const struct cells *c, uint64_t line, uint64_t key);

static inline uint64_t
cells_find(const struct cells *c, uint64_t home, uint64_t key)
{
	const uint64_t *keys = c->lines[home].key;
	uint64_t k;

	key = cells_key(key);
	/* Most are among the first; a loop is twice as long. */
#define CELLS_LOOK(i)                                                                  \
	k = __atomic_load_n(&keys[i], __ATOMIC_ACQUIRE);                               \
	if (k == key)                                                                  \
		return home << 3 | i;                                                  \
	if (k == 0)                                                                    \
	return CELLS_NONE
	CELLS_LOOK(0);
	CELLS_LOOK(1);
	CELLS_LOOK(2);
	CELLS_LOOK(3);
	CELLS_LOOK(4);
	CELLS_LOOK(5);
#undef CELLS_LOOK
	return cells_find_further(c, home, key);
}

static inline uint64_t
cells_key_at(const struct cells *c, uint64_t place)
{
	return (place & 7) < CELLS_LINE
	    ? __atomic_load_n(&c->lines[place >> 3].key[place & 7], __ATOMIC_ACQUIRE)
	    : 0;
}

/* The key of a cell of the map. */
static inline uint64_t
cells_key_of(const struct cells *c, const void *cell)
{
	uint64_t i = (uint64_t)((const uint8_t *)cell - c->at) / c->size;

	return cells_key_at(c, (i / CELLS_LINE) << 3 | i % CELLS_LINE);
}

/* One more than the greatest place. */
static inline uint64_t
cells_places(const struct cells *c)
{
	return c->line_count << 3;
}

static inline uint64_t
cells_offset(const struct cells *c, uint64_t place)
{
	return ((place >> 3) * CELLS_LINE + (place & 7)) * c->size;
}

static inline void *
cells_at(const struct cells *c, uint64_t place)
{
	return c->at + cells_offset(c, place);
}

/* The cell changes. */
static inline void
cells_mark(struct cells *c, uint64_t place)
{
	uint64_t offset = cells_offset(c, place);

	if (__builtin_expect(!c->marks, 1))
		return;
	if (c->whole_grains)
		dirty_mark_grain(&c->dirty_cells, offset / DIRTY_GRAIN);
	else
		dirty_mark(&c->dirty_cells, offset, c->size);
	if (__builtin_expect(c->changed.bits != NULL, 0))
		dirty_mark_grain(&c->changed, place);
}

/* The update of this number changes the cell. */
static inline void
cells_touch(struct cells *c, uint64_t place, uint64_t now)
{
	struct cells_line *line = &c->lines[place >> 3];
	uint64_t tick = now / CELLS_TICK - c->base + 1;

	if (line->touched[place & 7] != tick) {
		line->touched[place & 7] = (uint16_t)tick;
		dirty_mark_grain(&c->dirty_lines, (place >> 3) / 4);
	}
	cells_mark(c, place);
}

/* The place of the key, where an unknown one gets a cell of zeros, if need be that of
 * another key. CELLS_NONE when there is none: the map is about to grow (the key will find a
 * place then), or all others were touched at about `now`. The caller touches what it is
 * given. */
uint64_t cells_take(struct cells *c, uint64_t home, uint64_t key, uint64_t now);

/* From now on c->changed has a mark for each place that changes, also while the map grows;
 * at first for each that is taken. -1 and error when there is no memory. */
int cells_track(struct cells *c, struct error *error);

/* --- Copies, to the place: lib/modeltool/open.h, text.h and delta.h ----------------------- */

/* The budget of a map that can have so many homes. UINT64_MAX: too many. */
uint64_t cells_budget(const struct cells_kind *kind, uint64_t homes);
/* Give an empty map so many homes, as far as its budget allows; -1 and error when there is
 * no memory. */
int cells_resize(struct cells *c, uint64_t homes, struct error *error);
/* An empty map of so many homes in place of this one, which others go on to see, until
 * cells_renewed shows the new one to them and frees `old`. -1 and error; c is as it was. */
int cells_renew(
    struct cells *c, struct cells *old, uint64_t homes, struct error *error);
int cells_renewed(struct cells *c, struct cells *old, struct error *error);
/* Put a key there, whatever is there. False, and nothing changes, when it cannot be there in
 * a map whose last update has the number `last`. */
bool cells_put(struct cells *c, uint64_t place, uint64_t touched, uint64_t key,
    const void *cell, uint64_t last);
/* Let all touches count from this tick on, which is not before c->base. */
void cells_rebase(struct cells *c, uint64_t base);

/* All of a map of the same kind and budget into an empty one that nobody else reads, with what
 * the owner keeps in the head: it goes on as that one would. -1 and error. */
int cells_copy(struct cells *to, const struct cells *from, struct error *error);

/* Call with every key and cell, in the order of their places. */
void cells_walk(const struct cells *c,
    void (*each)(void *context, uint64_t key, const void *cell), void *context);

/* All of them, into a snapshot and back. Every key gets its old place where the budget allows
 * as many cells as were saved; otherwise the keys are taken in again, and evict each other
 * when the map is full. A saver's snapshot has the cells as they lie, and goes back into as
 * many only. `last` is the number of the last update. -1 when the body is damaged. */
void cells_save(struct cells *c, struct state_writer *to);
/* The same without the places, and when each was touched: those of which `is_empty` is false, in
 * an order that the keys alone decide. */
void cells_save_sorted(const struct cells *c,
    bool (*is_empty)(const void *cell, unsigned size), struct state_writer *to);
int cells_load(
    struct cells *c, struct state_reader *from, uint64_t last, struct error *error);

#endif
