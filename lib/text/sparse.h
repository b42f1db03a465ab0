/* SPDX-License-Identifier: MIT
 *
 * sparse: sparse vectors as they are read from text, one after the other in one storage,
 * and the numbers of such texts. Private to examples.
 */
#ifndef BANNERPIPE_TEXT_SPARSE_H
#define BANNERPIPE_TEXT_SPARSE_H

#include <math.h>
#include <stdbool.h>

#include "lib/base/bytes.h"
#include "lib/record/build.h"
#include "lib/record/feature_key.h"
#include "lib/record/record.h"
#include "lib/text/examples.h"

/* A text that is read from its start to its end. */
struct passage {
	const uint8_t *start, *at, *end;
	struct fault *fault;
};

/* False, and the fault at this place. */
bool passage_fail(struct passage *p, const uint8_t *at, const char *reason);

/* Keys and values in the order of records (little-endian), of all vectors. */
struct sparse {
	uint64_t *keys;        /* owned, SPARSE_KEYS_MAX and FEATURES_MAX more */
	uint32_t *values;      /* owned, as many */
	unsigned n;            /* of all vectors */
	unsigned limit;        /* n may become this */
	bool weighted;         /* a value of the last vector is not 1 */
	uint64_t nameless;     /* the namespace without a name */
	uint64_t letters[256]; /* those whose names have one byte: most */
	examples_name *name;
	void *context;
};

enum { SPARSE_KEYS_MAX = RECORD_SIZE_MAX / 8 };

/* A vector in it. */
struct vector {
	unsigned begin, count;
	bool weighted;
};

bool sparse_init(struct sparse *s);
void sparse_fini(struct sparse *s);

/* feature_space. */
static inline uint64_t
sparse_space(const struct sparse *s, struct slice name)
{
	return name.size == 1 ? s->letters[name.at[0]]
	    : name.size == 0  ? s->nameless
			      : feature_space(name);
}

/* Begin the next vector, of at most `max` features. */
void sparse_begin(struct sparse *s, unsigned max, struct vector *to);
void sparse_end(struct sparse *s, struct vector *to);

/* Put a feature that is called `name` in the namespace `space`, whose name is `of`; one
 * that is 0 is left out. NULL, or what is wrong. */
static inline const char *
sparse_put(
    struct sparse *s, uint64_t space, struct slice of, struct slice name, double value)
{
	float number = (float)value;
	uint64_t key;
	uint32_t bits;

	if (!(fabs(value) <= FEATURES_VALUE_MAX))
		return "a value that is not finite or beyond 1e6";
	if (number == 0)
		return NULL;
	if (s->n == s->limit)
		return "more than 8192 features, or too many of all actions";
	key = feature_key(space, hash_bytes(name, 0));
	memcpy(&bits, &number, sizeof bits);
	s->keys[s->n] = bytes_le64(key);
	s->values[s->n++] = bytes_le32(bits);
	s->weighted |= number != 1;
	if (__builtin_expect(s->name != NULL, 0))
		s->name(s->context, key, of, name);
	return NULL;
}

/* The vector's keys, and its values: nil when all are 1. */
void sparse_build_keys(
    const struct sparse *s, const struct vector *v, struct build *to);
void sparse_build_values(
    const struct sparse *s, const struct vector *v, struct build *to);
/* `a` and `b` one after the other as a third vector, behind all others. */
struct vector sparse_join(
    struct sparse *s, const struct vector *a, const struct vector *b);

/* Read a decimal number at the start of the bytes: a sign, digits with or without a point
 * among, before or after them, an exponent. The first 19 significant digits count.
 * Returns its end, NULL when there is none. One beyond the range of a double is infinite,
 * one below it is 0. Cost: about 5 ns. */
const uint8_t *sparse_number(const uint8_t *at, const uint8_t *end, double *to);

/* Whether a word begins as a number does. */
static inline bool
sparse_is_numeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+';
}

/* Tabs, and what else is no text, separate as spaces do. */
static inline bool
sparse_is_space(uint8_t c)
{
	return c <= ' ';
}

/* Take spaces, then the bytes up to the next one. False at the end. */
bool passage_word(struct passage *p, struct slice *word);
/* Take the number that this word is. */
bool passage_number(
    struct passage *p, struct slice word, const char *reason, double *to);

#endif
