/* SPDX-License-Identifier: MIT
 *
 * url: the parts of a URL, or of the path and query that a server logs, and percent
 * decoding. Source: RFC 3986; application/x-www-form-urlencoded of the WHATWG URL
 * standard for the '+' of queries. Nothing here fails: what does not look like a part
 * is an empty part. All cost one pass through the text.
 */
#ifndef BANNERPIPE_TEXT_URL_H
#define BANNERPIPE_TEXT_URL_H

#include <stdbool.h>

#include "lib/base/slice.h"

/* Parts of the text, borrowed, still encoded. */
struct url {
	struct slice scheme;   /* "https"; empty when there is none */
	struct slice host;     /* without user and port, an IPv6 address without [] */
	struct slice path;     /* from its '/' on */
	struct slice query;    /* after '?' */
	struct slice fragment; /* after '#' */
};

/* "https://shop.example:8443/a/b?x=1#top", "//shop.example/a", "/a/b?x=1". */
void url_split(struct slice text, struct url *to);

/* The n-th segment of a path, from 0: of "/a/b/" they are a, b and an empty one. */
bool url_segment(struct slice path, unsigned n, struct slice *to);

/* The next name=value pair of a query, separated by '&'; a name without '=' has an
 * empty value. Start with *rest = the query; false at its end. Empty pairs are skipped.
 */
bool url_query_next(struct slice *rest, struct slice *name, struct slice *value);

/* Whether decoding would change nothing. */
bool url_is_plain(struct slice text, bool plus);

/* Percent-decode into `to`, which has room for text.size bytes; with `plus`, '+' is a
 * space. A '%' that two hex digits do not follow stays. Returns the length. The result
 * may be any bytes. */
size_t url_decode(struct slice text, bool plus, uint8_t *to);

#endif
