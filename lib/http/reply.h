/* SPDX-License-Identifier: MIT
 *
 * reply: one HTTP/1.x answer after another out of the bytes of a connection, however those
 * are cut, for a client. Knows no sockets.
 *
 * llhttp (strict) reads all of it: heads, lengths, chunks, bodies that end with the
 * connection. Interim answers (1xx) are passed over. Sizes are bounded here. After any
 * fault the connection has to be closed.
 */
#ifndef BANNERPIPE_HTTP_REPLY_H
#define BANNERPIPE_HTTP_REPLY_H

#include <llhttp.h>

#include "lib/base/slice.h"

enum { REPLY_HEAD_MAX = 16384 /* bytes of all heads of an answer, interim ones too */ };

enum reply_status {
	REPLY_MORE, /* bytes are missing */
	REPLY_WHOLE,
	REPLY_FAULT,
};

struct reply {
	llhttp_t llhttp;
	uint8_t *room; /* borrowed; for the body */
	size_t room_size, size;
	size_t head;        /* bytes of texts, names and values */
	bool whole, begun;  /* some byte of it has come */
	bool keep_alive;    /* of one that is whole: another request may follow */
	unsigned status;    /* of one that is whole: 200 .. 999 */
	const char *reason; /* of a fault: constant */
};

/* The next answer, to a GET or POST; its body goes to `room`. */
void reply_begin(struct reply *r, uint8_t *room, size_t room_size);
/* More bytes; *used of them belong to it. */
enum reply_status reply_feed(struct reply *r, struct slice bytes, size_t *used);
/* The connection has ended: some answers end with it. */
enum reply_status reply_end(struct reply *r);

static inline struct slice
reply_body(const struct reply *r)
{
	return slice_of(r->room, r->size);
}

#endif
