/* SPDX-License-Identifier: MIT */
#include "lib/sketch/countmin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

#define LAYOUT UINT64_C(0x010000004E494D43)

/* The start of the block; the rows follow. */
struct head {
	uint64_t layout, width, depth, seed;
	int64_t total;
};

struct countmin {
	struct countmin_shape shape;
	struct head *head; /* the block, owned */
	size_t size;       /* of it */
	struct dirty dirty;
};

static struct head
head_of(struct countmin_shape shape)
{
	assert(shape.epsilon > 0 && shape.epsilon < 1);
	assert(shape.delta > 0 && shape.delta < 1);
	return (struct head){ .layout = LAYOUT,
		.width = (uint64_t)ceil(exp(1) / shape.epsilon),
		.depth = (uint64_t)ceil(log(1 / shape.delta)),
		.seed = shape.seed };
}

static uint64_t
block_size(const struct head *h)
{
	return sizeof *h + h->width * h->depth * sizeof(int64_t);
}

uint64_t
countmin_memory(struct countmin_shape shape)
{
	struct head h = head_of(shape);

	return sizeof(struct countmin) + block_size(&h);
}

struct countmin *
countmin_new(struct countmin_shape shape)
{
	struct countmin *c = calloc(1, sizeof *c);
	struct head h = head_of(shape);

	if (c == NULL)
		return NULL;
	c->shape = shape;
	c->size = (size_t)block_size(&h);
	c->head = calloc(1, c->size);
	if (c->head == NULL || dirty_init(&c->dirty, c->size) != 0) {
		free(c->head);
		free(c);
		return NULL;
	}
	*c->head = h;
	return c;
}

void
countmin_free(struct countmin *c)
{
	if (c == NULL)
		return;
	dirty_fini(&c->dirty);
	free(c->head);
	free(c);
}

static int64_t *
cells(const struct countmin *c)
{
	return (int64_t *)(c->head + 1);
}

/* The places of a key, one a row: Kirsch and Mitzenmacher, "Less hashing, same
 * performance", ESA 2006. */
struct way {
	uint64_t hash, step;
};

static struct way
way_of(const struct countmin *c, uint64_t key)
{
	uint64_t hash = hash_pair(c->head->seed, key);

	return (struct way){ hash, hash_mix(hash + UINT64_C(0x9E3779B97F4A7C15)) | 1 };
}

static int64_t *
next_cell(const struct countmin *c, struct way *way, uint64_t row)
{
	way->hash += way->step;
	return cells(c) + row * c->head->width + hash_bucket(way->hash, c->head->width);
}

int64_t
countmin_add(struct countmin *c, uint64_t key, int64_t amount)
{
	struct way way = way_of(c, key);
	int64_t least = INT64_MAX;

	for (uint64_t row = 0; row < c->head->depth; row++) {
		int64_t *cell = next_cell(c, &way, row);

		*cell += amount;
		least = *cell < least ? *cell : least;
		dirty_mark(&c->dirty, (size_t)((uint8_t *)cell - (uint8_t *)c->head),
		    sizeof *cell);
	}
	c->head->total += amount;
	return least;
}

int64_t
countmin_read(const struct countmin *c, uint64_t key)
{
	struct way way = way_of(c, key);
	int64_t least = INT64_MAX;

	for (uint64_t row = 0; row < c->head->depth; row++) {
		int64_t cell = *next_cell(c, &way, row);

		least = cell < least ? cell : least;
	}
	return least;
}

int64_t
countmin_total(const struct countmin *c)
{
	return c->head->total;
}

double
countmin_bound(const struct countmin *c)
{
	return c->shape.epsilon * (double)c->head->total;
}

void
countmin_merge(struct countmin *into, const struct countmin *from)
{
	size_t n = (size_t)(into->head->width * into->head->depth);

	assert(memcmp(into->head, from->head, offsetof(struct head, total)) == 0);
	for (size_t i = 0; i < n; i++)
		cells(into)[i] += cells(from)[i];
	into->head->total += from->head->total;
	dirty_mark_all(&into->dirty);
}

void
countmin_clear(struct countmin *c)
{
	memset(cells(c), 0, c->size - sizeof *c->head);
	c->head->total = 0;
	dirty_mark_all(&c->dirty);
}

struct slice
countmin_bytes(const struct countmin *c)
{
	return slice_of(c->head, c->size);
}

struct dirty *
countmin_dirty(struct countmin *c)
{
	dirty_mark(&c->dirty, 0, sizeof *c->head);
	return &c->dirty;
}

/* Every row has been given every amount. */
static bool
rows_hold(const struct countmin *c)
{
	for (uint64_t row = 0; row < c->head->depth; row++) {
		uint64_t sum = 0;

		for (uint64_t i = 0; i < c->head->width; i++)
			sum += (uint64_t)cells(c)[row * c->head->width + i];
		if ((int64_t)sum != c->head->total)
			return false;
	}
	return true;
}

int
countmin_load(struct countmin *c, struct slice bytes, struct error *error)
{
	bool fits = bytes.size == c->size &&
	    memcmp(bytes.at, c->head, offsetof(struct head, total)) == 0;

	countmin_clear(c);
	if (!fits)
		return error_set(error,
		    "the counts of %zu bytes do not fit a sketch of %zu (was it saved "
		    "with other bounds or another --seed?)",
		    bytes.size, c->size);
	memcpy(c->head, bytes.at, bytes.size);
	if (rows_hold(c))
		return 0;
	countmin_clear(c);
	return error_set(error, "the rows of the counts do not add up to their total");
}
