/* SPDX-License-Identifier: MIT */
#include "lib/delivery/budget.h"

#include <stdio.h>

void
budget_alert_build(
    const struct budget_alert *a, struct slice campaign, instant when, struct build *b)
{
	char name[64];
	int size = snprintf(name, sizeof name, "%s.%016llx.%lld",
	    a->over ? "overspend" : "spend", (unsigned long long)a->campaign,
	    a->daily ? (long long)a->day : -1LL);

	build_map(b, 7);
	build_text(b, "event");
	build_text(b, "alert");
	build_text(b, "event_id");
	build_str(b, slice_of(name, (size_t)size));
	build_text(b, "timestamp");
	build_int(b, when);
	build_text(b, "kind");
	build_text(b, a->over ? "overspend" : "spend");
	build_text(b, "subject");
	build_str(b, campaign);
	build_text(b, "score");
	build_double(b, a->spent);
	build_text(b, "reason");
	build_text(b, a->daily ? "budget of the day" : "budget");
}
