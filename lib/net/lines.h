/* SPDX-License-Identifier: MIT
 *
 * lines: newline-delimited JSON, and syslog (RFC 5424) in the framings of RFC 6587, from
 * the bytes of a connection or a datagram into records.
 */
#ifndef BANNERPIPE_NET_LINES_H
#define BANNERPIPE_NET_LINES_H

#include <stdbool.h>

#include "lib/base/slice.h"
#include "lib/net/buffer.h"
#include "lib/record/build.h"
#include "lib/record/record.h"
#include "lib/when.h"

enum { LINES_MAX = 256 * 1024 }; /* bytes of a line or a counted message */

enum lines_kind { LINES_JSON, LINES_SYSLOG };

struct lines;

/* NULL when there is no memory. */
struct lines *lines_new(enum lines_kind kind);
void lines_free(struct lines *l);

struct lines_batch {
	struct slice records; /* end to end, the decoder's until the next call */
	uint64_t count;
	uint64_t wrong;     /* lines that are none */
	struct fault first; /* why the first of these */
	size_t used;        /* bytes that were looked at */
};

/* The records of the whole lines in the bytes, up to some 256 KiB of them; `end`: no more
 * bytes come, so that the last one needs no newline. BUFFER_PADDING bytes after them are
 * readable. False when a line is longer than LINES_MAX, and nothing after it can be told. */
bool lines_records(
    struct lines *l, struct slice bytes, bool end, instant now, struct lines_batch *to);

/* The extent of the next frame: *text is what it holds, *size all of it; false: more bytes
 * are needed. `counted` allows octet counting ("123 <34>1 ..."), which is told from a line
 * by its first byte. A frame above LINES_MAX has *size 0. */
bool lines_frame(struct slice bytes, bool counted, struct slice *text, size_t *size);

/* One message of syslog into a record: RFC 5424 ("<PRI>1 ..."), else what RFC 3164 may have
 * been ("<PRI>text"). Keys: event "log", timestamp (`now` when it has none), facility,
 * severity, hostname, app_name, procid, msgid, structured_data (a map of maps), message. A text that is not UTF-8 becomes bin. False and fault when it has no priority,
 * or the builder became full. */
bool lines_syslog(
    struct slice text, instant now, struct build *to, struct fault *fault);

#endif
