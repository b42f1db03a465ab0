/* SPDX-License-Identifier: MIT
 *
 * dims: the pair "dims" of a metric record: a map of the names to the values of a group.
 */
#ifndef BANNERPIPE_TRIAL_DIMS_H
#define BANNERPIPE_TRIAL_DIMS_H

#include "lib/record/build.h"

/* `values`: one msgpack value for each name, one behind another; where they end early, as
 * of the group of all that found no room, it is "(other)". */
void dims_build(
    struct build *b, struct slice values, const struct slice *names, unsigned count);

#endif
