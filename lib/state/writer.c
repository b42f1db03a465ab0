/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lib/base/bytes.h"
#include "lib/hash.h"
#include "lib/state/file.h"

enum { FIRST = 64 * 1024 };

static void
remember(struct state_writer *w, const char *what)
{
	if (!w->failed)
		(void)error_set(
		    &w->error, "cannot %s %s: %s", what, w->beside, strerror(errno));
	w->failed = true;
}

static void
create(struct state_writer *w)
{
	if (w->fd >= 0 || w->failed)
		return;
	w->fd = w->os->open(w->os, w->beside, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (w->fd < 0)
		remember(w, "create");
}

/* Take what is in memory, but for the header, into the sum. */
static void
add_up(struct state_writer *w)
{
	if (!w->in_header)
		(void)XXH3_64bits_update(
		    w->sum, w->memory + w->header, w->used - w->header);
	w->header = w->used;
}

/* Write what is in memory. */
static void
flush(struct state_writer *w)
{
	size_t done = 0;
	ssize_t n;

	add_up(w);
	create(w);
	while (done < w->used && !w->failed) {
		n = w->os->write(w->os, w->fd, w->memory + done, w->used - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			remember(w, "write");
	}
	w->used = w->header = 0;
}

/* Room for more in memory, by growing it or by writing what it holds. */
static void
make_room(struct state_writer *w)
{
	size_t capacity = 2 * w->capacity < w->limit ? 2 * w->capacity : w->limit;
	uint8_t *memory = w->capacity < w->limit ? realloc(w->memory, capacity) : NULL;

	if (memory == NULL) {
		flush(w);
		return;
	}
	w->memory = memory;
	w->capacity = capacity;
}

static void
append(struct state_writer *w, const void *bytes, size_t size)
{
	const uint8_t *from = bytes;
	size_t step;

	for (; size > 0; from += step, size -= step) {
		if (w->used == w->capacity)
			make_room(w);
		step = size < w->capacity - w->used ? size : w->capacity - w->used;
		memcpy(w->memory + w->used, from, step);
		w->used += step;
	}
}

void
state_put(struct state_writer *w, const void *bytes, size_t size)
{
	w->size += size;
	append(w, bytes, size);
}

void
state_put_u64(struct state_writer *w, uint64_t value)
{
	uint8_t bytes[8];

	bytes_store_le64(bytes, value);
	state_put(w, bytes, sizeof bytes);
}

void
state_put_i64(struct state_writer *w, int64_t value)
{
	state_put_u64(w, (uint64_t)value);
}

void
state_put_double(struct state_writer *w, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	state_put_u64(w, bits);
}

void
state_put_slice(struct state_writer *w, struct slice bytes)
{
	state_put_u64(w, bytes.size);
	state_put(w, bytes.at, bytes.size);
}

static void
writer_free(struct state_writer *w)
{
	(void)XXH3_freeState(w->sum);
	free(w->memory);
	free(w->path);
	free(w->beside);
	free(w);
}

/* The header goes through here, with its checksum. */
static void
put_checked(struct state_writer *w, const void *bytes, size_t size, uint32_t *crc)
{
	*crc = hash_crc32c(*crc, slice_of(bytes, size));
	append(w, bytes, size);
}

static void
put_u32(struct state_writer *w, uint32_t value, uint32_t *crc)
{
	uint8_t bytes[4];

	bytes_store_le32(bytes, value);
	put_checked(w, bytes, sizeof bytes, crc);
}

static void
put_text(struct state_writer *w, const char *text, uint32_t *crc)
{
	put_u32(w, (uint32_t)strlen(text), crc);
	put_checked(w, text, strlen(text), crc);
}

static void
put_header(struct state_writer *w, const struct state_identity *identity)
{
	uint32_t crc = 0;

	w->in_header = true;
	put_checked(w, "BPSN", 4, &crc);
	put_u32(w, STATE_FORMAT | (uint32_t)identity->schema << 16, &crc);
	put_text(w, identity->name, &crc);
	put_u32(w, identity->options, &crc);
	for (unsigned i = 0; i < identity->options; i++) {
		put_text(w, identity->option[i], &crc);
		put_text(w, identity->value[i], &crc);
	}
	put_u32(w, crc, &crc);
	w->in_header = false;
	w->header = w->used;
}

struct state_writer *
state_writer_new(const struct os *os, const char *path,
    const struct state_identity *identity, size_t limit, struct error *error)
{
	struct state_writer *w = calloc(1, sizeof *w);
	size_t size = strlen(path);

	if (w == NULL || (w->path = strdup(path)) == NULL ||
	    (w->beside = malloc(size + sizeof ".new")) == NULL ||
	    (w->memory = malloc(FIRST)) == NULL ||
	    (w->sum = XXH3_createState()) == NULL) {
		(void)error_set(error, "no memory to write %s", path);
		if (w != NULL)
			writer_free(w);
		return NULL;
	}
	memcpy(w->beside, path, size);
	memcpy(w->beside + size, ".new", sizeof ".new");
	(void)XXH3_64bits_reset(w->sum);
	w->os = os;
	w->fd = -1;
	w->capacity = FIRST;
	w->limit = limit;
	put_header(w, identity);
	return w;
}

struct state_writer *
state_write(const struct os *os, const char *path,
    const struct state_identity *identity, struct error *error)
{
	struct state_writer *w = state_writer_new(os, path, identity, FIRST, error);

	if (w == NULL)
		return NULL;
	create(w);
	if (!w->failed)
		return w;
	*error = w->error;
	writer_free(w);
	return NULL;
}

/* Make the rename itself durable. */
static int
sync_folder(const struct os *os, const char *path, struct error *error)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL
	    ? strdup(".")
	    : strndup(path, (size_t)(slash - path) + (slash == path));
	int fd = folder == NULL ? -1 : os->open(os, folder, O_RDONLY | O_DIRECTORY, 0);
	int status = 0;

	if (fd < 0 || os->sync(os, fd) != 0)
		status = error_set(
		    error, "cannot sync the folder of %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)os->close(os, fd);
	free(folder);
	return status;
}

int
state_commit(struct state_writer *w, struct error *error)
{
	uint8_t trailer[STATE_TRAILER];
	int status;

	add_up(w);
	bytes_store_le64(trailer, w->size);
	bytes_store_le64(trailer + 8, XXH3_64bits_digest(w->sum));
	append(w, trailer, sizeof trailer);
	w->header = w->used;
	flush(w);
	if (!w->failed && w->os->sync(w->os, w->fd) != 0)
		remember(w, "sync");
	if (w->fd >= 0 && w->os->close(w->os, w->fd) != 0)
		remember(w, "close");
	if (!w->failed && w->os->rename(w->os, w->beside, w->path) != 0)
		remember(w, "rename");
	if (w->failed) {
		(void)w->os->unlink(w->os, w->beside);
		*error = w->error;
		writer_free(w);
		return -1;
	}
	status = sync_folder(w->os, w->path, error);
	writer_free(w);
	return status;
}

void
state_abandon(struct state_writer *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0) {
		(void)w->os->close(w->os, w->fd);
		(void)w->os->unlink(w->os, w->beside);
	}
	writer_free(w);
}
