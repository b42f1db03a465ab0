/* SPDX-License-Identifier: MIT
 *
 * page: records as an aligned table, a page at a time. A page's records are gathered,
 * then measured, then printed: a column is as wide as its widest cell, columns of
 * numbers are aligned to the right. The next page goes on below without a new header
 * when it has no other columns and fits into the widths.
 *
 * In a limited width the widest columns of text are cut with an ellipsis first, down to
 * 12; when that is not enough, columns at the right are left out and their number is
 * shown.
 */
#ifndef BANNERPIPE_TEXT_PAGE_H
#define BANNERPIPE_TEXT_PAGE_H

#include <stdbool.h>

#include "lib/record/build.h"
#include "lib/record/record.h"
#include "lib/text/columns.h"

/* Bytes of text that one page can take, whatever its records are. */
enum { PAGE_ROWS_MAX = 1000, PAGE_BYTES_MAX = RECORD_SIZE_MAX };

struct page;

/* A page of up to `rows` records (1..PAGE_ROWS_MAX) and PAGE_BYTES_MAX bytes of them,
 * in `width` columns of the terminal, 0 for no limit. Takes 1.2 MiB. NULL when there is
 * no memory. */
struct page *page_new(unsigned rows, unsigned width);
void page_free(struct page *p);

/* Fix a column instead of taking those of the records. False when there is no room. */
bool page_column(struct page *p, struct slice name);

/* Keep a copy of the record, a map that the scanner has passed. False when the page has
 * to be printed first. */
bool page_add(struct page *p, struct slice record);
bool page_is_full(const struct page *p);

/* Hand out the page line by line and empty it: call until it answers false. `line` gets
 * one line with its end; what does not fit into it is cut. Nothing when there is no
 * record. */
bool page_line(struct page *p, struct build *line);

/* What the next page goes on from: the held records, one after the other, and the
 * layout (names and widths) as msgpack. Not between two calls of page_line. */
struct slice page_records(const struct page *p);
void page_layout(const struct page *p, struct build *to);
/* Take both back into a new page of the same arguments; the bytes come from those two.
 */
bool page_restore(struct page *p, struct slice records, struct slice layout);

#endif
