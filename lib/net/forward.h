/* SPDX-License-Identifier: MIT
 *
 * forward: read the messages of Fluentd's Forward protocol, versions 1 and 1.5, from any
 * pieces, and turn their entries into records. Knows no sockets.
 *
 * A message is taken whole or not at all: entries before a broken one are not delivered.
 * All lengths are checked before memory is taken. What a record is made of is not decoded
 * but for its own keys. Sources: fluent/fluentd wiki, Forward Protocol Specification v1
 * and v1.5; in_forward.rb.
 */
#ifndef BANNERPIPE_NET_FORWARD_H
#define BANNERPIPE_NET_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"
#include "lib/net/buffer.h"
#include "lib/record/build.h"
#include "lib/record/record.h"
#include "lib/when.h"

enum {
	FORWARD_CHUNK_MAX = 255, /* bytes of a chunk's id, so that an ack stays small */
	FORWARD_TAG_MAX = 4096,
	FORWARD_STREAM_SIZE = 16, /* bytes of a stream's id */
};

/* --- Framing -------------------------------------------------------------------- */

/* Where one value on a connection ends. Zero it before each. */
struct forward_framer {
	struct skipper skipper;
	size_t seen;    /* bytes looked at already */
	uint32_t depth; /* of JSON */
	bool json, in_string, escaped;
};

enum forward_frame { FRAME_WHOLE, FRAME_MORE, FRAME_FAULT };

/* Look at the bytes from the start of a value, those seen before included. FRAME_WHOLE
 * sets *size. JSON when the first byte is '{' or '['. Cost: each byte is seen once. */
enum forward_frame forward_frame(
    struct forward_framer *f, struct slice bytes, size_t *size, struct fault *fault);

/* --- Messages ------------------------------------------------------------------- */

enum forward_mode {
	FORWARD_HEARTBEAT, /* nil: nothing */
	FORWARD_MESSAGE,   /* [tag, time, record, option?] */
	FORWARD_ENTRIES,   /* [tag, [entry...], option?], called Forward */
	FORWARD_PACKED,    /* [tag, blob, option?]; the blob is entries end to end */
};

enum forward_packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

/* What a bp-send says of a chunk (bp-send(1)); the blob is then records end to end. */
struct forward_numbers {
	uint8_t stream[FORWARD_STREAM_SIZE];
	uint64_t first; /* number of the first record */
	uint64_t chain; /* hash of all before it */
};

struct forward_message {
	enum forward_mode mode;
	enum forward_packing packing;
	struct slice tag;
	struct slice chunk; /* the id's msgpack value; at NULL: no ack is asked for */
	struct slice time;  /* of FORWARD_MESSAGE: a value */
	struct slice metadata; /* a map; at NULL: none */
	struct slice body; /* the record, the entries after their header, or the blob */
	uint32_t entries;  /* of FORWARD_ENTRIES */
	bool json;         /* it came as JSON */
	bool numbered;
	struct forward_numbers numbers;
};

struct forward_limits {
	size_t unpacked; /* bytes of a message's blob, decompressed */
	size_t records;  /* bytes of all records of one message */
};

struct forward;

/* A decoder of messages. Added to a record that lacks them: `timestamp`, and the tag
 * under the key `tag_key` (borrowed; "" for none). Takes little until it is used. NULL
 * when there is no memory. */
struct forward *forward_new(const char *tag_key, const struct forward_limits *limits);
void forward_free(struct forward *f);

/* Look at one whole value from forward_frame, BUFFER_PADDING readable bytes after it.
 * JSON becomes msgpack that the decoder owns until the next call. False and fault when it
 * is no message. */
bool forward_parse(struct forward *f, struct slice value, struct forward_message *to,
    struct fault *fault);

/* How far a numbered stream was taken. */
struct forward_mark {
	uint64_t next;  /* number of the first record that was not */
	uint64_t chain; /* hash of all before it */
};

struct forward_records {
	struct slice
	    bytes; /* records end to end, owned by the decoder until its next call */
	uint64_t count;            /* of maps */
	uint64_t values;           /* maps and control records */
	uint64_t repeated;         /* values that were taken before and are left out */
	struct forward_mark after; /* of a numbered message */
	bool conflict; /* with a fault: the numbers contradict what was taken */
};

/* The records of a message. Values that break a rule of records (too deep, too large) are
 * among them: whoever scans them rejects them one by one. `mark` is how far a numbered
 * stream was taken, NULL when nothing is known of it: what was taken before is left out,
 * and has to be what it was. A message without numbers holds no control records. `now`
 * stands for a time that is 0 or nil. False and fault: nothing of it. */
bool forward_records(struct forward *f, const struct forward_message *m, instant now,
    const struct forward_mark *mark, struct forward_records *to, struct fault *fault);

/* Give back memory that a large message took. */
void forward_rest(struct forward *f);

/* --- One entry ------------------------------------------------------------------ */

/* An entry's time: an integer or float of seconds (above 1e11: of milliseconds, and so
 * on), an EventTime, nil; *metadata of a v1.5 time, at NULL for none. False when it is
 * none of these. The value's bytes are complete. */
bool forward_time(struct slice value, instant now, instant *to, struct slice *metadata);

/* Append an EventTime. */
void forward_build_time(struct build *b, instant when);

/* The chain of numbered records: the hash of all up to and including this one. */
uint64_t forward_chain(uint64_t before, struct slice record);

#endif
