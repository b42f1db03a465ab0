/* SPDX-License-Identifier: MIT
 *
 * inside: what the two halves of stream share.
 */
#ifndef BANNERPIPE_STREAM_INSIDE_H
#define BANNERPIPE_STREAM_INSIDE_H

#include <fcntl.h>
#include <stdbool.h>

#include "lib/os.h"

enum { STREAM_PIPE_BYTES = 1 << 20 };

static inline void
stream_grow_pipe(int fd)
{
	/* Not a pipe, or over the user's quota: the smaller pipe works too. */
	(void)fcntl(fd, F_SETPIPE_SZ, STREAM_PIPE_BYTES);
}

/* Read exactly `size` bytes at an offset; the descriptor is left after them. False when
 * the file has them not (errno is then 0) or cannot be read. */
bool stream_read_at(
    const struct os *os, int fd, uint64_t offset, void *to, size_t size);

#endif
