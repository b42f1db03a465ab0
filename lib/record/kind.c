/* SPDX-License-Identifier: MIT */
#include "lib/record/kind.h"

static const struct {
	const char *text;
	size_t size;
} kinds[KIND_COUNT] = { { "other", 0 },
#define KIND_TEXT(symbol, text) { text, sizeof text - 1 },
	KIND_LIST(KIND_TEXT)
#undef KIND_TEXT
};

/* The lengths of the kinds differ enough that about three are compared. */
enum kind
kind_of(struct slice name)
{
	for (unsigned k = 1; k < KIND_COUNT; k++)
		if (kinds[k].size == name.size &&
		    kinds[k].text[0] == (char)name.at[0] &&
		    memcmp(kinds[k].text, name.at, name.size) == 0)
			return (enum kind)k;
	return KIND_OTHER;
}

enum kind
record_kind(const struct record *r)
{
	struct slice name;

	return record_str(r, KEY_EVENT, &name) && name.size > 0 ? kind_of(name)
								: KIND_OTHER;
}

const char *
kind_name(enum kind kind)
{
	return kinds[kind].text;
}
