/* SPDX-License-Identifier: MIT
 *
 * counted: what one record adds to the sums that are reported: an outcome, or a plain
 * impression, click, purchase or refund; and what of it was found invalid.
 */
#ifndef BANNERPIPE_DELIVERY_COUNTED_H
#define BANNERPIPE_DELIVERY_COUNTED_H

#include "lib/record/judgement.h"
#include "lib/trial/tally_row.h"

struct counted_keys {
	struct key rewards, viewable, price, bid_type, value, taken_out;
	struct judgement_keys judgement;
};

struct counted_keys counted_keys(struct reader *reader);

/* Read a record of kind outcome, impression, click, purchase or refund. *any: something
 * was taken out, `out`; it is untouched else. Words are borrowed from the record. NULL, or a
 * constant text, why it cannot be counted. Cost: about 40 ns. */
const char *counted_read(const struct counted_keys *keys, const struct record *r,
    enum kind kind, struct tally_event *to, bool *any, struct tally_void *out);

#endif
