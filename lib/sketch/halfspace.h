/* SPDX-License-Identifier: MIT
 *
 * halfspace: how unusual a point is among those of the last while, without labels:
 * streaming half-space trees (Tan, Ting and Liu, "Fast anomaly detection for streaming
 * data", IJCAI 2011).
 *
 * Each tree halves a random box around the data again and again, along dimensions drawn at
 * random, before any data come. Points of one window count the mass of each half space;
 * those of the next are scored by it: in each tree the mass of the first node on the way
 * down that holds at most a tenth of a window, or of the leaf, times 2^level, which is the
 * mass that the whole box would have if all of it were as full. Anomalies score low.
 *
 * As published, a burst of anomalies teaches the trees that it is usual. So a point is
 * learnt only if its score is above `gate` times the mean that the points of the reference
 * have in it. When more than half of a window was kept out, that is no burst but the
 * world: the reference stays, and the next window is learnt as it comes.
 *
 * Data are scaled to [0, 1] by given ranges, or by those of the first window; what lies
 * outside is taken as far outside as the boxes reach. Scales that are not nearly uniform,
 * such as amounts and durations, are better given as logarithms.
 *
 * Everything is determined by the points and the seed.
 */
#ifndef BANNERPIPE_SKETCH_HALFSPACE_H
#define BANNERPIPE_SKETCH_HALFSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"

enum {
	HALFSPACE_DIMENSIONS_MAX = 16,
	HALFSPACE_TREES_MAX = 100,
	HALFSPACE_DEPTH_MAX = 16,
};

struct halfspace_shape {
	unsigned dimensions; /* 1..HALFSPACE_DIMENSIONS_MAX */
	unsigned trees;      /* 1..HALFSPACE_TREES_MAX; 25 as published */
	unsigned depth;      /* 1..HALFSPACE_DEPTH_MAX; 12 to 15 */
	unsigned window;     /* points, at least 2; 5,000 */
	double gate;         /* 0.05; 0 learns all, as published */
	/* By dimension, least < most; all 0: those of the first window. */
	double least[HALFSPACE_DIMENSIONS_MAX], most[HALFSPACE_DIMENSIONS_MAX];
	uint64_t seed;
};

/* 25 trees, depth 12, window 5,000, gate 0.05, ranges of the first window. */
struct halfspace_shape halfspace_default(unsigned dimensions, uint64_t seed);

struct halfspace;

/* Memory: 9 bytes for each of trees * 2^(depth + 1) nodes and a window of points: 1.8 MB
 * and 240 KB in three dimensions. NULL when there is none. Owned by the caller. */
struct halfspace *halfspace_new(const struct halfspace_shape *shape);
void halfspace_free(struct halfspace *h);

/* Score a point of finite numbers, and learn it. 1 is the mean of the reference; an
 * anomaly is below, often by orders of magnitude. False, and no score, in the first
 * window. Cost: 1 us in three dimensions, once a window 1 ms. */
bool halfspace_add(struct halfspace *h, const double *point, double *score);
/* The same without learning. */
bool halfspace_score(const struct halfspace *h, const double *point, double *score);

struct halfspace_counts {
	uint64_t points;
	uint64_t learnt; /* others were kept out by the gate */
	uint64_t windows;
};

struct halfspace_counts halfspace_counts(const struct halfspace *h);

/* All of it as one block for a snapshot, borrowed until the next change; most of it changes
 * with every window. Back into one made with the same arguments: a block of another shape
 * is an error and leaves it as it was when made. */
struct slice halfspace_bytes(const struct halfspace *h);
int halfspace_load(struct halfspace *h, struct slice bytes, struct error *error);

#endif
