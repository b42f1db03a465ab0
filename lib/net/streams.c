/* SPDX-License-Identifier: MIT */
#include "lib/net/streams.h"

#include <string.h>

struct stream *
streams_find(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE])
{
	for (unsigned i = 0; i < s->n; i++)
		if (memcmp(s->stream[i].id, id, FORWARD_STREAM_SIZE) == 0)
			return &s->stream[i];
	if (s->n == SERVER_STREAMS_MAX)
		return NULL;
	memcpy(s->stream[s->n].id, id, FORWARD_STREAM_SIZE);
	return &s->stream[s->n++];
}

uint64_t
streams_end(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE])
{
	struct stream *ended = streams_find(s, id);
	uint64_t n = 0;

	if (ended != NULL)
		ended->ended = true;
	for (unsigned i = 0; i < s->n; i++)
		n += s->stream[i].ended;
	return n;
}

bool
streams_tick(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    instant watermark, uint64_t least, instant *merged)
{
	struct stream *one = streams_find(s, id);
	uint64_t timed = 0;

	if (one == NULL)
		return false;
	one->timed = true;
	one->watermark = watermark;
	*merged = INT64_MAX;
	for (unsigned i = 0; i < s->n; i++) {
		one = &s->stream[i];
		timed += one->timed;
		if (one->timed && !one->ended && one->watermark < *merged)
			*merged = one->watermark;
	}
	if (timed < least || *merged == INT64_MAX || *merged <= s->watermark)
		return false;
	s->watermark = *merged;
	return true;
}

bool
streams_known(const struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    struct forward_mark *mark)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->stream[i].saved &&
		    memcmp(s->stream[i].id, id, FORWARD_STREAM_SIZE) == 0) {
			*mark = s->stream[i].mark;
			return true;
		}
	return false;
}
