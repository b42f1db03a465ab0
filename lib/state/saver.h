/* SPDX-License-Identifier: MIT
 *
 * saver: the snapshots of one stage, one for each epoch, written in the background.
 *
 * A snapshot is whole, or holds what changed since the one before it (its base), which
 * may again be such a one: a chain that ends in a whole one. Of a block (state/block) whose
 * changes are marked such a one has the dirty grains; all else is written every time. The
 * body is gathered in memory, and a thread writes it, syncs it, renames it and syncs the
 * folder, so the stream goes on meanwhile. When there are 32 of them, or they are together
 * larger than the whole one, another thread folds the chain: it makes a whole snapshot of
 * the same epoch out of the files, in the place of the one that holds changes, without
 * looking at the live state. Snapshots meanwhile go on, up to 64; the next one waits.
 *
 * Nobody may see that the epoch ended before saver_poll has said SAVER_DURABLE.
 */
#ifndef BANNERPIPE_STATE_SAVER_H
#define BANNERPIPE_STATE_SAVER_H

#include <stdint.h>

#include "lib/state.h"

struct saver;

/* With this in the environment of saver_new, every snapshot is composed again from the files
 * and compared with what the state was, which finds changes that were not marked: for tests.
 * It costs a look at all of the state. */
#define SAVER_CHECK "BP_STATE_CHECK"

/* Snapshots named FOLDER/EPOCH.snap, EPOCH in 16 hexadecimal digits. The folder exists; it
 * is borrowed, as is the identity. Starts the thread: before the sandbox. NULL and error
 * on failure. */
struct saver *saver_new(const struct os *os, const char *folder,
    const struct state_identity *identity, struct error *error);

/* Open the snapshot of an epoch, a chain too; as state_read. What is read becomes the
 * base of the next one. */
struct state_reader *saver_read(
    struct saver *s, uint64_t epoch, enum state_trouble *trouble, struct error *error);

/* Begin a snapshot: put the body with state_put and its kin. Waits for the one before,
 * whose SAVER_DURABLE is then not said any more: that of a later one implies it.
 * The body stays in memory up to SAVER_MEMORY bytes; what is longer goes to the file at
 * once, which the stream has to wait for. NULL and error when the one before failed. */
enum { SAVER_MEMORY = 64 << 20 };
struct state_writer *saver_begin(struct saver *s, uint64_t epoch, struct error *error);
/* Hand it to the thread; returns at once. The writer is taken in any case. */
int saver_commit(struct saver *s, struct state_writer *w, struct error *error);
/* Give up. The next one is based on the one before; the blocks that were put are then put
 * as a whole. */
void saver_abandon(struct saver *s, struct state_writer *w);

enum saver_progress {
	SAVER_IDLE, /* nothing was handed over, or it was said to be durable already */
	SAVER_BUSY, /* not yet durable */
	SAVER_DURABLE,     /* it is; said once */
	SAVER_FAILED = -1, /* error is set; nothing may be retried: end the process */
};

/* How the one that was handed over stands. Does not wait. */
enum saver_progress saver_poll(struct saver *s, struct error *error);
/* Becomes readable when saver_poll has news. */
int saver_wait_fd(const struct saver *s);
/* Wait for it. 0 when durable, or there was none; -1 with error. */
int saver_wait(struct saver *s, struct error *error);

/* Nobody restores an epoch before this one any more: remove what that one does not need,
 * in the background. */
void saver_forget(struct saver *s, uint64_t epoch);

/* Waits for what was handed over and for what has to be forgotten; a fold is given up. */
void saver_free(struct saver *s);

#endif
