/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/layout.h"

uint64_t
layout_next(const struct cells *c, uint64_t from)
{
	for (uint64_t p = from; p < cells_places(c); p++) {
		uint64_t key = cells_key_at(c, p);

		if (key != 0 && key != CELLS_CHANGING)
			return p;
	}
	return CELLS_NONE;
}

bool
layout_put(struct cells *c, uint64_t key, uint64_t touched, const void *cell)
{
	uint64_t first = cells_home(c, key) << 3;
	uint64_t last = (c->base + UINT16_MAX) * CELLS_TICK;

	for (uint64_t p = first; p < first + (CELLS_WINDOW << 3); p++)
		if ((p & 7) < CELLS_LINE && cells_key_at(c, p) == 0)
			return cells_put(c, p, touched, cells_key(key), cell, last);
	return false;
}

void
layout_copy(struct cells *to, const struct cells *from, uint64_t last)
{
	to->base = from->base;
	to->evicted = from->evicted;
	to->cramped = from->cramped;
	for (uint64_t p = layout_next(from, 0); p != CELLS_NONE;
	     p = layout_next(from, p + 1))
		(void)cells_put(to, p, layout_touched(from, p), cells_key_at(from, p),
		    cells_at(from, p), last);
}

bool
layout_are_found(const struct cells *c, uint64_t *wrong)
{
	for (uint64_t p = layout_next(c, 0); p != CELLS_NONE;
	     p = layout_next(c, p + 1)) {
		*wrong = p;
		if (layout_find(c, cells_key_at(c, p)) != p)
			return false;
	}
	return true;
}
