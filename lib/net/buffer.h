/* SPDX-License-Identifier: MIT
 *
 * buffer: bytes that grow, up to a limit that is said at every growth.
 */
#ifndef BANNERPIPE_NET_BUFFER_H
#define BANNERPIPE_NET_BUFFER_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/slice.h"

/* Bytes readable behind the used ones, for scanners that look ahead. */
enum { BUFFER_PADDING = 64 };

struct buffer {
	uint8_t *at; /* owned; NULL: none yet */
	size_t size, room;
};

/* Room for `more` bytes after the used ones, so that at most `limit` are used. False
 * when that would be too many, or memory is short. */
static inline bool
buffer_reserve(struct buffer *b, size_t more, size_t limit)
{
	size_t need, room;
	uint8_t *at;

	if (more > limit || b->size > limit - more)
		return false;
	need = b->size + more;
	if (need <= b->room)
		return true;
	room = b->room * 2 > need ? b->room * 2 : need;
	room = room < 4096 ? 4096 : room;
	room = room > limit ? limit : room;
	at = realloc(b->at, room + BUFFER_PADDING);
	if (at == NULL)
		return false;
	memset(at + room, 0, BUFFER_PADDING);
	b->at = at;
	b->room = room;
	return true;
}

static inline bool
buffer_append(struct buffer *b, struct slice bytes, size_t limit)
{
	if (!buffer_reserve(b, bytes.size, limit))
		return false;
	if (bytes.size > 0)
		memcpy(b->at + b->size, bytes.at, bytes.size);
	b->size += bytes.size;
	return true;
}

/* Leave out the first bytes. */
static inline void
buffer_drop(struct buffer *b, size_t size)
{
	b->size -= size;
	if (b->size > 0)
		memmove(b->at, b->at + size, b->size);
}

/* What is used of it: empty when it has none yet, never absent. */
static inline struct slice
buffer_slice(const struct buffer *b)
{
	return b->at == NULL ? slice_text("") : slice_of(b->at, b->size);
}

static inline void
buffer_free(struct buffer *b)
{
	free(b->at);
	*b = (struct buffer){ 0 };
}

/* Give back what only a rare large content needed. */
static inline void
buffer_shrink(struct buffer *b, size_t keep)
{
	if (b->size == 0 && b->room > keep)
		buffer_free(b);
}

#endif
