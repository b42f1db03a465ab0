/* SPDX-License-Identifier: MIT
 *
 * plan: the features of a slate: of records that have one part in common, the request, and
 * each a part of its own, the candidate. What depends on the request alone is made once for
 * the slate; what depends on the candidate alone once for ever, and kept as its face; so
 * that for each candidate only combinations of both are left, and what is counted.
 *
 * The features are those that extract_features gives to the whole record, byte for byte. A
 * key of the record belongs to one side: it is the candidate's when the request does not
 * have it. `event`, `position` and `consent` are the request's.
 *
 * For the model the slate is taken apart (lib/model/parts.h): what is the same for all
 * candidates; and for each feature of the candidate one part for each different value, with
 * the crosses that are made of it.
 */
#ifndef BANNERPIPE_FEATURE_PLAN_H
#define BANNERPIPE_FEATURE_PLAN_H

#include "lib/feature/extract.h"
#include "lib/model/parts.h"

enum {
	PLAN_CANDIDATES_MAX = 1024,
	PLAN_KEYS_MAX = 1 << 16, /* of different parts of a slate */
};

struct plan;

/* Of an extract without names, borrowed; before the reader's first scan. NULL: no memory. */
struct plan *plan_new(struct extract *x, struct reader *reader);
void plan_free(struct plan *p);

/* The features of a candidate by itself, of the record of its own keys: at most `size` bytes,
 * aligned to 8. They stay good as long as the candidate is the same. False: there are more. */
bool plan_face(struct plan *p, const struct record *own, void *to, size_t size);

/* Which keys are the request's: those that the record has, here of any reader. To be called
 * when their set may be another. Cost: microseconds. */
void plan_divide(struct plan *p, const struct record *request);

/* Begin a slate: what all have in common, as a record of the plan's reader. */
void plan_begin(struct plan *p, const struct record *common, struct count_times t);

/* Candidate i as a whole record of the plan's reader; false: it is too large. */
typedef bool plan_whole(void *context, unsigned i, struct record *to);

/* The parts of n candidates, whose faces are borrowed until the next slate, as `to` is.
 * False when it is too large to be taken apart: more keys than PLAN_KEYS_MAX, or than
 * FEATURES_MAX for a candidate. Cost: 10 ns a feature that candidates differ in, and that
 * of extract_features where something is counted by a key of theirs. */
bool plan_slate(struct plan *p, unsigned n, const void *const *faces, plan_whole *whole,
    void *context, struct model_parts *to);

/* The features of candidate i of the slate, in the order of the specification: borrowed
 * until the next call. */
void plan_features(struct plan *p, unsigned i, struct features *to);

#endif
