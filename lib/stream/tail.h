/* SPDX-License-Identifier: MIT
 *
 * tail: follow a file by its name through rotations, as `tail -F` does, but exactly:
 * nothing is lost and nothing comes twice, also over a stop and a later start.
 *
 * A file is known by device and inode, by the hash of its first bytes and by that of the
 * last ones before the position: file systems give the inode of a deleted file to the
 * next one at once. When the name stands for another file, the old one is read to its
 * end, then its successors in the order in which they were last written to: files of the
 * same name with a suffix of digits ("access.log.1", "access.log-20240501"), then the
 * name itself. A file is left when a successor has bytes and it was not written to for
 * TAIL_GRACE_US; should it grow after that, it is a gap.
 *
 * A file that became shorter, or other before the position, was truncated
 * ("copytruncate"): what was written between copy and truncation is lost without a
 * trace, so this is a failure; with `allow_truncate` it is a gap, and reading goes on at
 * the file's start.
 *
 * Compressed predecessors are not read. A last line without a newline in a file that is
 * left gets one, so that it is a line of its own.
 */
#ifndef BANNERPIPE_STREAM_TAIL_H
#define BANNERPIPE_STREAM_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/os.h"
#include "lib/stream.h"

enum {
	TAIL_HEAD = 4096,  /* bytes of a file's start that identify it, at most */
	TAIL_LAST = 256,   /* bytes before the position, likewise */
	TAIL_POLL_MS = 20, /* how often a file without news is looked at */
	TAIL_GRACE_US = 1000000,
};

/* Where a file was read up to, and which file it was; inode 0: none yet. */
struct tail_position {
	uint64_t device, inode;
	uint64_t offset;
	uint64_t head_hash; /* of the first min(offset, TAIL_HEAD) bytes */
	uint64_t last_hash; /* of the min(offset, TAIL_LAST) bytes before the offset */
};

struct tail;

/* Follow the file of this name, which is borrowed; it need not exist yet. Opens nothing
 * before the first read or tail_resume. NULL and error when there is no memory. */
struct tail *tail_new(
    const struct os *os, const char *path, bool allow_truncate, struct error *error);

/* What an input reads from; freeing it frees the tail. */
struct source *tail_source(struct tail *t);

/* What the follower wants to be told, from within a read or tail_resume. */
struct tail_events {
	/* Bytes [from, to) of a file are lost; to = from where nobody knows how many. */
	void (*gap)(void *context, uint64_t from, uint64_t to, const char *reason);
	/* What is read next is the start of another file, or of a truncated one. */
	void (*began)(void *context);
	void *context;
};

void tail_listen(struct tail *t, const struct tail_events *events);

/* The position of the byte that is `unread` bytes before what was last read. Reads from
 * the file, and opens it when nothing was read; inode 0 when there is none yet. 0, or -1
 * and error. */
int tail_tell(
    struct tail *t, uint64_t unread, struct tail_position *to, struct error *error);

/* Go on from there: find that file by name, or among its rotated ones. An error when it
 * is not found or was truncated; with allow_truncate a gap. Before the first read. */
int tail_resume(struct tail *t, const struct tail_position *from, struct error *error);

#endif
