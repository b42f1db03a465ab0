/* SPDX-License-Identifier: MIT */
#include "lib/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/stream/inside.h"

enum { LEVEL = 1 }; /* of compression: the fastest regular one */

struct output {
	const struct os *os;
	int fd;
	struct drain *drain; /* NULL: fd is written */
	const char *name;
	size_t used;
	ZSTD_CCtx *zstd; /* NULL: not compressed */
	bool in_frame;
	uint8_t *packed;

	/* of output_hold: what is kept back, before compression */
	bool holds;
	uint8_t *held;
	size_t held_size, held_room, held_limit;
	int (*full)(void *context, struct error *error);
	void *context;

	/* of output_watch and output_compare */
	enum output_kind kind;
	int back;      /* a descriptor to read the file, -1 for none */
	uint64_t size; /* that the file must have */
	struct input *with;
	uint64_t compared_from;
	bool mute;
	struct error difference; /* the first one, "" for none */

	size_t room; /* bytes of the block; STREAM_PADDING follow */
	uint8_t block[];
};

static struct output *
make(const struct os *os, int fd, const char *name, bool compress, size_t room,
    struct error *error)
{
	struct output *out = calloc(1, sizeof *out + room + STREAM_PADDING);
	struct stat status = { 0 };

	if (out == NULL)
		goto no_memory;
	out->os = os;
	out->room = room;
	out->fd = fd;
	out->back = -1;
	out->name = name;
	out->kind = OUTPUT_OTHER;
	if (fd >= 0 && os->stat(os, fd, &status) == 0 && S_ISREG(status.st_mode))
		out->kind = OUTPUT_FILE;
	else if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))
		out->kind = OUTPUT_STREAM;
	if (compress) {
		out->zstd = ZSTD_createCCtx();
		out->packed = malloc(STREAM_BLOCK);
		if (out->zstd == NULL || out->packed == NULL)
			goto no_memory;
		(void)ZSTD_CCtx_setParameter(out->zstd, ZSTD_c_compressionLevel, LEVEL);
		(void)ZSTD_CCtx_setParameter(out->zstd, ZSTD_c_checksumFlag, 1);
	}
	if (fd >= 0)
		stream_grow_pipe(fd);
	return out;

no_memory:
	(void)error_set(error, "no memory for the output buffer of %s", name);
	if (out != NULL) {
		(void)ZSTD_freeCCtx(out->zstd);
		free(out->packed);
	}
	free(out);
	return NULL;
}

struct output *
output_new(
    const struct os *os, int fd, const char *name, bool compress, struct error *error)
{
	return make(os, fd, name, compress, STREAM_BLOCK, error);
}

struct output *
output_to_drain(
    const struct os *os, struct drain *drain, const char *name, struct error *error)
{
	struct output *out = make(os, -1, name, false, STREAM_DRAIN_BLOCK, error);

	if (out == NULL)
		return NULL;
	out->drain = drain;
	out->kind = OUTPUT_STREAM;
	return out;
}

struct output *
output_open(const struct os *os, const char *path, bool append, struct error *error)
{
	size_t size = strlen(path);
	bool compress = size > 4 && strcmp(path + size - 4, ".zst") == 0;
	struct output *out;
	int fd;

	fd = os->open(
	    os, path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), 0666);
	if (fd < 0) {
		(void)error_set(error, "cannot create %s: %s", path, strerror(errno));
		return NULL;
	}
	out = output_new(os, fd, path, compress, error);
	if (out == NULL)
		(void)os->close(os, fd);
	return out;
}

/* write(2) until all is written. A descriptor that does not block is waited for. */
static int
write_all(struct output *out, const uint8_t *from, size_t size, struct error *error)
{
	struct pollfd ready = { .fd = out->fd, .events = POLLOUT };
	ssize_t n;
	int cause;

	if (out->drain != NULL)
		return size == 0
		    ? 0
		    : out->drain->write(out->drain, slice_of(from, size), error);
	while (size > 0) {
		n = out->os->write(out->os, out->fd, from, size);
		if (n >= 0) {
			from += n;
			size -= (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN) {
			(void)out->os->poll(out->os, &ready, 1, -1);
			continue;
		}
		cause = errno;
		(void)error_set(
		    error, "cannot write %s: %s", out->name, strerror(cause));
		errno = cause;
		return -1;
	}
	return 0;
}

static void
note_difference(struct output *out, uint64_t at, const char *how)
{
	(void)error_set(&out->difference,
	    "%s differs from what is made again, at byte %" PRIu64 "%s%s", out->name,
	    at, how, out->zstd != NULL ? " after decompression" : "");
}

/* The file must have the bytes that would be written. After a difference nothing is
 * compared any more: the rest of the run may find others elsewhere. */
static void
compare(struct output *out, struct slice bytes)
{
	enum fill fill = FILL_MORE;
	struct slice has;
	size_t n, i;

	while (bytes.size > 0 && out->difference.text[0] == '\0') {
		has = input_bytes(out->with);
		if (has.size == 0 && (fill == FILL_MORE || fill == FILL_AGAIN)) {
			fill = input_fill(out->with, &out->difference);
			continue;
		}
		n = has.size < bytes.size ? has.size : bytes.size;
		for (i = 0; i < n && has.at[i] == bytes.at[i]; i++)
			continue;
		if (n == 0 || i < n)
			note_difference(
			    out, out->size + i, n == 0 ? ": it ends there" : "");
		out->size += n;
		input_consume(out->with, n);
		bytes = slice_from(bytes, n);
	}
}

static int
write_zstd(
    struct output *out, struct slice bytes, ZSTD_EndDirective how, struct error *error)
{
	ZSTD_inBuffer from = { bytes.at, bytes.size, 0 };
	ZSTD_outBuffer to;
	size_t left;

	if (!out->in_frame && bytes.size == 0)
		return 0;
	do {
		to = (ZSTD_outBuffer){ out->packed, STREAM_BLOCK, 0 };
		left = ZSTD_compressStream2(out->zstd, &to, &from, how);
		if (ZSTD_isError(left)) {
			errno = EIO;
			return error_set(error, "cannot compress %s: %s", out->name,
			    ZSTD_getErrorName(left));
		}
		if (write_all(out, out->packed, to.pos, error) != 0)
			return -1;
		out->size += to.pos;
	} while (how == ZSTD_e_continue ? from.pos < from.size : left != 0);
	out->in_frame = how != ZSTD_e_end;
	return 0;
}

static int
write_bytes(
    struct output *out, struct slice bytes, ZSTD_EndDirective how, struct error *error)
{
	if (out->mute)
		return 0;
	if (out->with != NULL) {
		compare(out, bytes);
		return 0;
	}
	if (out->zstd != NULL)
		return write_zstd(out, bytes, how, error);
	out->size += bytes.size;
	return write_all(out, bytes.at, bytes.size, error);
}

/* Keep bytes back, beside those that are. */
static int
keep_back(struct output *out, struct slice bytes, struct error *error)
{
	size_t wanted = out->held_size + bytes.size, room;
	uint8_t *held;

	if (wanted > out->held_room) {
		room = 2 * wanted < out->held_limit ? 2 * wanted : out->held_limit;
		room = room < wanted ? wanted : room;
		held = realloc(out->held, room + STREAM_PADDING);
		if (held == NULL)
			return error_set(error, "no memory to keep back %s", out->name);
		out->held = held;
		out->held_room = room;
	}
	if (bytes.size > 0)
		memcpy(out->held + out->held_size, bytes.at, bytes.size);
	out->held_size = wanted;
	return 0;
}

static int
write_block(struct output *out, ZSTD_EndDirective how, struct error *error)
{
	struct slice bytes = slice_of(out->block, out->used);

	if (out->holds && out->held_size + bytes.size > out->held_limit &&
	    out->full(out->context, error) != 0)
		return -1;
	out->used = 0;
	return out->holds ? keep_back(out, bytes, error)
			  : write_bytes(out, bytes, how, error);
}

int
output_write(struct output *out, struct slice bytes, struct error *error)
{
	size_t step;

	for (;;) {
		step = out->room - out->used;
		if (__builtin_expect(bytes.size < step, 1)) {
			if (bytes.size > 0)
				memcpy(out->block + out->used, bytes.at, bytes.size);
			out->used += bytes.size;
			return 0;
		}
		/* Whole records spare the reader of a drain the copy of a cut one. */
		if (out->drain != NULL && bytes.size > step &&
		    bytes.size <= out->room) {
			if (write_block(out, ZSTD_e_continue, error) != 0)
				return -1;
			continue;
		}
		memcpy(out->block + out->used, bytes.at, step);
		out->used += step;
		if (write_block(out, ZSTD_e_continue, error) != 0)
			return -1;
		bytes = slice_from(bytes, step);
	}
}

int
output_flush(struct output *out, struct error *error)
{
	return out->used == 0 ? 0 : write_block(out, ZSTD_e_flush, error);
}

void
output_abandon(struct output *out)
{
	if (out == NULL)
		return;
	(void)ZSTD_freeCCtx(out->zstd);
	free(out->packed);
	free(out->held);
	if (out->back >= 0)
		(void)out->os->close(out->os, out->back);
	input_free(out->with);
	free(out);
}

int
output_close(struct output *out, struct error *error)
{
	int status = write_block(out, ZSTD_e_end, error);
	int cause = errno;

	/* A file system may keep "no space" or a quota for this last moment. */
	if (out->drain == NULL && out->os->close(out->os, out->fd) != 0 &&
	    status == 0) {
		cause = errno;
		status =
		    error_set(error, "cannot close %s: %s", out->name, strerror(cause));
	}
	output_abandon(out);
	errno = cause;
	return status;
}

/* --- Outputs of a stage --------------------------------------------------------- */

enum output_kind
output_kind(const struct output *out)
{
	return out->kind;
}

const char *
output_name(const struct output *out)
{
	return out->name;
}

void
output_hold(struct output *out, size_t limit,
    int (*full)(void *context, struct error *error), void *context)
{
	assert(!out->holds && out->used == 0 && limit >= STREAM_BLOCK);
	out->holds = true;
	out->held_limit = limit;
	out->full = full;
	out->context = context;
}

int
output_release(struct output *out, struct error *error)
{
	struct slice held = slice_of(out->held, out->held_size);

	if (!out->holds)
		return 0;
	out->holds = false;
	out->held_size = 0;
	return held.size == 0 ? 0 : write_bytes(out, held, ZSTD_e_continue, error);
}

static int
fail_file(const struct output *out, const char *what, struct error *error)
{
	int cause = errno;

	(void)error_set(error, "cannot %s %s: %s", what, out->name, strerror(cause));
	errno = cause;
	return -1;
}

int
output_seal(struct output *out, struct error *error)
{
	assert(!out->holds);
	if (write_block(out, ZSTD_e_end, error) != 0)
		return -1;
	if (out->kind == OUTPUT_FILE && out->with == NULL &&
	    out->os->sync(out->os, out->fd) != 0)
		return fail_file(out, "sync", error);
	return 0;
}

bool
stream_path(int fd, char to[STREAM_PATH_MAX])
{
	char link[32];
	ssize_t n;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, to, STREAM_PATH_MAX - 1);
	to[n > 0 ? n : 0] = '\0';
	return n > 0 && to[0] == '/';
}

bool
output_path(const struct output *out, char to[STREAM_PATH_MAX])
{
	return stream_path(out->fd, to);
}

/* The folder of an open file, by the name that it has now: synced, so that the name of a
 * file that was just made is durable. */
static int
sync_folder(struct output *out, struct error *error)
{
	char path[STREAM_PATH_MAX], *slash;
	int fd, status;

	if (!output_path(out, path))
		return 0; /* it has no name */
	slash = strrchr(path, '/');
	slash[slash == path] = '\0';
	fd = out->os->open(out->os, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 && errno == ENOENT)
		return 0; /* it was deleted */
	status = fd < 0 ? -1 : out->os->sync(out->os, fd);
	if (fd >= 0)
		(void)out->os->close(out->os, fd);
	return status == 0 ? 0 : fail_file(out, "sync the folder of", error);
}

int
output_watch(struct output *out, struct error *error)
{
	int flags = fcntl(out->fd, F_GETFL);
	struct stat status;
	char link[32];

	assert(out->kind == OUTPUT_FILE && out->used == 0 && !out->in_frame);
	if ((flags & O_APPEND) == 0) {
		(void)error_set(error,
		    "%s is a file that would be emptied or written over by a restart: "
		    "write >> FILE, not > FILE",
		    out->name);
		return 1;
	}
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", out->fd);
	out->back = out->os->open(out->os, link, O_RDONLY, 0);
	if (out->back < 0 || out->os->stat(out->os, out->fd, &status) != 0)
		return fail_file(out, "read back", error);
	out->size = (uint64_t)status.st_size;
	return sync_folder(out, error);
}

static int
hash_last(struct output *out, uint64_t size, uint64_t *to, struct error *error)
{
	uint8_t bytes[STREAM_CHECKED];
	size_t n = size < sizeof bytes ? (size_t)size : sizeof bytes;

	if (!stream_read_at(out->os, out->back, size - n, bytes, n))
		return fail_file(out, "read back", error);
	*to = hash_bytes(slice_of(bytes, n), 0);
	return 0;
}

int
output_tell(struct output *out, struct output_position *to, struct error *error)
{
	struct stat status;

	assert(out->used == 0 && !out->in_frame && !out->holds);
	*to = (struct output_position){ .size = out->size };
	if (out->with != NULL)
		return 0;
	if (out->os->stat(out->os, out->fd, &status) != 0)
		return fail_file(out, "look at", error);
	if ((uint64_t)status.st_size != out->size) {
		(void)error_set(error,
		    "%s has %lld bytes instead of %" PRIu64
		    ": another process writes to it (give each stage a file of its "
		    "own)",
		    out->name, (long long)status.st_size, out->size);
		return 1;
	}
	return hash_last(out, out->size, &to->last_hash, error);
}

/* Whether the file has what it had at the position. */
static int
check(struct output *out, const struct output_position *from, struct error *error)
{
	struct stat status;
	uint64_t hash;

	assert(out->back >= 0);
	if (out->os->stat(out->os, out->fd, &status) != 0)
		return fail_file(out, "look at", error);
	if ((uint64_t)status.st_size < from->size) {
		(void)error_set(error,
		    "%s has %lld bytes, but %" PRIu64
		    " were committed (restore it, or start afresh)",
		    out->name, (long long)status.st_size, from->size);
		return 1;
	}
	if (hash_last(out, from->size, &hash, error) != 0)
		return -1;
	if (hash == from->last_hash)
		return 0;
	(void)error_set(error,
	    "%s is not the file that was written: other bytes before byte %" PRIu64
	    " (restore it, or start afresh)",
	    out->name, from->size);
	return 1;
}

int
output_restore(
    struct output *out, const struct output_position *from, struct error *error)
{
	int status = check(out, from, error);

	if (status != 0)
		return status;
	if (out->os->truncate(out->os, out->fd, (off_t)from->size) != 0)
		return fail_file(out, "truncate", error);
	out->size = from->size;
	return 0;
}

int
output_compare(struct output *out, const struct output_position *from, uint64_t until,
    struct error *error)
{
	int status = check(out, from, error);

	if (status != 0)
		return status;
	if (out->os->seek(out->os, out->back, (off_t)from->size, SEEK_SET) < 0)
		return fail_file(out, "read back", error);
	out->with = input_new(out->os, out->back, out->name, error);
	if (out->with == NULL)
		return -1;
	input_limit(out->with, until > from->size ? until - from->size : 0);
	out->back = -1;
	out->size = out->compared_from = out->zstd != NULL ? 0 : from->size;
	return 0;
}

int
output_compared(struct output *out, uint64_t *bytes, struct error *error)
{
	enum fill fill = FILL_MORE;

	assert(out->with != NULL);
	while (out->difference.text[0] == '\0' && fill != FILL_END) {
		if (input_bytes(out->with).size > 0)
			note_difference(out, out->size, ": it has more");
		else
			fill = input_fill(out->with, &out->difference);
	}
	*bytes = out->size - out->compared_from;
	if (out->difference.text[0] == '\0')
		return 0;
	*error = out->difference;
	return 1;
}

void
output_mute(struct output *out)
{
	out->mute = true;
}
