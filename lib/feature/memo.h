/* SPDX-License-Identifier: MIT
 *
 * memo: the features that an outcome was given, for those that revise it: what a model is
 * told to forget must be what it has learned.
 *
 * A ring of its memory: a new one is written over the oldest. A hash leads to a line of
 * eight places in the ring; a new place takes that of the oldest.
 */
#ifndef BANNERPIPE_FEATURE_MEMO_H
#define BANNERPIPE_FEATURE_MEMO_H

#include "lib/base/dirty.h"
#include "lib/base/error.h"
#include "lib/hash.h"
#include "lib/model/features.h"
#include "lib/state.h"

struct memo {
	uint8_t *ring; /* owned */
	uint64_t capacity;
	uint64_t end;    /* where the next one goes; grows for ever, mod capacity */
	uint64_t *index; /* owned; lines of MEMO_LINE places, 0: none */
	uint64_t lines;
	struct dirty ring_dirty, index_dirty;
};

enum { MEMO_LINE = 8 };

/* 0, or -1 when there is no memory, or less than a record's features take. */
int memo_init(struct memo *m, uint64_t memory_bytes);
void memo_fini(struct memo *m);

/* Begin to fetch what a put under this name will touch. */
static inline void
memo_prefetch(const struct memo *m, uint64_t name)
{
	__builtin_prefetch(m->index + MEMO_LINE * hash_bucket(name, m->lines), 1);
}

/* Keep a copy under a name (a hash). Cost: a copy and a cache miss. */
void memo_put(struct memo *m, uint64_t name, const struct features *features);
/* The last put under the name. False when there is none any more. Borrowed until the next put. */
bool memo_get(const struct memo *m, uint64_t name, struct features *to);

void memo_save(struct memo *m, struct state_writer *to);
/* Into one of the same memory. */
int memo_load(struct memo *m, struct state_reader *from, struct error *error);

#endif
