/* SPDX-License-Identifier: MIT
 *
 * rows: the records of one kind in a catalogue, in numbered rows, found by their id.
 */
#ifndef BANNERPIPE_DELIVERY_ROWS_H
#define BANNERPIPE_DELIVERY_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"

#define ROWS_NONE UINT32_MAX

struct row {
	uint8_t *bytes; /* owned, with RECORD_PADDING after them; NULL: a free row */
	uint32_t size;
	bool streamed;
	uint64_t id;
};

struct rows {
	struct row *list; /* owned */
	uint32_t capacity, count;
	uint32_t highest;      /* rows beyond were never taken */
	uint32_t lowest;       /* rows before are taken */
	struct table *numbers; /* owned; of each id */
};

/* 0, or -1 when there is no memory. */
int rows_init(struct rows *r, uint32_t capacity);
void rows_fini(struct rows *r);

static inline bool
rows_has(const struct rows *r, uint32_t row)
{
	return row < r->capacity && r->list[row].bytes != NULL;
}

static inline struct slice
rows_record(const struct rows *r, uint32_t row)
{
	return slice_of(r->list[row].bytes, r->list[row].size);
}

static inline bool
rows_streamed(const struct rows *r, uint32_t row)
{
	return r->list[row].streamed;
}

static inline uint64_t
rows_id(const struct rows *r, uint32_t row)
{
	return r->list[row].id;
}

/* The row of the id, ROWS_NONE when there is none. */
uint32_t rows_find(const struct rows *r, uint64_t id);
/* The lowest free one, ROWS_NONE when all are taken. */
uint32_t rows_free_place(struct rows *r);
/* A copy of a record as rows_put takes it; NULL when there is no memory. */
uint8_t *rows_copy(struct slice record);
/* Put it there, instead of what is there, which has the same id. Takes over the bytes. */
void rows_put(
    struct rows *r, uint32_t row, uint64_t id, struct slice copy, bool streamed);
void rows_remove(struct rows *r, uint32_t row);

#endif
