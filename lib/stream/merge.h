/* SPDX-License-Identifier: MIT
 *
 * merge: several streams of records as one, in the order of event time.
 *
 * The order is (timestamp, number of the input, place in the input): a function of the
 * streams alone, never of when their bytes come. Each input keeps its own order: of each
 * only the first item that is left is compared. What has no timestamp has the place of
 * what is before it in its input.
 *
 * Nothing goes out before the first item of every input is known. While it waits for one
 * input, all others are read ahead, into memory and then into a file, so that a stage
 * that feeds several of them through branches of a pipeline is never blocked for ever.
 *
 * Control records: TICKs have their place in time, the output's watermark is the smallest
 * of those of all inputs that are not over. As the stage of a pipeline (every input
 * begins with HELLO) the output begins with one HELLO; a CUT goes out when each input has
 * its CUT of that number or its END, END when all have it. In other streams HELLO and CUT
 * are dropped, END comes when all inputs that are over had one. The others pass on in
 * their place.
 */
#ifndef BANNERPIPE_STREAM_MERGE_H
#define BANNERPIPE_STREAM_MERGE_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/os.h"
#include "lib/stream.h"

enum { MERGE_INPUTS_MAX = SOURCE_WAIT_MAX };

struct merge;

/* Where and how much is read ahead. */
struct merge_room {
	uint64_t memory;    /* of all inputs, besides about 1.1 MiB for each */
	const char *folder; /* for the files, which have no names; borrowed */
	uint64_t file;      /* bytes of each input's file; 0: none */
};

/* The inputs, 1..MERGE_INPUTS_MAX of them, are taken over. NULL and error on failure,
 * when memory is less than MERGE_MEMORY_MIN for each, too; the inputs are freed then. */
enum { MERGE_MEMORY_MIN = 1200 << 10 };
struct merge *merge_new(const struct os *os, struct input **inputs, unsigned n,
    const struct merge_room *room, struct error *error);
/* What an input reads from; freeing it frees the merge. A read that has given the whole of
 * a HELLO or CUT gives no more: what merge_save then saves belongs to it. */
struct source *merge_source(struct merge *m);
/* Wait for nobody: what was read ahead comes out in its order, and then nothing. */
void merge_stop(struct merge *m);
/* Bytes that did not fit into memory, so far. */
const uint64_t *merge_spilled(const struct merge *m);

/* After a CUT: what lies before it in the inputs and has not gone out. `put` gets it piece
 * by piece. 0, or -1 with error. */
int merge_save(struct merge *m, void (*put)(void *context, const void *bytes, size_t n),
    void *context, struct error *error);
/* Before anything is read, or between HELLO and the next read; may make files. `get` answers 0 when it has given n bytes. -1 with
 * error: it is not of as many inputs, damaged, or has no room. */
int merge_load(struct merge *m, int (*get)(void *context, void *bytes, size_t n),
    void *context, struct error *error);

#endif
