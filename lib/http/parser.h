/* SPDX-License-Identifier: MIT
 *
 * parser: one HTTP/1.x request after another out of the bytes of a connection, however
 * those are cut. Knows no sockets.
 *
 * llhttp (strict) reads the head. It gets it whole, and only after a scan of our own has
 * found its end: lines end with CR LF, and there is no other control but tab, and no
 * folded line. So both have to agree about where a head ends, or there is no request.
 * Length and chunks of a body are read here: a chunk's size is 1 to 8 hexadecimal digits,
 * and extensions and trailers are refused, since nobody needs them and proxies disagree
 * about them (RFC 9112, 7.1 and 11.2). After any fault the connection has to be closed.
 */
#ifndef BANNERPIPE_HTTP_PARSER_H
#define BANNERPIPE_HTTP_PARSER_H

#include "lib/http/request.h"

enum {
	PARSER_HEAD_MAX = 8192, /* bytes of the request line and all headers */
	PARSER_HEADERS_MAX = 64,
};

enum parser_status {
	PARSER_MORE,     /* bytes are missing */
	PARSER_CONTINUE, /* so are they, and the peer waits for "100 Continue" */
	PARSER_WHOLE,
	PARSER_FAULT,
};

struct parser_range {
	uint16_t at, size; /* of the head */
};

enum parser_state { PARSER_HEAD, PARSER_BODY, PARSER_CHUNKS };
enum parser_chunk {
	CHUNK_SIZE,
	CHUNK_LINE,
	CHUNK_DATA,
	CHUNK_CR,
	CHUNK_LF,
	CHUNK_LAST
};

/* Zero it, and after each request that came whole; then all offsets are from the first
 * byte after that. */
struct parser {
	enum parser_state state;
	uint32_t line, scanned; /* of the head: the line's start; looked at so far */
	uint32_t lines;
	uint32_t head, body; /* bytes; of chunks, those that came */
	enum parser_chunk chunk;
	uint32_t digits, left; /* of the chunk */
	enum http_method method;
	bool old, keep_alive, waits; /* it is HTTP/1.0; for "100 Continue" */
	struct parser_range target, header[HEADER_COUNT]; /* at 0: it is not there */
	unsigned status;                                  /* of a fault: the answer's */
	const char *reason;                               /* of a fault: constant */
};

struct parser_limits {
	uint32_t body;  /* bytes; more are 413 */
	bool no_chunks; /* chunks are 411: for behind a proxy, which knows the length */
};

/* Look at the bytes from the request's first on, those seen before included; they may have
 * moved since. Chunks are joined in place: *size becomes smaller by what was left out.
 * PARSER_WHOLE: *used are the bytes of the request. */
enum parser_status parser_next(struct parser *p, const struct parser_limits *limits,
    uint8_t *bytes, size_t *size, size_t *used);

/* The request that came whole, in the same bytes; without `client`. */
void parser_request(
    const struct parser *p, const uint8_t *bytes, struct http_request *to);

#endif
