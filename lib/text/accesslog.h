/* SPDX-License-Identifier: MIT
 *
 * accesslog: a line of an access log as a page_view record.
 *
 * The keys are event, event_id, timestamp (the finest of $msec, $time_iso8601 and
 * $time_local), then one for each variable of the format in its order:
 *
 *	$remote_addr ip, $request method, url, query, protocol; $request_method method,
 *	$request_uri url, query; $uri url where there is no better one; $args query
 *	likewise; $server_protocol protocol, $body_bytes_sent bytes_sent, $http_referer
 *	referrer, $http_user_agent user_agent; durations have "_us" after their name;
 *all others have their own name
 *
 * A variable that is "-" gives no key. query is a map (query.h), absent when the target
 * has none. A request that is no METHOD TARGET [PROTOCOL] (probes, broken clients) is
 * kept whole as request. Escapes are undone, unless what comes out is not UTF-8: then
 * the text stays as it is; raw bytes that are not UTF-8 become a bin.
 *
 * event_id is $request_id where the format has it, and otherwise 22 characters of
 * base64url (RFC 4648) of the 128-bit XXH3 of the line, seeded with how often the same
 * line was seen among the recent ones: equal lines get different ids, and a second run
 * over the same lines the same ids.
 */
#ifndef BANNERPIPE_TEXT_ACCESSLOG_H
#define BANNERPIPE_TEXT_ACCESSLOG_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/record/build.h"
#include "lib/text/logformat.h"

enum {
	LINE_ID_SIZE = 22,
	LINE_IDS_SIZE = 8192 * 64, /* bytes of line_ids_state */
};

/* The ids of lines. Remembers about 30,000 different recent lines in 512 KiB; of a set
 * of four the one that came first makes place. NULL when there is no memory. */
struct line_ids;
struct line_ids *line_ids_new(void);
void line_ids_free(struct line_ids *ids);
/* The id of the next line, in two steps: between them memory fetches what is known of
 * such lines, and the caller reads the line, which stays. Cost: about 30 ns for 240
 * bytes. */
void line_ids_begin(struct line_ids *ids, struct slice line);
void line_ids_end(struct line_ids *ids, uint8_t to[LINE_ID_SIZE]);
/* The id of the `number`-th text, which depends on nothing else: two texts, or two numbers,
 * have different ones. */
void line_ids_numbered(const struct line_ids *ids, struct slice text, uint64_t number,
    uint8_t to[LINE_ID_SIZE]);
/* All that it remembers, to be written to a snapshot and back: the same number of bytes
 * always, little-endian machines only (all that this project builds for). */
struct slice line_ids_state(const struct line_ids *ids);
void line_ids_restore(struct line_ids *ids, struct slice state);

struct accesslog;

/* For lines of this format (as logformat_new, or a name of logformat_named). NULL and
 * error, also when the format has no time in it. */
struct accesslog *accesslog_new(struct slice format, struct error *error);
void accesslog_free(struct accesslog *a);

/* Read a line, behind which there are LOGFORMAT_PADDING readable bytes. False and the
 * fault (lib/text/logformat.h) when it is not of the format. */
bool accesslog_read(struct accesslog *a, struct slice line, struct fault *fault);
/* Append the record of the line that was read, which is still there. `id` is used when
 * the line brings none; *event_id is the one that was used, borrowed from `id` or the
 * line. Cost: about 200 ns for 240 bytes, the reading included. */
void accesslog_build(const struct accesslog *a, struct slice id, struct build *to,
    struct slice *event_id);

#endif
