/* SPDX-License-Identifier: MIT
 *
 * row: one record as a line of text by columns (columns.h); without the line's end. What
 * a record has not is an empty cell, or is left out where cells are named.
 */
#ifndef BANNERPIPE_TEXT_ROW_H
#define BANNERPIPE_TEXT_ROW_H

#include "lib/text/columns.h"
#include "lib/text/print.h"

/* CSV and TSV: the names of the columns, and a record's cells. The latter answers how
 * many values of the record no column takes. */
void row_names(const struct columns *c, enum print_style style, struct build *to);
unsigned row_cells(
    struct columns *c, struct slice record, enum print_style style, struct build *to);

/* logfmt: name=cell of each column that the record has; c NULL: of all that it has. */
void row_pairs(struct columns *c, struct slice record, struct build *to);

/* JSON: an object of the columns that the record has, under their paths. `scratch` is
 * overwritten; where it is too small, `to` is full. */
void row_object(
    struct columns *c, struct slice record, struct build *scratch, struct build *to);

#endif
