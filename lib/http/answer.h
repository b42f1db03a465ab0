/* SPDX-License-Identifier: MIT
 *
 * answer: what a handler says to a request, and its bytes.
 */
#ifndef BANNERPIPE_HTTP_ANSWER_H
#define BANNERPIPE_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/slice.h"

enum {
	ANSWER_HEADERS_MAX = 4096, /* bytes of a handler's own headers */
	ANSWER_HEAD_MAX = 512,     /* bytes of all others but CORS */
	ANSWER_ORIGIN_MAX = 256,   /* bytes of an origin that is allowed */
	ANSWER_HEAD_ROOM = ANSWER_HEADERS_MAX + ANSWER_HEAD_MAX + 2 * ANSWER_ORIGIN_MAX,
};

/* Comes as 200 with nothing in it. */
struct http_answer {
	unsigned status;  /* 200 .. 599 */
	const char *type; /* Content-Type, a constant; NULL: none */
	/* In `room`, or anywhere else where it stays until the handler has returned. At
	 * most room_size bytes; more is answered with 500. */
	struct slice body;
	unsigned route; /* for the metrics: an index of the configuration's routes */
	bool close;     /* the connection ends with this answer */

	uint8_t *room; /* to build the body in */
	size_t room_size;
	uint8_t *headers; /* lines; see http_header */
	size_t headers_size;
	bool broken; /* something did not fit, or was no header: it becomes a 500 */
};

/* Add a header; the name is a constant and none that the server writes (Connection,
 * Content-Length, Content-Type, Date, those of CORS). A value with controls in it is
 * refused, since it would end the header. */
void http_header(struct http_answer *a, const char *name, struct slice value);

/* Add to the body, which is in `room` then. */
void http_append(struct http_answer *a, struct slice text);
void http_print(struct http_answer *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- For the server -------------------------------------------------------------- */

struct answer_frame {
	struct slice date; /* "Date: ...\r\n" */
	struct slice
	    origin; /* to allow, of one that is sent back "Vary"; empty: none */
	bool vary, credentials;
	bool no_body;    /* of HEAD: its length is told all the same */
	bool keep_alive; /* the connection goes on */
	bool old;        /* the request was of HTTP/1.0, whose default is to close */
};

/* Write it, ANSWER_HEAD_ROOM + the body's size at most; returns the size. A broken answer
 * is written as a 500, and a->status says so. */
size_t answer_write(
    struct http_answer *a, const struct answer_frame *frame, uint8_t *to);

#endif
