/* SPDX-License-Identifier: MIT
 *
 * shape: how the stages of a topology hang together.
 */
#ifndef BANNERPIPE_RUNNER_SHAPE_H
#define BANNERPIPE_RUNNER_SHAPE_H

#include "lib/epoch.h"

/* The stage of that id; -1 for none. */
int shape_find(const struct topology *t, const char *id);

/* Whether it is a pipeline: every input is a stage of it, there is no ring, at least one
 * source and one sink, and whom nobody reads is a sink. 0, or -1 and error. */
int shape_check(const struct topology *t, struct error *error);

/* The length of the longest way from a source to the stage; a source has 0. */
unsigned shape_level(const struct topology *t, unsigned stage);

#endif
