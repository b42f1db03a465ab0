/* SPDX-License-Identifier: MIT
 *
 * print: one msgpack value that the scanner has passed as text, for programs to read:
 * JSON, or a cell of CSV, TSV or logfmt. Text is appended to a builder; when its
 * storage is full the builder says so and what it holds is cut. Nothing is allocated.
 */
#ifndef BANNERPIPE_TEXT_PRINT_H
#define BANNERPIPE_TEXT_PRINT_H

#include <stdbool.h>

#include "lib/record/build.h"
#include "lib/record/record.h"

/* No record becomes more text than this. */
#define PRINT_SIZE_MAX (16 * (size_t)RECORD_SIZE_MAX)

/* Compact JSON on one line, ASCII controls escaped, UTF-8 as it is; what JSON lacks as
 * json.h says. Cost: about 200 ns for 10 keys, 300 bytes. */
void print_json(struct slice value, struct build *to);

/* The same for whole records of one reader, faster: the text of their keys is remembered
 * for the shapes that were seen last. Takes 300 KiB; NULL when there is no memory. */
struct printer;

struct printer *printer_new(void);
void printer_free(struct printer *p);
void printer_record(struct printer *p, const struct record *r, struct build *to);

enum print_style {
	PRINT_CSV,    /* RFC 4180 */
	PRINT_TSV,    /* \t \n \r \\ for tab, line feed, carriage return, backslash */
	PRINT_LOGFMT, /* bare, or in double quotes with JSON's escapes */
};

/* A cell. A str is its text, a number or bool as in JSON, nil empty, all else its JSON.
 * CSV quotes a text that has a comma, a quote or a line break, and one that csv.h would
 * otherwise read as absent or as a number, so that types survive. TSV has no quotes:
 * the text "7" comes back as a number where numbers are inferred. Bytes that are not
 * UTF-8 stay as they are. */
void print_cell(struct slice value, enum print_style style, struct build *to);
/* The same for a text that is a column's name. */
void print_name(struct slice name, enum print_style style, struct build *to);

#endif
