/* SPDX-License-Identifier: MIT
 *
 * Any text as lists of addresses, any text as an address: what is read is found in order,
 * and what is not says which line it is.
 */
#include <string.h>

#include "lib/base/assert.h"
#include "lib/traffic/ranges.h"

enum { TEXT_MAX = 1 << 16, LISTS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first bytes say where the text is divided; its last line is an address. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text, lists[LISTS];
	struct error error = { "" };
	struct ranges *r;
	unsigned wrong = 0;
	struct ip ip;
	size_t last;

	if (size < LISTS || size > TEXT_MAX)
		return 0;
	text = slice_of(data + LISTS, size - LISTS);
	for (last = text.size; last > 0 && text.at[last - 1] != '\n'; last--)
		;
	for (unsigned i = 0; i < LISTS; i++) {
		size_t part = text.size * data[i] / 256;

		lists[i] = slice_of(text.at, part);
		text = slice_from(text, part);
	}
	text = slice_of(data + LISTS + last, size - LISTS - last);
	r = ranges_new(lists, LISTS, &wrong, &error);
	assert(wrong < LISTS && (r != NULL || memcmp(error.text, "line ", 5) == 0));
	if (ip_parse(text, &ip) && r != NULL)
		assert(ranges_find(r, &ip) < 1U << LISTS);
	ranges_free(r);
	return 0;
}
