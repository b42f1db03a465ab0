/* SPDX-License-Identifier: MIT */
#include "lib/delivery/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/record/record.h"
#include "lib/table.h"

enum { PLACE_BYTES = 24 };

int
shelf_init(struct shelf *r, uint32_t capacity)
{
	r->list = calloc(capacity, sizeof *r->list);
	/* Half full at most, a table of keyed hashes evicts nothing. */
	r->numbers =
	    table_new(TABLE_KEY_64, 8, UINT64_C(2) * PLACE_BYTES * capacity + 4096);
	r->capacity = capacity;
	return r->list != NULL && r->numbers != NULL ? 0 : -1;
}

void
shelf_fini(struct shelf *r)
{
	for (uint32_t i = 0; r->list != NULL && i < r->highest; i++)
		free(r->list[i].bytes);
	free(r->list);
	table_free(r->numbers);
}

uint32_t
shelf_find(const struct shelf *r, uint64_t id)
{
	const uint64_t *cell = table_find(r->numbers, id);

	return cell == NULL ? SHELF_NONE : (uint32_t)*cell;
}

uint32_t
shelf_free_place(struct shelf *r)
{
	while (r->lowest < r->capacity && r->list[r->lowest].bytes != NULL)
		r->lowest++;
	return r->lowest < r->capacity ? r->lowest : SHELF_NONE;
}

uint8_t *
shelf_copy(struct slice record)
{
	uint8_t *copy = malloc(record.size + RECORD_PADDING);

	if (copy == NULL)
		return NULL;
	memcpy(copy, record.at, record.size);
	memset(copy + record.size, 0, RECORD_PADDING);
	return copy;
}

void
shelf_put(struct shelf *r, uint32_t row, uint64_t id, struct slice copy, bool streamed)
{
	struct row *to = &r->list[row];
	bool fresh;

	assert(row < r->capacity && (to->bytes == NULL || to->id == id));
	if (to->bytes == NULL)
		r->count++;
	free(to->bytes);
	*to = (struct row){ (uint8_t *)(uintptr_t)copy.at, (uint32_t)copy.size,
		streamed, id };
	*(uint64_t *)table_touch(r->numbers, id, 0, &fresh) = row;
	r->highest = row + 1 > r->highest ? row + 1 : r->highest;
	assert(table_counts(r->numbers).cells == r->count);
}

void
shelf_remove(struct shelf *r, uint32_t row)
{
	assert(shelf_has(r, row));
	(void)table_erase(r->numbers, r->list[row].id);
	free(r->list[row].bytes);
	r->list[row] = (struct row){ .bytes = NULL };
	r->lowest = row < r->lowest ? row : r->lowest;
	r->count--;
}
