/* SPDX-License-Identifier: MIT
 *
 * stream: descriptors in and out. Reads and writes are 64 KiB blocks; pipes are set to
 * 1 MiB where the system allows. zstd is recognised by its magic bytes on the way in,
 * and asked for on the way out; this module alone knows it. Errors name the object and
 * the position.
 */
#ifndef BANNERPIPE_STREAM_H
#define BANNERPIPE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/os.h"

enum {
	STREAM_BLOCK = 64 * 1024,
	STREAM_DRAIN_BLOCK = 256 * 1024,
	STREAM_HOLD_MAX = 1 << 20, /* bytes that an input can hold unconsumed */
	STREAM_PADDING = 64,       /* readable bytes after what input_bytes gives */
	STREAM_ZSTD_WINDOW_LOG =
	    23, /* 8 MiB: what zstd -19 uses; a larger window is refused */
};

struct input;
struct output;

/* Something other than a descriptor to write to. write takes all of the bytes, or returns
 * -1 with errno and error set. What goes into one output_write is not divided unless it
 * exceeds STREAM_DRAIN_BLOCK; STREAM_PADDING bytes after it are readable. */
struct drain {
	int (*write)(struct drain *drain, struct slice bytes, struct error *error);
};

/* Something other than one descriptor to read from: a followed file. read returns the
 * bytes it read, 0 at the end, SOURCE_NOTHING when there are none now, -1 with error
 * set. Then wait_fd (-1 for none) becomes readable, or wait_ms pass, before it is asked
 * again. */
enum { SOURCE_NOTHING = -2, SOURCE_WAIT_MAX = 64 };

struct source {
	ssize_t (*read)(
	    struct source *source, void *to, size_t size, struct error *error);
	void (*free)(struct source *source);
	double (*part)(
	    const struct source *source); /* as input_part; NULL: not known */
	int wait_fd;
	int wait_ms;
	/* May be NULL. Several descriptors to wait for, instead of wait_fd: at most
	 * SOURCE_WAIT_MAX, for reading; returns their number. */
	unsigned (*wait)(const struct source *source, struct pollfd *fds);
	/* May be NULL. Whether it holds what a stop would lose. */
	bool (*holds)(const struct source *source);
};

/* An input on an open descriptor, which it owns from now on. `name` is for messages and
 * must outlive it. NULL and error when there is no memory. */
struct input *input_new(
    const struct os *os, int fd, const char *name, struct error *error);
/* Open a file; "-" is standard input. A directory is an error here already. */
struct input *input_open(const struct os *os, const char *path, struct error *error);
/* Read from a source, which the input owns from now on. */
struct input *input_of_source(
    const struct os *os, struct source *source, const char *name, struct error *error);
void input_free(struct input *in);
/* Give out these bytes themselves: of an input of a source, which is not compressed. They
 * are borrowed until they are consumed or the next fill, which keeps a copy of what is
 * left (at most STREAM_HOLD_MAX). False when bytes from before are still unconsumed. */
bool input_lend(struct input *in, struct slice bytes);

/* What is read and not yet consumed; borrowed until the next fill. STREAM_PADDING bytes
 * after it are readable. */
struct slice input_bytes(const struct input *in);
/* Consume from the front. */
void input_consume(struct input *in, size_t size);
/* The position of the first unconsumed byte, in the stream after decompression. */
uint64_t input_offset(const struct input *in);
/* Say what that position is: for a source that begins elsewhere than at its start, or
 * goes on with another file. */
void input_place(struct input *in, uint64_t offset);
const char *input_name(const struct input *in);
/* What to poll for before a fill, and for how long at most (-1: for ever). */
int input_wait_fd(const struct input *in);
/* The same as one or more descriptors; returns their number, which may be 0. */
unsigned input_wait_fds(const struct input *in, struct pollfd fds[SOURCE_WAIT_MAX]);
int input_wait_ms(const struct input *in);
/* Read no more than so many bytes, before decompression: there the input ends. */
void input_limit(struct input *in, uint64_t bytes);
/* The part of a file that was read, 0..1; negative when the input has no known size. */
double input_part(const struct input *in);

enum fill {
	FILL_MORE = 1, /* there are more bytes than before */
	FILL_END = 0,
	FILL_AGAIN = 2, /* a signal came, or the descriptor has nothing now */
	FILL_FAIL = -1, /* error is set */
};

/* Read one block more. At most STREAM_HOLD_MAX bytes can be held: an assert. A zstd
 * frame that is cut off, damaged, or wants a larger window is a failure. */
enum fill input_fill(struct input *in, struct error *error);
/* Whether a fill need not be waited for: there are bytes that are read already but not
 * yet decompressed, or the source was not asked yet. */
bool input_ready(const struct input *in);
/* Whether bytes were read that are not yet given out: they would be lost by a stop. */
bool input_undecoded(const struct input *in);

/* --- Positions of inputs: to go on another time ----------------------------------- */

enum { STREAM_CHECKED = 4096 }; /* bytes around a position that identify it, at most */

/* What an input is. */
enum input_kind {
	INPUT_FILE,   /* a plain file: it can be read from anywhere */
	INPUT_PIPE,   /* a pipe or socket: another process may speak to us through it */
	INPUT_DEVICE, /* anything else */
	INPUT_SOURCE,
};
enum input_kind input_kind(const struct input *in);

/* Where an input was read up to. */
struct input_position {
	uint64_t offset; /* of the first unconsumed byte, after decompression */
	bool seek;       /* of a plain file; else the bytes must be read again */
	uint64_t
	    head_hash; /* of the first min(offset, STREAM_CHECKED) bytes; of all bytes
			       before the offset when they must be read again */
	uint64_t last_hash; /* of the min(offset, STREAM_CHECKED) bytes before it */
};

/* Take note of what is consumed, so that input_tell can be asked. Before the first fill;
 * not for a source. Cost: a hash of the bytes, but of none of a plain file. */
int input_watch(struct input *in, struct error *error);
/* It was not needed: what was consumed is forgotten. */
void input_unwatch(struct input *in);
/* Reads from a plain file. */
int input_tell(struct input *in, struct input_position *to, struct error *error);
/* Go there, right after input_watch. 1 with error: the input is not the one of before,
 * it is too short or has other bytes; -1 with error: it cannot be read. */
int input_resume(
    struct input *in, const struct input_position *from, struct error *error);

/* An output on an open descriptor, which it owns from now on. */
struct output *output_new(
    const struct os *os, int fd, const char *name, bool compress, struct error *error);
/* Write to a drain, which is borrowed. */
struct output *output_to_drain(
    const struct os *os, struct drain *drain, const char *name, struct error *error);
/* Create a file, or truncate one, or append to it; a name that ends in .zst is
 * compressed. */
struct output *output_open(
    const struct os *os, const char *path, bool append, struct error *error);

/* Append bytes; they go out in blocks. On failure errno and error are set; EPIPE tells
 * that the reader has gone. Cost: a copy. */
int output_write(struct output *out, struct slice bytes, struct error *error);
/* Send what is pending; with zstd, so that a reader can decode all of it. */
int output_flush(struct output *out, struct error *error);
/* Flush, finish the zstd frame, close; the last chance of a full disk to be noticed.
 * The output is freed in any case. */
int output_close(struct output *out, struct error *error);
/* Free without writing what is pending. */
void output_abandon(struct output *out);

/* --- Outputs of a stage: what is written can be held back, and taken back --------- */

enum output_kind {
	OUTPUT_FILE,   /* a regular file */
	OUTPUT_STREAM, /* a pipe or socket: another process reads it */
	OUTPUT_OTHER,  /* a terminal, a device */
};
enum output_kind output_kind(const struct output *out);
const char *output_name(const struct output *out);
/* Where the file lies now that a descriptor or an output writes to; false when that cannot
 * be told. */
enum { STREAM_PATH_MAX = 4096 };
bool stream_path(int fd, char to[STREAM_PATH_MAX]);
bool output_path(const struct output *out, char to[STREAM_PATH_MAX]);

/* Keep back what is written from now on, up to `limit` bytes in memory; then `full` is
 * called, which makes room with output_release, or returns -1 with errno and error set.
 * Before: flush. */
void output_hold(struct output *out, size_t limit,
    int (*full)(void *context, struct error *error), void *context);
/* Send what was kept back, and keep no more back. */
int output_release(struct output *out, struct error *error);
/* Send what is pending; end the zstd frame, so that the bytes so far are a file that is
 * complete; and if it is a file, sync it. Nothing may be kept back. */
int output_seal(struct output *out, struct error *error);

/* How far a file was written. */
struct output_position {
	uint64_t size;
	uint64_t last_hash; /* of its last min(size, STREAM_CHECKED) bytes */
};

/* Prepare a file for output_tell and output_restore: open it for reading as well, and
 * sync its folder, so that its name is durable. Nothing may be pending. 1 with error: it
 * was not opened to append; a restart would empty it, or write over it. */
int output_watch(struct output *out, struct error *error);
/* After output_seal. 1 with error: another process has written to the file. */
int output_tell(struct output *out, struct output_position *to, struct error *error);
/* Take back what was written after that. 1 with error: the file is shorter, or has other
 * bytes before the position. */
int output_restore(
    struct output *out, const struct output_position *from, struct error *error);
/* Write nothing from now on, but compare it with what the file has after the position, up
 * to byte `until` of it (decompressed, when it is compressed). As output_restore. */
int output_compare(struct output *out, const struct output_position *from,
    uint64_t until, struct error *error);
/* At the end of that: how many bytes were compared; 1 with an error that names the byte
 * when there was a difference, or the file has more. */
int output_compared(struct output *out, uint64_t *bytes, struct error *error);
/* Write nothing from now on. */
void output_mute(struct output *out);

#endif
