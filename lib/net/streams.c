/* SPDX-License-Identifier: MIT */
#include "lib/net/streams.h"

#include <string.h>

#include "lib/base/bytes.h"

struct stream *
streams_find(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE])
{
	struct stream *to = NULL;

	for (unsigned i = 0; i < s->n; i++)
		if (memcmp(s->stream[i].id, id, FORWARD_STREAM_SIZE) == 0)
			return &s->stream[i];
	if (s->n < SERVER_STREAMS_MAX)
		to = &s->stream[s->n++];
	for (unsigned i = 0; i < s->n && to == NULL; i++)
		if (s->stream[i].ended && !s->stream[i].ended_now)
			to = &s->stream[i];
	if (to == NULL)
		return NULL;
	*to = (struct stream){ 0 };
	memcpy(to->id, id, FORWARD_STREAM_SIZE);
	return to;
}

uint64_t
streams_end(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE])
{
	struct stream *ended = streams_find(s, id);
	uint64_t n = 0;

	if (ended != NULL)
		ended->ended = ended->ended_now = true;
	for (unsigned i = 0; i < s->n; i++)
		n += s->stream[i].ended_now;
	return n;
}

bool
streams_tick(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    instant watermark, uint64_t least, instant *merged, bool *alone)
{
	struct stream *one = streams_find(s, id);
	uint64_t timed = 0, live = 0;

	if (one == NULL)
		return false;
	one->timed = true;
	one->watermark = watermark;
	one->ended = false;
	*merged = INT64_MAX;
	for (unsigned i = 0; i < s->n; i++) {
		one = &s->stream[i];
		timed += one->timed;
		live += !one->ended;
		if (one->timed && !one->ended && one->watermark < *merged)
			*merged = one->watermark;
	}
	*alone = live == 1 && timed == 1;
	if (timed < least || *merged < s->watermark ||
	    (*merged == s->watermark && !*alone))
		return false;
	s->watermark = *merged;
	return true;
}

/* Twice the watermark, 0 for none; or, of one that has ended, twice that of all then and
 * one more. */
void
streams_write_note(const struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    uint8_t to[STREAM_NOTE_SIZE])
{
	const struct stream *one = NULL;
	instant watermark = 0;

	for (unsigned i = 0; i < s->n && one == NULL; i++)
		if (memcmp(s->stream[i].id, id, FORWARD_STREAM_SIZE) == 0)
			one = &s->stream[i];
	if (one != NULL && (one->ended || one->timed))
		watermark = one->ended ? s->watermark : one->watermark;
	watermark = watermark < 0 ? 0 : watermark;
	watermark = watermark > INT64_MAX / 2 ? INT64_MAX / 2 : watermark;
	bytes_store_le64(to, 2 * (uint64_t)watermark + (one != NULL && one->ended));
}

void
streams_read_note(struct streams *s, const uint8_t id[FORWARD_STREAM_SIZE],
    const uint8_t from[STREAM_NOTE_SIZE])
{
	uint64_t note = bytes_load_le64(from);
	instant watermark = (instant)(note / 2), least = INT64_MAX;
	struct stream *one = note == 0 ? NULL : streams_find(s, id);

	if (one == NULL)
		return;
	one->timed = true;
	one->ended = note % 2 == 1;
	one->watermark = watermark;
	/* No watermark that went out is undercut. */
	for (unsigned i = 0; i < s->n; i++)
		if (!s->stream[i].ended && s->stream[i].watermark < least)
			least = s->stream[i].watermark;
	if (one->ended && watermark > s->floor)
		s->floor = watermark;
	s->watermark = least == INT64_MAX || least < s->floor ? s->floor : least;
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
