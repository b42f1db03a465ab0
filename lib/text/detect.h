/* SPDX-License-Identifier: MIT
 *
 * detect: the format of a text by its first lines.
 */
#ifndef BANNERPIPE_TEXT_DETECT_H
#define BANNERPIPE_TEXT_DETECT_H

#include <stdbool.h>

#include "lib/base/slice.h"

enum {
	DETECT_LINES_MAX = 20,       /* lines that are looked at */
	DETECT_BYTES_MAX = 64 << 10, /* where the last of them begins at most */
};

enum detect {
	DETECT_FOUND,   /* *format is set */
	DETECT_MORE,    /* more bytes are needed */
	DETECT_NONE,    /* no line is of a format known here */
	DETECT_RECORDS, /* it is msgpack, no text */
};

/* Look at the bytes from the start of the input; `end`: there are no more. The first
 * line that is of a format decides, so that the answer depends on the text alone and not
 * on how it arrives: an object of JSON ("json"), a line of an access log ("combined",
 * "common"), an example with a label ("vw", "libsvm", "ffm"), or a row of names ("tsv",
 * "csv", or "csv;" for semicolons). Lines before it
 * decide nothing; they belong to the input all the same. */
enum detect detect_format(struct slice bytes, bool end, const char **format);

/* The constant that detect_format gives for the format of that name; NULL: none. */
const char *detect_name(struct slice name);

#endif
