/* SPDX-License-Identifier: MIT */
#include "lib/record/lineage.h"

#include <string.h>

static bool
has_id(const char *list, struct slice id)
{
	struct slice rest = slice_text(list);

	while (rest.size > 0) {
		size_t end = slice_find(rest, ' ');

		if (slice_equal(slice_of(rest.at, end), id))
			return true;
		rest = slice_from(rest, end + (end < rest.size));
	}
	return false;
}

/* Append an id, after a space, unless one of the lists has it. */
static int
add_id(char *list, const char *other, struct slice id)
{
	size_t used = strlen(list), space = used > 0;

	if (id.size == 0 || has_id(list, id) || has_id(other, id))
		return 0;
	if (used + space + id.size > LINEAGE_MAX)
		return -1;
	memcpy(list + used, " ", space);
	memcpy(list + used + space, id.at, id.size);
	list[used + space + id.size] = '\0';
	return 0;
}

int
lineage_join(const struct slice *lineages, unsigned n, char to[LINEAGE_MAX + 1])
{
	char before[LINEAGE_MAX + 1] = "";
	size_t size, end;

	to[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		end = slice_find(lineages[i], ' ');
		if (end == 0 || add_id(to, "", slice_of(lineages[i].at, end)) != 0)
			return -1;
	}
	for (unsigned i = 0; i < n; i++) {
		struct slice rest = lineages[i];

		while ((end = slice_find(rest, ' ')) < rest.size) {
			rest = slice_from(rest, end + 1);
			if (add_id(before, to,
				slice_of(rest.at, slice_find(rest, ' '))) != 0)
				return -1;
		}
	}
	for (char *space = to; (space = strchr(space, ' ')) != NULL;)
		*space = '+';
	size = strlen(to);
	if (before[0] == '\0')
		return 0;
	if (size + 1 + strlen(before) > LINEAGE_MAX)
		return -1;
	to[size] = ' ';
	memcpy(to + size + 1, before, strlen(before) + 1);
	return 0;
}
