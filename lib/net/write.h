/* SPDX-License-Identifier: MIT
 *
 * write: messages of the Forward protocol, as bp-send sends them: PackedForward.
 */
#ifndef BANNERPIPE_NET_WRITE_H
#define BANNERPIPE_NET_WRITE_H

#include "lib/net/forward.h"
#include "lib/net/unpack.h"

enum {
	FORWARD_ID_SIZE = 24,   /* characters of a chunk's id: base64 of 128 bits */
	FORWARD_ACK_MAX = 2048, /* bytes of an ack */
};

/* Append an entry, [EventTime, record]. False when memory is short. */
bool forward_write_entry(struct buffer *to, struct slice record, instant when);

/* The id of a chunk: a hash of its stream and number, so that the same chunk sent again
 * has the same id. */
void forward_chunk_id(const uint8_t stream[FORWARD_STREAM_SIZE], uint64_t number,
    char to[FORWARD_ID_SIZE]);

struct forward_chunk {
	const char *tag;
	const char *id;    /* FORWARD_ID_SIZE characters */
	struct slice blob; /* not yet compressed */
	uint64_t count;
	enum forward_packing packing;
	const struct forward_numbers *numbers; /* NULL: entries for a foreign server */
};

/* Append the message. False when memory is short. */
bool forward_write_chunk(
    struct inflater *u, const struct forward_chunk *c, struct buffer *to);

/* The answer to a chunk: {"ack": id}, with how far the stream was taken when it is
 * numbered. `chunk` is the id's msgpack value, at most FORWARD_CHUNK_MAX bytes of text.
 * Who speaks JSON reads JSON. */
void forward_build_ack(
    struct build *b, struct slice chunk, const struct forward_mark *mark, bool json);
/* {"bp_refused": reason}: the numbered stream is not taken. */
void forward_build_refusal(struct build *b, const char *reason);

struct forward_answer {
	struct slice ack;     /* the id as text; at NULL: none */
	struct slice refused; /* a reason; at NULL: none */
	bool marked;
	struct forward_mark mark;
};

/* Read one. False when it is no answer. */
bool forward_read_answer(struct slice value, struct forward_answer *to);

#endif
