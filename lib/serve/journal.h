/* SPDX-License-Identifier: MIT
 *
 * journal: records that were made and are not written yet, in bounded memory.
 */
#ifndef BANNERPIPE_SERVE_JOURNAL_H
#define BANNERPIPE_SERVE_JOURNAL_H

#include "lib/record/build.h"
#include "lib/record/record.h"

struct journal {
	uint8_t *bytes; /* owned */
	size_t capacity, from, to;
};

/* -1: no memory. */
int journal_init(struct journal *j, size_t capacity);
void journal_fini(struct journal *j);

/* Bytes that wait. */
static inline size_t
journal_size(const struct journal *j)
{
	return j->to - j->from;
}

/* How many more there is surely room for: at least half of the capacity less what waits.
 * What was lent stays where it is until the next call. */
size_t journal_room(struct journal *j);
/* Lend the room after what there is, to build records in; RECORD_PADDING bytes after it
 * are readable. */
void journal_open(struct journal *j, struct build *b);
/* They are done. */
void journal_close(struct journal *j, const struct build *b);
/* The first bytes, at most `size`; and that they are written. */
struct slice journal_first(const struct journal *j, size_t size);
void journal_drop(struct journal *j, size_t size);

#endif
