/* SPDX-License-Identifier: MIT
 *
 * sheet: what is reported of models, for people (aligned tables, or a list of names and
 * values) or for programs (a JSON object a line).
 */
#ifndef BANNERPIPE_MODELTOOL_SHEET_H
#define BANNERPIPE_MODELTOOL_SHEET_H

#include <stdio.h>

#include "lib/record/build.h"

struct sheet;

/* To write to `to`, which is borrowed. NULL when there is no memory. */
struct sheet *sheet_new(FILE *to, bool json);
/* Storage for one row or list, reset by this call. */
struct build *sheet_build(struct sheet *s);
/* What was built, a map, is a row of the table at hand. */
void sheet_row(struct sheet *s);
/* It is a list: a line for each name and value, those of nested maps behind dots, numbers
 * with six digits; an array of maps becomes a table below. */
void sheet_list(struct sheet *s);
/* The table at hand is complete. */
void sheet_end(struct sheet *s);
void sheet_free(struct sheet *s);

#endif
