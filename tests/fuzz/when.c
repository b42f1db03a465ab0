/* SPDX-License-Identifier: MIT
 *
 * Numbers, instants and spans in text: what is understood is in range, and written and
 * read again it is the same.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/when.h"

enum { TEXT_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
numbers(struct slice text)
{
	char to[NUMBER_TEXT_MAX];
	uint64_t u, u_again;
	int64_t i, i_again;
	double d, d_again;

	if (number_parse_uint(text, &u)) {
		assert(number_parse_uint(
		    slice_of(to, number_format_uint(u, to)), &u_again));
		assert(u == u_again);
	}
	if (number_parse_int(text, &i)) {
		assert(
		    number_parse_int(slice_of(to, number_format_int(i, to)), &i_again));
		assert(i == i_again);
	}
	if (number_parse_double(text, &d)) {
		assert(isfinite(d));
		assert(number_parse_double(
		    slice_of(to, number_format_double(d, to)), &d_again));
		assert(memcmp(&d, &d_again, sizeof d) == 0);
	}
	if (number_parse_decimal(text, 6, &i) && number_parse_double(text, &d))
		assert(fabs(d * 1e6 - (double)i) <= 0.5 + fabs(d) * 1e-9);
	(void)number_parse_size(text, &u);
}

/* An instant that was read is written and read as itself. */
static void
same_instant(instant when)
{
	char to[40];
	instant again;

	assert(when >= -WHEN_MAX && when <= WHEN_MAX);
	assert(when_parse_iso(slice_of(to, when_format(when, to)), &again));
	assert(again == when);
	assert(when_parse_any(slice_text(to), &again) && again == when);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool (*const parsers[])(struct slice text, instant * to) = { when_parse_iso,
		when_parse_clf, when_parse_rfc2822, when_parse_any };
	struct span span, span_again;
	char to[64];
	uint8_t *copy;
	struct slice text;
	instant when;

	if (size > TEXT_MAX)
		return 0;
	/* Allocated to size, so that a read beyond it is found. */
	copy = malloc(size > 0 ? size : 1);
	assert(copy != NULL);
	memcpy(copy, data, size);
	text = slice_of(copy, size);
	numbers(text);
	for (size_t i = 0; i < sizeof parsers / sizeof *parsers; i++)
		if (parsers[i](text, &when))
			same_instant(when);
	for (int64_t unit = 0; unit <= 1000000; unit = unit == 0 ? 1 : unit * 1000)
		if (when_parse_epoch(text, unit, &when))
			same_instant(when);
	if (when_parse_span(text, &span)) {
		(void)when_format_span(span, to);
		assert(when_parse_span(slice_text(to), &span_again));
		assert(span.us == span_again.us);
	}
	free(copy);
	return 0;
}
