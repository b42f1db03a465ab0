/* SPDX-License-Identifier: MIT
 *
 * describe: the features of each record of a stream, in its order: extraction (extract.h)
 * with what outcomes that are revised need: a revision has the features of its first, since
 * what a model is told to forget must be what it has learned.
 */
#ifndef BANNERPIPE_FEATURE_DESCRIBE_H
#define BANNERPIPE_FEATURE_DESCRIBE_H

#include "lib/feature/extract.h"
#include "lib/feature/memo.h"

struct describe {
	struct extract *extract; /* owned */
	struct memo memo;        /* of outcomes, by their name */
	struct hash_key hash_key;
	struct key shown_at, occurred_at, revision;
	uint64_t forgotten; /* revisions whose first features were forgotten */
};

/* Takes the spec, also when it fails: within so many bytes, a part of them for extraction
 * alone and the rest for revisions. `name` may be NULL. -1 and error. */
int describe_init(struct describe *d, struct spec *spec, struct reader *reader,
    uint64_t extract_bytes, uint64_t memo_bytes, uint64_t seed, extract_name *name,
    void *context, struct error *error);
void describe_fini(struct describe *d);

/* When the record was known, and when what it is about was shown. False without a
 * timestamp. */
bool describe_times(const struct describe *d, const struct record *r, enum kind kind,
    struct count_times *to);

/* The record's features; borrowed until the next call. -1 when naming has failed. */
int describe_features(struct describe *d, const struct record *r, enum kind kind,
    double weight, struct count_times t, struct features *to);

void describe_save(struct describe *d, struct state_writer *to);
/* -1 and error, also when the spec was another. */
int describe_load(struct describe *d, struct state_reader *from, struct error *error);

#endif
