/* SPDX-License-Identifier: MIT
 *
 * hideout: where attackers come from: each kind is as careful as it is, and no more.
 */
#ifndef BANNERPIPE_SIMULATE_HIDEOUT_H
#define BANNERPIPE_SIMULATE_HIDEOUT_H

#include "lib/simulate/agenda.h"
#include "lib/simulate/whence.h"
#include "lib/simulate/who.h"

/* Of what is no human's. */
void hideout_of(const struct whences *o, const struct happening *h, struct whence *to);

#endif
