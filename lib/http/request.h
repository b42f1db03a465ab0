/* SPDX-License-Identifier: MIT
 *
 * request: an HTTP request as a handler sees it. All slices are borrowed until the
 * handler returns. What is in them came from outside: any bytes but controls in header
 * values, printable ASCII without space in the target, anything in the body.
 */
#ifndef BANNERPIPE_HTTP_REQUEST_H
#define BANNERPIPE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/slice.h"

/* Others are answered with 405. OPTIONS is answered by the server itself. */
enum http_method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_OPTIONS };

/* The headers that are kept; others are checked and forgotten. In the order of their
 * names' lengths. */
enum http_header {
	HEADER_DNT,
	HEADER_HOST,
	HEADER_ACCEPT,
	HEADER_COOKIE,
	HEADER_EXPECT,
	HEADER_ORIGIN,
	HEADER_PURPOSE,
	HEADER_REFERER,
	HEADER_SEC_GPC,
	HEADER_SEC_CH_UA,
	HEADER_USER_AGENT,
	HEADER_SEC_PURPOSE,
	HEADER_CONTENT_TYPE,
	HEADER_AUTHORIZATION,
	HEADER_IF_NONE_MATCH,
	HEADER_CONTENT_LENGTH,
	HEADER_SEC_FETCH_DEST,
	HEADER_SEC_FETCH_MODE,
	HEADER_SEC_FETCH_SITE,
	HEADER_ACCEPT_ENCODING,
	HEADER_ACCEPT_LANGUAGE,
	HEADER_X_FORWARDED_FOR,
	HEADER_CONTENT_ENCODING,
	HEADER_SEC_CH_UA_MOBILE,
	HEADER_TRANSFER_ENCODING,
	HEADER_X_OPENRTB_VERSION,
	HEADER_SEC_CH_UA_PLATFORM,
	HEADER_REQUEST_METHOD, /* Access-Control-Request-Method */
	HEADER_COUNT,
};

struct http_request {
	enum http_method method;
	struct slice path;  /* from its '/', as it was sent; "*" of OPTIONS */
	struct slice query; /* after the '?', as it was sent; empty for none */
	struct slice body;  /* chunks joined; empty for none */
	/* Values without spaces around them; at NULL: the header is not there. Of one that
	 * came several times the first, of X-Forwarded-For the last. */
	struct slice header[HEADER_COUNT];
	/* Who asks: the address of the peer as text, without port; behind as many proxies
	 * as the configuration says, what those have forwarded. "" on a unix socket. */
	struct slice client;
};

/* The header of that name in any case; HEADER_COUNT when it is none of them. */
enum http_header http_header_find(struct slice name);

/* The next pair of a query or of a form's body: start with *rest = it. Both are decoded,
 * where that changes anything into `room`, of at least rest->size bytes at the start,
 * which is used up from the front. False at its end. The results may be any bytes. */
bool http_query_next(
    struct slice *rest, uint8_t **room, struct slice *name, struct slice *value);

/* The first value of that name in a query, decoded into `room` of query.size bytes. */
bool http_query_find(
    struct slice query, const char *name, uint8_t *room, struct slice *value);

/* The value of a cookie in the Cookie header, without quotes. */
bool http_cookie_find(struct slice cookies, const char *name, struct slice *value);

#endif
