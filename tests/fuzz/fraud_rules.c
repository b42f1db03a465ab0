/* SPDX-License-Identifier: MIT
 *
 * Any text as rules: what is read can be printed and is then read as the same, and what is
 * not says which line it is.
 */
#include <string.h>

#include "lib/base/assert.h"
#include "lib/fraud/rules.h"

enum { TEXT_MAX = 1 << 14, PRINTED_MAX = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_rule(const struct rules *r, unsigned rule)
{
	char text[PRINTED_MAX], again[PRINTED_MAX];
	unsigned n = rules_print(r, rule, 1, text, sizeof text);
	struct error error;
	struct rules *copy = rules_read(slice_of(text, n), &error);

	assert(n > 0 && copy != NULL && rules_count(copy) == 1);
	assert(strcmp(rules_name(copy, 0), rules_name(r, rule)) == 0);
	assert(rules_print(copy, 0, 1, again, sizeof again) == n);
	assert(memcmp(text, again, n) == 0);
	rules_free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct look look;
	struct error error = { "" };
	struct rules_sum sum;
	struct rules *r;

	if (size > TEXT_MAX)
		return 0;
	r = rules_read(slice_of(data, size), &error);
	assert(r != NULL || memcmp(error.text, "line ", 5) == 0);
	if (r == NULL)
		return 0;
	assert(rules_count(r) <= RULES_MAX);
	for (unsigned i = 0; i < rules_count(r) && i < 32; i++)
		check_rule(r, i);
	rules_apply(r, &look, 1, &sum);
	assert(sum.n <= JUDGEMENT_REASONS_MAX);
	rules_free(r);
	return 0;
}
