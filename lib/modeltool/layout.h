/* SPDX-License-Identifier: MIT
 *
 * layout: a table of a model (lib/model/cells.h) place by place; and which tables a model
 * has: one of cells, and with factors one of rows (lib/model/rows.h).
 */
#ifndef BANNERPIPE_MODELTOOL_LAYOUT_H
#define BANNERPIPE_MODELTOOL_LAYOUT_H

#include "lib/model/model.h"

enum layout_table { LAYOUT_CELLS, LAYOUT_ROWS, LAYOUT_TABLES };

/* NULL: the model has none. */
static inline struct cells *
layout_of(const struct model *m, unsigned table)
{
	if (table == LAYOUT_ROWS)
		return m->rows == NULL ? NULL : &m->rows->cells;
	return (struct cells *)(uintptr_t)&m->cells;
}

/* The next place from `from` on that holds a key; CELLS_NONE: there is none. */
uint64_t layout_next(const struct cells *c, uint64_t from);

/* The place of a key, CELLS_NONE when it has none. */
static inline uint64_t
layout_find(const struct cells *c, uint64_t key)
{
	return cells_find(c, cells_home(c, key), key);
}

static inline uint16_t
layout_touched(const struct cells *c, uint64_t place)
{
	return (place & 7) < CELLS_LINE ? c->lines[place >> 3].touched[place & 7] : 0;
}

/* Put a key with its cell, of the same size, in the first place that is free. False when there
 * is none. `touched` is as in struct cells_line, from the same base. */
bool layout_put(struct cells *c, uint64_t key, uint64_t touched, const void *cell);

/* Every place of one into an empty table of as many homes, as it is there; what is counted of
 * them too. */
void layout_copy(struct cells *to, const struct cells *from, uint64_t last);

/* Whether each key is where a search finds it; if not, *wrong is such a place. */
bool layout_are_found(const struct cells *c, uint64_t *wrong);

#endif
