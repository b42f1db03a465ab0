/* SPDX-License-Identifier: MIT
 *
 * expr: a small expression language over the fields of a record, for conditions
 * (bp-select) and conversions (map.h). The language is described in bp-map(5).
 *
 * An expression is compiled once, for one reader, and evaluated for every record
 * without allocation. Its text may come from anywhere: size, nesting and number of
 * parts are bounded. Values of a record may come from anywhere too: evaluation takes
 * time linear in the record, and a regular expression that would take long is cut off.
 * Cost: about 10 ns a comparison of a field with a constant.
 */
#ifndef BANNERPIPE_TEXT_EXPR_H
#define BANNERPIPE_TEXT_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/record/build.h"
#include "lib/record/record.h"

enum {
	EXPR_SIZE_MAX = 1 << 16,  /* bytes of an expression's text */
	EXPR_DEPTH_MAX = 64,      /* parts within one another */
	EXPR_SCRATCH = 128 << 10, /* bytes of texts computed for one record */
	EXPR_MATCH_MAX = 4096,    /* bytes of a text that =~ looks at */
};

enum expr_type {
	EXPR_MISSING, /* no such field, or nothing that could be computed */
	EXPR_NIL,
	EXPR_BOOL,
	EXPR_INT,
	EXPR_FLOAT, /* also an integer of a record that exceeds int64 */
	EXPR_TEXT,  /* str or bin */
	EXPR_LIST,
	EXPR_MAP,
	EXPR_OTHER, /* an ext value, but msgpack's timestamps are EXPR_INT, in us */
};

/* A value; borrowed from the record, the expression or its scratch: valid until the
 * next evaluation of the expression and while the record is. */
struct expr_value {
	enum expr_type type;
	union {
		bool truth;
		int64_t integer;
		double number;
		struct slice text;
	};
	struct slice raw; /* its msgpack, where it has one; lists and maps always do */
};

struct expr;

/* Compile; the fields it names become keys of the reader, so this comes before the
 * reader's first scan. NULL and "column 7: reason", with the text and a mark under the
 * place. The text is not kept. */
struct expr *expr_compile(
    struct reader *reader, struct slice text, struct error *error);
/* The same for a condition; also refuses what can never be true or false ("3 + 4"). */
struct expr *expr_compile_condition(
    struct reader *reader, struct slice text, struct error *error);
/* The same with room for so many bytes of computed texts, in place of EXPR_SCRATCH: for
 * those who keep many. */
struct expr *expr_compile_condition_within(
    struct reader *reader, struct slice text, size_t scratch, struct error *error);
void expr_free(struct expr *e);

/* Whether the condition holds: its value is true. A missing field makes every
 * comparison false, != too. */
bool expr_test(struct expr *e, const struct record *r);

/* The value for a record of the reader. */
void expr_eval(struct expr *e, const struct record *r, struct expr_value *to);

/* The keys of the fields that it names: how many. */
unsigned expr_keys(const struct expr *e, struct key keys[RECORD_WATCHED_MAX]);

/* Append the value's msgpack; nothing and false when it is missing. */
bool expr_value_build(const struct expr_value *value, struct build *b);

/* How many regular expressions were cut off so far, or had a text over EXPR_MATCH_MAX;
 * such a match counts as missing. The address is constant: a counter of the stats. */
const uint64_t *expr_cut_off(const struct expr *e);

#endif
