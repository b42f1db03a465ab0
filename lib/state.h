/* SPDX-License-Identifier: MIT
 *
 * state: snapshot files. A snapshot is written beside its place, synced, renamed over
 * it, and its folder synced: after a crash there is the old one or the new one, whole.
 *Every byte is covered by a checksum. Every option that changes the meaning of the
 * state is stored, and a mismatch at load is an error that names the option.
 *
 * File, integers little-endian (state.5):
 *
 *	"BPSN" format u16 (2) schema u16, epoch u64, base u64, name str, n u32, n times
 *	(option str, value str), crc32c u32 of all before, body, for each block its place in
 *	the body u64, body size u64, number of blocks u64, XXH3-64 of all since the crc32c
 *
 * where str is its size as u32 and its bytes. The base is the epoch itself in a whole
 * snapshot; in one that holds changes it is that of the snapshot they were made to.
 */
#ifndef BANNERPIPE_STATE_H
#define BANNERPIPE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/os.h"

enum { STATE_OPTIONS_MAX = 64, STATE_TEXT_MAX = 4096 };

/* What a snapshot is of. All borrowed. */
struct state_identity {
	const char *name; /* of the program or model */
	uint16_t schema;  /* of the body; another one is refused */
	unsigned options;
	const char *option[STATE_OPTIONS_MAX];
	const char *value[STATE_OPTIONS_MAX];
};

struct state_writer;
struct state_reader;

/* Begin a snapshot that will be at `path`. NULL and error on failure. */
struct state_writer *state_write(const struct os *os, const char *path,
    const struct state_identity *identity, struct error *error);
/* Append to the body. A failure is remembered and reported by the commit, so callers
 * need not check every one. */
void state_put(struct state_writer *w, const void *bytes, size_t size);
void state_put_u64(struct state_writer *w, uint64_t value);
void state_put_i64(struct state_writer *w, int64_t value);
void state_put_double(struct state_writer *w, double value);
/* Size first, then the bytes. */
void state_put_slice(struct state_writer *w, struct slice bytes);
/* Whether the writer is a saver's (lib/state/saver.h): the next snapshot holds what will have
 * changed since. */
bool state_tracks(const struct state_writer *w);
/* Make it durable and visible. The writer is freed in any case; on failure the old
 * snapshot, if any, is still in its place. */
int state_commit(struct state_writer *w, struct error *error);
void state_abandon(struct state_writer *w);

/* Why a snapshot could not be opened. */
enum state_trouble {
	STATE_MISSING,    /* there is no such file */
	STATE_UNREADABLE, /* damaged, no snapshot, or the system failed */
	STATE_OTHER,      /* sound, but of another identity: wrong use */
};

/* Open the snapshot at `path`; its checksums are verified before this returns. With an
 * identity, a snapshot of another one is an error that names what differs; NULL takes
 * any. On failure NULL, with trouble and error set. */
struct state_reader *state_read(const struct os *os, const char *path,
    const struct state_identity *identity, enum state_trouble *trouble,
    struct error *error);
/* Whether a snapshot file is sound, also one that holds only what changed (state/saver);
 * with a folder, the snapshot of an epoch and all that it is based on. */
int state_verify(const struct os *os, const char *path, enum state_trouble *trouble,
    struct error *error);
int state_verify_epoch(const struct os *os, const char *folder, uint64_t epoch,
    enum state_trouble *trouble, struct error *error);
/* Make a whole snapshot at `path` of that of an epoch in a folder and all that it is based
 * on. The same content gives the same bytes, however it came about. */
int state_compose(const struct os *os, const char *folder, uint64_t epoch,
    const char *path, struct error *error);
/* The first bytes of a body, for reports, without a look at the rest: the checksum of the
 * body is not verified. -1 and error when there are not so many. */
int state_head(
    const struct os *os, const char *path, void *to, size_t size, struct error *error);
/* What the file says of itself, for those who adapt to it (bp-score); borrowed. */
const struct state_identity *state_identity(const struct state_reader *r);
/* Read the body on. -1 when it is too short: a version skew or a bug of ours. */
int state_get(struct state_reader *r, void *to, size_t size);
int state_get_u64(struct state_reader *r, uint64_t *to);
int state_get_i64(struct state_reader *r, int64_t *to);
int state_get_double(struct state_reader *r, double *to);
/* At most `limit` bytes into `to`. */
int state_get_slice(struct state_reader *r, void *to, size_t limit, size_t *size);
/* Bytes of the body that are left. */
uint64_t state_left(const struct state_reader *r);
void state_close(struct state_reader *r);

#endif
