/* SPDX-License-Identifier: MIT */
#include "lib/trial/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/table.h"

/* No row. */
#define NONE UINT32_MAX

enum { INDEX_PLACE = 24, START = 1 << 19 }; /* bytes of a place in the index */
#define MEMORY_MAX (UINT64_C(1) << 40)      /* so that 32 bits number the rows */

/* A table that starts small, so that few keys lie close together, and grows to its limit
 * before it evicts. */
struct growing {
	struct table *table;
	size_t cell_size;
	uint64_t bytes, limit;
	uint64_t room; /* keys to take before the next growth */
};

/* Where a key was found last, so that most look-ups go past the index. Every HINT_USES
 * of them goes through it, for the index to know which rows are in use. */
struct hint {
	uint64_t key;
	uint32_t row, uses;
};

enum { HINTS = 4096, HINT_USES = 16 };

struct window {
	uint32_t first, last; /* of its rows */
	bool changed;         /* it or a row of it */
	struct tally_row other;
};

struct tally {
	unsigned dims;
	int64_t window_us; /* 0: one window */
	uint64_t seed;
	struct hash_key hash; /* values come from outside */
	tally_give *give;
	void *context;
	bool failed; /* to give */

	/* The rows lie close together, whatever their keys; the index finds them. */
	struct growing index; /* uint32_t by key */
	uint8_t *rows; /* row_limit of them: as many as the index can have slots */
	size_t row_size;
	uint64_t row_limit;
	uint32_t row_count, row_free; /* taken once; the first free one of these */
	struct hint *hints;           /* by the lowest bits of the key */

	struct growing pairs;               /* double by key */
	struct window *windows;             /* by start, ascending */
	unsigned window_count, window_last; /* the one looked up last */

	instant closed;    /* windows that end here or before have been given out */
	instant next;      /* the earliest end of a changed window, WHEN_MAX for none */
	instant forgotten; /* events of windows that end here or before are late */
	instant earliest, latest;
	uint64_t merged, given_up;
};

static instant
end_of(const struct tally *t, instant start)
{
	return t->window_us == 0 ? WHEN_MAX : start + t->window_us;
}

static instant
start_of(const struct tally *t, instant when)
{
	int64_t into;

	if (t->window_us == 0)
		return 0;
	into = when % t->window_us;
	return when - (into < 0 ? into + t->window_us : into);
}

static struct tally_row *
row_at(const struct tally *t, uint32_t i)
{
	return (struct tally_row *)(t->rows + i * t->row_size);
}

static struct tally_row *
row_take(struct tally *t, uint32_t *i)
{
	struct tally_row *row;

	if (t->row_free == NONE) {
		*i = t->row_count++;
		return row_at(t, *i);
	}
	*i = t->row_free;
	row = row_at(t, *i);
	t->row_free = row->after;
	memset(row, 0, t->row_size);
	return row;
}

static void
row_give_back(struct tally *t, uint32_t i)
{
	struct tally_row *row = row_at(t, i);

	t->hints[row->key % HINTS] = (struct hint){ 0 };
	row->after = t->row_free;
	t->row_free = i;
}

/* The index of the first window that starts at `start` or later. */
static unsigned
search(const struct tally *t, instant start)
{
	unsigned low = 0, high = t->window_count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (t->windows[middle].other.start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct window *
window_of(struct tally *t, instant start)
{
	unsigned i = t->window_last;

	if (i >= t->window_count || t->windows[i].other.start != start)
		i = t->window_last = search(t, start);
	return i < t->window_count && t->windows[i].other.start == start
	    ? &t->windows[i]
	    : NULL;
}

static void
give(struct tally *t, struct tally_row *row)
{
	if (!row->changed)
		return;
	row->changed = false;
	row->revision++;
	if (!t->failed && t->give(t->context, row) != 0)
		t->failed = true;
}

static void
give_window(struct tally *t, struct window *w)
{
	for (uint32_t i = w->first; i != NONE; i = row_at(t, i)->after)
		give(t, row_at(t, i));
	give(t, &w->other);
	w->changed = false;
}

static void
unlink_row(struct tally *t, struct window *w, const struct tally_row *row)
{
	*(row->before == NONE ? &w->first : &row_at(t, row->before)->after) =
	    row->after;
	*(row->after == NONE ? &w->last : &row_at(t, row->after)->before) = row->before;
}

static void
forget_to(struct tally *t, instant end)
{
	if (end > t->forgotten)
		t->forgotten = end;
}

/* The table needs the row's place. */
static void
on_evict(void *context, const struct table *table, size_t slot)
{
	struct tally *t = context;
	uint32_t at = *(const uint32_t *)table_cell(table, slot);
	struct tally_row *row = row_at(t, at);
	struct window *w = window_of(t, row->start);

	assert(w != NULL);
	unlink_row(t, w, row);
	if (end_of(t, row->start) <= t->closed || row->revision > 0) {
		give(t, row);
		forget_to(t, end_of(t, row->start));
		t->given_up++;
	} else {
		for (unsigned i = 0; i < TALLY_SUMS; i++)
			w->other.sums[i] += row->sums[i];
		w->other.changed = true;
		t->merged++;
	}
	row_give_back(t, at);
}

/* Make room for a window by giving out the oldest for the last time. */
static void
drop_oldest(struct tally *t)
{
	struct window *w = &t->windows[0];
	uint32_t after;

	give_window(t, w);
	forget_to(t, end_of(t, w->other.start));
	for (uint32_t i = w->first; i != NONE; i = after) {
		after = row_at(t, i)->after;
		(void)table_erase(t->index.table, row_at(t, i)->key);
		row_give_back(t, i);
		t->given_up++;
	}
	t->window_count--;
	memmove(w, w + 1, t->window_count * sizeof *w);
}

static struct window *
window_add(struct tally *t, instant start)
{
	unsigned i;

	if (t->window_count == TALLY_WINDOWS_MAX) {
		if (start < t->windows[0].other.start)
			return NULL;
		drop_oldest(t);
	}
	i = t->window_last = search(t, start);
	memmove(&t->windows[i + 1], &t->windows[i],
	    (t->window_count - i) * sizeof *t->windows);
	t->window_count++;
	t->windows[i] = (struct window){ .first = NONE, .last = NONE };
	t->windows[i].other.start = start;
	t->windows[i].other.key = hash_pair(t->seed, hash_mix((uint64_t)start));
	return &t->windows[i];
}

/* --- Tables that grow ----------------------------------------------------------- */

/* Half of the places are taken without a thought of eviction. */
static void
set_room(struct growing *g)
{
	g->room = g->bytes < g->limit ? table_slots(g->table) / 2 : UINT64_MAX;
}

static int
growing_init(struct growing *g, size_t cell_size, uint64_t limit)
{
	g->cell_size = cell_size;
	g->limit = limit;
	g->bytes = limit < START ? limit : START;
	g->table = table_new(TABLE_KEY_64, cell_size, g->bytes);
	if (g->table == NULL)
		return -1;
	set_room(g);
	return 0;
}

/* Without memory for a larger one it stays as it is, and evicts. */
static void
grow(struct growing *g)
{
	uint64_t bytes = g->bytes < g->limit / 4 ? g->bytes * 4 : g->limit;
	struct table *old = g->table,
		     *new = table_new(TABLE_KEY_64, g->cell_size, bytes);
	bool fresh;

	if (new == NULL) {
		g->room = UINT64_MAX;
		return;
	}
	for (size_t s = table_next(old, 0); s != TABLE_NONE; s = table_next(old, s + 1))
		memcpy(table_touch(new, table_key(old, s), table_last(old, s), &fresh),
		    table_cell(old, s), g->cell_size);
	table_free(old);
	g->table = new;
	g->bytes = bytes;
	set_room(g);
	g->room -= table_counts(new).cells;
}

static void *
growing_touch(
    struct growing *g, uint64_t key, instant when, bool *fresh, struct tally *t)
{
	void *cell;

	if (__builtin_expect(g->room == 0, 0)) {
		grow(g);
		if (g == &t->index)
			table_on_evict(g->table, on_evict, t);
	}
	cell = table_touch(g->table, key, when, fresh);
	g->room -= *fresh;
	return cell;
}

struct tally *
tally_new(unsigned dims, struct span window, uint64_t memory, uint64_t seed,
    tally_give *give_row, void *context)
{
	struct tally *t = calloc(1, sizeof *t);
	uint64_t budget;

	assert(dims <= TALLY_DIMS_MAX && memory >= TALLY_MEMORY_MIN && window.us >= 0);
	if (t == NULL)
		return NULL;
	t->dims = dims;
	t->window_us = window.us;
	t->hash = hash_key(seed);
	t->seed = t->hash.k0;
	t->give = give_row;
	t->context = context;
	t->closed = t->forgotten = t->latest = WHEN_NEVER;
	t->next = t->earliest = WHEN_MAX;
	t->row_free = NONE;
	t->row_size = sizeof(struct tally_row) + (size_t)dims * TALLY_VALUE_MAX;
	t->windows = calloc(TALLY_WINDOWS_MAX + 1, sizeof *t->windows);
	t->hints = calloc(HINTS, sizeof *t->hints);
	memory = memory < MEMORY_MAX ? memory : MEMORY_MAX;
	budget = (memory - (TALLY_WINDOWS_MAX + 1) * sizeof *t->windows) / 8;
	/* A quarter more for what a table is while it grows. */
	t->row_limit = budget * 7 / (t->row_size + INDEX_PLACE / 4 * 5);
	t->rows = calloc(t->row_limit, t->row_size);
	if (t->windows == NULL || t->hints == NULL || t->rows == NULL ||
	    growing_init(&t->index, sizeof(uint32_t), t->row_limit * INDEX_PLACE) !=
		0 ||
	    growing_init(&t->pairs, sizeof(double), budget / 5 * 4) != 0) {
		tally_free(t);
		return NULL;
	}
	table_on_evict(t->index.table, on_evict, t);
	assert(table_slots(t->index.table) <= t->row_limit);
	return t;
}

void
tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	table_free(t->index.table);
	free(t->rows);
	table_free(t->pairs.table);
	free(t->windows);
	free(t->hints);
	free(t);
}

unsigned
tally_write(uint8_t *to, struct slice value, uint64_t seed)
{
	static const char digits[] = "0123456789abcdef";
	unsigned header, n = 0;
	uint64_t hash;

	if (value.size <= TALLY_VALUE_MAX) {
		memcpy(to, value.at, value.size);
		return (unsigned)value.size;
	}
	hash = hash_bytes(value, seed);
	header = value.at[0] == 0xd9 ? 2 : value.at[0] == 0xda ? 3 : 0;
	to++;
	for (; header > 0 && n < 16 && value.at[header + n] < 0x80; n++)
		to[n] = value.at[header + n];
	to[n++] = '~';
	for (unsigned i = 0; i < 14; i++, hash >>= 4)
		to[n++] = (uint8_t)digits[hash & 15];
	to[-1] = (uint8_t)(0xa0 | n);
	return 1 + n;
}

static void
append(struct tally *t, struct window *w, uint32_t i)
{
	struct tally_row *row = row_at(t, i);

	row->before = w->last;
	row->after = NONE;
	*(w->last == NONE ? &w->first : &row_at(t, w->last)->after) = i;
	w->last = i;
}

static void
row_new(struct tally *t, struct window *w, uint32_t *i, uint64_t key,
    const struct slice *values)
{
	struct tally_row *row = row_take(t, i);
	uint8_t *to = (uint8_t *)(row + 1);

	row->start = w->other.start;
	row->key = key;
	for (unsigned k = 0; k < t->dims; k++)
		to += tally_write(to, values[k], t->seed);
	row->dims_size = (uint16_t)(to - (uint8_t *)(row + 1));
	append(t, w, *i);
}

/* The row of a key in a window, made when there is none. */
static struct tally_row *
look_up(struct tally *t, struct window *w, uint64_t key, instant when,
    const struct slice *values)
{
	struct hint *hint = &t->hints[key % HINTS];
	uint32_t *at;
	bool fresh;

	if (hint->key == key && hint->uses > 0) {
		hint->uses--;
		return row_at(t, hint->row);
	}
	/* An eviction may look up another window, but moves none. */
	at = growing_touch(&t->index, key, when, &fresh, t);
	if (fresh)
		row_new(t, w, at, key, values);
	*hint = (struct hint){ key, *at, HINT_USES };
	return row_at(t, *at);
}

struct tally_row *
tally_find(struct tally *t, instant when, const struct slice *values)
{
	instant start = start_of(t, when), end = end_of(t, start);
	struct window *w = window_of(t, start);
	struct tally_row *row;
	uint64_t key;

	if (end <= t->forgotten)
		return NULL;
	if (w == NULL && (w = window_add(t, start)) == NULL)
		return NULL;
	if (when < t->earliest)
		t->earliest = when;
	if (when > t->latest)
		t->latest = when;
	if (end < t->next)
		t->next = end;
	key = w->other.key;
	for (unsigned i = 0; i < t->dims; i++)
		key = hash_pair(key, hash_keyed(t->hash, values[i]));
	row = t->dims == 0 ? &w->other : look_up(t, w, key, when, values);
	row->changed = w->changed = true;
	return row;
}

void
tally_add(struct tally_row *row, const struct tally_event *e)
{
	double w = e->weight, square = w * fabs(w), *s = row->sums;

	s[TALLY_EVENTS] += w;
	if (e->hidden) {
		s[TALLY_NOT_VIEWABLE] += w * e->impression;
	} else {
		s[TALLY_IMPRESSIONS] += w * e->impression;
		s[TALLY_IMPRESSIONS_SQUARED] += square * e->impression;
	}
	s[TALLY_CLICKS] += w * e->click;
	s[TALLY_CLICKS_SQUARED] += square * e->click;
	s[TALLY_CONVERSIONS] += w * e->conversion;
	s[TALLY_COST] += w * e->cost;
	s[TALLY_REVENUE] += w * e->revenue;
	s[TALLY_COST_SQUARED] += w * e->cost * e->cost;
	s[TALLY_REVENUE_SQUARED] += w * e->revenue * e->revenue;
	s[TALLY_COST_REVENUE] += w * e->cost * e->revenue;
}

void
tally_gap(struct tally *t, struct tally_row *row, uint64_t pair, double difference,
    instant when)
{
	bool fresh;
	double *net =
	    growing_touch(&t->pairs, hash_pair(row->key, pair), when, &fresh, t);

	row->sums[TALLY_GAP] += fabs(*net + difference) - fabs(*net);
	*net += difference;
}

static int
close_to(struct tally *t, instant watermark)
{
	if (t->next > watermark)
		return t->failed ? -1 : 0;
	t->next = WHEN_MAX;
	for (unsigned i = 0; i < t->window_count; i++) {
		struct window *w = &t->windows[i];
		instant end = end_of(t, w->other.start);

		if (!w->changed)
			continue;
		if (end <= watermark)
			give_window(t, w);
		else if (end < t->next)
			t->next = end;
	}
	return t->failed ? -1 : 0;
}

int
tally_close(struct tally *t, instant watermark)
{
	instant end;

	if (t->window_us == 0)
		return t->failed ? -1 : 0;
	/* Late data waits for the next window to end: it comes in drops. */
	end = start_of(t, watermark);
	if (end <= t->closed)
		return t->failed ? -1 : 0;
	t->closed = end;
	return close_to(t, end);
}

int
tally_close_all(struct tally *t)
{
	return close_to(t, WHEN_MAX);
}

void
tally_window(
    const struct tally *t, const struct tally_row *row, instant *start, instant *end)
{
	*start = t->window_us > 0 ? row->start : t->earliest;
	*end = t->window_us > 0 ? end_of(t, row->start) : t->latest + 1;
}

struct tally_counts
tally_counts(const struct tally *t)
{
	return (struct tally_counts){ table_counts(t->index.table).cells,
		t->window_count, t->merged, t->given_up };
}

/* --- Snapshots ------------------------------------------------------------------ */

static void
save_row(const struct tally_row *row, instant touched, struct state_writer *to)
{
	state_put_u64(to, row->key);
	state_put_i64(to, touched);
	state_put_u64(to, row->revision << 1 | row->changed);
	for (unsigned i = 0; i < TALLY_SUMS; i++)
		state_put_double(to, row->sums[i]);
	state_put_slice(to, tally_dims(row));
}

static int
load_row(struct tally_row *row, instant *touched, uint8_t *dims, size_t limit,
    struct state_reader *from)
{
	uint64_t revision;
	size_t size;

	if (state_get_u64(from, &row->key) < 0 || state_get_i64(from, touched) < 0 ||
	    state_get_u64(from, &revision) < 0)
		return -1;
	for (unsigned i = 0; i < TALLY_SUMS; i++)
		if (state_get_double(from, &row->sums[i]) < 0)
			return -1;
	if (state_get_slice(from, dims, limit, &size) < 0)
		return -1;
	row->revision = revision >> 1;
	row->changed = revision & 1;
	row->dims_size = (uint16_t)size;
	return 0;
}

static instant
last_touch(const struct tally *t, const struct tally_row *row)
{
	return table_last(t->index.table,
	    table_slot(t->index.table, table_find(t->index.table, row->key)));
}

/* Rows go out window by window, so that the lists come back as they were. */
void
tally_save(const struct tally *t, struct state_writer *to)
{
	state_put_i64(to, t->closed);
	state_put_i64(to, t->next);
	state_put_i64(to, t->forgotten);
	state_put_i64(to, t->earliest);
	state_put_i64(to, t->latest);
	state_put_u64(to, t->merged);
	state_put_u64(to, t->given_up);
	state_put_u64(to, t->window_count);
	for (unsigned k = 0; k < t->window_count; k++) {
		const struct window *w = &t->windows[k];
		uint64_t n = 0;

		for (uint32_t i = w->first; i != NONE; i = row_at(t, i)->after)
			n++;
		state_put_i64(to, w->other.start);
		state_put_u64(to, w->changed);
		save_row(&w->other, 0, to);
		state_put_u64(to, n);
		for (uint32_t i = w->first; i != NONE; i = row_at(t, i)->after)
			save_row(row_at(t, i), last_touch(t, row_at(t, i)), to);
	}
	state_put_u64(to, table_counts(t->pairs.table).cells);
	for (size_t s = table_next(t->pairs.table, 0); s != TABLE_NONE;
	     s = table_next(t->pairs.table, s + 1)) {
		state_put_u64(to, table_key(t->pairs.table, s));
		state_put_i64(to, table_last(t->pairs.table, s));
		state_put_double(to, *(const double *)table_cell(t->pairs.table, s));
	}
}

static int
load_window(struct tally *t, struct state_reader *from)
{
	size_t limit = (size_t)t->dims * TALLY_VALUE_MAX;
	uint8_t dims[TALLY_DIMS_MAX * TALLY_VALUE_MAX];
	struct tally_row row;
	struct window *w;
	uint64_t changed, n;
	instant start, touched;

	if (state_get_i64(from, &start) < 0 || state_get_u64(from, &changed) < 0 ||
	    window_of(t, start) != NULL || (w = window_add(t, start)) == NULL ||
	    load_row(&w->other, &touched, dims, 0, from) < 0 ||
	    state_get_u64(from, &n) < 0)
		return -1;
	w->changed = changed != 0;
	for (; n > 0; n--) {
		struct tally_row *cell;
		uint32_t *at;
		bool fresh;

		if (load_row(&row, &touched, dims, limit, from) < 0)
			return -1;
		at = growing_touch(&t->index, row.key, touched, &fresh, t);
		if (!fresh)
			return -1;
		cell = row_take(t, at);
		row.start = start;
		*cell = row;
		memcpy(cell + 1, dims, row.dims_size);
		append(t, w, *at);
	}
	return 0;
}

int
tally_load(struct tally *t, struct state_reader *from)
{
	uint64_t n, key;
	instant when;
	double net;
	bool fresh;

	if (state_get_i64(from, &t->closed) < 0 || state_get_i64(from, &t->next) < 0 ||
	    state_get_i64(from, &t->forgotten) < 0 ||
	    state_get_i64(from, &t->earliest) < 0 ||
	    state_get_i64(from, &t->latest) < 0)
		return -1;
	if (state_get_u64(from, &t->merged) < 0 ||
	    state_get_u64(from, &t->given_up) < 0 || state_get_u64(from, &n) < 0 ||
	    n > TALLY_WINDOWS_MAX)
		return -1;
	for (; n > 0; n--)
		if (load_window(t, from) < 0)
			return -1;
	if (state_get_u64(from, &n) < 0)
		return -1;
	for (; n > 0; n--) {
		if (state_get_u64(from, &key) < 0 || state_get_i64(from, &when) < 0 ||
		    state_get_double(from, &net) < 0)
			return -1;
		*(double *)growing_touch(&t->pairs, key, when, &fresh, t) = net;
	}
	return 0;
}
