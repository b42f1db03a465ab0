/* SPDX-License-Identifier: MIT
 *
 * vector: the features of one record as they are put together, and those that come from
 * the record alone. Private to feature.
 */
#ifndef BANNERPIPE_FEATURE_VECTOR_H
#define BANNERPIPE_FEATURE_VECTOR_H

#include "lib/feature/extract.h"

enum { LABEL_MAX = 96, WORD_MAX = 64, WORDS_MAX = 256, LABELS = 1 << 20 };

struct label {
	uint32_t at, size;
};

struct extract {
	struct spec *spec; /* owned */
	struct counting counting;
	extract_name *name;
	void *context;
	struct extract_counts counts;

	/* Of the current record. */
	unsigned n;
	bool weighted;                         /* a value is not 1 */
	unsigned begin[SPEC_FEATURES_MAX + 1]; /* of each feature's keys */
	uint64_t keys[FEATURES_MAX];           /* host order */
	float values[FEATURES_MAX];
	uint64_t wire_keys[FEATURES_MAX];
	uint32_t wire_values[FEATURES_MAX];

	/* With what the record had before. */
	uint64_t joined_keys[FEATURES_MAX];
	uint32_t joined_values[FEATURES_MAX];

	/* Only when keys are named. */
	struct label *labels; /* owned */
	char *text;           /* owned, LABELS bytes */
	uint32_t text_used;
};

/* What the record says of one feature, at an instant; of some of them, in their order. */
void extract_one(
    struct extract *x, struct spec_feature *f, const struct record *r, instant at);
typedef bool extract_wants(const void *context, unsigned feature);
void extract_some(struct extract *x, const struct record *r, instant at,
    extract_wants *wants, const void *context);
/* Bring what is counted up to the record; false when it is not to be read. */
bool extract_reach(
    struct extract *x, const struct record *r, struct count_times t, bool counts);

/* Append a key of the feature; with a label when keys are named. */
void vector_put(struct extract *x, const struct spec_feature *f, uint64_t hash,
    double value, struct slice label);
void vector_put_integer(struct extract *x, const struct spec_feature *f, int64_t v);
/* Left out when it is 0 or not finite. */
void vector_put_value(struct extract *x, const struct spec_feature *f, uint64_t hash,
    double value, struct slice label);
/* The bucket from ratio^n to ratio^(n + 1); one of its own for 0. */
void vector_put_log(
    struct extract *x, const struct spec_feature *f, double v, double ratio);

void vector_field(struct extract *x, struct spec_feature *f, const struct record *r);
void vector_numbers(struct extract *x, struct spec_feature *f, const struct record *r);
void vector_words(struct extract *x, struct spec_feature *f, const struct record *r);
/* A list of numbers, or a bin of little-endian float32. */
void vector_list(struct extract *x, struct spec_feature *f, const struct record *r);
void vector_time(struct extract *x, struct spec_feature *f, instant at);

#endif
