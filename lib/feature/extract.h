/* SPDX-License-Identifier: MIT
 *
 * extract: from records to the sparse vectors that models learn.
 *
 * Point in time: a record's features are read first and the record is counted
 * afterwards, and what it tells is counted only for what was shown after it was known.
 */
#ifndef BANNERPIPE_FEATURE_EXTRACT_H
#define BANNERPIPE_FEATURE_EXTRACT_H

#include "lib/feature/count.h"
#include "lib/model/features.h"
#include "lib/state.h"

/* Told the name of a key, "creative=red"; 0, or -1 to stop naming. */
typedef int extract_name(void *context, uint64_t key, struct slice name);

struct extract_counts {
	uint64_t cut;     /* features left out: more than FEATURES_MAX in a record */
	uint64_t late;    /* amounts older than the windows that count them */
	uint64_t stuck;   /* amounts that could not be taken back (count.h) */
	uint64_t early;   /* amounts counted before their time, for want of memory */
	uint64_t behind;  /* records that came after later ones were read */
	uint64_t evicted; /* counters lost for want of memory */
	uint64_t users;   /* whose history is known now */
};

struct extract;

/* Takes the spec, also when it fails. NULL and error. `name` may be NULL. */
struct extract *extract_new(struct spec *spec, uint64_t memory_bytes, uint64_t seed,
    extract_name *name, void *context, struct error *error);
void extract_free(struct extract *x);

/* The record's features as of t.shown: of what was counted before it and known by then;
 * borrowed until the next call; values.at NULL when all are 1. With `counts` false, or
 * when later records were read already, those of the record alone. -1 when naming has
 * failed. Cost: 10 ns a feature of fields; 30 ns to 150 ns a key of counters, as their
 * cells lie in the cache or not. */
int extract_features(struct extract *x, const struct record *r, struct count_times t,
    bool counts, struct features *to);
/* Put what a record has already, checked, before its own features. */
void extract_join(
    struct extract *x, const struct features *before, struct features *own);
/* The record that is counted next is another one than that of the last extract_features. */
void extract_turn(struct extract *x);
/* Count the record: t.shown is where windows put it. */
void extract_update(struct extract *x, const struct record *r, enum kind kind,
    double weight, struct count_times t);

/* The address is constant; brought up to date by extract_update. */
const struct extract_counts *extract_counts(const struct extract *x);

void extract_save(const struct extract *x, struct state_writer *to);
/* -1 and error, also when the spec was another. */
int extract_load(struct extract *x, struct state_reader *from, struct error *error);

#endif
