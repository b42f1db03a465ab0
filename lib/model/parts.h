/* SPDX-License-Identifier: MIT
 *
 * parts: what a model says of many examples that are made of few different parts, as the
 * candidates of one place are: each part is looked up and summed up once.
 */
#ifndef BANNERPIPE_MODEL_PARTS_H
#define BANNERPIPE_MODEL_PARTS_H

#include "lib/model/model.h"

enum { PARTS_MAX = 1 << 14, PARTS_EXAMPLES_MAX = 1024 };

/* An example has the shared features and in each column one part. Borrowed, all of it. */
struct model_parts {
	struct features shared; /* checked, as are those below */
	struct features all;    /* of all parts, one after another */
	const uint32_t *begin;  /* where those of a part begin: count + 1 */
	unsigned count;         /* parts, at most PARTS_MAX */
	const uint16_t *of;     /* the part of example i in a column: column * n + i */
	unsigned n, columns;    /* n at most PARTS_EXAMPLES_MAX */
};

/* Sums and what follows from them; about 5 MB, of which little is touched. */
struct parts;
struct parts *parts_new(void);
void parts_free(struct parts *p);

/* Whether what the model says of an example is a sum over its parts: not where it has
 * factors or crosses of its own. */
bool parts_suit(const struct model *m);

/* Look everything up, sum it up, and ask for all examples; a value that is none is a fault.
 * Sums go over the shared features first, then over the columns: within rounding they are
 * those of model_predict. Cost: two cache misses a feature of different parts, about ten at a
 * time; 1 ns a column and 40 ns for each example. */
enum features_fault parts_ask(
    struct parts *p, const struct model *m, const struct model_parts *of);

/* What the model says of a target of example i, or of the shared features alone (i == n): all
 * but the deviation, which is 0. Borrowed until the next parts_ask. */
const struct estimate *parts_said(
    const struct parts *p, enum model_target target, unsigned i);
/* Examples that the model had learned then. */
uint64_t parts_version(const struct parts *p);

#endif
