/* SPDX-License-Identifier: MIT
 *
 * csv: rows of separated values with a header into msgpack maps.
 *
 * Two dialects. With quotes, RFC 4180: a field that begins with a double quote ends
 * with the next single one, a doubled one stands for itself, separators and line breaks
 * between them are text; a quote elsewhere in a field is text. Without quotes, each
 * line is a row, and \t \n \r \\ in a field stand for tab, line feed, carriage return
 * and backslash (any other backslash for itself), as bp-print, Miller and PostgreSQL
 * write TSV. Rows end with LF or CRLF. Fields are bytes: nothing is decoded or trimmed.
 *
 * Where numbers are inferred, an unquoted field becomes an integer or a float64 when it
 * is written as a JSON number in canonical form: no leading zero or '+', not "-0", an
 * integer of at most 64 bits, a fraction or exponent within float64, and an exponent
 * with its sign
 * ("1e+20" as programs print it, not "1e20" or "12e4567", which are more often codes).
 */
#ifndef BANNERPIPE_TEXT_CSV_H
#define BANNERPIPE_TEXT_CSV_H

#include <stdbool.h>

#include "lib/record/build.h"
#include "lib/record/record.h"

enum { CSV_PADDING = 8 }; /* readable bytes that must follow a row or header */

struct csv_format {
	uint8_t separator; /* ',', '\t', ';' ...: no quote, backslash or line break */
	bool quotes;       /* the first dialect, else the second */
	bool infer;        /* numbers become numbers */
	bool keep_empty;   /* an empty field is the str "", else absent; "" in quotes
			      always */
	bool verbatim;     /* without quotes: a backslash stands for itself always */
};

struct csv;

/* A parser that has no header yet. Takes 350 KiB. NULL when there is no memory. */
struct csv *csv_new(struct csv_format format);
void csv_free(struct csv *csv);

/* The size of the first row of the bytes, its line break included; 0 when more bytes
 * are needed. `end`: no more will come. A quote that is not closed within
 * RECORD_SIZE_MAX bytes or by the end, or is closed in the middle of a field, makes the
 * row end with its first line, so that only that line is lost: csv_row will refuse it.
 * Cost: about 0.1 ns a byte, three times that with quotes. */
size_t csv_frame(const struct csv *csv, struct slice bytes, bool end);

/* Take the columns' names from the first row, replacing those before. A byte order mark
 * is skipped; a column without a name is called column_N, from 1. At most
 * RECORD_KEYS_MAX different names of at most RECORD_KEY_SIZE_MAX bytes; else false and
 * fault. */
bool csv_header(struct csv *csv, struct slice row, struct fault *fault);
unsigned csv_columns(const struct csv *csv);
/* The name of a column, 0 <= i < csv_columns; borrowed until the next header. */
struct slice csv_column(const struct csv *csv, unsigned i);

/* Append the row (without its line break) as one map of the header's names. False when
 * the row has fewer fields than the header, or more (but for empty ones at its end), a
 * malformed quote or a field of more than RECORD_STRING_MAX bytes, or the builder became
 * full; nothing is appended then. After csv_header. Cost: about 10 ns a field. */
bool csv_row(struct csv *csv, struct slice row, struct build *to, struct fault *fault);

/* Append the text as a number when it is one in the sense above. 8 bytes after it need
 * not be readable. */
bool csv_number(struct slice text, struct build *to);

#endif
