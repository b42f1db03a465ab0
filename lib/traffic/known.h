/* SPDX-License-Identifier: MIT
 *
 * known: the lists that come with the programs: the files lib/traffic/lists/NAME.txt, made
 * into C when building. "make lists" fetches those of others afresh.
 */
#ifndef BANNERPIPE_TRAFFIC_KNOWN_H
#define BANNERPIPE_TRAFFIC_KNOWN_H

#include <stddef.h>

#include "lib/base/slice.h"

struct known_list {
	const char *name; /* "robots" */
	struct slice text;
};

extern const struct known_list known_lists[];
extern const size_t known_count;

/* The text of that list, absent when there is none. */
static inline struct slice
known_text(const char *name)
{
	for (size_t i = 0; i < known_count; i++)
		if (strcmp(known_lists[i].name, name) == 0)
			return known_lists[i].text;
	return slice_of(NULL, 0);
}

#endif
