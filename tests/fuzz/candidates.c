/* SPDX-License-Identifier: MIT
 *
 * Any text as a list of candidates: what is read are models that can be made, each with a
 * name of its own; what is not has an error that says where.
 */
#include <string.h>

#include "lib/base/assert.h"
#include "lib/tune/candidates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct candidates *c)
{
	struct model_described d;
	struct error error;

	assert(c->n > 0 && c->n <= CANDIDATES_MAX);
	for (unsigned i = 0; i < c->n; i++) {
		const struct candidate *one = &c->of[i];
		struct model_options again;

		assert(
		    one->name[0] != '\0' && strlen(one->name) <= CANDIDATES_NAME_MAX);
		assert(one->line > 0);
		assert(one->spec == NULL || strlen(one->spec) <= CANDIDATES_LINE_MAX);
		model_options_describe(&one->options, &d);
		assert(model_options_understand(&d.identity, &again, &error) == 0);
		for (unsigned k = 0; k < i; k++)
			assert(strcmp(one->name, c->of[k].name) != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const targets[] = { "click", "conversion",
		"click,conversion,value" };
	struct candidates c;
	struct error error;

	error.text[0] = '\0';
	if (candidates_read(&c, slice_of(data, size), targets[size % 3], &error) == 0) {
		check(&c);
		candidates_free(&c);
	} else {
		assert(c.of == NULL && error.text[0] != '\0');
	}
	return 0;
}
