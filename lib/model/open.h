/* SPDX-License-Identifier: MIT
 *
 * open: a model as memory of our own, as it lies in its file, whatever the budget that it
 * was learned with: for those who look at it or make another one of it (bp-model).
 */
#ifndef BANNERPIPE_MODEL_OPEN_H
#define BANNERPIPE_MODEL_OPEN_H

#include "lib/model/model.h"
#include "lib/os.h"

/* Factors (rows.h) are not copied: models that have some can be looked at, as far as their
 * weights go, but not made into others. False and an error that says so. */
bool model_is_linear(const struct model_options *options, struct error *error);

/* How large a model is, beside its options. */
struct model_size {
	uint64_t homes;     /* of its cells */
	uint64_t newcomers; /* bytes of counters; 0 without --admit */
};

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

/* Put a key with its cell into a model of the same options, in the first place that is free.
 * False when there is none. `touched` is as in struct cells_line, from the same base. */
bool model_put(struct model *m, uint64_t key, uint64_t touched, const void *cell);

/* The place of a key, CELLS_NONE when it has none. */
static inline uint64_t
model_place(const struct model *m, uint64_t key)
{
	return cells_find(&m->cells, cells_home(&m->cells, key), key);
}

static inline uint64_t
model_places(const struct model *m)
{
	return cells_places(&m->cells);
}

static inline uint16_t
model_touched_at(const struct model *m, uint64_t place)
{
	return (place & 7) < CELLS_LINE ? m->cells.lines[place >> 3].touched[place & 7]
					: 0;
}

/* The next place from `from` on that holds a key; CELLS_NONE: there is none. */
uint64_t model_next(const struct model *m, uint64_t from);
/* The name of a head: of a target, or "delay". */
const char *model_head_name(unsigned head);

#endif
