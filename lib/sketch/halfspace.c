/* SPDX-License-Identifier: MIT */
#include "lib/sketch/halfspace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

enum { DIMENSIONS = HALFSPACE_DIMENSIONS_MAX, TREES = HALFSPACE_TREES_MAX };

#define LAYOUT UINT64_C(0x0100534C41480001)

/* The start of the block; then come the reference mass of all nodes, the counts of the
 * leaves in this window, and the points of the first one. Nodes of a tree are numbered
 * from the root, 1; those below i are 2 i and 2 i + 1. */
struct head {
	uint64_t layout;
	struct halfspace_shape shape;
	double least[DIMENSIONS], scale[DIMENSIONS]; /* to [0, 1] */
	struct halfspace_counts counts;
	uint64_t seen, kept_out; /* in this window */
	double mean;             /* score of those that made the reference, by it */
	uint64_t ungated;        /* 1: this window is learnt as it comes */
};

/* The box of a tree: a scaled x lies at (x - low) / size of it. */
struct box {
	double low[DIMENSIONS], size[DIMENSIONS];
};

struct halfspace {
	struct halfspace_shape shape;
	struct head *head; /* the block, owned */
	size_t size;       /* of it */
	uint32_t *mass;    /* trees * 2^(depth + 1) */
	uint32_t *leaves;  /* trees * 2^depth */
	double *first;     /* window * dimensions */
	struct box *boxes; /* owned; follow from the seed, as does: */
	uint8_t *split;    /* owned; the dimension that each inner node halves */
};

/* The leaf of a point in each tree. */
struct leaves {
	uint32_t of[TREES];
};

struct halfspace_shape
halfspace_default(unsigned dimensions, uint64_t seed)
{
	return (struct halfspace_shape){ .dimensions = dimensions,
		.trees = 25,
		.depth = 12,
		.window = 5000,
		.gate = 0.05,
		.seed = seed };
}

/* A box reaches 2 max(s, 1 - s) beyond a random s in [0, 1], to either side. */
static void
draw_trees(struct halfspace *h)
{
	const struct halfspace_shape *s = &h->shape;
	struct random random = { s->seed };
	size_t inner = (size_t)s->trees << s->depth;

	for (unsigned t = 0; t < s->trees; t++) {
		for (unsigned d = 0; d < s->dimensions; d++) {
			double at = hash_uniform(random_next(&random));
			double reach = 2 * fmax(at, 1 - at);

			h->boxes[t].low[d] = at - reach;
			h->boxes[t].size[d] = 2 * reach;
		}
	}
	for (size_t i = 0; i < inner; i++)
		h->split[i] = (uint8_t)hash_bucket(random_next(&random), s->dimensions);
}

static void
set_range(struct halfspace *h, unsigned d, double least, double most)
{
	/* Halves, as the difference of two numbers need not be one. */
	double half = most / 2 - least / 2, scale = 0.5 / half;

	h->head->least[d] = least;
	h->head->scale[d] = half > 0 && isfinite(scale) ? scale : 1;
}

static void
begin(struct halfspace *h)
{
	memset(h->head, 0, h->size);
	h->head->layout = LAYOUT;
	h->head->shape = h->shape;
	for (unsigned d = 0; d < h->shape.dimensions; d++)
		set_range(h, d, h->shape.least[d], h->shape.most[d]);
}

static bool
ranges_given(const struct halfspace_shape *s)
{
	bool given = false;

	for (unsigned d = 0; d < s->dimensions; d++)
		given = given || s->least[d] < s->most[d];
	for (unsigned d = 0; given && d < s->dimensions; d++)
		assert(s->least[d] < s->most[d]);
	return given;
}

/* The shape as it is stored and compared: what is not used is zero. */
static struct halfspace_shape
plain(const struct halfspace_shape *s)
{
	struct halfspace_shape p;

	memset(&p, 0, sizeof p);
	p.dimensions = s->dimensions;
	p.trees = s->trees;
	p.depth = s->depth;
	p.window = s->window;
	p.gate = s->gate;
	p.seed = s->seed;
	for (unsigned d = 0; ranges_given(s) && d < s->dimensions; d++) {
		p.least[d] = s->least[d];
		p.most[d] = s->most[d];
	}
	return p;
}

struct halfspace *
halfspace_new(const struct halfspace_shape *shape)
{
	struct halfspace *h = calloc(1, sizeof *h);
	size_t leaves = (size_t)shape->trees << shape->depth;

	assert(shape->dimensions >= 1 && shape->dimensions <= DIMENSIONS);
	assert(shape->trees >= 1 && shape->trees <= TREES);
	assert(shape->depth >= 1 && shape->depth <= HALFSPACE_DEPTH_MAX);
	assert(shape->window >= 2 && shape->window <= 1u << 24);
	assert(shape->gate >= 0 && shape->gate < 1);
	if (h == NULL)
		return NULL;
	h->shape = plain(shape);
	h->size = sizeof *h->head + 3 * leaves * sizeof(uint32_t) +
	    (size_t)shape->window * shape->dimensions * sizeof(double);
	h->head = calloc(1, h->size);
	h->boxes = calloc(shape->trees, sizeof *h->boxes);
	h->split = calloc(leaves, 1);
	if (h->head == NULL || h->boxes == NULL || h->split == NULL) {
		halfspace_free(h);
		return NULL;
	}
	h->first = (double *)(void *)(h->head + 1);
	h->mass =
	    (uint32_t *)(void *)(h->first + (size_t)shape->window * shape->dimensions);
	h->leaves = h->mass + 2 * leaves;
	draw_trees(h);
	begin(h);
	return h;
}

void
halfspace_free(struct halfspace *h)
{
	if (h == NULL)
		return;
	free(h->head);
	free(h->boxes);
	free(h->split);
	free(h);
}

/* Where a point lies in a box, by dimension, as a binary fraction: its bits tell in which
 * half it is, and in which half of that. */
static void
fractions(const struct halfspace *h, const struct box *box, const double *scaled,
    uint32_t at[DIMENSIONS])
{
	for (unsigned d = 0; d < h->shape.dimensions; d++) {
		double x = (scaled[d] - box->low[d]) / box->size[d];

		x = x > 0 ? x : 0;
		at[d] = x < 1 ? (uint32_t)(x * 0x1p32) : UINT32_MAX;
	}
}

enum {
	TOGETHER = 5
}; /* trees: each step waits for the last one of its own tree only */

static void
descend(const struct halfspace *h, unsigned tree, unsigned n, const double *scaled,
    struct leaves *to)
{
	uint32_t at[TOGETHER][DIMENSIONS];
	uint32_t node[TOGETHER];

	for (unsigned i = 0; i < n; i++) {
		fractions(h, &h->boxes[tree + i], scaled, at[i]);
		node[i] = 1;
	}
	for (unsigned level = 0; level < h->shape.depth; level++) {
		for (unsigned i = 0; i < n; i++) {
			const uint8_t *split =
			    h->split + ((size_t)(tree + i) << h->shape.depth);
			uint32_t *fraction = &at[i][split[node[i]]];

			node[i] = 2 * node[i] + (*fraction >> 31);
			*fraction <<= 1;
		}
	}
	memcpy(&to->of[tree], node, n * sizeof node[0]);
}

static void
find_leaves(const struct halfspace *h, const double *point, struct leaves *to)
{
	double scaled[DIMENSIONS];
	unsigned trees = h->shape.trees, t = 0;

	for (unsigned d = 0; d < h->shape.dimensions; d++)
		scaled[d] = (point[d] - h->head->least[d]) * h->head->scale[d];
	for (; t + TOGETHER <= trees; t += TOGETHER)
		descend(h, t, TOGETHER, scaled, to);
	if (t < trees)
		descend(h, t, trees - t, scaled, to);
}

/* The sum over trees of mass * 2^level. */
static double
mass_at(const struct halfspace *h, const struct leaves *leaves)
{
	unsigned depth = h->shape.depth;
	uint32_t few = h->shape.window / 10;
	double sum = 0;

	for (unsigned t = 0; t < h->shape.trees; t++) {
		const uint32_t *mass = h->mass + ((size_t)t << (depth + 1));
		uint32_t leaf = leaves->of[t];
		unsigned level = 0;

		while (level < depth && mass[leaf >> (depth - level)] > few)
			level++;
		sum += (double)((uint64_t)mass[leaf >> (depth - level)] << level);
	}
	return sum;
}

static void
learn(struct halfspace *h, const struct leaves *leaves)
{
	uint32_t first = 1u << h->shape.depth;

	for (unsigned t = 0; t < h->shape.trees; t++)
		h->leaves[((size_t)t << h->shape.depth) + leaves->of[t] - first]++;
	h->head->counts.learnt++;
}

/* The scores that the points below a node get in its tree, together. */
static double
scores_below(const struct halfspace *h, const uint32_t *mass, uint32_t node)
{
	unsigned level = 31 - (unsigned)__builtin_clz(node);

	if (level < h->shape.depth && mass[node] > h->shape.window / 10)
		return scores_below(h, mass, 2 * node) +
		    scores_below(h, mass, 2 * node + 1);
	return (double)mass[node] * (double)((uint64_t)mass[node] << level);
}

/* What was counted becomes the reference. */
static void
adopt(struct halfspace *h)
{
	size_t leaves = (size_t)1 << h->shape.depth;
	double sum = 0;

	for (unsigned t = 0; t < h->shape.trees; t++) {
		uint32_t *mass = h->mass + 2 * t * leaves;

		memcpy(mass + leaves, h->leaves + t * leaves, leaves * sizeof *mass);
		for (size_t i = leaves - 1; i > 0; i--)
			mass[i] = mass[2 * i] + mass[2 * i + 1];
		sum += scores_below(h, mass, 1);
	}
	h->head->mean = sum / h->mass[1];
}

static void
turn(struct halfspace *h)
{
	struct head *head = h->head;

	head->ungated = head->kept_out > head->seen / 2;
	if (!head->ungated)
		adopt(h);
	memset(h->leaves, 0,
	    ((size_t)h->shape.trees << h->shape.depth) * sizeof *h->leaves);
	head->seen = head->kept_out = 0;
	head->counts.windows++;
}

static void
range_of_first(struct halfspace *h, unsigned d)
{
	double least = h->first[d], most = least;

	for (uint64_t i = 1; i < h->shape.window; i++) {
		double x = h->first[i * h->shape.dimensions + d];

		least = fmin(least, x);
		most = fmax(most, x);
	}
	set_range(h, d, least, most);
}

/* The points of the first window are kept, until their ranges are known. */
static void
learn_first(struct halfspace *h)
{
	struct leaves leaves;

	for (unsigned d = 0; !ranges_given(&h->shape) && d < h->shape.dimensions; d++)
		range_of_first(h, d);
	for (uint64_t i = 0; i < h->shape.window; i++) {
		find_leaves(h, h->first + i * h->shape.dimensions, &leaves);
		learn(h, &leaves);
	}
	turn(h);
}

static void
assert_finite(const struct halfspace *h, const double *point)
{
	for (unsigned d = 0; d < h->shape.dimensions; d++)
		assert(isfinite(point[d]));
}

bool
halfspace_add(struct halfspace *h, const double *point, double *score)
{
	struct head *head = h->head;
	unsigned n = h->shape.dimensions;
	struct leaves leaves;

	assert_finite(h, point);
	head->counts.points++;
	if (head->counts.windows == 0) {
		memcpy(h->first + head->seen * n, point, n * sizeof *point);
		if (++head->seen == h->shape.window)
			learn_first(h);
		return false;
	}
	find_leaves(h, point, &leaves);
	*score = mass_at(h, &leaves) / head->mean;
	if (*score > h->shape.gate || head->ungated)
		learn(h, &leaves);
	else
		head->kept_out++;
	if (++head->seen == h->shape.window)
		turn(h);
	return true;
}

bool
halfspace_score(const struct halfspace *h, const double *point, double *score)
{
	struct leaves leaves;

	assert_finite(h, point);
	if (h->head->counts.windows == 0)
		return false;
	find_leaves(h, point, &leaves);
	*score = mass_at(h, &leaves) / h->head->mean;
	return true;
}

struct halfspace_counts
halfspace_counts(const struct halfspace *h)
{
	return h->head->counts;
}

struct slice
halfspace_bytes(const struct halfspace *h)
{
	return slice_of(h->head, h->size);
}

/* Every node holds what those below it hold, and each tree the same points. */
static bool
masses_hold(const struct halfspace *h)
{
	size_t leaves = (size_t)1 << h->shape.depth;
	uint64_t learnt =
	    h->head->counts.windows == 0 ? 0 : h->head->seen - h->head->kept_out;

	for (unsigned t = 0; t < h->shape.trees; t++) {
		const uint32_t *mass = h->mass + 2 * t * leaves;
		uint64_t sum = 0;

		for (size_t i = 1; i < leaves; i++)
			if (mass[i] != (uint64_t)mass[2 * i] + mass[2 * i + 1])
				return false;
		for (size_t i = 0; i < leaves; i++)
			sum += h->leaves[t * leaves + i];
		if (mass[1] != h->mass[1] || sum != learnt)
			return false;
	}
	return h->mass[1] <= h->shape.window &&
	    (h->mass[1] > 0) == (h->head->counts.windows > 0);
}

static bool
head_holds(const struct halfspace *h)
{
	const struct head *head = h->head;
	bool holds = head->seen < h->shape.window && head->kept_out <= head->seen &&
	    isfinite(head->mean) && head->ungated <= 1 &&
	    (head->counts.windows == 0 || head->mean > 0);

	for (unsigned d = 0; d < h->shape.dimensions; d++)
		holds = holds && isfinite(head->least[d]) && isfinite(head->scale[d]);
	for (uint64_t i = 0; i < h->shape.window * h->shape.dimensions; i++)
		holds = holds && isfinite(h->first[i]);
	return holds;
}

int
halfspace_load(struct halfspace *h, struct slice bytes, struct error *error)
{
	bool fits = bytes.size == h->size &&
	    memcmp(bytes.at, h->head, offsetof(struct head, least)) == 0;

	if (fits) {
		memcpy(h->head, bytes.at, bytes.size);
		if (head_holds(h) && masses_hold(h))
			return 0;
	}
	begin(h);
	return error_set(error,
	    fits ? "the half-space trees hold what they cannot"
		 : "the half-space trees were saved with another shape or seed");
}
