/* SPDX-License-Identifier: MIT
 *
 * lineage: the stages that a stream comes from, as HELLO (control.h) has them: ids with a
 * space between them, the sender first, then those before it. Of several streams that are
 * joined the senders are the first word, with '+' between them.
 */
#ifndef BANNERPIPE_RECORD_LINEAGE_H
#define BANNERPIPE_RECORD_LINEAGE_H

#include "lib/record/control.h"

enum { LINEAGE_MAX = CONTROL_OWN_MAX - 4 };

/* One lineage of n; each id comes once. The terminated text goes to `to`. 0; -1 when one
 * of them names no sender, or when it is too long. */
int lineage_join(const struct slice *lineages, unsigned n, char to[LINEAGE_MAX + 1]);

#endif
