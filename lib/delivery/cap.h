/* SPDX-License-Identifier: MIT
 *
 * cap: how often one user may be shown something.
 */
#ifndef BANNERPIPE_DELIVERY_CAP_H
#define BANNERPIPE_DELIVERY_CAP_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/when.h"

enum { CAP_COUNT_MAX = 1000000 };

#define CAP_WINDOW_MAX (366 * WHEN_DAY)

/* Impressions allowed to one user: in all, in a session, within a window. */
struct cap {
	int32_t total, session, window; /* -1: not limited */
	int32_t zero;                   /* so that snapshots have no undefined bytes */
	struct span length;             /* of the window */
};

#define CAP_NONE ((struct cap){ .total = -1, .session = -1, .window = -1 })

static inline bool
cap_limits(struct cap cap)
{
	return cap.total >= 0 || cap.session >= 0 || cap.window >= 0;
}

/* From a record: {"total": 20, "session": 2, "window": 3, "window_us": 86400000000}. With
 * window_us but without window, `total` is that of the window. */
int cap_read(struct cap *cap, struct slice map, struct error *error);
/* From an option: "20", "2/session", "3/24h", or several with commas between. */
int cap_parse(struct cap *cap, const char *text, struct error *error);

#endif
