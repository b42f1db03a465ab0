/* SPDX-License-Identifier: MIT
 *
 * portrait: the features of a candidate by a specification (bp-features(5)), as bp-feature
 * would give them to the decision that showed it.
 *
 * The record that is described has the keys of the request, those of the candidate's
 * creative that the request does not have, creative_id and position. It is seldom made: what
 * of it is common is described once for all candidates of a slate (lib/feature/plan.h).
 * Creatives are remembered as their records pass, each by its latest.
 */
#ifndef BANNERPIPE_RANK_PORTRAIT_H
#define BANNERPIPE_RANK_PORTRAIT_H

#include "lib/feature/extract.h"
#include "lib/hash.h"
#include "lib/model/parts.h"
#include "lib/record/build.h"
#include "lib/record/record.h"

enum {
	PORTRAIT_CREATIVE_MAX = 1 << 10, /* bytes of the pairs of a creative */
};

struct portrait_counts {
	uint64_t creatives; /* remembered now */
	uint64_t evicted;   /* forgotten for want of memory */
	uint64_t large;     /* with more than fits: not remembered */
};

struct portrait;

/* By the specification's text, within memory_bytes. NULL and error. */
struct portrait *portrait_new(
    struct slice spec, uint64_t memory_bytes, uint64_t seed, struct error *error);
void portrait_free(struct portrait *p);
const struct portrait_counts *portrait_counts(const struct portrait *p);
const struct extract_counts *portrait_extract_counts(const struct portrait *p);

/* What all candidates of a record have in common: its pairs but for `without`, bit i of
 * which is pair i. To be called before those below. */
void portrait_begin(struct portrait *p, const struct record *r,
    const uint64_t without[RECORD_KEYS_MAX / 64], struct count_times t);
/* The candidates of a slate, their ids as msgpack, at a position: as parts for the model,
 * borrowed until the next call, as the ids are. False when they cannot be taken apart; their
 * features can be had then too. */
bool portrait_slate(struct portrait *p, const struct slice *ids, unsigned n,
    int64_t position, struct model_parts *to);
/* The features of candidate i of it, its id as msgpack: borrowed until the next call. False
 * when record and creative are too large together. */
bool portrait_features(
    struct portrait *p, unsigned i, struct slice id, struct features *to);

/* Count an event, whole: `bytes` have RECORD_PADDING readable bytes after them. Creatives
 * are remembered. */
void portrait_update(struct portrait *p, struct slice bytes);

void portrait_save(const struct portrait *p, struct state_writer *to);
/* Into one of the same arguments. -1 and error. */
int portrait_load(struct portrait *p, struct state_reader *from, struct error *error);

#endif
