/* SPDX-License-Identifier: MIT */
#include "lib/log/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

enum { SCAN_BYTES = 64 * 1024 };

/* --- Names ---------------------------------------------------------------------- */

static void
add_name(void *context, const char *name)
{
	struct log_list *l = context;
	uint64_t first, *more;

	if (!log_name_read(name, &first) || l->n > l->room)
		return;
	if (l->n == l->room) {
		size_t room = l->room == 0 ? 64 : 2 * l->room;

		more = l->room < LOG_SEGMENTS_MAX
		    ? realloc(l->first, room * sizeof *more)
		    : NULL;
		if (more == NULL) {
			l->n = l->room + 1; /* what the caller sees it by */
			return;
		}
		l->first = more;
		l->room = room;
	}
	l->first[l->n++] = first;
}

static int
ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int
log_list_read(
    const struct os *os, const char *folder, struct log_list *to, struct error *error)
{
	to->n = 0;
	if (os->list(os, folder, add_name, to) != 0)
		return error_set(
		    error, "cannot read the log %s: %s", folder, strerror(errno));
	if (to->n > to->room) {
		to->n = 0;
		return error_set(error, "too many segments in %s", folder);
	}
	if (to->n > 1)
		qsort(to->first, to->n, sizeof *to->first, ascending);
	return 0;
}

int
log_path(
    char to[LOG_PATH_MAX], const char *folder, const char *name, struct error *error)
{
	int n = snprintf(to, LOG_PATH_MAX, "%s/%s", folder, name);

	return n < LOG_PATH_MAX ? 0
				: error_set(error, "the name %s is too long", folder);
}

/* --- Bytes ---------------------------------------------------------------------- */

int
log_file_open(struct log_file *f, int flags, struct error *error)
{
	f->fd = f->os->open(f->os, f->path, flags, 0644);
	if (f->fd < 0)
		return error_set(error, "cannot open %s: %s", f->path, strerror(errno));
	if (log_file_measure(f, error) == 0)
		return 0;
	log_file_close(f);
	return -1;
}

void
log_file_close(struct log_file *f)
{
	if (f->fd >= 0)
		(void)f->os->close(f->os, f->fd);
	f->fd = -1;
}

int
log_file_measure(struct log_file *f, struct error *error)
{
	struct stat status;

	if (f->os->stat(f->os, f->fd, &status) != 0)
		return error_set(
		    error, "cannot look at %s: %s", f->path, strerror(errno));
	f->size = (uint64_t)status.st_size;
	f->mode = status.st_mode;
	return 0;
}

int
log_file_read(
    struct log_file *f, uint64_t offset, void *to, size_t size, struct error *error)
{
	uint8_t *at = to;
	ssize_t n;

	if (f->os->seek(f->os, f->fd, (off_t)offset, SEEK_SET) < 0)
		return error_set(error, "cannot read %s: %s", f->path, strerror(errno));
	while (size > 0) {
		n = f->os->read(f->os, f->fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set(error,
			    "cannot read %s at byte %" PRIu64 ": %s", f->path,
			    offset + (uint64_t)(at - (uint8_t *)to),
			    n < 0 ? strerror(errno) : "it became shorter");
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* --- Batches -------------------------------------------------------------------- */

enum log_found
log_file_header(
    struct log_file *f, uint64_t offset, struct log_header *to, struct error *error)
{
	uint8_t bytes[LOG_HEADER_MAX];
	uint64_t left = f->size - offset;
	size_t size;

	assert(offset <= f->size);
	if (left == 0)
		return LOG_FOUND_END;
	if (left < LOG_HEADER_MIN)
		return LOG_FOUND_SHORT;
	if (log_file_read(f, offset, bytes, LOG_HEADER_MIN, error) != 0)
		return LOG_FOUND_FAIL;
	size = log_header_peek(slice_of(bytes, LOG_HEADER_MIN));
	if (size == 0)
		return LOG_FOUND_BAD;
	if (left < size)
		return LOG_FOUND_SHORT;
	if (size > LOG_HEADER_MIN &&
	    log_file_read(f, offset + LOG_HEADER_MIN, bytes + LOG_HEADER_MIN,
		size - LOG_HEADER_MIN, error) != 0)
		return LOG_FOUND_FAIL;
	if (!log_header_read(slice_of(bytes, size), to))
		return LOG_FOUND_BAD;
	return left - size < to->packed ? LOG_FOUND_SHORT : LOG_FOUND_BATCH;
}

int
log_buffers_new(struct log_buffers *b, struct error *error)
{
	b->packed = malloc(frame_bound(LOG_APPEND_MAX));
	b->body = malloc(LOG_APPEND_MAX + LOG_BODY_PADDING);
	b->unpacker = frame_unpacker_new(error);
	if (b->packed != NULL && b->body != NULL && b->unpacker != NULL)
		return 0;
	log_buffers_free(b);
	return error_set(error, "no memory to read a log");
}

void
log_buffers_free(struct log_buffers *b)
{
	free(b->packed);
	free(b->body);
	frame_unpacker_free(b->unpacker);
	*b = (struct log_buffers){ NULL, NULL, NULL };
}

enum log_found
log_file_body(struct log_file *f, uint64_t offset, const struct log_header *h,
    struct log_buffers *b, struct error *error)
{
	uint8_t hash[LOG_HASH_SIZE];

	if (log_file_read(f, offset + log_header_size(h->marks), b->packed, h->packed,
		error) != 0)
		return LOG_FOUND_FAIL;
	/* zstd does not notice a change of bits that it does not need. */
	if ((uint32_t)hash_bytes(slice_of(b->packed, h->packed), 0) != h->check ||
	    !frame_unpack(
		b->unpacker, slice_of(b->packed, h->packed), b->body, h->body))
		return LOG_FOUND_BAD;
	memset(b->body + h->body, 0, LOG_BODY_PADDING);
	log_hash(slice_of(b->body, h->body), hash);
	return memcmp(hash, h->hash, LOG_HASH_SIZE) == 0 ? LOG_FOUND_BATCH
							 : LOG_FOUND_BAD;
}

int
log_file_resync(struct log_file *f, uint64_t from, struct log_header *to,
    uint64_t *offset, struct error *error)
{
	uint8_t *bytes = malloc(SCAN_BYTES);
	int status = 0;

	if (bytes == NULL)
		return error_set(error, "no memory to search %s", f->path);
	while (status == 0 && from + LOG_HEADER_MIN <= f->size) {
		size_t size =
		    f->size - from < SCAN_BYTES ? (size_t)(f->size - from) : SCAN_BYTES;
		size_t last = size - LOG_HEADER_MIN, i;

		if (log_file_read(f, from, bytes, size, error) != 0) {
			status = -1;
			break;
		}
		for (i = 0; i <= last && status == 0; i++) {
			const uint8_t *at = memchr(
			    bytes + i, FRAME_SKIPPABLE_MAGIC & 0xff, last - i + 1);
			enum log_found found;

			if (at == NULL)
				break;
			i = (size_t)(at - bytes);
			if (log_header_peek(slice_of(at, size - i)) == 0)
				continue;
			found = log_file_header(f, from + i, to, error);
			if (found == LOG_FOUND_FAIL)
				status = -1;
			if (found == LOG_FOUND_BATCH) {
				*offset = from + i;
				status = 1;
			}
		}
		from += last + 1;
	}
	free(bytes);
	return status;
}

/* --- Seals ---------------------------------------------------------------------- */

int
log_file_seal(struct log_file *f, struct log_seal *to, struct error *error)
{
	uint8_t bytes[LOG_SEAL_SIZE];

	if (f->size < LOG_SEAL_SIZE)
		return 0;
	if (log_file_read(f, f->size - LOG_SEAL_SIZE, bytes, LOG_SEAL_SIZE, error) != 0)
		return -1;
	return log_seal_read(slice_of(bytes, LOG_SEAL_SIZE), to) &&
		to->first == f->first && to->size <= f->size
	    ? 1
	    : 0;
}

int
log_file_entries(struct log_file *f, const struct log_seal *seal, struct log_entry **to,
    struct error *error)
{
	size_t size = seal->size - LOG_SEAL_SIZE;
	uint8_t *bytes = malloc(size);
	struct log_entry *entries = malloc(seal->batches * sizeof *entries);
	int status = -1;

	if (bytes == NULL || entries == NULL)
		(void)error_set(error, "no memory for the index of %s", f->path);
	else if (log_file_read(f, f->size - seal->size, bytes, size, error) == 0)
		status = log_entries_read(slice_of(bytes, size), seal, entries) ? 0 : 1;
	for (uint32_t i = 0; status == 0 && i < seal->batches; i++)
		if (entries[i].offset >= f->size - seal->size)
			status = 1;
	free(bytes);
	*to = status == 0 ? entries : NULL;
	if (status != 0)
		free(entries);
	return status;
}
