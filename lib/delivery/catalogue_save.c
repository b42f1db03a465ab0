/* SPDX-License-Identifier: MIT
 *
 * Catalogues in snapshots, and what one takes over from another.
 */
#include "lib/delivery/catalogue_inside.h"

#include <stdlib.h>

void
catalogue_save(const struct catalogue *c, struct state_writer *to)
{
	const struct shelf *all[] = { &c->campaigns, &c->creatives, &c->items };

	for (unsigned i = 0; i < ROW_KINDS; i++) {
		state_put_u64(to, all[i]->count);
		for (uint32_t row = 0; row < all[i]->highest; row++) {
			if (!shelf_has(all[i], row))
				continue;
			state_put_u64(
			    to, (uint64_t)row << 1 | shelf_streamed(all[i], row));
			state_put_slice(to, shelf_record(all[i], row));
		}
	}
}

uint64_t
catalogue_digest(const struct catalogue *c)
{
	const struct shelf *all[] = { &c->campaigns, &c->creatives, &c->items };
	uint64_t digest = 0;

	for (unsigned i = 0; i < ROW_KINDS; i++)
		for (uint32_t row = 0; row < all[i]->highest; row++)
			if (shelf_has(all[i], row))
				digest = hash_bytes(shelf_record(all[i], row), digest);
	return digest;
}

static int
load_row(struct catalogue *c, struct state_reader *from, enum row_kind kind,
    uint8_t *bytes, struct error *error)
{
	struct shelf *rows = catalogue_rows(c, kind);
	struct row_head head;
	struct fault fault;
	uint64_t place;
	size_t size, whole;

	if (state_get_u64(from, &place) != 0 ||
	    state_get_slice(from, bytes, RECORD_SIZE_MAX, &size) != 0)
		return error_set(error, "the snapshot's catalogue is cut off");
	if (record_extent(slice_of(bytes, size), &whole, &fault) != SCAN_RECORD ||
	    whole != size || !row_read_head(slice_of(bytes, size), &head) ||
	    head.kind != kind || place >> 1 >= rows->capacity || head.id.at == NULL ||
	    head.id.size == 0 || head.id.size > ROW_ID_MAX)
		return error_set(error, "the snapshot's catalogue is damaged");
	return catalogue_put(c, kind, (uint32_t)(place >> 1),
	    catalogue_hash(c, head.id), slice_of(bytes, size), place & 1, error);
}

int
catalogue_load(struct catalogue *c, struct state_reader *from, struct error *error)
{
	uint8_t *bytes = calloc(1, RECORD_SIZE_MAX + RECORD_PADDING);
	int status =
	    bytes != NULL ? 0 : error_set(error, "no memory for the catalogue");
	uint64_t count = 0;

	for (enum row_kind kind = 0; kind < ROW_KINDS; kind++)
		for (uint32_t row = 0; row < catalogue_rows(c, kind)->highest; row++)
			if (shelf_has(catalogue_rows(c, kind), row))
				catalogue_drop(c, kind, row);
	for (enum row_kind kind = 0; kind < ROW_KINDS && status == 0; kind++) {
		if (state_get_u64(from, &count) != 0)
			status =
			    error_set(error, "the snapshot's catalogue is cut off");
		for (; count > 0 && status == 0; count--)
			status = load_row(c, from, kind, bytes, error);
	}
	free(bytes);
	return status;
}

/* What the file has of a creative replaces all of it that came with the stream. */
static bool
has_of_file(const struct catalogue *c, enum row_kind kind, const struct catalogue *from,
    uint32_t from_row)
{
	uint32_t row;

	if (kind != ROW_CREATIVE)
		return false;
	row = families_first(&c->families, from->creative[from_row].whole);
	while (row != FAMILY_NONE && shelf_streamed(&c->creatives, row))
		row = families_next(&c->families, row);
	return row != FAMILY_NONE;
}

int
catalogue_inherit(
    struct catalogue *c, const struct catalogue *from, struct error *error)
{
	const struct shelf *all[] = { &from->campaigns, &from->creatives,
		&from->items };

	for (enum row_kind kind = 0; kind < ROW_KINDS; kind++)
		for (uint32_t row = 0; row < all[kind]->highest; row++) {
			if (!shelf_has(all[kind], row) ||
			    !shelf_streamed(all[kind], row) ||
			    shelf_find(catalogue_rows(c, kind),
				shelf_id(all[kind], row)) != CATALOGUE_NONE ||
			    has_of_file(c, kind, from, row))
				continue;
			if (catalogue_put(c, kind, CATALOGUE_NONE,
				shelf_id(all[kind], row), shelf_record(all[kind], row),
				true, error) != 0)
				return -1;
		}
	return 0;
}
