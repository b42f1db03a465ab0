/* SPDX-License-Identifier: MIT */
#include "lib/text/columns.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/record/value.h"

struct column {
	struct slice name;
	uint64_t hash;
	bool outer; /* a prefix of other columns: "a" beside "a.b" */
};

struct columns {
	unsigned count;
	unsigned next; /* where the next value is expected */
	size_t used;
	struct column column[COLUMNS_MAX];
	uint8_t names[COLUMNS_NAMES_MAX];
};

/* Where a walk through nested maps is: the path of the maps around. */
struct path {
	size_t size;
	uint8_t text[COLUMNS_NAME_MAX];
};

struct columns *
columns_new(void)
{
	return calloc(1, sizeof(struct columns));
}

void
columns_free(struct columns *c)
{
	free(c);
}

void
columns_clear(struct columns *c)
{
	c->count = c->next = 0;
	c->used = 0;
}

unsigned
columns_count(const struct columns *c)
{
	return c->count;
}

struct slice
columns_name(const struct columns *c, unsigned i)
{
	assert(i < c->count);
	return c->column[i].name;
}

static int
find(struct columns *c, struct slice name)
{
	uint64_t hash;

	if (c->next < c->count && slice_equal(c->column[c->next].name, name))
		return (int)c->next++;
	hash = hash_bytes(name, 0);
	for (unsigned i = 0; i < c->count; i++)
		if (c->column[i].hash == hash && slice_equal(c->column[i].name, name)) {
			c->next = i + 1;
			return (int)i;
		}
	return -1;
}

/* Whether `inner` is a path below `outer`. */
static bool
is_below(struct slice outer, struct slice inner)
{
	return inner.size > outer.size && inner.at[outer.size] == '.' &&
	    memcmp(inner.at, outer.at, outer.size) == 0;
}

bool
columns_add(struct columns *c, struct slice name)
{
	struct column *column = &c->column[c->count];
	uint8_t *at = c->names + c->used;

	if (find(c, name) >= 0)
		return true;
	if (c->count == COLUMNS_MAX || name.size > COLUMNS_NAME_MAX ||
	    name.size > sizeof c->names - c->used)
		return false;
	if (name.size > 0)
		memcpy(at, name.at, name.size);
	name.at = at;
	*column = (struct column){ name, hash_bytes(name, 0), false };
	for (unsigned i = 0; i < c->count; i++) {
		c->column[i].outer |= is_below(c->column[i].name, name);
		column->outer |= is_below(name, c->column[i].name);
	}
	c->used += name.size;
	c->count++;
	return true;
}

/* The path of a key below the maps around it: the key itself when there are none. False
 * when it is too long, or the key is no str. */
static bool
path_join(struct path *path, struct slice key, struct slice *name)
{
	if (!value_str(key, name))
		return false;
	if (path->size == 0)
		return true;
	if (name->size > sizeof path->text - path->size - 1)
		return false;
	path->text[path->size] = '.';
	if (name->size > 0)
		memcpy(path->text + path->size + 1, name->at, name->size);
	*name = slice_of(path->text, path->size + 1 + name->size);
	return true;
}

/* Step into the map of that name; the size to return to. */
static bool
path_enter(struct path *path, struct slice name, size_t *before)
{
	*before = path->size;
	if (name.size > sizeof path->text - 1)
		return false;
	if (name.size > 0)
		memmove(path->text, name.at, name.size);
	path->size = name.size;
	return name.size > 0;
}

static bool
is_nested(struct slice value)
{
	return value_type(value) == VALUE_MAP && value_count(value) > 0;
}

static bool
visit_leaves(struct path *path, struct slice map, columns_visit *visit, void *context)
{
	struct value_walk walk;
	struct slice key, value, name;
	size_t before;

	for (value_open(map, &walk); value_next(&walk, &key, &value);) {
		if (!path_join(path, key, &name))
			continue;
		if (is_nested(value) && path_enter(path, name, &before)) {
			bool more = visit_leaves(path, value, visit, context);

			path->size = before;
			if (!more)
				return false;
		} else if (!visit(context, name, value)) {
			return false;
		}
	}
	return true;
}

void
columns_leaves(struct slice map, columns_visit *visit, void *context)
{
	struct path path = { .size = 0 };

	(void)visit_leaves(&path, map, visit, context);
}

static bool
add_leaf(void *context, struct slice path, struct slice value)
{
	(void)value;
	(void)columns_add(context, path);
	return true;
}

unsigned
columns_add_leaves(struct columns *c, struct slice map)
{
	unsigned before = c->count;

	c->next = 0;
	columns_leaves(map, add_leaf, c);
	return c->count - before;
}

/* Whether a column's path lies below the name. */
static bool
has_below(const struct columns *c, struct slice name)
{
	for (unsigned i = 0; i < c->count; i++)
		if (is_below(name, c->column[i].name))
			return true;
	return false;
}

static unsigned
match(struct columns *c, struct path *path, struct slice map, struct slice values[])
{
	struct value_walk walk;
	struct slice key, value, name;
	unsigned left_out = 0;
	size_t before;

	for (value_open(map, &walk); value_next(&walk, &key, &value);) {
		int i;

		if (!path_join(path, key, &name)) {
			left_out++;
			continue;
		}
		i = find(c, name);
		if (i >= 0 && values[i].at == NULL)
			values[i] = value;
		if (!is_nested(value) || (i >= 0 && !c->column[i].outer)) {
			left_out += i < 0;
		} else if ((i >= 0 || has_below(c, name)) &&
		    path_enter(path, name, &before)) {
			left_out += match(c, path, value, values);
			path->size = before;
		} else {
			left_out += i < 0;
		}
	}
	return left_out;
}

unsigned
columns_match(struct columns *c, struct slice map, struct slice values[])
{
	struct path path;

	path.size = 0;
	c->next = 0;
	for (unsigned i = 0; i < c->count; i++)
		values[i] = slice_of(NULL, 0);
	return match(c, &path, map, values);
}
