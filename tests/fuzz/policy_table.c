/* SPDX-License-Identifier: MIT
 *
 * Any text as the table of a policy: what is read is a policy, whose probabilities lie in
 * 0 .. 1; what is not says why. Reading twice gives the same.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/record/build.h"
#include "lib/trial/policy_table.h"

enum { TEXT_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double
probability(const struct policy_table *p, int64_t position, struct slice id)
{
	uint8_t storage[POLICY_TABLE_ID_MAX + 8];
	struct build b;
	double to;

	build_init(&b, storage, sizeof storage);
	build_str(&b, id);
	if (!policy_table_probability(p, position, build_slice(&b), &to))
		return -1;
	assert(to >= 0 && to <= 1);
	return to;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = { "" };
	struct policy_table *p, *again;

	if (size > TEXT_MAX)
		return 0;
	p = policy_table_read(slice_of(data, size), 1, &error);
	if (p == NULL) {
		assert(error.text[0] != '\0');
		return 0;
	}
	again = policy_table_read(slice_of(data, size), 2, &error);
	assert(again != NULL && policy_table_rows(again) == policy_table_rows(p));
	for (size_t i = 0; i + 1 < size && i < 1024; i++) {
		struct slice id =
		    slice_of(data + i, 1 + i % 3 < size - i ? 1 + i % 3 : 1);

		assert(probability(p, (int64_t)i % 4, id) ==
		    probability(again, (int64_t)i % 4, id));
	}
	policy_table_free(p);
	policy_table_free(again);
	return 0;
}
