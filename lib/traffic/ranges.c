/* SPDX-License-Identifier: MIT */
#include "lib/traffic/ranges.h"

#include <stdlib.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"

enum { PREFIXES = 1 << 16 };

__extension__ typedef unsigned __int128 wide; /* an address, of either size */

/* A list begins or ends to hold at an address. */
struct edge {
	wide at;
	uint8_t list;
	bool ends;
};

struct edges {
	struct edge *all; /* owned */
	size_t n, capacity;
	unsigned bits; /* of an address */
};

/* Where another set of lists begins to hold; the first segment begins at 0. */
struct segments {
	wide *at; /* owned, as are these */
	uint8_t *lists;
	uint32_t *first; /* of each prefix: the segment that its first address is in */
	size_t n;
	unsigned shift; /* to the prefix of an address */
};

struct ranges {
	struct segments four, six;
};

static wide
wide_of(const struct ip *a)
{
	return (wide)a->high << 64 | a->low;
}

static wide
last_of(unsigned bits)
{
	return ((wide)1 << (bits - 1)) - 1 + ((wide)1 << (bits - 1));
}

/* --- Reading ----------------------------------------------------------------------- */

/* ADDRESS, ADDRESS/BITS or FIRST-LAST; whether it is IPv6. */
static bool
parse_range(struct slice text, wide *first, wide *last, bool *six)
{
	size_t slash = slice_find(text, '/'), dash = slice_find(text, '-');
	size_t end = slash < text.size ? slash : dash;
	struct slice rest = slice_from(text, end);
	struct ip a, b;
	uint64_t bits;
	wide host;

	if (!ip_parse(slice_trim(slice_of(text.at, end)), &a))
		return false;
	*six = a.six;
	*first = *last = wide_of(&a);
	if (rest.size == 0)
		return true;
	rest = slice_trim(slice_from(rest, 1));
	if (slash == text.size) {
		*last = ip_parse(rest, &b) ? wide_of(&b) : 0;
		return *last >= *first && a.six == b.six;
	}
	if (!number_parse_uint(rest, &bits) || bits > ip_bits(&a))
		return false;
	host = bits == 0 ? last_of(ip_bits(&a)) : ((wide)1 << (ip_bits(&a) - bits)) - 1;
	*last = *first | host;
	return (*first & host) == 0;
}

static int
add_edge(struct edges *e, wide at, unsigned list, bool ends)
{
	if (e->n == e->capacity) {
		size_t capacity = e->capacity == 0 ? 1024 : 2 * e->capacity;
		struct edge *all = reallocarray(e->all, capacity, sizeof *all);

		if (all == NULL)
			return -1;
		e->all = all;
		e->capacity = capacity;
	}
	e->all[e->n++] = (struct edge){ at, (uint8_t)list, ends };
	return 0;
}

static int
add_range(struct edges *e, wide first, wide last, unsigned list)
{
	if (add_edge(e, first, list, false) != 0)
		return -1;
	return last == last_of(e->bits) ? 0 : add_edge(e, last + 1, list, true);
}

static int
read_list(struct edges *four, struct edges *six, struct slice text, unsigned list,
    struct error *error)
{
	for (unsigned number = 1; text.size > 0; number++) {
		size_t end = slice_find(text, '\n');
		struct slice line = slice_of(text.at, end);
		wide first, last;
		bool is_six;

		text = slice_from(text, end < text.size ? end + 1 : end);
		line.size = slice_find(line, '#');
		if (line.size > 0 && line.at[line.size - 1] == '\r')
			line.size--;
		line = slice_trim(line);
		if (line.size == 0)
			continue;
		if (!parse_range(line, &first, &last, &is_six))
			return error_set(error,
			    "line %u: '%.*s' is no address, network (192.0.2.0/24) or "
			    "range (192.0.2.0-192.0.2.99)",
			    number, line.size < 80 ? (int)line.size : 80,
			    (const char *)line.at);
		if (add_range(is_six ? six : four, first, last, list) != 0)
			return error_set(error, "no memory for ranges of addresses");
	}
	return 0;
}

/* --- Making ------------------------------------------------------------------------ */

static int
compare_edges(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

static int
make_segments(struct segments *s, struct edges *e)
{
	unsigned holds[RANGES_LISTS_MAX] = { 0 };
	uint8_t lists = 0;
	size_t i = 0;

	s->shift = e->bits - 16;
	s->at = calloc(e->n + 1, sizeof *s->at);
	s->lists = calloc(e->n + 1, 1);
	s->first = calloc(PREFIXES + 1, sizeof *s->first);
	if (s->at == NULL || s->lists == NULL || s->first == NULL)
		return -1;
	if (e->n > 0)
		qsort(e->all, e->n, sizeof *e->all, compare_edges);
	s->n = 1;
	while (i < e->n) {
		wide at = e->all[i].at;

		for (; i < e->n && e->all[i].at == at; i++) {
			unsigned list = e->all[i].list;

			holds[list] += e->all[i].ends ? -1U : 1U;
			lists = (uint8_t)(holds[list] > 0 ? lists | 1U << list
							  : lists & ~(1U << list));
		}
		if (s->lists[s->n - 1] == lists)
			continue;
		s->n += at > 0;
		s->at[s->n - 1] = at;
		s->lists[s->n - 1] = lists;
	}
	for (size_t p = 0, segment = 0; p < PREFIXES; p++) {
		while (segment + 1 < s->n && s->at[segment + 1] <= (wide)p << s->shift)
			segment++;
		s->first[p] = (uint32_t)segment;
	}
	s->first[PREFIXES] = (uint32_t)s->n - 1;
	return 0;
}

static void
free_segments(struct segments *s)
{
	free(s->at);
	free(s->lists);
	free(s->first);
}

struct ranges *
ranges_new(const struct slice lists[], unsigned n, unsigned *wrong, struct error *error)
{
	struct ranges *r = calloc(1, sizeof *r);
	struct edges four = { .bits = 32 }, six = { .bits = 128 };
	int status = r != NULL ? 0 : error_set(error, "no memory for addresses");

	assert(n <= RANGES_LISTS_MAX);
	*wrong = 0;
	for (unsigned i = 0; i < n && status == 0; i++) {
		*wrong = i;
		status = read_list(&four, &six, lists[i], i, error);
	}
	if (status == 0 &&
	    (make_segments(&r->four, &four) != 0 || make_segments(&r->six, &six) != 0))
		status = error_set(error, "no memory for ranges of addresses");
	free(four.all);
	free(six.all);
	if (status == 0)
		return r;
	ranges_free(r);
	return NULL;
}

void
ranges_free(struct ranges *r)
{
	if (r == NULL)
		return;
	free_segments(&r->four);
	free_segments(&r->six);
	free(r);
}

unsigned
ranges_find(const struct ranges *r, const struct ip *address)
{
	const struct segments *s = address->six ? &r->six : &r->four;
	wide at = wide_of(address);
	size_t prefix = (size_t)(at >> s->shift);
	size_t low = s->first[prefix], high = s->first[prefix + 1];

	/* The last segment that does not begin after the address. */
	while (low < high) {
		size_t middle = low + (high - low + 1) / 2;

		if (s->at[middle] <= at)
			low = middle;
		else
			high = middle - 1;
	}
	return s->lists[low];
}
