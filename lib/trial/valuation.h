/* SPDX-License-Identifier: MIT
 *
 * valuation: the metric record of one group of off-policy sums: what the log has earned,
 * what the policy would have, by each estimator, whether that can be trusted and why not,
 * and the sums. Estimates that cannot be trusted are left out; the sums never are.
 */
#ifndef BANNERPIPE_TRIAL_VALUATION_H
#define BANNERPIPE_TRIAL_VALUATION_H

#include "lib/record/build.h"
#include "lib/trial/groups.h"

/* Append the record. The event_id is made of group and revision, so that the same input
 * gives the same one. names[dims] are the dimensions' keys, reward says what was valued. */
void valuation_build(struct build *b, const struct group *group,
    const struct offpolicy_rule *rule, const char *reward, const struct slice *names,
    unsigned dims);

#endif
