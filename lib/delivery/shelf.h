/* SPDX-License-Identifier: MIT
 *
 * shelf: the records of one kind in a catalogue, in numbered rows, found by their id.
 */
#ifndef BANNERPIPE_DELIVERY_SHELF_H
#define BANNERPIPE_DELIVERY_SHELF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"

#define SHELF_NONE UINT32_MAX

struct row {
	uint8_t *bytes; /* owned, with RECORD_PADDING after them; NULL: a free row */
	uint32_t size;
	bool streamed;
	uint64_t id;
};

struct shelf {
	struct row *list; /* owned */
	uint32_t capacity, count;
	uint32_t highest;      /* rows beyond were never taken */
	uint32_t lowest;       /* rows before are taken */
	struct table *numbers; /* owned; of each id */
};

/* 0, or -1 when there is no memory. */
int shelf_init(struct shelf *r, uint32_t capacity);
void shelf_fini(struct shelf *r);

static inline bool
shelf_has(const struct shelf *r, uint32_t row)
{
	return row < r->capacity && r->list[row].bytes != NULL;
}

static inline struct slice
shelf_record(const struct shelf *r, uint32_t row)
{
	return slice_of(r->list[row].bytes, r->list[row].size);
}

static inline bool
shelf_streamed(const struct shelf *r, uint32_t row)
{
	return r->list[row].streamed;
}

static inline uint64_t
shelf_id(const struct shelf *r, uint32_t row)
{
	return r->list[row].id;
}

/* The row of the id, SHELF_NONE when there is none. */
uint32_t shelf_find(const struct shelf *r, uint64_t id);
/* The lowest free one, SHELF_NONE when all are taken. */
uint32_t shelf_free_place(struct shelf *r);
/* A copy of a record as shelf_put takes it; NULL when there is no memory. */
uint8_t *shelf_copy(struct slice record);
/* Put it there, instead of what is there, which has the same id. Takes over the bytes. */
void shelf_put(
    struct shelf *r, uint32_t row, uint64_t id, struct slice copy, bool streamed);
void shelf_remove(struct shelf *r, uint32_t row);

#endif
