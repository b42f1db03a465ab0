/* SPDX-License-Identifier: MIT
 *
 * expr_regex: regular expressions of Perl's syntax; the one place that knows PCRE2.
 * Patterns are compiled at start, to machine code. The work that one match may do is
 * bounded, so that a text made to make a pattern slow is cut off.
 */
#ifndef BANNERPIPE_TEXT_EXPR_REGEX_H
#define BANNERPIPE_TEXT_EXPR_REGEX_H

#include "lib/base/error.h"
#include "lib/base/slice.h"

struct expr_regex;

/* NULL and the reason, and the offset in the pattern in *at. */
struct expr_regex *expr_regex_new(
    struct slice pattern, size_t *at, struct error *error);
void expr_regex_free(struct expr_regex *r);
/* The highest number of a group in the pattern. */
unsigned expr_regex_groups(const struct expr_regex *r);

enum expr_regex_found {
	EXPR_REGEX_NO,
	EXPR_REGEX_YES,
	EXPR_REGEX_CUT_OFF, /* a text too long, or too much work */
};

/* Whether the pattern matches anywhere in the text. When `group` is not NULL it becomes
 * the text of that group, absent when the group took no part. */
enum expr_regex_found expr_regex_match(
    struct expr_regex *r, struct slice text, unsigned number, struct slice *group);

#endif
