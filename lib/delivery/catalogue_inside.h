/* SPDX-License-Identifier: MIT
 *
 * catalogue_inside: what the files of the catalogue share: how it lies in memory, and how
 * rows come and go.
 */
#ifndef BANNERPIPE_DELIVERY_CATALOGUE_INSIDE_H
#define BANNERPIPE_DELIVERY_CATALOGUE_INSIDE_H

#include "lib/delivery/catalogue.h"
#include "lib/delivery/conditions.h"
#include "lib/delivery/family.h"
#include "lib/delivery/row_read.h"
#include "lib/delivery/shelf.h"
#include "lib/delivery/targeting.h"

struct catalogue {
	struct hash_key key;
	uint64_t memory_bytes, bytes;
	struct shelf campaigns, creatives, items;
	struct families families;  /* of creatives, by the whole */
	struct campaign *campaign; /* owned; by row, as the next two */
	struct creative *creative;
	struct item *item;
	struct targeting *targeting; /* owned, as all that follows */
	struct conditions *conditions;
	/* By creative, side by side, what each request has to look at: whether it cannot be
	 * shown to anybody, its campaign and its condition. */
	uint64_t *blocked;
	uint16_t *campaign_of; /* CATALOGUE_CAMPAIGNS_MAX: it belongs to none */
	uint16_t *condition_of;
	struct runs *runs; /* by campaign, for the same reason */
};

/* When a campaign runs; never, when it is paused. */
struct runs {
	instant from, to;
	uint32_t condition;
};

static inline struct shelf *
catalogue_rows(struct catalogue *c, enum row_kind kind)
{
	return kind == ROW_CAMPAIGN ? &c->campaigns
	    : kind == ROW_CREATIVE  ? &c->creatives
				    : &c->items;
}

/* Whether all items of a creative are there and in stock, as far as they are known. */
bool catalogue_in_stock(const struct catalogue *c, const struct creative *k);
/* Put a record in a row of its own (CATALOGUE_NONE: the lowest free one) or in that of its
 * id. 0, or -1 and error. */
int catalogue_put(struct catalogue *c, enum row_kind kind, uint32_t place, uint64_t id,
    struct slice record, bool streamed, struct error *error);
void catalogue_drop(struct catalogue *c, enum row_kind kind, uint32_t row);

#endif
