/* SPDX-License-Identifier: MIT
 *
 * format: lines of any format that bp-parse knows as records, one line or row after the
 * other: "combined", "common" or a log_format (accesslog.h), "json" (json.h), "csv",
 * "csv;" and "tsv" with a header (csv.h), "vw", "libsvm" and "ffm" (examples.h), and those
 * of the adapters (adapters.h), which are JSON lines or rows without a header.
 */
#ifndef BANNERPIPE_TEXT_FORMAT_H
#define BANNERPIPE_TEXT_FORMAT_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/record/build.h"
#include "lib/record/record.h"
#include "lib/text/accesslog.h"
#include "lib/text/examples.h"

enum { FORMAT_HEADER_MAX = 1 << 17 }; /* bytes of a row of names */

struct format;

/* The format of that name, or log_format text. NULL and error, which says what the
 * choice is when there is no such format. Takes 1 MiB and what the format needs. */
struct format *format_new(const char *name, struct error *error);
void format_free(struct format *f);

/* The size of the first line or row, its terminator included; 0 when more bytes are
 * needed. `end`: there are no more. */
size_t format_frame(const struct format *f, struct slice bytes, bool end);

enum format_result {
	FORMAT_RECORD, /* one was appended; also a control record, from JSON */
	FORMAT_HEADER, /* the row named the columns, or a line between examples */
	FORMAT_FAULT,  /* fault is set */
};

/* Take a line without its terminator; JSON_PADDING readable bytes follow it. `first`: it
 * is the first of its file. *event_id is the line's, valid until the next call: the one
 * it brings, or one made of its bytes (accesslog.h); NULL when it is not wanted. */
enum format_result format_line(struct format *f, struct slice line, bool first,
    struct build *to, struct slice *event_id, struct fault *fault);

/* Of examples: examples_on_name; nothing of other formats. False: they are no examples. */
bool format_on_name(struct format *f, examples_name *name, void *context);

/* What the next lines depend on, to be written to a snapshot and read back: the header
 * (empty before there is one; of examples how many there were) and the memory of line_ids. */
struct slice format_header(const struct format *f);
struct slice format_ids(const struct format *f);
/* False when the header is none, or the ids are of another size. */
bool format_restore(struct format *f, struct slice header, struct slice ids);

#endif
