/* SPDX-License-Identifier: MIT */
#include "lib/login/networks.h"

#include <stdlib.h>

#include "lib/base/number.h"

struct network {
	uint32_t asn;
	uint32_t kind; /* and above it the line */
};

enum { KIND_BITS = 3 };

struct networks {
	size_t n;
	struct network all[]; /* by number */
};

static const char *const kind_words[NETWORK_KINDS] = { "unknown", "isp", "mobile",
	"vpn", "tor", "cloud" };

enum network_kind
network_kind(struct slice word)
{
	unsigned kind = NETWORK_KINDS - 1;

	while (kind > NETWORK_UNKNOWN && !slice_is(word, kind_words[kind]))
		kind--;
	return (enum network_kind)kind;
}

static size_t
count_lines(struct slice text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.size; i++)
		n += text.at[i] == '\n';
	return n;
}

static bool
parse_line(struct slice line, struct network *to)
{
	struct slice asn = line, kind;
	uint64_t number;

	for (asn.size = 0; asn.size < line.size && line.at[asn.size] != ' ' &&
	     line.at[asn.size] != '\t';
	     asn.size++)
		;
	kind = slice_trim(slice_from(line, asn.size));
	if (asn.size > 2 && asn.at[0] == 'A' && asn.at[1] == 'S')
		asn = slice_from(asn, 2);
	if (!number_parse_uint(asn, &number) || number > UINT32_MAX)
		return false;
	*to = (struct network){ (uint32_t)number, network_kind(kind) };
	return to->kind != NETWORK_UNKNOWN;
}

static int
compare(const void *a, const void *b)
{
	const struct network *x = a, *y = b;

	if (x->asn != y->asn)
		return x->asn > y->asn ? 1 : -1;
	return (x->kind > y->kind) - (x->kind < y->kind);
}

static unsigned
kind_of(const struct network *n)
{
	return n->kind & ((1U << KIND_BITS) - 1);
}

/* Each network once, those of a number lying side by side. */
static int
unite(struct networks *n, struct error *error)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n; i++) {
		const struct network *one = &n->all[i];

		if (kept == 0 || n->all[kept - 1].asn != one->asn) {
			n->all[kept++] = *one;
			continue;
		}
		if (kind_of(&n->all[kept - 1]) != kind_of(one))
			return error_set(error,
			    "line %u: network %u is '%s' here, and '%s' elsewhere",
			    one->kind >> KIND_BITS, one->asn, kind_words[kind_of(one)],
			    kind_words[kind_of(&n->all[kept - 1])]);
	}
	n->n = kept;
	return 0;
}

static int
read_lines(struct networks *n, struct slice text, struct error *error)
{
	for (uint32_t number = 1; text.size > 0; number++) {
		size_t end = slice_find(text, '\n');
		struct slice line = slice_of(text.at, end);

		text = slice_from(text, end < text.size ? end + 1 : end);
		line.size = slice_find(line, '#');
		if (line.size > 0 && line.at[line.size - 1] == '\r')
			line.size--;
		line = slice_trim(line);
		if (line.size == 0)
			continue;
		if (!parse_line(line, &n->all[n->n]))
			return error_set(error,
			    "line %u: '%.*s' is no network and its kind (64500 mobile)",
			    number, line.size < 80 ? (int)line.size : 80,
			    (const char *)line.at);
		n->all[n->n++].kind |= number << KIND_BITS;
	}
	return 0;
}

struct networks *
networks_new(struct slice list, struct error *error)
{
	struct networks *n =
	    calloc(1, sizeof *n + count_lines(list) * sizeof n->all[0]);

	if (n == NULL) {
		(void)error_set(error, "no memory for networks");
		return NULL;
	}
	if (read_lines(n, list, error) == 0) {
		qsort(n->all, n->n, sizeof n->all[0], compare);
		if (unite(n, error) == 0)
			return n;
	}
	networks_free(n);
	return NULL;
}

void
networks_free(struct networks *n)
{
	free(n);
}

enum network_kind
networks_find(const struct networks *n, uint64_t asn)
{
	size_t low = 0, high = n->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (n->all[middle].asn < asn)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n->n && n->all[low].asn == asn
	    ? (enum network_kind)kind_of(&n->all[low])
	    : NETWORK_UNKNOWN;
}

size_t
networks_count(const struct networks *n)
{
	return n->n;
}
