/* SPDX-License-Identifier: MIT */
#include "lib/text/expr_regex.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "lib/text/expr.h"

enum {
	MATCH_LIMIT = 100000, /* backtracking points: under 1 ms */
	HEAP_LIMIT = 256,     /* KiB, where there is no machine code */
	NESTING_LIMIT = 50,   /* parentheses in one another */
	PATTERN_MAX = 4096,
};

struct expr_regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *match;
	uint32_t groups;
};

/* Compile into r; false and error. */
static bool
compile(struct expr_regex *r, struct slice pattern, size_t *at, struct error *error)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	unsigned char reason[160];
	PCRE2_SIZE place = 0;
	int code = 0;

	if (context != NULL) {
		pcre2_set_parens_nest_limit(context, NESTING_LIMIT);
		pcre2_set_max_pattern_length(context, PATTERN_MAX);
		r->code = pcre2_compile(pattern.at, pattern.size,
		    PCRE2_NEVER_BACKSLASH_C | PCRE2_MATCH_INVALID_UTF, &code, &place,
		    context);
	}
	pcre2_compile_context_free(context);
	if (r->code != NULL)
		return true;
	*at = place < pattern.size ? place : pattern.size;
	if (code == 0 || pcre2_get_error_message(code, reason, sizeof reason) < 0)
		error_set(error, "no memory for the regular expression");
	else
		error_set(error, "wrong regular expression: %s", (const char *)reason);
	return false;
}

struct expr_regex *
expr_regex_new(struct slice pattern, size_t *at, struct error *error)
{
	struct expr_regex *r = calloc(1, sizeof *r);

	*at = 0;
	if (r == NULL) {
		error_set(error, "no memory for the regular expression");
		return NULL;
	}
	if (!compile(r, pattern, at, error)) {
		expr_regex_free(r);
		return NULL;
	}
	/* Where the machine has no JIT the pattern is interpreted, under the same
	 * limit. */
	(void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
	(void)pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &r->groups);
	r->data = pcre2_match_data_create_from_pattern(r->code, NULL);
	r->match = pcre2_match_context_create(NULL);
	if (r->data == NULL || r->match == NULL) {
		error_set(error, "no memory for the regular expression");
		expr_regex_free(r);
		return NULL;
	}
	pcre2_set_match_limit(r->match, MATCH_LIMIT);
	pcre2_set_heap_limit(r->match, HEAP_LIMIT);
	return r;
}

void
expr_regex_free(struct expr_regex *r)
{
	if (r == NULL)
		return;
	pcre2_match_context_free(r->match);
	pcre2_match_data_free(r->data);
	pcre2_code_free(r->code);
	free(r);
}

unsigned
expr_regex_groups(const struct expr_regex *r)
{
	return r->groups;
}

enum expr_regex_found
expr_regex_match(
    struct expr_regex *r, struct slice text, unsigned number, struct slice *group)
{
	const PCRE2_SIZE *at;
	int n;

	if (text.size > EXPR_MATCH_MAX)
		return EXPR_REGEX_CUT_OFF;
	n = pcre2_match(r->code, text.at, text.size, 0, 0, r->data, r->match);
	if (n == PCRE2_ERROR_NOMATCH)
		return EXPR_REGEX_NO;
	if (n < 0)
		return EXPR_REGEX_CUT_OFF;
	if (group != NULL) {
		at = pcre2_get_ovector_pointer(r->data);
		*group = slice_of(NULL, 0);
		if (number < (unsigned)n && at[2 * number] != PCRE2_UNSET)
			*group = slice_of(text.at + at[2 * number],
			    at[2 * number + 1] - at[2 * number]);
	}
	return EXPR_REGEX_YES;
}
