/* SPDX-License-Identifier: MIT
 *
 * row_read: what the records of a catalogue say, checked.
 */
#ifndef BANNERPIPE_DELIVERY_ROW_READ_H
#define BANNERPIPE_DELIVERY_ROW_READ_H

#include "lib/delivery/catalogue.h"
#include "lib/delivery/targeting.h"

enum { ROW_ID_MAX = 255 };

enum row_kind { ROW_CAMPAIGN, ROW_CREATIVE, ROW_ITEM, ROW_KINDS };

const char *row_kind_name(enum row_kind kind);

struct row_head {
	enum row_kind kind;
	struct slice id; /* absent: it has none */
	bool deleted;
};

/* False when the record is no row of a catalogue. Slices are borrowed from the record. */
bool row_read_head(struct slice record, struct row_head *to);

/* Whom it wants. */
struct row_aim {
	struct target target;
	struct slice condition; /* absent: none */
};

int row_read_aim(
    struct slice record, bool creative, struct row_aim *to, struct error *error);

/* All but the ids; -1 and error. */
int row_read_campaign(struct slice record, struct campaign *to, struct error *error);
int row_read_creative(struct slice record, struct creative *to, struct slice *campaign,
    struct slice items[CATALOGUE_ITEMS_OF_ONE], unsigned *n, struct error *error);
/* What the creative says it is worth, and its category (absent: none). */
int row_read_worth(struct slice record, struct creative *to, struct slice *category,
    struct error *error);
int row_read_item(
    struct slice record, struct item *to, struct slice *category, struct error *error);

#endif
