/* SPDX-License-Identifier: MIT
 *
 * text: a model as lines of text that keep every bit, and back. Fields are parted by one
 * space; fractions are hexadecimal, as C's %a writes them.
 *
 *	bannerpipe-model 1
 *	option NAME=VALUE            each of them, in their order
 *	table HOMES EVICTED BASE CRAMPED
 *	newcomers SIZE ADDED         with --admit only
 *	rows HOMES EVICTED BASE CRAMPED SEEN ADDED
 *	fields SPACE...              both with --factors only; SPACE in hex
 *	state EXAMPLES CROWDED
 *	crosses PAIRS FIELDS NAMESPACE... (FIELD FIELD)...	with --crosses
 *	places COUNT EVICTED         with --examination only
 *	place KEY TOUCHED CLICKS EXPECTED LABEL	each of them; the label in hex
 *	head NAME FIELD NUMBER...    each field of each head
 *	counts OFFSET HEX            of the newcomers, what is not 0
 *	row-counts OFFSET HEX        of what has no row yet
 *	cell PLACE TOUCHED KEY NUMBER...
 *	row PLACE TOUCHED KEY NUMBER...
 *	end CELLS                    with factors: end CELLS ROWS
 *
 * Cells and rows go back to their places: the model file is the same, byte for byte, but for
 * what a search for crosses has gathered, which begins afresh.
 */
#ifndef BANNERPIPE_MODELTOOL_TEXT_H
#define BANNERPIPE_MODELTOOL_TEXT_H

#include "lib/modeltool/open.h"

enum { MODEL_TEXT_LINE = 1 << 15 }; /* bytes of a line, at most */

/* Hand out one line after another, each with its end. `write` returns 0, or -1, which ends
 * it and is returned. */
int model_text_write(const struct model *m,
    int (*write)(void *context, struct slice line), void *context);

/* A model that is read line by line, within `memory` bytes. NULL when there is no memory. */
struct model_text *model_text_new(const struct os *os, uint64_t memory);
/* One line without its end. -1 and the error, which names the line and what is wrong. */
int model_text_line(struct model_text *t, struct slice line, struct error *error);
/* All lines have come: the model, the caller's to free. NULL and error. */
struct model *model_text_end(struct model_text *t, struct error *error);
void model_text_free(struct model_text *t);

#endif
