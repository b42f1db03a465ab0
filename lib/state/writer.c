/* SPDX-License-Identifier: MIT */
#include "lib/state/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/hash.h"

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
	if (w->fd >= 0 || w->failed || w->discards)
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

static void
sync_file(struct state_writer *w)
{
	if (!w->failed && w->fd >= 0 && w->os->sync(w->os, w->fd) != 0)
		remember(w, "sync");
	w->synced = w->file_size;
}

/* Write what is in memory. */
static void
flush(struct state_writer *w)
{
	size_t done = w->discards ? w->used : 0;
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
	w->file_size += w->used;
	w->used = w->header = 0;
	if (w->sync_bytes > 0 && w->file_size - w->synced >= w->sync_bytes)
		sync_file(w);
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

/* Into the body, but not into the sum of the content. */
static void
put(struct state_writer *w, const void *bytes, size_t size)
{
	w->size += size;
	append(w, bytes, size);
}

static void
put_u64(struct state_writer *w, uint64_t value)
{
	uint8_t bytes[8];

	bytes_store_le64(bytes, value);
	put(w, bytes, sizeof bytes);
}

static void
add_content(struct state_writer *w, const void *bytes, size_t size)
{
	if (w->content != NULL)
		(void)XXH3_64bits_update(w->content, bytes, size);
}

void
state_put(struct state_writer *w, const void *bytes, size_t size)
{
	add_content(w, bytes, size);
	put(w, bytes, size);
}

static void
note_block(struct state_writer *w)
{
	size_t room = w->block_room == 0 ? 16 : 2 * w->block_room;
	uint64_t *blocks;

	assert(w->block_count < STATE_BLOCKS_MAX);
	if (w->block_count == w->block_room) {
		blocks = realloc(w->blocks, room * sizeof *blocks);
		if (blocks == NULL) {
			remember(w, "write");
			return;
		}
		w->blocks = blocks;
		w->block_room = room;
	}
	w->blocks[w->block_count++] = w->size;
}

void
state_block_begin(struct state_writer *w, uint64_t size, bool changes)
{
	note_block(w);
	put_u64(w, size);
	put_u64(w, changes);
	w->changes += changes;
	w->put_to = 0;
}

void
state_block_piece(struct state_writer *w, uint64_t at, struct slice bytes)
{
	assert(at >= w->put_to && bytes.size > 0);
	put_u64(w, at);
	put_u64(w, bytes.size);
	put(w, bytes.at, bytes.size);
	w->put_to = at + bytes.size;
}

void
state_block_end(struct state_writer *w, uint64_t size)
{
	put_u64(w, size);
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

void
state_writer_free(struct state_writer *w)
{
	if (w == NULL)
		return;
	(void)XXH3_freeState(w->sum);
	(void)XXH3_freeState(w->content);
	free(w->blocks);
	free(w->memory);
	free(w->path);
	free(w->beside);
	free(w);
}

int
state_writer_want_content(struct state_writer *w)
{
	w->content = XXH3_createState();
	if (w->content == NULL)
		return -1;
	(void)XXH3_64bits_reset(w->content);
	return 0;
}

uint64_t
state_writer_content(const struct state_writer *w)
{
	return XXH3_64bits_digest(w->content);
}

void
state_writer_add_content(struct state_writer *w, struct slice bytes)
{
	add_content(w, bytes.at, bytes.size);
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
put_number(struct state_writer *w, uint64_t value, uint32_t *crc)
{
	uint8_t bytes[8];

	bytes_store_le64(bytes, value);
	put_checked(w, bytes, sizeof bytes, crc);
}

static void
put_header(struct state_writer *w)
{
	const struct state_identity *identity = w->identity;
	uint32_t crc = 0;

	w->in_header = true;
	put_checked(w, "BPSN", 4, &crc);
	put_u32(w, STATE_FORMAT | (uint32_t)identity->schema << 16, &crc);
	put_number(w, w->epoch, &crc);
	put_number(w, w->base, &crc);
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
    const struct state_identity *identity, uint64_t epoch, uint64_t base, size_t limit,
    struct error *error)
{
	struct state_writer *w = calloc(1, sizeof *w);
	size_t size = strlen(path);

	if (w == NULL || (w->path = strdup(path)) == NULL ||
	    (w->beside = malloc(size + sizeof ".new")) == NULL ||
	    (w->memory = malloc(FIRST)) == NULL ||
	    (w->sum = XXH3_createState()) == NULL) {
		(void)error_set(error, "no memory to write %s", path);
		if (w != NULL)
			state_writer_free(w);
		return NULL;
	}
	memcpy(w->beside, path, size);
	memcpy(w->beside + size, ".new", sizeof ".new");
	(void)XXH3_64bits_reset(w->sum);
	w->os = os;
	w->fd = -1;
	w->capacity = FIRST;
	w->limit = limit;
	w->identity = identity;
	w->epoch = epoch;
	w->base = base;
	put_header(w);
	return w;
}

struct state_writer *
state_write(const struct os *os, const char *path,
    const struct state_identity *identity, struct error *error)
{
	struct state_writer *w =
	    state_writer_new(os, path, identity, 0, 0, FIRST, error);

	if (w == NULL)
		return NULL;
	create(w);
	if (!w->failed)
		return w;
	*error = w->error;
	state_writer_free(w);
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

/* A snapshot that holds no changes needs no base, and no chain begins: tell so in its
 * header, unless that is written already. */
static void
become_whole(struct state_writer *w)
{
	size_t used = w->used;

	if (w->changes > 0 || w->file_size > 0 || w->base == w->epoch)
		return;
	w->base = w->epoch;
	w->used = 0;
	put_header(w);
	w->used = used;
}

static void
put_trailer(struct state_writer *w)
{
	uint8_t sum[8];
	uint64_t size = w->size, blocks = w->block_count;

	for (size_t i = 0; i < w->block_count; i++)
		put_u64(w, w->blocks[i]);
	put_u64(w, size);
	put_u64(w, blocks);
	add_up(w);
	bytes_store_le64(sum, XXH3_64bits_digest(w->sum));
	append(w, sum, sizeof sum);
}

int
state_writer_finish(struct state_writer *w, struct error *error)
{
	become_whole(w);
	put_trailer(w);
	flush(w);
	sync_file(w);
	if (w->fd >= 0 && w->os->close(w->os, w->fd) != 0)
		remember(w, "close");
	w->fd = -1;
	if (!w->failed && w->os->rename(w->os, w->beside, w->path) != 0)
		remember(w, "rename");
	if (!w->failed)
		return sync_folder(w->os, w->path, error);
	(void)w->os->unlink(w->os, w->beside);
	*error = w->error;
	return -1;
}

int
state_commit(struct state_writer *w, struct error *error)
{
	int status = state_writer_finish(w, error);

	state_writer_free(w);
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
	state_writer_free(w);
}

bool
state_tracks(const struct state_writer *w)
{
	return w->tracks;
}
