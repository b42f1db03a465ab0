/* SPDX-License-Identifier: MIT
 *
 * Any bytes as the chosen pairs of a live model, which may be torn, and as the features of
 * an example: what is crossed stays within bounds. Pairs that are sound are merged and
 * searched as well.
 */
#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/model/crosses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct features *f, const struct features *all)
{
	unsigned n = features_count(f);

	assert(features_check(all) == FEATURES_FINE);
	assert(features_count(all) >= n);
	for (unsigned i = 0; i < n; i++)
		assert(features_key(all, i) == features_key(f, i));
}

static void
search(struct crosses *c, const struct features *f, struct crosses_example *e)
{
	static struct crosses_search *s;
	struct crosses merged = { 0 };

	crosses_merge(&merged, c, CROSSES_MAX / 2);
	assert(crosses_are_sound(&merged) && merged.count <= CROSSES_MAX / 2);
	if (s == NULL)
		s = crosses_search_new();
	assert(s != NULL);
	crosses_meet(c, f);
	for (unsigned i = 0; i < 8; i++)
		crosses_search_learn(s, c, f, e, i % 2, 1, 0.5, 0.5);
	(void)crosses_search_choose(s, c, CROSSES_MAX);
	assert(crosses_are_sound(c));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct crosses_example e;
	struct features f, all;
	struct crosses c;
	bool valued;
	size_t n;

	if (size < sizeof c + 1)
		return 0;
	memcpy(&c, data, sizeof c);
	valued = data[sizeof c] % 2 == 1;
	data += sizeof c + 1;
	size -= sizeof c + 1;
	n = size / (valued ? 12 : 8);
	f.keys = slice_of(data, 8 * n);
	f.values = valued ? slice_of(data + 8 * n, 4 * n) : (struct slice){ 0 };
	if (features_check(&f) != FEATURES_FINE)
		return 0;
	all = crosses_extend(&c, &f, &e);
	check(&f, &all);
	if (crosses_are_sound(&c))
		search(&c, &f, &e);
	return 0;
}
