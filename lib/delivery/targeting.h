/* SPDX-License-Identifier: MIT
 *
 * targeting: which rows (campaigns, creatives) want a request, by its simple keys.
 *
 * A row wants values of some keys: {"country": ["DE", "AT"], "hour": [8, 9], ...}; one of
 * the values of each key must be in the request. Keys are those of the request, of its
 * maps `context` and `user`; a key of the request that is a list has all of its values.
 * `hour` (0..23) and `weekday` (0: Monday) are of its timestamp, UTC.
 *
 * For each value there is a bitmap of the rows that want it, and for each key one of the
 * rows that do not mind: the rows of a request are the conjunction over keys of a
 * disjunction over values (a bitmap index, O'Neil and Quass, SIGMOD 1997), which costs a
 * word operation for 64 rows.
 */
#ifndef BANNERPIPE_DELIVERY_TARGETING_H
#define BANNERPIPE_DELIVERY_TARGETING_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/record/record.h"

enum {
	TARGETING_KEYS_MAX = 32,     /* different ones */
	TARGETING_VALUES_MAX = 4096, /* different values of all keys, by level */
	TARGETING_FACTS_MAX = 64,    /* values of one key of a request that are seen */
	TARGETING_SIZE_MAX = 65535,  /* px */
};

/* Rows are of two levels, which know the same keys. */
enum targeting_level { TARGETING_CAMPAIGN, TARGETING_CREATIVE, TARGETING_LEVELS };

struct targeting;

/* What one row wants. */
struct target {
	struct slice map;       /* msgpack; absent: anything */
	struct slice slot_ids;  /* msgpack, a list or one; absent: any */
	uint32_t width, height; /* px; 0: any */
};

/* For rows 0..rows[level]-1. NULL when there is no memory. What is not touched is not
 * resident: a value takes rows / 8 bytes. */
struct targeting *targeting_new(const uint32_t rows[TARGETING_LEVELS]);
void targeting_free(struct targeting *t);

/* What the row wants, instead of what it wanted. -1 and error: it is then absent. Cost of
 * this and the next: a word for each value that there is. */
int targeting_set(struct targeting *t, enum targeting_level level, uint32_t row,
    const struct target *want, struct error *error);
/* The row is absent: it matches nothing. */
void targeting_clear(struct targeting *t, enum targeting_level level, uint32_t row);

/* Read the request, for the matches that follow. Cost: about 10 ns a key. */
void targeting_read(struct targeting *t, const struct record *request, instant when);
/* The rows of the level that want it: bit row % 64 of word row / 64. *words is their
 * number, up to the last row in use. Borrowed until the next match of the level; the caller
 * may clear bits. Cost: about 20 ns a key for 1,000 rows. */
uint64_t *targeting_match(
    struct targeting *t, enum targeting_level level, size_t *words);

#endif
