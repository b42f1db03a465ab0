/* SPDX-License-Identifier: MIT
 *
 * file: what the parts of state share of a snapshot file, and of nobody else's concern.
 */
#ifndef BANNERPIPE_STATE_FILE_H
#define BANNERPIPE_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/state.h"

enum {
	STATE_FORMAT = 2,
	STATE_TRAILER = 24,
	STATE_BLOCKS_MAX = 1 << 16,
	STATE_CHAIN_MAX = 256,
	STATE_PATH_MAX = 4096,
};

/* --- Writing ------------------------------------------------------------------- */

struct state_writer {
	const struct os *os;
	int fd;              /* -1: not yet created */
	char *path, *beside; /* owned */
	const struct state_identity *identity;
	uint64_t epoch, base; /* equal: a whole snapshot */
	bool tracks;   /* marks are cleared, and relative to this one from now on */
	bool discards; /* no file: only the sums are wanted */
	bool failed;
	struct error error; /* the first one */
	void *sum;          /* XXH3_state_t */
	void *content;      /* of the body as if whole; NULL when not wanted */
	uint64_t size;      /* of the body */
	uint64_t file_size;
	uint64_t *blocks; /* owned; where they begin in the body */
	size_t block_count, block_room;
	uint64_t changes; /* blocks of which only changes were put */
	uint64_t put_to; /* in the block that is being put, the end of the last piece */
	uint8_t *memory; /* owned; not yet written: */
	size_t used, capacity;
	size_t limit;   /* capacity grows to it; what is more is written at once */
	size_t header;  /* the first bytes in memory that the sum has or leaves out */
	bool in_header; /* which is being put */
	uint64_t sync_bytes; /* sync each time that so many were written; 0: once */
	uint64_t synced;
};

/* A writer that creates its file when `limit` bytes of memory are full, or when it is
 * finished. The identity is borrowed. */
struct state_writer *state_writer_new(const struct os *os, const char *path,
    const struct state_identity *identity, uint64_t epoch, uint64_t base, size_t limit,
    struct error *error);
/* As state_commit, but the writer lives on, for state_writer_free. */
int state_writer_finish(struct state_writer *w, struct error *error);
void state_writer_free(struct state_writer *w);
/* Have the sum of the content made; what a body of the same content gives, however its
 * blocks were put. -1 when there is no memory. */
int state_writer_want_content(struct state_writer *w);
uint64_t state_writer_content(const struct state_writer *w);
void state_writer_add_content(struct state_writer *w, struct slice bytes);

/* A block in pieces, from its start to its end; what is left out is zero. */
void state_block_begin(struct state_writer *w, uint64_t size, bool changes);
void state_block_piece(struct state_writer *w, uint64_t at, struct slice bytes);
void state_block_end(struct state_writer *w, uint64_t size);
/* A piece without its pages of zeros; into the sum of the content too. */
void state_block_sparse(struct state_writer *w, uint64_t at, struct slice bytes);

/* --- Reading ------------------------------------------------------------------- */

enum { STATE_READ = 64 * 1024 };

struct state_reader {
	const struct os *os;
	int fd;
	char *path;           /* owned */
	uint64_t at, left;    /* position in the file; bytes of the body */
	uint64_t begin, size; /* of the body */
	uint64_t file_size;
	uint64_t epoch, base_epoch;
	struct state_reader *base; /* owned; NULL for a whole snapshot */
	bool tracks;               /* see struct state_writer */
	struct state_identity identity;
	char *text[1 + 2 * STATE_OPTIONS_MAX]; /* owned */
	unsigned texts;
	uint64_t *blocks; /* owned; where they begin in the body */
	size_t block_count, block_next;
	/* In the block that is being read. */
	uint64_t block_size, run_at, run_left;
	bool block_changes, block_ended;
	size_t from, to;
	uint8_t memory[STATE_READ];
};

/* As state_read, of a file that may hold changes only. */
struct state_reader *state_open(const struct os *os, const char *path,
    const struct state_identity *identity, enum state_trouble *trouble,
    struct error *error);
/* Go on reading at that byte of the file; `left` is the caller's. */
int state_seek(struct state_reader *r, uint64_t at);
/* What the header of a file says, without a look at the rest. -1 when it is no snapshot
 * or cannot be read. */
int state_peek(const struct os *os, const char *path, uint64_t *epoch, uint64_t *base);

/* FOLDER/EPOCH.snap */
int state_epoch_path(
    char to[STATE_PATH_MAX], const char *folder, uint64_t epoch, struct error *error);
/* The snapshot of an epoch with all that it is based on. */
struct state_reader *state_open_chain(const struct os *os, const char *folder,
    uint64_t epoch, const struct state_identity *identity, enum state_trouble *trouble,
    struct error *error);
/* Put the whole body of a chain that was just opened into a writer. `stop`, asked now and
 * then, makes it end early. -1 with error, 1 when it was stopped. */
int state_copy(struct state_reader *from, struct state_writer *to,
    bool (*stop)(void *context), void *context, struct error *error);

/* --- A folder of them ---------------------------------------------------------- */

/* Make the snapshot of an epoch a whole one. As state_copy. */
int state_fold(const struct os *os, const char *folder, uint64_t epoch,
    const struct state_identity *identity, bool (*stop)(void *context), void *context,
    uint64_t *file_size, struct error *error);
/* Remove what is older than `keep` and no base of anything from there on. When something
 * cannot be read nothing is removed; what cannot be removed stays. */
void state_forget(const struct os *os, const char *folder, uint64_t keep);

#endif
