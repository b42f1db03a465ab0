/* SPDX-License-Identifier: MIT */
#include "lib/text/query.h"

#include "lib/record/record.h"
#include "lib/text/str.h"
#include "lib/text/url.h"

enum { CODED = 1, EQUALS = 2, AND = 4 };

/* What a byte is in a query: CODED ones stand for another byte, or may not be UTF-8. */
static inline unsigned
class_of(uint8_t c)
{
	static const uint8_t classes[128] = {
		['%'] = CODED,
		['+'] = CODED,
		['='] = EQUALS,
		['&'] = AND,
	};

	return c < 128 ? classes[c] : CODED;
}

/* Take what comes before a byte of the classes `stops`; *all are the classes in it. */
static inline struct slice
take(struct slice *rest, unsigned stops, unsigned *all)
{
	struct slice taken = slice_of(rest->at, 0);
	unsigned class;

	*all = 0;
	while (taken.size < rest->size &&
	    ((class = class_of(rest->at[taken.size])) & stops) == 0) {
		*all |= class;
		taken.size++;
	}
	*rest = slice_from(*rest, taken.size);
	return taken;
}

/* Most names and values are short and plain: they are copied while their end is looked
 * for. False, and nothing is done, when this one is not. */
static inline bool
build_short(struct build *b, struct slice *rest, unsigned stops)
{
	const uint8_t *at = rest->at, *end = at + (rest->size < 31 ? rest->size : 31);
	uint8_t *to = b->at;
	unsigned class = 0;

	if ((size_t)(b->end - b->at) < 32)
		return false;
	for (; at < end && ((class = class_of(*at)) & (stops | CODED)) == 0; at++)
		*++to = *at;
	if ((class & CODED) != 0 || (at == end && rest->size >= 31))
		return false;
	*b->at = (uint8_t)(0xa0 | (at - rest->at));
	b->at = to + 1;
	*rest = slice_from(*rest, (size_t)(at - rest->at));
	return true;
}

/* Take a name or value off *rest and append it. */
static void
build_next(struct build *b, struct slice *rest, unsigned stops)
{
	uint8_t *start = b->at;
	struct slice text;
	unsigned classes;
	size_t size;

	if (build_short(b, rest, stops))
		return;
	text = take(rest, stops, &classes);
	if ((classes & CODED) == 0) {
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
	struct names names;
	size_t open = build_open(b), from;

	names.classes = 0;
	names.count = 0;
	while (names.count < RECORD_KEYS_MAX && query.size > 0 && !build_full(b)) {
		if (query.at[0] == '&') {
			query = slice_from(query, 1);
			continue;
		}
		from = (size_t)(b->at - b->start);
		build_next(b, &query, EQUALS | AND);
		if (build_full(b))
			break;
		if (query.size > 0 && query.at[0] == '=')
			query = slice_from(query, 1);
		if (is_new(&names, b, from)) {
			build_next(b, &query, AND);
		} else {
			query = slice_from(query, slice_find(query, '&'));
			b->at = b->start + from;
		}
	}
	build_close_map(b, open, names.count);
}
