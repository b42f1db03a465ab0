/* SPDX-License-Identifier: MIT
 *
 * logformat: lines of an access log by the format that wrote them, in the language of
 * nginx's log_format (ngx_http_log_module): literal text and variables, $name or
 * ${name}. A format is compiled once; running it over a line gives a slice per variable
 * and allocates nothing.
 *
 * Strict: the literal text between two variables ends the first one, a quoted variable
 * ends at the first quote without a backslash before it, the variables of known type
 * must be of it, and nothing may follow. What fails is said with its byte in the line.
 * Escapes are those of nginx (\xHH; with escape=json \" \\ \n \uHHHH) and of Apache
 * (\" \\ \n \r \t \b \v \xHH).
 */
#ifndef BANNERPIPE_TEXT_LOGFORMAT_H
#define BANNERPIPE_TEXT_LOGFORMAT_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/record/record.h"

enum {
	LOGFORMAT_SIZE_MAX = 4096,  /* bytes of a format */
	LOGFORMAT_FIELDS_MAX = 64,  /* variables of a format */
	LOGFORMAT_LITERAL_MAX = 64, /* bytes between two variables */
	LOGFORMAT_PADDING = 32,     /* readable bytes that must follow a line */
};

enum logformat_type {
	LOGFORMAT_TEXT,
	LOGFORMAT_INT,      /* decimal, 0 or more */
	LOGFORMAT_TIME,     /* $time_local, $time_iso8601, $msec */
	LOGFORMAT_DURATION, /* seconds with a fraction; of a list, its sum */
	LOGFORMAT_ADDRESS,  /* IPv4, IPv6, "unix:", or a host name */
};

struct logformat_field {
	struct slice name; /* without the '$'; belongs to the format */
	enum logformat_type type;
};

struct logformat_value {
	struct slice text; /* as it stands in the line; absent (at == NULL) for "-" */
	int64_t number;    /* of an INT; microseconds of a TIME or DURATION */
	bool escaped;      /* text has a backslash in it: see logformat_unescape */
	bool ascii;        /* no byte of the line is above 0x7f */
};

struct logformat;

/* Compile a format. NULL and error with the byte at fault. */
struct logformat *logformat_new(struct slice format, struct error *error);
void logformat_free(struct logformat *f);

/* The format of that name: combined and common (as Apache and nginx write them, with
 * the identity of RFC 1413 as $remote_ident); NULL for another name. */
const char *logformat_named(struct slice name);

/* The variables in the order of the line. */
unsigned logformat_fields(const struct logformat *f);
const struct logformat_field *logformat_field(const struct logformat *f, unsigned i);

/* Take a line (without its terminator) apart into as many values as there are fields,
 * borrowed from the line. False and the fault when the line is not of this format; the
 * reason belongs to the format. LOGFORMAT_PADDING readable bytes follow the line; their
 * content does not matter. Remembers only the last time it read, to read it once.
 * Cost: about 100 ns for a line of 240 bytes. */
bool logformat_run(struct logformat *f, struct slice line,
    struct logformat_value *values, struct fault *fault);

/* Undo the escapes; writes at most text.size bytes and returns their number. A
 * backslash that begins no escape stands for itself. `to` may be text.at. */
size_t logformat_unescape(struct slice text, uint8_t *to);

/* Whether the text is an address as above. */
bool logformat_is_address(struct slice text);

#endif
