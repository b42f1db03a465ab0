/* SPDX-License-Identifier: MIT
 *
 * Any text as a list of kinds of networks: what is read is found again under its number, and
 * what is not says which line it is.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/login/networks.h"

enum { TEXT_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = { "" };
	struct networks *n;
	size_t found = 0;

	if (size > TEXT_MAX)
		return 0;
	n = networks_new(slice_of(data, size), &error);
	if (n == NULL) {
		assert(memcmp(error.text, "line ", 5) == 0);
		return 0;
	}
	/* Each number in the text that is known, once: at most as many as there are. */
	for (size_t i = 0; i < size; i++) {
		uint64_t asn = 0;

		for (size_t k = i; k < size && asn <= UINT32_MAX; k++) {
			if (data[k] < '0' || data[k] > '9')
				break;
			asn = 10 * asn + data[k] - '0';
		}
		if (i == 0 || data[i - 1] < '0' || data[i - 1] > '9')
			found += networks_find(n, asn) != NETWORK_UNKNOWN;
	}
	assert(networks_count(n) == 0 || found > 0);
	assert(networks_find(n, UINT64_C(1) << 32) == NETWORK_UNKNOWN);
	networks_free(n);
	return 0;
}
