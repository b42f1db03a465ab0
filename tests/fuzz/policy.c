/* SPDX-License-Identifier: MIT
 *
 * Any numbers as candidates: a byte for the policy, one for the floor, then p, z, variance
 * and value of each as little-endian doubles. What is refused is refused; of all else the
 * probabilities are in [0, 1] and add up to 1, and what is drawn has one above 0.
 */
#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/model/policy.h"

enum { CANDIDATES = 64, HEAD = 2, EACH = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_candidate c[CANDIDATES];
	static struct policy_weights w;
	struct policy p = {
		.alpha = 1, .epsilon = 0.1, .temperature = 0.5, .gamma = 10
	};
	double sum = 0;
	unsigned n;

	_Static_assert(sizeof *c == EACH, "four doubles");
	if (size < HEAD || size > HEAD + CANDIDATES * EACH)
		return 0;
	p.kind = (enum policy_kind)(data[0] % POLICY_KINDS);
	p.floor = data[1] / 512.0;
	n = (unsigned)((size - HEAD) / EACH);
	memcpy(c, data + HEAD, n * sizeof *c);
	if (policy_candidates_check(c, n) != POLICY_FINE)
		return 0;
	policy_weigh(&p, c, n, &w);
	for (unsigned i = 0; i < n; i++) {
		assert(w.probability[i] >= 0 && w.probability[i] <= 1 + 1e-12);
		sum += w.probability[i];
	}
	assert(fabs(sum - 1) < 1e-9);
	assert(w.error >= 0 && isfinite(w.error));
	for (unsigned position = 0; position < 4; position++) {
		unsigned drawn = policy_draw(&w, n, (uint64_t)size, position);

		assert(drawn < n && w.probability[drawn] > 0);
	}
	return 0;
}
