/* SPDX-License-Identifier: MIT
 *
 * agenda: what will happen in the shop, the next first: a bounded heap. What happens at
 * the same time happens in the order in which it was added.
 */
#ifndef BANNERPIPE_SIMULATE_AGENDA_H
#define BANNERPIPE_SIMULATE_AGENDA_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/when.h"

/* Without padding: it is saved as it is. */
struct happening {
	instant at;
	uint64_t order;   /* the agenda's */
	uint64_t session; /* whose */
	uint64_t number;  /* of the request, item or order it is about */
	uint32_t visitor;
	uint32_t slot;     /* of the request; a banner */
	uint16_t step;     /* pages seen in the session */
	uint16_t pages;    /* that it will have */
	uint8_t kind, who; /* the shop's */
	uint8_t position;
	uint8_t cart; /* things in it */
};

struct agenda {
	struct happening *heap; /* owned */
	uint32_t n, room;
	uint64_t order;
};

/* -1: no memory. room is at least 1. */
int agenda_init(struct agenda *a, uint32_t room);
void agenda_fini(struct agenda *a);
/* False when it is full. Cost: O(log n). */
bool agenda_add(struct agenda *a, struct happening h);
/* The next; NULL: there is nothing. Borrowed until the next change. */
const struct happening *agenda_next(const struct agenda *a);
/* Take the next out. There is one. */
void agenda_remove(struct agenda *a);

#endif
