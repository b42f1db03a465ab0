/* SPDX-License-Identifier: MIT */
#include "lib/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/base/assert.h"
#include "lib/base/bytes.h"
#include "lib/hash.h"
#include "lib/stream/inside.h"

struct input {
	const struct os *os;
	int fd;
	struct source *source; /* owned; NULL: fd is read */
	bool waiting;          /* the source had nothing when it was last asked */
	const char *name;
	bool eof;     /* the descriptor has no more */
	bool sniffed; /* the first bytes were looked at */
	uint64_t offset;
	uint64_t file_size, file_read; /* size 0: not known */
	uint64_t limit;                /* of file_read */
	const uint8_t *at;             /* held, or the bytes of input_lend */
	size_t from, to;               /* unconsumed are at[from..to) */
	uint8_t *held;

	ZSTD_DCtx *zstd; /* NULL: not compressed */
	uint8_t *packed; /* compressed bytes [packed_from, packed_to) */
	size_t packed_from, packed_to;
	uint64_t packed_offset; /* of packed_from in the file */
	bool in_frame;

	/* of input_watch */
	enum input_kind kind;
	uint64_t base; /* where the file's descriptor stood at first */
	struct hash_stream
	    *passed; /* owned; of the bytes before held[hashed]; or NULL */
	size_t hashed;
};

struct input *
input_new(const struct os *os, int fd, const char *name, struct error *error)
{
	struct input *in = calloc(1, sizeof *in);
	struct stat status;

	if (in != NULL)
		in->held = calloc(1, STREAM_HOLD_MAX + STREAM_BLOCK + STREAM_PADDING);
	if (in == NULL || in->held == NULL) {
		free(in);
		(void)error_set(error, "no memory for the input buffer of %s", name);
		return NULL;
	}
	in->at = in->held;
	in->os = os;
	in->fd = fd;
	in->name = name;
	in->limit = UINT64_MAX;
	if (fd >= 0)
		stream_grow_pipe(fd);
	in->kind = fd < 0 ? INPUT_SOURCE : INPUT_DEVICE;
	if (fd < 0 || os->stat(os, fd, &status) != 0)
		return in;
	if (S_ISREG(status.st_mode)) {
		in->kind = INPUT_FILE;
		in->file_size = (uint64_t)status.st_size;
	} else if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) {
		in->kind = INPUT_PIPE;
	}
	return in;
}

struct input *
input_open(const struct os *os, const char *path, struct error *error)
{
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;
	struct stat status;
	int fd = standard ? STDIN_FILENO : os->open(os, path, O_RDONLY, 0);

	if (fd < 0) {
		(void)error_set(error, "cannot open %s: %s", name, strerror(errno));
		return NULL;
	}
	if (os->stat(os, fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		(void)error_set(error, "cannot read %s: it is a directory", name);
		if (!standard)
			(void)os->close(os, fd);
		return NULL;
	}
	return input_new(os, fd, name, error);
}

struct input *
input_of_source(
    const struct os *os, struct source *source, const char *name, struct error *error)
{
	struct input *in = input_new(os, -1, name, error);

	if (in != NULL)
		in->source = source;
	return in;
}

void
input_free(struct input *in)
{
	if (in == NULL)
		return;
	if (in->source != NULL)
		in->source->free(in->source);
	else if (in->fd != STDIN_FILENO)
		(void)in->os->close(in->os, in->fd);
	(void)ZSTD_freeDCtx(in->zstd);
	hash_stream_free(in->passed);
	free(in->packed);
	free(in->held);
	free(in);
}

struct slice
input_bytes(const struct input *in)
{
	return slice_of(in->at + in->from, in->to - in->from);
}

void
input_consume(struct input *in, size_t size)
{
	assert(size <= in->to - in->from);
	in->from += size;
	in->offset += size;
}

uint64_t
input_offset(const struct input *in)
{
	return in->offset;
}

void
input_place(struct input *in, uint64_t offset)
{
	in->offset = offset;
}

const char *
input_name(const struct input *in)
{
	return in->name;
}

int
input_wait_fd(const struct input *in)
{
	return in->source != NULL ? in->source->wait_fd : in->fd;
}

unsigned
input_wait_fds(const struct input *in, struct pollfd fds[SOURCE_WAIT_MAX])
{
	if (in->source != NULL && in->source->wait != NULL)
		return in->source->wait(in->source, fds);
	fds[0] = (struct pollfd){ .fd = input_wait_fd(in), .events = POLLIN };
	return 1;
}

int
input_wait_ms(const struct input *in)
{
	return in->source != NULL ? in->source->wait_ms : -1;
}

void
input_limit(struct input *in, uint64_t bytes)
{
	in->limit = in->file_read + bytes;
}

double
input_part(const struct input *in)
{
	if (in->source != NULL && in->source->part != NULL)
		return in->source->part(in->source);
	return in->file_size == 0 ? -1 : (double)in->file_read / (double)in->file_size;
}

bool
input_undecoded(const struct input *in)
{
	return in->packed_from < in->packed_to ||
	    (in->source != NULL && in->source->holds != NULL &&
		in->source->holds(in->source));
}

bool
input_ready(const struct input *in)
{
	return in->eof || in->packed_from < in->packed_to ||
	    (in->source != NULL && !in->waiting);
}

static enum fill
read_block(struct input *in, uint8_t *to, size_t size, size_t *got, struct error *error)
{
	uint64_t left = in->limit - in->file_read;
	ssize_t n;

	size = size < left ? size : (size_t)left;
	if (size == 0)
		n = 0;
	else if (in->source != NULL)
		n = in->source->read(in->source, to, size, error);
	else
		n = in->os->read(in->os, in->fd, to, size);
	*got = n > 0 ? (size_t)n : 0;
	in->file_read += *got;
	in->waiting = n == SOURCE_NOTHING;
	if (in->waiting)
		return FILL_AGAIN;
	if (n < 0 && in->source != NULL)
		return FILL_FAIL;
	if (n > 0)
		return FILL_MORE;
	if (n == 0) {
		in->eof = true;
		return FILL_END;
	}
	if (errno == EINTR || errno == EAGAIN)
		return FILL_AGAIN;
	(void)error_set(error, "cannot read %s at byte %" PRIu64 ": %s", in->name,
	    in->zstd != NULL ? in->packed_offset + (in->packed_to - in->packed_from)
			     : in->offset + (in->to - in->from),
	    strerror(errno));
	return FILL_FAIL;
}

/* From here on the bytes held, which are the file's first, are compressed ones. */
static enum fill
start_zstd(struct input *in, struct error *error)
{
	in->zstd = ZSTD_createDCtx();
	in->packed = malloc(STREAM_BLOCK);
	if (in->zstd == NULL || in->packed == NULL)
		return (enum fill)error_set(
		    error, "no memory to decompress %s", in->name);
	(void)ZSTD_DCtx_setParameter(
	    in->zstd, ZSTD_d_windowLogMax, STREAM_ZSTD_WINDOW_LOG);
	assert(in->to <= STREAM_BLOCK);
	memcpy(in->packed, in->held, in->to);
	in->packed_to = in->to;
	in->to = 0;
	return FILL_MORE;
}

static enum fill
zstd_fault(struct input *in, const char *reason, struct error *error)
{
	return (enum fill)error_set(error,
	    "cannot decompress %s at byte %" PRIu64
	    ": %s (the file is damaged or cut off; "
	    "zstd -t shows how far it is good)",
	    in->name, in->packed_offset, reason);
}

/* Decompress into the free space; reads a block when all compressed bytes are used. */
static enum fill
fill_zstd(struct input *in, struct error *error)
{
	ZSTD_outBuffer out = { in->held + in->to, STREAM_BLOCK, 0 };
	ZSTD_inBuffer from;
	enum fill fill;
	size_t left;

	while (out.pos == 0) {
		if (in->packed_from == in->packed_to) {
			in->packed_from = in->packed_to = 0;
			if (in->eof && in->in_frame)
				return zstd_fault(in, "cut off within a frame", error);
			if (in->eof)
				return FILL_END;
			fill = read_block(
			    in, in->packed, STREAM_BLOCK, &in->packed_to, error);
			if (fill == FILL_END)
				continue;
			if (fill != FILL_MORE)
				return fill;
		}
		from = (ZSTD_inBuffer){ in->packed, in->packed_to, in->packed_from };
		left = ZSTD_decompressStream(in->zstd, &out, &from);
		if (ZSTD_isError(left))
			return zstd_fault(in, ZSTD_getErrorName(left), error);
		in->packed_offset += from.pos - in->packed_from;
		in->packed_from = from.pos;
		in->in_frame = left != 0;
	}
	in->to += out.pos;
	return FILL_MORE;
}

/* Bytes of a plain file can be read again; of all others the hash is kept. */
static void
hash_consumed(struct input *in)
{
	if (in->passed == NULL || (in->kind == INPUT_FILE && in->zstd == NULL))
		return;
	hash_stream_add(
	    in->passed, slice_of(in->held + in->hashed, in->from - in->hashed));
	in->hashed = in->from;
}

/* Make room for one block more behind the held bytes. */
static void
make_room(struct input *in)
{
	size_t size = in->to - in->from;

	if (in->from == 0 && in->at == in->held)
		return;
	hash_consumed(in);
	in->hashed = 0;
	if (size > 0)
		memmove(in->held, in->at + in->from, size);
	in->at = in->held;
	in->from = 0;
	in->to = size;
}

bool
input_lend(struct input *in, struct slice bytes)
{
	assert(in->source != NULL);
	if (in->from < in->to)
		return false;
	in->at = bytes.at;
	in->from = 0;
	in->to = bytes.size;
	in->sniffed = true;
	return true;
}

enum magic { MAGIC_NONE, MAGIC_BEGUN, MAGIC_ZSTD };

/* Whether the bytes begin with the magic of a frame or of a skippable one, all of it or as
 * far as they go. */
static enum magic
sniff(struct slice bytes)
{
	uint8_t frame[4], skippable[4];
	size_t size = bytes.size < 4 ? bytes.size : 4;
	bool is_frame = true, is_skippable = true;

	bytes_store_le32(frame, ZSTD_MAGICNUMBER);
	bytes_store_le32(skippable, ZSTD_MAGIC_SKIPPABLE_START);
	for (size_t i = 0; i < size; i++) {
		uint8_t low = i == 0 ? 0xf0 : 0xff; /* the first byte has 16 values */

		is_frame = is_frame && bytes.at[i] == frame[i];
		is_skippable = is_skippable && (bytes.at[i] & low) == skippable[i];
	}
	if (!is_frame && !is_skippable)
		return MAGIC_NONE;
	return size < 4 ? MAGIC_BEGUN : MAGIC_ZSTD;
}

enum fill
input_fill(struct input *in, struct error *error)
{
	enum magic magic;
	enum fill fill;
	size_t got;

	in->waiting = false;
	assert(in->to - in->from <= STREAM_HOLD_MAX);
	make_room(in);
	if (in->zstd != NULL)
		return fill_zstd(in, error);
	if (in->eof)
		return FILL_END;
	fill = read_block(in, in->held + in->to, STREAM_BLOCK, &got, error);
	if (fill != FILL_MORE)
		return fill;
	in->to += got;
	if (in->sniffed || in->offset > 0)
		return FILL_MORE;
	magic = sniff(input_bytes(in));
	if (magic == MAGIC_BEGUN)
		return FILL_AGAIN;
	in->sniffed = true;
	if (magic == MAGIC_NONE)
		return FILL_MORE;
	if (start_zstd(in, error) == FILL_FAIL)
		return FILL_FAIL;
	return fill_zstd(in, error);
}

/* --- Positions ------------------------------------------------------------------ */

enum input_kind
input_kind(const struct input *in)
{
	return in->kind;
}

bool
stream_read_at(const struct os *os, int fd, uint64_t offset, void *to, size_t size)
{
	uint8_t *at = to;
	ssize_t n;

	if (os->seek(os, fd, (off_t)offset, SEEK_SET) < 0)
		return false;
	for (; size > 0; at += n, size -= (size_t)n) {
		n = os->read(os, fd, at, size);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return false;
		else if (n == 0) {
			errno = 0;
			return false;
		}
	}
	return true;
}

int
input_watch(struct input *in, struct error *error)
{
	off_t at;

	assert(in->source == NULL && in->offset == 0 && in->to == 0);
	in->passed = hash_stream_new();
	if (in->passed == NULL)
		return error_set(error, "no memory to watch %s", in->name);
	if (in->kind == INPUT_FILE) {
		at = in->os->seek(in->os, in->fd, 0, SEEK_CUR);
		in->base = at > 0 ? (uint64_t)at : 0;
	}
	return 0;
}

void
input_unwatch(struct input *in)
{
	hash_stream_free(in->passed);
	in->passed = NULL;
}

static int
fail_tell(const struct input *in, struct error *error)
{
	return error_set(error, "cannot read %s again before byte %" PRIu64 ": %s",
	    in->name, in->offset, errno == 0 ? "it is shorter" : strerror(errno));
}

/* The hashes of the bytes around an offset of a plain file. */
static int
hash_around(struct input *in, struct input_position *p, struct error *error)
{
	uint8_t bytes[STREAM_CHECKED];
	size_t size = p->offset < sizeof bytes ? (size_t)p->offset : sizeof bytes;

	if (!stream_read_at(in->os, in->fd, in->base, bytes, size))
		return fail_tell(in, error);
	p->head_hash = hash_bytes(slice_of(bytes, size), 0);
	if (!stream_read_at(in->os, in->fd, in->base + p->offset - size, bytes, size))
		return fail_tell(in, error);
	p->last_hash = hash_bytes(slice_of(bytes, size), 0);
	return 0;
}

int
input_tell(struct input *in, struct input_position *to, struct error *error)
{
	uint64_t read = in->base + in->offset + (in->to - in->from);

	assert(in->passed != NULL);
	*to = (struct input_position){ .offset = in->offset };
	to->seek = in->kind == INPUT_FILE && in->zstd == NULL;
	if (!to->seek) {
		hash_consumed(in);
		to->head_hash = hash_stream_value(in->passed);
		return 0;
	}
	if (hash_around(in, to, error) != 0)
		return -1;
	return in->os->seek(in->os, in->fd, (off_t)read, SEEK_SET) >= 0
	    ? 0
	    : fail_tell(in, error);
}

static int
other(const struct input *in, const char *how, uint64_t at, struct error *error)
{
	(void)error_set(error,
	    "%s is not the input of before: %s byte %" PRIu64
	    " (give the same input from its start, or start afresh)",
	    in->name, how, at);
	return 1;
}

static int
resume_file(struct input *in, const struct input_position *from, struct error *error)
{
	struct input_position is = { .offset = from->offset };

	if (in->kind != INPUT_FILE)
		return other(
		    in, "no plain file that was read up to", from->offset, error);
	if (in->file_size < in->base + from->offset)
		return other(in, "it has less than", from->offset, error);
	if (hash_around(in, &is, error) != 0)
		return -1;
	if (is.head_hash != from->head_hash || is.last_hash != from->last_hash)
		return other(in, "other bytes before", from->offset, error);
	if (in->os->seek(in->os, in->fd, (off_t)(in->base + from->offset), SEEK_SET) <
	    0)
		return fail_tell(in, error);
	in->offset = in->file_read = from->offset;
	in->sniffed = true;
	return 0;
}

static int
resume_pipe(struct input *in, const struct input_position *from, struct error *error)
{
	struct pollfd ready = { .fd = in->fd, .events = POLLIN };
	enum fill fill = FILL_MORE;
	uint64_t left;
	size_t held;

	if (in->kind == INPUT_FILE)
		in->kind =
		    INPUT_DEVICE; /* the bytes of a plain file must be hashed, too */
	while (in->offset < from->offset && fill != FILL_END) {
		fill = input_fill(in, error);
		if (fill == FILL_FAIL)
			return -1;
		if (fill == FILL_AGAIN)
			(void)in->os->poll(in->os, &ready, 1, -1);
		left = from->offset - in->offset;
		held = in->to - in->from;
		input_consume(in, held < left ? held : (size_t)left);
	}
	if (in->offset < from->offset)
		return other(in, "it ends at", in->offset, error);
	hash_consumed(in);
	if (hash_stream_value(in->passed) != from->head_hash)
		return other(in, "other bytes before", from->offset, error);
	return 0;
}

int
input_resume(struct input *in, const struct input_position *from, struct error *error)
{
	assert(in->passed != NULL && in->offset == 0);
	return from->seek ? resume_file(in, from, error) : resume_pipe(in, from, error);
}
