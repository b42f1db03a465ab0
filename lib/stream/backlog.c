/* SPDX-License-Identifier: MIT */
#include "lib/stream/backlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/stream/inside.h"

enum { HEAD = sizeof(struct backlog_item), TAIL_SIZE = 64 * 1024 };

/* A file that has no name: it goes with the process. */
static int
open_unnamed(const struct os *os, const char *folder)
{
	char path[4096];
	uint64_t random;
	int fd = os->open(os, folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	if (os->random(os, &random, sizeof random) != 0)
		return -1;
	if (snprintf(path, sizeof path, "%s/bannerpipe.%016" PRIx64, folder, random) >=
	    (int)sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = os->open(os, path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)os->unlink(os, path);
	return fd;
}

int
backlog_init(struct backlog *b, const struct os *os, size_t memory, const char *folder,
    uint64_t limit, struct error *error)
{
	assert(memory >= BACKLOG_MEMORY_MIN);
	*b = (struct backlog){ .os = os, .capacity = memory, .fd = -1, .limit = limit };
	b->memory = malloc(memory);
	if (b->memory == NULL)
		return error_set(error, "no memory to read ahead");
	if (limit == 0)
		return 0;
	b->tail = malloc(TAIL_SIZE);
	if (b->tail == NULL) {
		backlog_fini(b);
		return error_set(error, "no memory to read ahead");
	}
	b->fd = open_unnamed(os, folder);
	if (b->fd >= 0)
		return 0;
	(void)error_set(error, "cannot make a file in %s: %s", folder, strerror(errno));
	backlog_fini(b);
	return -1;
}

void
backlog_fini(struct backlog *b)
{
	free(b->memory);
	free(b->tail);
	b->memory = b->tail = NULL;
	if (b->fd >= 0)
		(void)b->os->close(b->os, b->fd);
	b->fd = -1;
}

static uint64_t
in_file(const struct backlog *b)
{
	return b->written - b->read;
}

uint64_t
backlog_size(const struct backlog *b)
{
	return b->to - b->from + in_file(b);
}

/* Whether it goes to memory. Bytes are moved there only when that frees as many. */
static bool
fits_memory(const struct backlog *b, size_t size)
{
	size_t held = b->to - b->from;

	if (in_file(b) > 0)
		return false;
	return size <= b->capacity - b->to ||
	    (b->from >= held && size <= b->capacity - held);
}

bool
backlog_has_room(const struct backlog *b, size_t size)
{
	return fits_memory(b, HEAD + size) || HEAD + size <= b->limit - in_file(b);
}

static void
compact(struct backlog *b)
{
	size_t held = b->to - b->from;

	if (held > 0)
		memmove(b->memory, b->memory + b->from, held);
	b->from = 0;
	b->to = held;
}

/* --- The file -------------------------------------------------------------------- */

static int
write_at(struct backlog *b, uint64_t offset, const uint8_t *bytes, size_t size)
{
	ssize_t n;

	if (b->os->seek(b->os, b->fd, (off_t)offset, SEEK_SET) < 0)
		return -1;
	for (; size > 0; bytes += n, size -= (size_t)n) {
		n = b->os->write(b->os, b->fd, bytes, size);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -1;
	}
	return 0;
}

/* Write the tail to the file. */
static int
flush(struct backlog *b, struct error *error)
{
	uint64_t offset = (b->written - b->tail_size) % b->limit;
	size_t first = b->limit - offset < b->tail_size ? (size_t)(b->limit - offset)
							: b->tail_size;

	if (write_at(b, offset, b->tail, first) != 0 ||
	    write_at(b, 0, b->tail + first, b->tail_size - first) != 0)
		return error_set(
		    error, "cannot write what was read ahead: %s", strerror(errno));
	b->tail_size = 0;
	return 0;
}

static int
spill(struct backlog *b, const void *bytes, size_t size, struct error *error)
{
	const uint8_t *at = bytes;
	size_t piece;

	for (; size > 0; at += piece, size -= piece) {
		if (b->tail_size == TAIL_SIZE && flush(b, error) != 0)
			return -1;
		piece =
		    TAIL_SIZE - b->tail_size < size ? TAIL_SIZE - b->tail_size : size;
		memcpy(b->tail + b->tail_size, at, piece);
		b->tail_size += piece;
		b->written += piece;
	}
	return 0;
}

static int
read_file(
    struct backlog *b, uint64_t position, void *to, size_t size, struct error *error)
{
	uint64_t in_tail = b->written - b->tail_size, offset;
	uint8_t *at = to;
	size_t piece;

	for (; size > 0; at += piece, size -= piece, position += piece) {
		if (position >= in_tail) {
			memcpy(at, b->tail + (position - in_tail), size);
			return 0;
		}
		offset = position % b->limit;
		piece = in_tail - position < size ? (size_t)(in_tail - position) : size;
		piece = b->limit - offset < piece ? (size_t)(b->limit - offset) : piece;
		if (!stream_read_at(b->os, b->fd, offset, at, piece))
			return error_set(error,
			    "cannot read again what was read ahead: %s",
			    errno == 0 ? "the file is shorter" : strerror(errno));
	}
	return 0;
}

/* Bring bytes of the file into memory behind those that are there. */
static int
bring(struct backlog *b, struct error *error)
{
	uint64_t left = in_file(b);
	size_t size;

	compact(b);
	size = b->capacity - b->to;
	size = left < size ? (size_t)left : size;
	if (read_file(b, b->read, b->memory + b->to, size, error) != 0)
		return -1;
	b->to += size;
	b->read += size;
	if (in_file(b) == 0)
		b->tail_size = 0;
	return 0;
}

/* --- Items ----------------------------------------------------------------------- */

int
backlog_put(
    struct backlog *b, struct backlog_item item, const void *bytes, struct error *error)
{
	assert(item.size <= BACKLOG_ITEM_MAX && backlog_has_room(b, item.size));
	b->items++;
	if (!fits_memory(b, HEAD + item.size))
		return spill(b, &item, HEAD, error) != 0
		    ? -1
		    : spill(b, bytes, item.size, error);
	if (HEAD + item.size > b->capacity - b->to)
		compact(b);
	memcpy(b->memory + b->to, &item, HEAD);
	if (item.size > 0)
		memcpy(b->memory + b->to + HEAD, bytes, item.size);
	b->to += HEAD + item.size;
	return 0;
}

int
backlog_first(struct backlog *b, struct backlog_item *item, struct slice *bytes,
    struct error *error)
{
	if (b->items == 0)
		return 1;
	if (b->to - b->from < HEAD && bring(b, error) != 0)
		return -1;
	memcpy(item, b->memory + b->from, HEAD);
	if (b->to - b->from < HEAD + item->size && bring(b, error) != 0)
		return -1;
	assert(b->to - b->from >= HEAD + item->size);
	*bytes = slice_of(b->memory + b->from + HEAD, item->size);
	return 0;
}

void
backlog_drop_first(struct backlog *b)
{
	struct backlog_item item;

	assert(b->items > 0 && b->to - b->from >= HEAD);
	memcpy(&item, b->memory + b->from, HEAD);
	b->from += HEAD + item.size;
	b->items--;
	if (b->from == b->to)
		b->from = b->to = 0;
}

void
backlog_clear(struct backlog *b)
{
	b->from = b->to = b->tail_size = 0;
	b->read = b->written;
	b->items = 0;
}

/* `size` bytes of the queue from `position` on, wherever they are. */
static int
copy(struct backlog *b, uint64_t position, void *to, size_t size, struct error *error)
{
	uint64_t held = b->to - b->from;
	size_t here = 0;

	if (position < held) {
		here = held - position < size ? (size_t)(held - position) : size;
		memcpy(to, b->memory + b->from + position, here);
	}
	return here == size ? 0
			    : read_file(b, b->read + (position + here - held),
				  (uint8_t *)to + here, size - here, error);
}

int
backlog_walk(struct backlog *b, uint64_t n,
    int (*each)(void *context, struct backlog_item item, struct slice bytes),
    void *context, struct error *error)
{
	uint8_t *bytes = n > 0 ? malloc(BACKLOG_ITEM_MAX) : NULL;
	struct backlog_item item;
	uint64_t position = 0;
	int status = 0;

	assert(n <= b->items);
	if (n > 0 && bytes == NULL)
		return error_set(error, "no memory to save what was read ahead");
	for (; n > 0 && status == 0; n--) {
		status = copy(b, position, &item, HEAD, error);
		if (status == 0)
			status = copy(b, position + HEAD, bytes, item.size, error);
		if (status == 0)
			status = each(context, item, slice_of(bytes, item.size));
		position += HEAD + item.size;
	}
	free(bytes);
	return status;
}
