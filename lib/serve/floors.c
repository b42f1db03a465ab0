/* SPDX-License-Identifier: MIT */
#include "lib/serve/floors.h"

#include "lib/base/number.h"
#include "lib/delivery/catalogue.h"

/* "top=500", or "500". */
static int
parse_one(struct floors *f, struct slice text, struct error *error)
{
	size_t name = text.size;
	struct slice amount = text;
	int64_t micros;

	while (name > 0 && text.at[name - 1] != '=')
		name--;
	amount = slice_from(text, name);
	if (!number_parse_int(amount, &micros) || micros < 0 ||
	    micros > CATALOGUE_MICROS_MAX)
		return error_set(error, "'%.*s' is no floor: 300, or top=300",
		    (int)(text.size < 80 ? text.size : 80), (const char *)text.at);
	if (name == 0) {
		f->rest = (double)micros;
		return 0;
	}
	if (f->count == FLOORS_MAX)
		return error_set(error, "more than %d floors", FLOORS_MAX);
	f->slot[f->count] = slice_of(text.at, name - 1);
	f->own[f->count++] = (double)micros;
	return 0;
}

int
floors_parse(struct floors *f, const char *text, struct error *error)
{
	struct slice rest = text == NULL ? slice_of(NULL, 0) : slice_text(text);

	f->count = 0;
	f->rest = 0;
	while (rest.size > 0) {
		size_t end = slice_find(rest, ',');

		if (parse_one(f, slice_of(rest.at, end), error) != 0)
			return -1;
		rest = slice_from(rest, end < rest.size ? end + 1 : end);
	}
	return 0;
}

double
floors_of(const struct floors *f, struct slice slot)
{
	for (unsigned i = 0; slot.at != NULL && i < f->count; i++)
		if (slice_equal(f->slot[i], slot))
			return f->own[i];
	return f->rest;
}
