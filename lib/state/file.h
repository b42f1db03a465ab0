/* SPDX-License-Identifier: MIT
 *
 * file: what the parts of state share of a snapshot file and of nobody else's concern.
 */
#ifndef BANNERPIPE_STATE_FILE_H
#define BANNERPIPE_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/state.h"

enum { STATE_FORMAT = 1, STATE_TRAILER = 16 };

struct XXH3_state_s;

struct state_writer {
	const struct os *os;
	int fd;              /* -1: not yet created */
	char *path, *beside; /* owned */
	bool failed;
	struct error error; /* the first one */
	struct XXH3_state_s *sum;
	uint64_t size;   /* of the body */
	uint8_t *memory; /* owned; not yet written: */
	size_t used, capacity;
	size_t limit;  /* capacity grows to it; what is more is written at once */
	size_t header; /* the first of those in memory that the sum has or leaves out */
	bool in_header; /* which is being put */
};

/* A writer that creates its file when `limit` bytes of memory are full, or in
 * state_commit. */
struct state_writer *state_writer_new(const struct os *os, const char *path,
    const struct state_identity *identity, size_t limit, struct error *error);

#endif
