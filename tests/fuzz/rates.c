/* SPDX-License-Identifier: MIT
 *
 * Any text as a table of click rates: what is read has rates in (0, 1) and names of their
 * own; what is not says why.
 */
#include <string.h>

#include "lib/base/assert.h"
#include "lib/simulate/rates.h"

enum { TEXT_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rates rates;
	struct error error = { "" };

	if (size > TEXT_MAX)
		return 0;
	if (rates_read(&rates, slice_of(data, size), &error) != 0) {
		assert(error.text[0] != '\0');
		return 0;
	}
	assert(rates.n > 0 && rates.n <= RATES_MAX);
	for (unsigned i = 0; i < rates.n; i++) {
		const struct rate *r = &rates.row[i];

		assert(r->rate > 0 && r->rate < 1);
		assert(
		    strlen(r->creative) > 0 && strlen(r->campaign) <= RATES_NAME_MAX);
		for (unsigned k = 0; k < i && k < 32; k++)
			assert(strcmp(r->creative, rates.row[k].creative) != 0);
	}
	return 0;
}
