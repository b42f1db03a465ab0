/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/keys.h"

#include <stdlib.h>

#include "lib/model/cells.h"
#include "lib/stream.h"

enum { LINE_MAX_SHOWN = 80 };

static void
add(void *context, uint64_t key)
{
	struct keys *k = context;

	if (k->count == k->room) {
		size_t room = k->room == 0 ? 256 : 2 * k->room;
		uint64_t *at = reallocarray(k->at, room, sizeof *at);

		if (at == NULL) {
			k->failed = true;
			return;
		}
		k->at = at;
		k->room = room;
	}
	k->at[k->count++] = cells_key(key);
}

static bool
parse_hex(struct slice text, uint64_t *to)
{
	*to = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.at[i];
		int digit = c >= '0' && c <= '9' ? c - '0'
		    : c >= 'a' && c <= 'f'       ? c - 'a' + 10
		    : c >= 'A' && c <= 'F'       ? c - 'A' + 10
						 : -1;

		if (digit < 0)
			return false;
		*to = *to << 4 | (uint64_t)digit;
	}
	return text.size > 0 && text.size <= 16;
}

static bool
take_line(struct keys *k, const struct names *names, struct slice line)
{
	size_t before = k->count;
	uint64_t key;

	if (line.size > 0 && line.at[line.size - 1] == '\r')
		line.size--;
	if (line.size == 0)
		return true;
	names_keys(names, line, add, k);
	if (k->count > before)
		return true;
	if (!parse_hex(line, &key))
		return false;
	add(k, key);
	return true;
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
sort(struct keys *k)
{
	size_t n = 0;

	if (k->count > 0)
		qsort(k->at, k->count, sizeof *k->at, compare);
	for (size_t i = 0; i < k->count; i++)
		if (n == 0 || k->at[n - 1] != k->at[i])
			k->at[n++] = k->at[i];
	k->count = n;
}

/* As many lines as there are. */
static int
take_lines(struct keys *k, const struct names *names, struct input *in, bool end,
    unsigned long *number, struct error *error)
{
	for (;;) {
		struct slice bytes = input_bytes(in);
		size_t size = slice_find(bytes, '\n');
		bool whole = size < bytes.size;

		if (!whole && (!end || size == 0))
			return size >= STREAM_HOLD_MAX / 2
			    ? error_set(error, "%s: line %lu is too long",
				  input_name(in), *number + 1)
			    : 0;
		++*number;
		if (!take_line(k, names, slice_of(bytes.at, size)))
			return error_set(error,
			    "%s: line %lu, '%.*s', is neither a key of 16 hex digits "
			    "nor %s",
			    input_name(in), *number,
			    (int)(size < LINE_MAX_SHOWN ? size : LINE_MAX_SHOWN),
			    (const char *)bytes.at,
			    names != NULL ? "a name in --names"
					  : "a name (--names is missing)");
		if (k->failed)
			return error_set(error, "no memory for the keys");
		input_consume(in, size + whole);
	}
}

int
keys_read(struct keys *k, const struct os *os, const char *path,
    const struct names *names, struct error *error)
{
	struct input *in = input_open(os, path, error);
	unsigned long number = 0;
	int status = in == NULL ? -1 : 0;
	enum fill fill = FILL_MORE;

	*k = (struct keys){ 0 };
	while (status == 0 && fill != FILL_END) {
		fill = input_fill(in, error);
		status = fill == FILL_FAIL
		    ? -1
		    : take_lines(k, names, in, fill == FILL_END, &number, error);
	}
	input_free(in);
	if (status != 0)
		keys_free(k);
	else
		sort(k);
	return status;
}

void
keys_free(struct keys *k)
{
	free(k->at);
	*k = (struct keys){ 0 };
}
