/* SPDX-License-Identifier: MIT
 *
 * open: a model as memory of our own, as it lies in its file, whatever the budget that it
 * was learned with: for those who look at it or make another one of it (bp-model).
 */
#ifndef BANNERPIPE_MODELTOOL_OPEN_H
#define BANNERPIPE_MODELTOOL_OPEN_H

#include "lib/modeltool/layout.h"
#include "lib/os.h"

/* Slices (lib/model/slices.h) are not copied: models that have some can be looked at, as far as
 * their weights go, but not made into others. False and an error that says so. */
bool model_can_be_copied(const struct model_options *options, struct error *error);

/* How large a model is, beside its options. */
struct model_size {
	uint64_t homes;     /* of its cells */
	uint64_t newcomers; /* bytes of counters; 0 without --admit */
	uint64_t row_homes; /* of its rows; 0 without factors */
	uint64_t seen;      /* bytes of counters of what has no row yet; 0 without */
};

/* As large as need be for so many homes, when nothing is known of the counters. */
struct model_size model_size_for(
    const struct model_options *options, uint64_t homes, uint64_t row_homes);
struct model_size model_size_of(const struct model *m);

/* An empty model of exactly that size within `memory` bytes, live at `live` or NULL. An
 * error says how much it needs. Owned by the caller. */
struct model *model_fit(const struct model_options *options, struct model_size size,
    uint64_t memory, const struct os *os, const char *live, struct error *error);

/* What is in a model file, every place as it is there, or in a live one: a copy of what it
 * is now, where a cell that moves meanwhile is read again. NULL and error. */
struct model *model_read(
    const struct os *os, const char *path, uint64_t memory, struct error *error);

/* Write it as a model file: durable, and old or new at every instant. */
int model_write(
    const struct os *os, struct model *m, const char *path, struct error *error);

/* The same as layout.h has, of its cells. */
static inline uint64_t
model_place(const struct model *m, uint64_t key)
{
	return layout_find(&m->cells, key);
}

static inline uint64_t
model_next(const struct model *m, uint64_t from)
{
	return layout_next(&m->cells, from);
}

/* The name of a head: of a target, or "delay". */
const char *model_head_name(unsigned head);

#endif
