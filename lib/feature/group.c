/* SPDX-License-Identifier: MIT */
#include "lib/feature/group.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/state/block.h"

enum { STEP = 4, SMALL = 256 << 10 };

static void
on_evict(void *context, const struct table *t, size_t slot)
{
	uint64_t *evicted = context;

	(void)t;
	(void)slot;
	++*evicted;
}

/* An empty table of so many bytes. */
static int
set_table(struct group *g, uint64_t bytes)
{
	struct table *t = table_new(TABLE_KEY_64, g->cell_size, bytes);

	if (t == NULL)
		return -1;
	table_on_evict(t, on_evict, &g->evicted);
	g->table = t;
	g->bytes = bytes;
	return 0;
}

int
group_init(struct group *g, bool keyed, uint64_t memory_bytes)
{
	uint64_t least = table_memory_min(TABLE_KEY_64, g->cell_size);

	if (!keyed) {
		g->single = calloc(1, g->cell_size);
		return g->single != NULL ? 0 : -1;
	}
	/* The one before the last is there while the last is filled. */
	g->share = g->bytes = memory_bytes / (STEP + 1) * STEP;
	while (g->bytes / STEP >= least && g->bytes / STEP >= SMALL)
		g->bytes /= STEP;
	return set_table(g, g->bytes);
}

void
group_fini(struct group *g)
{
	table_free(g->table);
	free(g->single);
}

/* The sizes are those that group_init went through, from the share down. */
static uint64_t
next_size(const struct group *g)
{
	uint64_t bytes = g->share;

	while (bytes / STEP > g->bytes)
		bytes /= STEP;
	return bytes;
}

static void
grow(struct group *g)
{
	struct table *old = g->table;
	bool fresh;

	if (set_table(g, next_size(g)) != 0) {
		g->share = g->bytes; /* no memory: stay as it is */
		return;
	}
	for (size_t s = table_next(old, 0); s != TABLE_NONE; s = table_next(old, s + 1))
		memcpy(table_touch(
			   g->table, table_key(old, s), table_last(old, s), &fresh),
		    table_cell(old, s), g->cell_size);
	table_free(old);
}

uint8_t *
group_touch(struct group *g, uint64_t key, instant when, bool *moved)
{
	uint8_t *cell;
	bool fresh;

	*moved = false;
	if (g->table == NULL)
		return (uint8_t *)g->single;
	cell = table_touch(g->table, key, when, &fresh);
	if (!fresh || g->bytes >= g->share ||
	    table_counts(g->table).cells <= table_slots(g->table) / 2)
		return cell;
	*moved = true;
	grow(g);
	return table_touch(g->table, key, when, &fresh);
}

void
group_save(const struct group *g, struct state_writer *to)
{
	state_put_u64(to, g->evicted);
	if (g->table == NULL) {
		state_put(to, g->single, g->cell_size);
		return;
	}
	state_put_u64(to, g->bytes);
	state_put_table(to, g->table);
}

int
group_load(struct group *g, struct state_reader *from, struct error *error)
{
	uint64_t bytes;

	if (state_get_u64(from, &g->evicted) != 0 ||
	    (g->table == NULL && state_get(from, g->single, g->cell_size) != 0) ||
	    (g->table != NULL && state_get_u64(from, &bytes) != 0))
		return error_set(error, "the snapshot is too short");
	if (g->table == NULL)
		return 0;
	while (g->bytes < bytes && g->bytes < g->share) {
		struct table *old = g->table;

		if (set_table(g, next_size(g)) != 0)
			return error_set(error, "no memory for the counters");
		table_free(old);
	}
	if (g->bytes != bytes)
		return error_set(
		    error, "the counters are of another --memory (give the same)");
	return state_get_table(from, g->table, error);
}
