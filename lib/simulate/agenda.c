/* SPDX-License-Identifier: MIT */
#include "lib/simulate/agenda.h"

#include <stdlib.h>

#include "lib/base/assert.h"

_Static_assert(sizeof(struct happening) == 48, "saved as it is");

int
agenda_init(struct agenda *a, uint32_t room)
{
	assert(room > 0);
	*a = (struct agenda){ .heap = calloc(room, sizeof *a->heap), .room = room };
	return a->heap != NULL ? 0 : -1;
}

void
agenda_fini(struct agenda *a)
{
	free(a->heap);
	a->heap = NULL;
}

static bool
before(const struct happening *a, const struct happening *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

bool
agenda_add(struct agenda *a, struct happening h)
{
	uint32_t i = a->n;

	if (a->n == a->room)
		return false;
	h.order = a->order++;
	a->n++;
	for (; i > 0 && before(&h, &a->heap[(i - 1) / 2]); i = (i - 1) / 2)
		a->heap[i] = a->heap[(i - 1) / 2];
	a->heap[i] = h;
	return true;
}

const struct happening *
agenda_next(const struct agenda *a)
{
	return a->n > 0 ? &a->heap[0] : NULL;
}

void
agenda_remove(struct agenda *a)
{
	struct happening last;
	uint32_t i = 0, child;

	assert(a->n > 0);
	last = a->heap[--a->n];
	while ((child = 2 * i + 1) < a->n) {
		if (child + 1 < a->n && before(&a->heap[child + 1], &a->heap[child]))
			child++;
		if (!before(&a->heap[child], &last))
			break;
		a->heap[i] = a->heap[child];
		i = child;
	}
	if (a->n > 0)
		a->heap[i] = last;
}
