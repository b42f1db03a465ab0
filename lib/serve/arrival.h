/* SPDX-License-Identifier: MIT
 *
 * arrival: records from elsewhere, whom a desk trusts: changes of the catalogue, events
 * of the shop, what came of banners by the word of another process, outcomes.
 *
 * Each counts from when it comes, and is written so: its timestamp becomes that of the
 * desk, and its own, where it is another, `occurred_at`. Keys and kinds that are not known
 * stay as they are.
 */
#ifndef BANNERPIPE_SERVE_ARRIVAL_H
#define BANNERPIPE_SERVE_ARRIVAL_H

#include "lib/serve/desk.h"

enum arrival {
	ARRIVAL_TAKEN,
	ARRIVAL_KNOWN, /* it was told before: nothing has changed, nothing is written */
	ARRIVAL_WRONG, /* error says why; nothing has changed */
};

/* Take a record, which was scanned. The journal has DESK_ROOM. Cost: some us; a change of
 * the catalogue costs what that costs (catalogue.h), and no more. */
enum arrival arrival_take(
    struct desk *k, const struct record *r, instant now, struct error *error);

#endif
