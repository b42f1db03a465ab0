/* SPDX-License-Identifier: MIT */
#include "lib/text/query.h"

#include "lib/record/record.h"
#include "lib/text/str.h"
#include "lib/text/url.h"

/* Whether decoding changes nothing and all is ASCII. */
static bool
is_plain(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.at[i];

		if (c == '%' || c == '+' || c >= 0x80)
			return false;
	}
	return true;
}

static void
build_decoded(struct build *b, struct slice text)
{
	uint8_t *start = b->at;
	size_t size;

	if (is_plain(text)) {
		build_str(b, text);
		return;
	}
	/* Decoded behind the longest header, then moved to its own. */
	if (!build_room(b, text.size + 5))
		return;
	size = url_decode(text, true, start + 5);
	if (utf8_valid(slice_of(start + 5, size)) < size) {
		str_build(b, text);
		return;
	}
	build_str_header(b, size);
	memmove(b->at, start + 5, size);
	b->at += size;
}

/* The names that the map has already, as where they lie in the builder. A bit per class
 * of length and last byte spares most comparisons. */
struct names {
	uint64_t classes;
	unsigned count;
	uint32_t at[RECORD_KEYS_MAX], size[RECORD_KEYS_MAX];
};

/* Whether the name that was just built is new; it is then remembered. */
static bool
is_new(struct names *names, const struct build *b, size_t from)
{
	uint32_t size = (uint32_t)((size_t)(b->at - b->start) - from);
	uint64_t class = (uint64_t)1 << ((size * 7 + b->at[-1]) & 63);

	if (names->classes & class)
		for (unsigned i = 0; i < names->count; i++)
			if (names->size[i] == size &&
			    memcmp(b->start + names->at[i], b->start + from, size) == 0)
				return false;
	names->classes |= class;
	names->at[names->count] = (uint32_t)from;
	names->size[names->count++] = size;
	return true;
}

void
query_build(struct build *b, struct slice query)
{
	struct slice name, value;
	struct names names;
	size_t open = build_open(b), from;

	names.classes = 0;
	names.count = 0;
	while (names.count < RECORD_KEYS_MAX && !build_full(b) &&
	    url_query_next(&query, &name, &value)) {
		from = (size_t)(b->at - b->start);
		build_decoded(b, name);
		if (build_full(b))
			break;
		if (is_new(&names, b, from))
			build_decoded(b, value);
		else
			b->at = b->start + from;
	}
	build_close_map(b, open, names.count);
}
