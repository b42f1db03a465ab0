/* SPDX-License-Identifier: MIT
 *
 * events: what comes of decisions, and what else happens in the shop: counted, paid for, and
 * written into the journal, once. The journal has DESK_EVENT_ROOM.
 */
#ifndef BANNERPIPE_SERVE_EVENTS_H
#define BANNERPIPE_SERVE_EVENTS_H

#include "lib/serve/desk.h"

enum desk_event { DESK_IMPRESSION, DESK_CLICK };

/* It came of a decision. The link was good. */
void desk_tell(
    struct desk *k, enum desk_event event, struct slice decision, instant now);
/* An event of the shop. NULL, or what is wrong with it. */
const char *desk_event(struct desk *k, struct slice map, bool signal, instant now);

#endif
