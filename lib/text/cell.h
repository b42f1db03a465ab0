/* SPDX-License-Identifier: MIT
 *
 * cell: a value as a person reads it in a table. The column's name tells the unit:
 *
 *	timestamp, *_at, window_start, window_end   2019-11-24T00:03:13Z
 *	*_micros                                    12.34
 *	*_us                                        1h30m, 12.3s, 250us
 *
 * Other numbers are rounded to four significant digits after the point, lists are
 * "[0.0123, 0.0145]", bytes "<12 bytes>", nil "-". Control characters, characters that
 * reorder text and bytes that are not UTF-8 become U+FFFD, so that no record can steer
 *a terminal.
 */
#ifndef BANNERPIPE_TEXT_CELL_H
#define BANNERPIPE_TEXT_CELL_H

#include <stdbool.h>

#include "lib/record/build.h"

/* Append the value's text; what does not fit is left out. Returns whether it is a
 * number, which is aligned to the right. The value is one that the scanner has passed.
 */
bool cell_format(struct slice name, struct slice value, struct build *to);
/* Append a text that is made harmless in the same way. */
void cell_text(struct slice text, struct build *to);

/* The columns of a terminal that a text of cell_format takes. */
size_t cell_width(struct slice text);
/* The longest start of the text that takes at most so many columns; *width is what it
 * takes. */
struct slice cell_cut(struct slice text, size_t limit, size_t *width);

#endif
