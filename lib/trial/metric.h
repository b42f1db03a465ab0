/* SPDX-License-Identifier: MIT
 *
 * metric: the metric record of a row of a tally: its window, dimensions and sums, the
 * ratios that follow from them, with Wilson intervals at 95 %, and what downstream needs to
 * work out others. A ratio that is not defined (no click, no cost) is left out.
 */
#ifndef BANNERPIPE_TRIAL_METRIC_H
#define BANNERPIPE_TRIAL_METRIC_H

#include "lib/record/build.h"
#include "lib/trial/tally.h"

/* Append the record. The event_id is made of window, row and revision, so that the same
 * input gives the same one. names[dims] are the dimensions' keys. */
void metric_build(struct build *b, const struct tally *t, const struct tally_row *row,
    const struct slice *names, unsigned dims);

#endif
