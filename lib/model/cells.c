/* SPDX-License-Identifier: MIT */
#include "lib/model/cells.h"

#include <string.h>

#include "lib/base/assert.h"
#include "lib/state/block.h"

enum { HOMES_START = 1 << 11, LINE = 64, TICKS_MAX = UINT16_MAX, TICKS_HALF = 1 << 15 };

/* What is in the shape of a region. */
enum { SHAPE_SIZE, SHAPE_HOMES, SHAPE_SHOWING };

static uint64_t
bytes_of(const struct cells *c, uint64_t homes)
{
	uint64_t lines = homes + CELLS_WINDOW - 1;

	return lines * LINE + lines * CELLS_LINE * c->kind->size;
}

static void
lay_out(struct cells *c, uint64_t homes)
{
	c->homes = homes;
	c->line_count = homes + CELLS_WINDOW - 1;
	c->lines = (struct cells_line *)(void *)c->region.content;
	c->at = c->region.content + c->line_count * LINE;
}

/* Lines and cells, all free; what the owner keeps in the head comes along. */
static int
allocate(struct cells *c, uint64_t homes, const struct region *old, struct error *error)
{
	struct dirty lines, cells, changed = { 0 };
	struct region region;

	if (region_init(&region, c->os, c->path, old, bytes_of(c, homes), error) < 0)
		return -1;
	if (dirty_init(&lines, (homes + CELLS_WINDOW) * LINE) != 0) {
		region_fini(&region, c->os);
		return error_set(error, "no memory for the cells");
	}
	if (dirty_init(&cells, bytes_of(c, homes)) != 0) {
		dirty_fini(&lines);
		region_fini(&region, c->os);
		return error_set(error, "no memory for the cells");
	}
	if (c->changed.bits != NULL &&
	    dirty_init(&changed, ((homes + CELLS_WINDOW - 1) << 3) * DIRTY_GRAIN) !=
		0) {
		dirty_fini(&lines);
		dirty_fini(&cells);
		region_fini(&region, c->os);
		return error_set(error, "no memory for the cells");
	}
	if (old != NULL) {
		memcpy(region_owner(&region), region_owner(old),
		    REGION_HEAD - REGION_OWNER);
		region_set_version(&region, region_version(old));
	}
	c->region = region;
	c->dirty_lines = lines;
	c->dirty_cells = cells;
	c->changed = changed;
	c->used = 0;
	c->cramped = false;
	lay_out(c, homes);
	return 0;
}

static void
release(struct cells *c)
{
	dirty_fini(&c->dirty_lines);
	dirty_fini(&c->dirty_cells);
	dirty_fini(&c->changed);
	region_fini(&c->region, c->os);
}

static int
show(struct cells *c, const struct region *old, struct error *error)
{
	const uint64_t shape[8] = {
		[SHAPE_SIZE] = c->kind->size,
		[SHAPE_HOMES] = c->homes,
		[SHAPE_SHOWING] = c->showing,
	};

	return region_show(&c->region, c->os, c->path, old, shape, c->text, error);
}

static uint64_t
next_size(const struct cells *c)
{
	return 2 * c->homes >= c->homes_max / 5 * 4 ? c->homes_max : 2 * c->homes;
}

/* A map that cannot grow within its budget, what there is now beside it, is at its limit. */
static void
settle_limit(struct cells *c)
{
	if (bytes_of(c, next_size(c)) + bytes_of(c, c->homes) > c->budget)
		c->homes_max = c->homes;
}

int
cells_init(struct cells *c, const struct cells_kind *kind, uint64_t bytes,
    const struct os *os, const char *path, struct slice text, struct error *error)
{
	uint64_t homes;

	assert(kind->size % 16 == 0 && kind->size > 0 && kind->size <= CELLS_SIZE_MAX);
	*c = (struct cells){
		.kind = kind,
		.size = kind->size,
		.whole_grains = DIRTY_GRAIN % kind->size == 0,
		.os = os,
		.text = text,
		.budget = bytes,
	};
	if (bytes < CELLS_BYTES_MIN) {
		*c = (struct cells){ 0 };
		return error_set(
		    error, "the memory for the model must be at least 64K");
	}
	/* The last growth holds half beside the whole. */
	homes = bytes / 3 * 2 / (LINE + CELLS_LINE * kind->size);
	c->homes_max = homes > 2 * CELLS_WINDOW ? homes - 2 * CELLS_WINDOW : 1;
	for (homes = c->homes_max; homes > HOMES_START; homes /= 2)
		;
	if (allocate(c, homes, NULL, error) < 0) {
		*c = (struct cells){ 0 };
		return -1;
	}
	settle_limit(c);
	if (path == NULL ||
	    (cells_beside(c, path, NULL, 0, error) == 0 &&
		cells_show(c, NULL, error) == 0))
		return 0;
	cells_fini(c);
	return -1;
}

/* What others read. */
static const struct region *
shown(const struct cells *c)
{
	return c != NULL && c->path != NULL ? &c->region : NULL;
}

int
cells_beside(struct cells *c, const char *path, const struct cells *old,
    uint64_t showing, struct error *error)
{
	struct region region;

	assert(c->path == NULL);
	if (region_init(&region, c->os, path, shown(old), c->region.size, error) < 0)
		return -1;
	memcpy(region_owner(&region), region_owner(&c->region),
	    REGION_HEAD - REGION_OWNER);
	memcpy(region.content, c->region.content, c->region.size);
	region_set_version(&region, region_version(&c->region));
	region_fini(&c->region, c->os);
	c->region = region;
	lay_out(c, c->homes);
	c->path = path;
	c->showing = showing;
	return 0;
}

int
cells_show(struct cells *c, struct cells *old, struct error *error)
{
	const struct region *before = shown(old);

	if (old != NULL)
		old->path = NULL;
	return show(c, before, error);
}

int
cells_open(struct cells *c, const struct cells_kind *kind, const struct os *os,
    const char *path, bool *missing, struct error *error)
{
	uint64_t homes;

	*c = (struct cells){ .kind = kind, .size = kind->size, .os = os, .path = path };
	if (region_open(&c->region, os, path, missing, error) < 0)
		return -1;
	homes = c->region.head->shape[SHAPE_HOMES];
	if (c->region.head->shape[SHAPE_SIZE] != kind->size || homes == 0 ||
	    homes > c->region.size / LINE || bytes_of(c, homes) > c->region.size) {
		region_fini(&c->region, os);
		return error_set(error, "%s holds cells of another size", path);
	}
	c->showing = c->region.head->shape[SHAPE_SHOWING];
	lay_out(c, homes);
	return 0;
}

void
cells_fini(struct cells *c)
{
	if (c->os != NULL)
		release(c);
	*c = (struct cells){ 0 };
}

/* In the lines behind the first, of a key as it is stored. */
uint64_t
cells_find_further(const struct cells *c, uint64_t home, uint64_t key)
{
	for (uint64_t line = home + 1; line < home + CELLS_WINDOW; line++) {
		for (unsigned i = 0; i < CELLS_LINE; i++) {
			uint64_t k =
			    __atomic_load_n(&c->lines[line].key[i], __ATOMIC_ACQUIRE);

			if (k == key)
				return line << 3 | i;
			if (k == 0)
				return CELLS_NONE;
		}
	}
	return CELLS_NONE;
}

/* --- Taking a place ---------------------------------------------------------------- */

/* Touched so long ago that the count would overflow is the same as touched long ago. */
void
cells_rebase(struct cells *c, uint64_t base)
{
	uint64_t shift = base - c->base;

	assert(base >= c->base);
	for (uint64_t l = 0; l < c->line_count; l++)
		for (unsigned i = 0; i < CELLS_LINE; i++) {
			uint16_t *t = &c->lines[l].touched[i];

			if (*t != 0)
				*t = *t > shift ? (uint16_t)(*t - shift) : 1;
		}
	c->base = base;
	dirty_mark_all(&c->dirty_lines);
}

/* The place behind, in this line or the next. */
static uint64_t
next(uint64_t place)
{
	return (place & 7) + 1 < CELLS_LINE ? place + 1 : ((place >> 3) + 1) << 3;
}

static void
fill(struct cells *c, uint64_t place, uint64_t key)
{
	uint64_t *at = &c->lines[place >> 3].key[place & 7];

	if (*at != 0) {
		__atomic_store_n(at, CELLS_CHANGING, __ATOMIC_RELAXED);
		/* No store to the cell may come before. */
		__atomic_thread_fence(__ATOMIC_RELEASE);
	}
	memset(cells_at(c, place), 0, c->kind->size);
	__atomic_store_n(at, cells_key(key), __ATOMIC_RELEASE);
	dirty_mark_grain(&c->dirty_lines, (place >> 3) / 4);
}

/* The place in a full window that can best be spared, or CELLS_NONE. */
static uint64_t
spare(const struct cells *c, uint64_t home, uint64_t now)
{
	uint64_t tick = now / CELLS_TICK - c->base + 1, best = CELLS_NONE;
	unsigned best_age = 0;
	float best_worth = 0;

	for (uint64_t p = home << 3; p < (home + CELLS_NEAR) << 3; p = next(p)) {
		uint64_t touched = c->lines[p >> 3].touched[p & 7];
		unsigned age;
		float worth;

		if (touched >= tick)
			continue;
		age = 64 - (unsigned)__builtin_clzll(tick - touched);
		if (age < best_age)
			continue;
		worth = c->kind->worth(c->kind, cells_at(c, p));
		if (age > best_age || worth < best_worth) {
			best = p;
			best_age = age;
			best_worth = worth;
		}
	}
	return best;
}

uint64_t
cells_take(struct cells *c, uint64_t home, uint64_t key, uint64_t now)
{
	uint64_t place = CELLS_NONE;

	assert(now > 0);
	for (uint64_t p = home << 3; p < (home + CELLS_WINDOW) << 3; p = next(p)) {
		uint64_t k = c->lines[p >> 3].key[p & 7];

		if (k == cells_key(key))
			return p;
		if (k == 0) {
			place = p;
			break;
		}
	}
	if (place != CELLS_NONE) {
		c->used++;
	} else if (c->homes < c->homes_max) {
		c->cramped = true;
		return CELLS_NONE;
	} else {
		place = spare(c, home, now);
		if (place == CELLS_NONE)
			return CELLS_NONE;
		c->evicted++;
	}
	fill(c, place, key);
	return place;
}

/* --- Growing ------------------------------------------------------------------------ */

/* A cell of another map, or of a file, into this one. */
static uint64_t
move_in(struct cells *c, uint64_t key, uint16_t touched, const void *cell, uint64_t now)
{
	uint64_t place = cells_take(c, cells_home(c, key), key, now);

	if (place == CELLS_NONE)
		return CELLS_NONE;
	memcpy(cells_at(c, place), cell, c->kind->size);
	c->lines[place >> 3].touched[place & 7] = touched;
	cells_mark(c, place);
	return place;
}

static void
grow(struct cells *c, uint64_t now)
{
	struct cells old = *c;
	struct error error;

	if (allocate(c, next_size(c), &old.region, &error) < 0) {
		c->homes_max = c->homes;
		c->cramped = false;
		return;
	}
	for (uint64_t p = 0; p < cells_places(&old); p = next(p)) {
		const struct cells_line *line = &old.lines[p >> 3];
		uint64_t key = line->key[p & 7];

		if (key != 0 &&
		    move_in(c, key, line->touched[p & 7], cells_at(&old, p), now) ==
			CELLS_NONE)
			c->evicted++;
	}
	settle_limit(c);
	if (show(c, &old.region, &error) < 0) {
		release(c);
		old.homes_max = old.homes;
		old.cramped = false;
		*c = old;
		return;
	}
	release(&old);
}

void
cells_reserve(struct cells *c, uint64_t n, uint64_t now)
{
	if (__builtin_expect(
		(c->cramped || c->used + n > c->homes * CELLS_LINE / 3 * 2) &&
		    c->homes < c->homes_max,
		0))
		grow(c, now);
	if (__builtin_expect(now / CELLS_TICK - c->base >= TICKS_MAX, 0))
		cells_rebase(c, now / CELLS_TICK + 1 - TICKS_HALF);
}

void
cells_walk(const struct cells *c,
    void (*each)(void *context, uint64_t key, const void *cell), void *context)
{
	for (uint64_t p = 0; p < cells_places(c); p = next(p)) {
		uint64_t key = cells_key_at(c, p);

		if (key != 0 && key != CELLS_CHANGING)
			each(context, cells_key(key), cells_at(c, p));
	}
}

/* --- Copies ------------------------------------------------------------------------- */

int
cells_track(struct cells *c, struct error *error)
{
	if (c->changed.bits == NULL &&
	    dirty_init(&c->changed, cells_places(c) * DIRTY_GRAIN) != 0)
		return error_set(error, "no memory for the marks of the cells");
	c->marks = true;
	for (uint64_t p = 0; p < cells_places(c); p++)
		if (cells_key_at(c, p) != 0)
			dirty_mark_grain(&c->changed, p);
	return 0;
}

uint64_t
cells_budget(const struct cells_kind *kind, uint64_t homes)
{
	uint64_t line = LINE + CELLS_LINE * kind->size, bytes;

	if (homes > (UINT64_C(1) << 50) / line)
		return UINT64_MAX;
	bytes = ((homes + 2 * CELLS_WINDOW + 1) * line / 2 + 1) * 3 + 3;
	return bytes > CELLS_BYTES_MIN ? bytes : CELLS_BYTES_MIN;
}

int
cells_renew(struct cells *c, struct cells *old, uint64_t homes, struct error *error)
{
	*old = *c;
	return allocate(c, homes, &old->region, error);
}

int
cells_renewed(struct cells *c, struct cells *old, struct error *error)
{
	if (show(c, &old->region, error) < 0) {
		release(c);
		*c = *old;
		return -1;
	}
	release(old);
	return 0;
}

/* Whether a key can be at a place, and what is with it there. */
static bool
belongs(const struct cells *c, uint64_t key, uint64_t place, uint64_t touched,
    uint64_t last)
{
	uint64_t home = cells_home(c, key);

	return key != CELLS_CHANGING && place >> 3 >= home &&
	    place >> 3 < home + CELLS_WINDOW && touched > 0 &&
	    touched <= last / CELLS_TICK - c->base + 1;
}

bool
cells_put(struct cells *c, uint64_t place, uint64_t touched, uint64_t key,
    const void *cell, uint64_t last)
{
	uint64_t *at;

	if (place >= cells_places(c) || (place & 7) >= CELLS_LINE || key == 0 ||
	    !belongs(c, key, place, touched, last) || !c->kind->is_sound(c->kind, cell))
		return false;
	at = &c->lines[place >> 3].key[place & 7];
	c->used += *at == 0;
	if (*at != key)
		fill(c, place, key);
	memcpy(cells_at(c, place), cell, c->kind->size);
	c->lines[place >> 3].touched[place & 7] = (uint16_t)touched;
	dirty_mark_grain(&c->dirty_lines, (place >> 3) / 4);
	cells_mark(c, place);
	return true;
}

/* --- Snapshots ---------------------------------------------------------------------- */

/* How the cells follow. */
enum { AS_LIST, AS_BLOCK, AS_SORTED };

static void
save_list(const struct cells *c, struct state_writer *to)
{
	for (uint64_t p = 0; p < cells_places(c); p = next(p)) {
		const struct cells_line *line = &c->lines[p >> 3];
		unsigned i = (unsigned)(p & 7);

		if (line->key[i] == 0)
			continue;
		state_put_u64(to, p << 16 | line->touched[i]);
		state_put_u64(to, line->key[i]);
		state_put(to, cells_at(c, p), c->kind->size);
	}
}

void
cells_save(struct cells *c, struct state_writer *to)
{
	bool block = state_tracks(to);

	c->marks = c->marks || block;
	state_put_u64(to, block ? AS_BLOCK : AS_LIST);
	state_put_u64(to, c->kind->size);
	state_put_u64(to, c->homes);
	state_put_u64(to, c->used);
	state_put_u64(to, c->cramped);
	state_put_u64(to, c->evicted);
	state_put_u64(to, c->base);
	if (!block) {
		save_list(c, to);
		return;
	}
	state_put_block(to, slice_of(c->lines, c->line_count * LINE), &c->dirty_lines);
	state_put_block(to, slice_of(c->at, c->line_count * CELLS_LINE * c->kind->size),
	    &c->dirty_cells);
}

int
cells_resize(struct cells *c, uint64_t homes, struct error *error)
{
	struct cells old;

	assert(c->used == 0);
	if (homes == 0 || homes > c->homes_max || homes == c->homes)
		return 0;
	if (cells_renew(c, &old, homes, error) < 0 || cells_renewed(c, &old, error) < 0)
		return -1;
	settle_limit(c);
	return 0;
}

int
cells_copy(struct cells *to, const struct cells *from, struct error *error)
{
	assert(to->path == NULL && to->size == from->size);
	to->homes_max = from->homes > to->homes_max ? from->homes : to->homes_max;
	if (cells_resize(to, from->homes, error) < 0)
		return -1;
	memcpy(region_owner(&to->region), region_owner(&from->region),
	    REGION_HEAD - REGION_OWNER);
	memcpy(to->region.content, from->region.content, bytes_of(from, from->homes));
	region_set_version(&to->region, region_version(&from->region));
	to->homes_max = from->homes_max;
	to->used = from->used;
	to->evicted = from->evicted;
	to->base = from->base;
	to->cramped = from->cramped;
	to->marks = from->marks;
	dirty_mark_all(&to->dirty_lines);
	dirty_mark_all(&to->dirty_cells);
	return 0;
}

/* A touch since `base`, since c->base. */
static uint16_t
since_base(const struct cells *c, uint64_t base, uint64_t touched)
{
	return base + touched > c->base ? (uint16_t)(base + touched - c->base) : 1;
}

static int
damaged(uint64_t i, struct error *error)
{
	return error_set(error, "cell %llu is damaged", (unsigned long long)i);
}

/* --- Without their places ---------------------------------------------------------- */

enum { WINDOW_KEYS = CELLS_WINDOW * CELLS_LINE };

struct found {
	uint64_t order, key, place;
};

/* Those whose window begins there, in the order of their hashes, which is that of the homes
 * too, whatever the size of the table. */
static unsigned
find_sorted(const struct cells *c, uint64_t home, struct found to[WINDOW_KEYS])
{
	unsigned n = 0;

	for (uint64_t p = home << 3; p < (home + CELLS_WINDOW) << 3; p = next(p)) {
		struct found new = { .key = c->lines[p >> 3].key[p & 7], .place = p };
		unsigned k = n;

		if (new.key == 0 || cells_home(c, new.key) != home)
			continue;
		new.order = cells_spread(new.key);
		for (; k > 0 && to[k - 1].order > new.order; k--)
			to[k] = to[k - 1];
		to[k] = new;
		n++;
	}
	return n;
}

/* Count them, or put them too. */
static uint64_t
put_sorted(const struct cells *c, bool (*is_empty)(const void *cell, unsigned size),
    struct state_writer *to)
{
	struct found found[WINDOW_KEYS];
	uint64_t used = 0;

	for (uint64_t home = 0; home < c->homes; home++) {
		unsigned n = find_sorted(c, home, found);

		for (unsigned i = 0; i < n; i++) {
			const void *cell = cells_at(c, found[i].place);

			if (is_empty(cell, c->kind->size))
				continue;
			used++;
			if (to == NULL)
				continue;
			state_put_u64(to, found[i].key);
			state_put(to, cell, c->kind->size);
		}
	}
	return used;
}

void
cells_save_sorted(const struct cells *c,
    bool (*is_empty)(const void *cell, unsigned size), struct state_writer *to)
{
	state_put_u64(to, AS_SORTED);
	state_put_u64(to, c->kind->size);
	state_put_u64(to, put_sorted(c, is_empty, NULL));
	state_put_u64(to, c->evicted);
	(void)put_sorted(c, is_empty, to);
}

static int
load_sorted(
    struct cells *c, struct state_reader *from, uint64_t last, struct error *error)
{
	_Alignas(64) uint8_t cell[CELLS_SIZE_MAX];
	uint64_t size, used, evicted, key, place, now = last + 1;

	if (state_get_u64(from, &size) < 0 || state_get_u64(from, &used) < 0 ||
	    state_get_u64(from, &evicted) < 0 || size != c->kind->size ||
	    used > state_left(from) / (8 + size))
		return error_set(error, "the table of cells is damaged");
	c->base = last / CELLS_TICK;
	for (uint64_t i = 0; i < used; i++) {
		if (state_get_u64(from, &key) < 0 || state_get(from, cell, size) < 0 ||
		    key == 0 || key == CELLS_CHANGING ||
		    !c->kind->is_sound(c->kind, cell))
			return damaged(i, error);
		for (unsigned tries = 0; tries < 2; tries++) {
			cells_reserve(c, 1, now);
			place = move_in(c, key, 1, cell, now + CELLS_TICK);
			if (place != CELLS_NONE || !c->cramped)
				break;
		}
		evicted += place == CELLS_NONE;
	}
	c->evicted += evicted;
	c->loaded = c->homes;
	dirty_mark_all(&c->dirty_lines);
	dirty_mark_all(&c->dirty_cells);
	return 0;
}

static int
load_list(struct cells *c, struct state_reader *from, uint64_t used, bool same,
    uint64_t last, struct error *error)
{
	uint64_t where, key, base = c->base;
	_Alignas(64) uint8_t cell[CELLS_SIZE_MAX];

	if (used > state_left(from) / (16 + c->kind->size))
		return error_set(error, "the table of cells is damaged");
	for (uint64_t i = 0; i < used; i++) {
		uint64_t place;

		if (state_get_u64(from, &where) < 0 || state_get_u64(from, &key) < 0 ||
		    state_get(from, cell, c->kind->size) < 0 || key == 0 ||
		    key == CELLS_CHANGING || (uint16_t)where == 0 ||
		    (uint16_t)where > last / CELLS_TICK - base + 1 ||
		    !c->kind->is_sound(c->kind, cell))
			return damaged(i, error);
		place = where >> 16;
		if (!same) {
			uint64_t now = last + CELLS_TICK;
			uint16_t touched;

			cells_reserve(c, 1, now);
			touched = since_base(c, base, (uint16_t)where);
			place = move_in(c, key, touched, cell, now);
			if (place == CELLS_NONE && c->cramped) {
				cells_reserve(c, 1, now);
				place = move_in(c, key, touched, cell, now);
			}
			c->evicted += place == CELLS_NONE;
			continue;
		}
		if (place >= cells_places(c) || (place & 7) >= CELLS_LINE ||
		    cells_key_at(c, place) != 0 ||
		    !cells_put(c, place, (uint16_t)where, key, cell, last))
			return damaged(i, error);
	}
	dirty_mark_all(&c->dirty_lines);
	dirty_mark_all(&c->dirty_cells);
	return 0;
}

static int
load_block(struct cells *c, struct state_reader *from, uint64_t used, uint64_t last,
    struct error *error)
{
	c->marks = true;
	if (state_get_block(
		from, c->lines, c->line_count * LINE, &c->dirty_lines, error) < 0 ||
	    state_get_block(from, c->at, c->line_count * CELLS_LINE * c->kind->size,
		&c->dirty_cells, error) < 0)
		return -1;
	for (uint64_t p = 0; p < cells_places(c); p = next(p)) {
		const struct cells_line *line = &c->lines[p >> 3];
		unsigned i = (unsigned)(p & 7);

		if (line->key[i] == 0)
			continue;
		if (!belongs(c, line->key[i], p, line->touched[i], last) ||
		    !c->kind->is_sound(c->kind, cells_at(c, p)))
			return damaged(p, error);
		c->used++;
	}
	return c->used == used ? 0 : error_set(error, "the table of cells is damaged");
}

int
cells_load(
    struct cells *c, struct state_reader *from, uint64_t last, struct error *error)
{
	uint64_t form, size, homes, used, cramped, evicted, base;
	bool same;

	if (state_get_u64(from, &form) < 0)
		return error_set(error, "the table of cells is damaged");
	if (form == AS_SORTED)
		return load_sorted(c, from, last, error);
	if (state_get_u64(from, &size) < 0 || state_get_u64(from, &homes) < 0 ||
	    state_get_u64(from, &used) < 0 || state_get_u64(from, &cramped) < 0 ||
	    state_get_u64(from, &evicted) < 0 || state_get_u64(from, &base) < 0 ||
	    size != c->kind->size || form > AS_BLOCK ||
	    homes > UINT64_MAX / CELLS_SIZE_MAX / 64 ||
	    used > (homes + CELLS_WINDOW) * CELLS_LINE || base > last / CELLS_TICK)
		return error_set(error, "the table of cells is damaged");
	c->evicted = evicted;
	c->base = base;
	c->loaded = homes;
	if (cells_resize(c, homes, error) < 0)
		return -1;
	same = homes == c->homes;
	if ((form == AS_BLOCK ? load_block(c, from, used, last, error)
			      : load_list(c, from, used, same, last, error)) < 0)
		return -1;
	c->cramped = same && cramped != 0;
	return 0;
}
