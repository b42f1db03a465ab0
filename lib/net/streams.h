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
	instant watermark;
};

/* Zeroed, but for the watermark. */
struct streams {
	struct stream stream[SERVER_STREAMS_MAX];
	unsigned n;
	instant watermark; /* of all; WHEN_NEVER at first */
};

/* The stream of that id, a new one where it has none; NULL when there are too many. */
struct stream *streams_find(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE]);
/* Its end came; how many have ended. */
uint64_t streams_end(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE]);
/* Its watermark came: that of all, the smallest, when it is news and at least so many
 * streams have one. */
bool streams_tick(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    instant watermark, uint64_t least, instant *merged);
/* How far it came in an earlier run. */
bool streams_known(const struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    struct forward_mark *mark);

#endif
