/* SPDX-License-Identifier: MIT */
#include "lib/trial/groups.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/state/block.h"
#include "lib/table.h"

struct groups {
	unsigned dims;
	uint64_t seed;
	struct hash_key hash; /* values come from outside */
	struct table *table;         /* struct group by key */
	const struct group **sorted; /* room for all of them */
	struct group other;
	uint64_t arrived, merged;
};

static void
on_evict(void *context, const struct table *table, size_t slot)
{
	struct groups *g = context;
	const struct group *group = table_cell(table, slot);
	struct group *other = &g->other;

	offpolicy_merge(&other->sums, &group->sums);
	if (group->earliest < other->earliest)
		other->earliest = group->earliest;
	if (group->latest > other->latest)
		other->latest = group->latest;
	other->changed = true;
	g->merged++;
}

struct groups *
groups_new(unsigned dims, uint64_t count, uint64_t memory, uint64_t seed)
{
	struct groups *g = calloc(1, sizeof *g);
	uint64_t least = table_memory_min(TABLE_KEY_64, sizeof(struct group)), bytes;

	assert(dims <= GROUPS_DIMS_MAX && count >= 1 && count <= GROUPS_MAX);
	if (g == NULL)
		return NULL;
	/* The least is of 16 places; two thirds of the places fill without evictions. */
	bytes = least / 16 * (count / 2 * 3) + least;
	g->dims = dims;
	g->hash = hash_key(seed);
	g->seed = g->hash.k0;
	g->table = table_new(
	    TABLE_KEY_64, sizeof(struct group), bytes < memory ? bytes : memory);
	if (g->table != NULL)
		g->sorted = calloc(table_slots(g->table), sizeof *g->sorted);
	if (g->sorted == NULL) {
		groups_free(g);
		return NULL;
	}
	table_on_evict(g->table, on_evict, g);
	g->other.earliest = WHEN_MAX;
	g->other.latest = WHEN_NEVER;
	return g;
}

void
groups_free(struct groups *g)
{
	if (g == NULL)
		return;
	table_free(g->table);
	free(g->sorted);
	free(g);
}

struct group *
groups_find(struct groups *g, instant when, const struct slice *values)
{
	uint64_t key = g->seed;
	struct group *group;
	uint8_t *to;
	bool fresh;

	for (unsigned i = 0; i < g->dims; i++)
		key = hash_pair(key, hash_keyed(g->hash, values[i]));
	group = table_touch(g->table, key, when, &fresh);
	if (fresh) {
		group->key = key;
		group->number = ++g->arrived;
		group->earliest = group->latest = when;
		to = group->dims;
		for (unsigned i = 0; i < g->dims; i++)
			to += tally_write(to, values[i], g->seed);
		group->dims_size = (uint32_t)(to - group->dims);
	}
	if (when < group->earliest)
		group->earliest = when;
	if (when > group->latest)
		group->latest = when;
	group->changed = true;
	return group;
}

static int
by_number(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;

	return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

static int
give_one(struct group *group, groups_give *give, void *context)
{
	group->changed = false;
	group->revision++;
	return give(context, group);
}

int
groups_each_changed(struct groups *g, groups_give *give, void *context)
{
	size_t n = 0;
	bool fresh;

	for (size_t s = table_next(g->table, 0); s != TABLE_NONE;
	     s = table_next(g->table, s + 1)) {
		const struct group *group = table_cell(g->table, s);

		if (group->changed)
			g->sorted[n++] = group;
	}
	qsort(g->sorted, n, sizeof *g->sorted, by_number);
	for (size_t i = 0; i < n; i++) {
		/* Touched, so that its change is marked for the next snapshot. */
		const struct group *group = g->sorted[i];

		if (give_one(table_touch(g->table, group->key, group->latest, &fresh),
			give, context) != 0)
			return -1;
	}
	return g->other.changed ? give_one(&g->other, give, context) : 0;
}

struct groups_counts
groups_counts(const struct groups *g)
{
	return (struct groups_counts){ table_counts(g->table).cells, g->merged };
}

void
groups_save(const struct groups *g, struct state_writer *to)
{
	state_put_u64(to, g->arrived);
	state_put_u64(to, g->merged);
	state_put(to, &g->other, sizeof g->other);
	state_put_table(to, g->table);
}

int
groups_load(struct groups *g, struct state_reader *from, struct error *error)
{
	if (state_get_u64(from, &g->arrived) != 0 ||
	    state_get_u64(from, &g->merged) != 0 ||
	    state_get(from, &g->other, sizeof g->other) != 0)
		return error_set(error, "the snapshot is too short");
	if (state_get_table(from, g->table, error) != 0)
		return -1;
	for (size_t s = table_next(g->table, 0); s != TABLE_NONE;
	     s = table_next(g->table, s + 1)) {
		const struct group *group = table_cell(g->table, s);

		if (group->dims_size > sizeof group->dims)
			return error_set(
			    error, "the snapshot has a group that cannot be");
	}
	return 0;
}
