/* SPDX-License-Identifier: MIT
 *
 * edit: leave out pairs of a record and append new ones, in one copy.
 */
#ifndef BANNERPIPE_RECORD_EDIT_H
#define BANNERPIPE_RECORD_EDIT_H

#include "lib/record/build.h"
#include "lib/record/record.h"

enum { EDIT_STORAGE = 256 * 1024 }; /* bytes of appended pairs */

struct edit {
	bool any; /* something was edited */
	unsigned left_out;
	uint64_t out[RECORD_KEYS_MAX / 64]; /* a bit for each pair left out */
	unsigned added;
	struct build pairs;
};

/* storage: EDIT_STORAGE bytes of the caller's. */
void edit_init(struct edit *e, void *storage);
void edit_reset(struct edit *e);
/* Begin a new pair: the caller appends its value. A pair that the record has of this
 * key is left out. Setting the same key twice for one record is the caller's bug. */
struct build *edit_set(struct edit *e, const struct reader *reader,
    const struct record *r, struct key key);
void edit_unset(struct edit *e, const struct record *r, struct key key);
void edit_keep(
    struct edit *e, const struct record *r, const struct key *keys, unsigned n);
/* The edited record into b; b is full when it does not fit, or would have too many
 * keys. */
void edit_apply(const struct edit *e, const struct record *r, struct build *b);

#endif
