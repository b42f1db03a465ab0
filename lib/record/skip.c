/* SPDX-License-Identifier: MIT */
#include "lib/record/record.h"

#include "lib/record/measure.h"

/* Take the header of the next value, which may come in pieces. */
static bool
take_header(struct skipper *s, struct slice *bytes)
{
	while (s->held == 0 || s->held < measure_table[s->header[0]].size) {
		if (s->held > 0 && measure_table[s->header[0]].class == MEASURE_FIXED)
			return true;
		if (bytes->size == 0)
			return false;
		s->header[s->held++] = bytes->at[0];
		*bytes = slice_from(*bytes, 1);
	}
	return true;
}

static bool
enter(struct skipper *s)
{
	const struct measure *m = &measure_table[s->header[0]];

	s->values--;
	if (m->class == MEASURE_NEVER)
		return false;
	if (m->class == MEASURE_FIXED)
		s->bytes = m->size - 1u;
	else if (m->class == MEASURE_SIZED)
		s->bytes = measure_field(s->header + 1, m->head);
	else
		s->values += (m->class == MEASURE_MAP ? 2 : 1) *
		    (uint64_t)measure_count(s->header, m);
	s->held = 0;
	return true;
}

enum scan
record_skip(
    struct skipper *s, struct slice bytes, size_t *consumed, struct fault *fault)
{
	struct slice rest = bytes;
	size_t step;

	if (!s->begun) {
		s->begun = true;
		s->values = 1;
	}
	for (;;) {
		step = s->bytes < rest.size ? (size_t)s->bytes : rest.size;
		rest = slice_from(rest, step);
		s->bytes -= step;
		*consumed = (size_t)(rest.at - bytes.at);
		if (s->bytes > 0)
			return SCAN_MORE;
		if (s->values == 0)
			return SCAN_RECORD;
		if (!take_header(s, &rest)) {
			*consumed = bytes.size;
			return SCAN_MORE;
		}
		if (!enter(s)) {
			*fault = (struct fault){ *consumed,
				"byte 0xc1, which msgpack never uses" };
			return SCAN_FOREIGN;
		}
	}
}
