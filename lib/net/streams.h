/* SPDX-License-Identifier: MIT
 *
 * streams: what a receiver remembers of the numbered streams that come to it: how far
 * each came in an earlier run, its watermark, whether it has ended.
 */
#ifndef BANNERPIPE_NET_STREAMS_H
#define BANNERPIPE_NET_STREAMS_H

#include "lib/net/server.h"

struct stream {
	uint8_t id[FORWARD_STREAM_SIZE];
	struct forward_mark mark; /* when saved */
	bool saved, ended, timed;
	bool ended_now; /* by this run */
	instant watermark;
};

/* Zeroed, but for the watermark. */
struct streams {
	struct stream stream[SERVER_STREAMS_MAX];
	unsigned n;
	instant watermark; /* of all; WHEN_NEVER at first */
	instant floor;     /* what that was when one ended, in earlier runs */
};

/* The stream of that id; a new one where it has none, in the place of one that has ended
 * when there are too many; NULL when none has. */
struct stream *streams_find(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE]);
/* Its end came; how many ended in this run. */
uint64_t streams_end(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE]);
/* Its watermark came: that of all, the smallest, when it is news and at least so many
 * streams have one. That of a stream without others goes on as it is (*alone). */
bool streams_tick(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    instant watermark, uint64_t least, instant *merged, bool *alone);

/* What a log's mark says of a stream besides how far it came, and back: its watermark, or
 * that it has ended. */
enum { STREAM_NOTE_SIZE = 8 };
void streams_write_note(const struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    uint8_t to[STREAM_NOTE_SIZE]);
void streams_read_note(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    const uint8_t from[STREAM_NOTE_SIZE]);
/* How far it came in an earlier run. */
bool streams_known(const struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    struct forward_mark *mark);

#endif
