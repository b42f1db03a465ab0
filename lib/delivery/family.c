/* SPDX-License-Identifier: MIT */
#include "lib/delivery/family.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/table.h"

enum { PLACE_BYTES = 24 };

int
families_init(struct families *f, uint32_t rows)
{
	/* Half full at most, a table of keyed hashes evicts nothing. */
	f->first = table_new(TABLE_KEY_64, 8, UINT64_C(2) * PLACE_BYTES * rows + 4096);
	f->next = calloc(rows, sizeof *f->next);
	return f->first != NULL && f->next != NULL ? 0 : -1;
}

void
families_fini(struct families *f)
{
	table_free(f->first);
	free(f->next);
}

static void
set_first(struct families *f, uint64_t family, uint32_t row)
{
	bool fresh;

	if (row == FAMILY_NONE)
		(void)table_erase(f->first, family);
	else
		*(uint64_t *)table_touch(f->first, family, 0, &fresh) = row;
}

/* The last row of the family before this one; FAMILY_NONE: there is none. */
static uint32_t
row_before(const struct families *f, uint64_t family, uint32_t row)
{
	uint32_t at = families_first(f, family), before = FAMILY_NONE;

	for (; at != FAMILY_NONE && at < row; at = f->next[at])
		before = at;
	return before;
}

void
families_add(struct families *f, uint64_t family, uint32_t row)
{
	uint32_t before = row_before(f, family, row);

	if (before == FAMILY_NONE) {
		f->next[row] = families_first(f, family);
		set_first(f, family, row);
	} else {
		f->next[row] = f->next[before];
		f->next[before] = row;
	}
	assert(f->next[row] == FAMILY_NONE || f->next[row] > row);
}

void
families_remove(struct families *f, uint64_t family, uint32_t row)
{
	uint32_t before = row_before(f, family, row);

	assert((before == FAMILY_NONE ? families_first(f, family) : f->next[before]) ==
	    row);
	if (before == FAMILY_NONE)
		set_first(f, family, f->next[row]);
	else
		f->next[before] = f->next[row];
}

uint32_t
families_first(const struct families *f, uint64_t family)
{
	const uint64_t *row = table_find(f->first, family);

	return row == NULL ? FAMILY_NONE : (uint32_t)*row;
}
