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

enum {
	PIPE_BYTES = 1 << 20,
	LEVEL = 1, /* of compression: the fastest regular one */
};

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
	size_t from, to;               /* held bytes are held[from..to) */
	uint8_t *held;

	ZSTD_DCtx *zstd; /* NULL: not compressed */
	uint8_t *packed; /* compressed bytes [packed_from, packed_to) */
	size_t packed_from, packed_to;
	uint64_t packed_offset; /* of packed_from in the file */
	bool in_frame;
};

static void
grow_pipe(int fd)
{
	/* Not a pipe, or over the user's quota: the smaller pipe works too. */
	(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}

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
	in->os = os;
	in->fd = fd;
	in->name = name;
	if (fd >= 0)
		grow_pipe(fd);
	if (fd >= 0 && os->stat(os, fd, &status) == 0 && S_ISREG(status.st_mode))
		in->file_size = (uint64_t)status.st_size;
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
	free(in->packed);
	free(in->held);
	free(in);
}

struct slice
input_bytes(const struct input *in)
{
	return slice_of(in->held + in->from, in->to - in->from);
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

int
input_wait_ms(const struct input *in)
{
	return in->source != NULL ? in->source->wait_ms : -1;
}

double
input_part(const struct input *in)
{
	return in->file_size == 0 ? -1 : (double)in->file_read / (double)in->file_size;
}

bool
input_undecoded(const struct input *in)
{
	return in->packed_from < in->packed_to;
}

bool
input_ready(const struct input *in)
{
	return in->eof || input_undecoded(in) || (in->source != NULL && !in->waiting);
}

static enum fill
read_block(struct input *in, uint8_t *to, size_t size, size_t *got, struct error *error)
{
	ssize_t n = in->source != NULL ? in->source->read(in->source, to, size, error)
				       : in->os->read(in->os, in->fd, to, size);

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

/* Make room for one block more behind the held bytes. */
static void
make_room(struct input *in)
{
	size_t size = in->to - in->from;

	if (in->from == 0)
		return;
	if (size > 0)
		memmove(in->held, in->held + in->from, size);
	in->from = 0;
	in->to = size;
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

struct output {
	const struct os *os;
	int fd;
	const char *name;
	size_t used;
	ZSTD_CCtx *zstd; /* NULL: not compressed */
	bool in_frame;
	uint8_t *packed;
	uint8_t block[STREAM_BLOCK];
};

struct output *
output_new(
    const struct os *os, int fd, const char *name, bool compress, struct error *error)
{
	struct output *out = calloc(1, sizeof *out);

	if (out == NULL)
		goto no_memory;
	out->os = os;
	out->fd = fd;
	out->name = name;
	if (compress) {
		out->zstd = ZSTD_createCCtx();
		out->packed = malloc(STREAM_BLOCK);
		if (out->zstd == NULL || out->packed == NULL)
			goto no_memory;
		(void)ZSTD_CCtx_setParameter(out->zstd, ZSTD_c_compressionLevel, LEVEL);
		(void)ZSTD_CCtx_setParameter(out->zstd, ZSTD_c_checksumFlag, 1);
	}
	grow_pipe(fd);
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

static int
write_zstd(struct output *out, ZSTD_EndDirective how, struct error *error)
{
	ZSTD_inBuffer from = { out->block, out->used, 0 };
	ZSTD_outBuffer to;
	size_t left;

	if (!out->in_frame && out->used == 0)
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
	} while (how == ZSTD_e_continue ? from.pos < from.size : left != 0);
	out->in_frame = how != ZSTD_e_end;
	out->used = 0;
	return 0;
}

static int
write_block(struct output *out, ZSTD_EndDirective how, struct error *error)
{
	size_t used = out->used;

	if (out->zstd != NULL)
		return write_zstd(out, how, error);
	out->used = 0;
	return write_all(out, out->block, used, error);
}

int
output_write(struct output *out, struct slice bytes, struct error *error)
{
	size_t step;

	for (;;) {
		step = STREAM_BLOCK - out->used;
		if (__builtin_expect(bytes.size < step, 1)) {
			if (bytes.size > 0)
				memcpy(out->block + out->used, bytes.at, bytes.size);
			out->used += bytes.size;
			return 0;
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
	free(out);
}

int
output_close(struct output *out, struct error *error)
{
	int status = write_block(out, ZSTD_e_end, error);
	int cause = errno;

	/* A file system may keep "no space" or a quota for this last moment. */
	if (out->os->close(out->os, out->fd) != 0 && status == 0) {
		cause = errno;
		status =
		    error_set(error, "cannot close %s: %s", out->name, strerror(cause));
	}
	output_abandon(out);
	errno = cause;
	return status;
}
