/* SPDX-License-Identifier: MIT */
#include "lib/feature/subject.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/number.h"
#include "lib/hash.h"

static int
read_path(struct subject *s, struct reader *reader, struct error *error)
{
	struct slice rest = slice_text(s->name), step;
	size_t dot = slice_find(rest, '.');

	if (dot == 0 || dot > RECORD_KEY_SIZE_MAX)
		return error_set(error, "'%s' is no name of a field", s->name);
	s->key = reader_key_slice(reader, slice_of(rest.at, dot));
	while (dot < rest.size) {
		rest = slice_from(rest, dot + 1);
		dot = slice_find(rest, '.');
		step = slice_of(rest.at, dot);
		if (step.size == 0 || s->step_count == SUBJECT_STEPS)
			return error_set(error, "'%s' is no name of a field", s->name);
		s->steps[s->step_count++] = step;
	}
	return 0;
}

int
subject_init(
    struct subject *s, struct reader *reader, struct slice text, struct error *error)
{
	struct error inner;

	*s = (struct subject){ .expr = NULL };
	if (text.size == 0 || text.size >= SUBJECT_NAME_MAX)
		return error_set(error, "a field or expression has 1 to %d characters",
		    SUBJECT_NAME_MAX - 1);
	memcpy(s->name, text.at, text.size);
	if (text.at[0] != '(')
		return read_path(s, reader, error);
	s->computed = malloc(SUBJECT_COMPUTED_MAX);
	if (s->computed == NULL)
		return error_set(error, "no memory for an expression");
	s->expr = expr_compile(reader, text, &inner);
	return s->expr != NULL ? 0 : error_set(error, "%s", inner.text);
}

void
subject_fini(struct subject *s)
{
	expr_free(s->expr);
	free(s->computed);
}

static bool
is_scalar(struct slice value)
{
	enum value_type type = value_type(value);

	return type != VALUE_ARRAY && type != VALUE_MAP && type != VALUE_NIL;
}

/* Follow the steps from `from` on; into every item of a list. Depth is bounded by that
 * of records. */
static unsigned
follow(const struct subject *s, unsigned from, struct slice value, struct slice *values,
    unsigned n, unsigned max)
{
	struct value_walk walk;
	struct slice key, item;

	if (value_type(value) == VALUE_ARRAY) {
		for (value_open(value, &walk);
		     n < max && value_next(&walk, &key, &item);)
			n = follow(s, from, item, values, n, max);
	} else if (from < s->step_count) {
		if (value_get_slice(value, s->steps[from], &item))
			n = follow(s, from + 1, item, values, n, max);
	} else if (is_scalar(value) && n < max) {
		values[n++] = value;
	}
	return n;
}

static bool
compute(const struct subject *s, const struct record *r, struct slice *to)
{
	struct expr_value value;
	struct build b;

	expr_eval(s->expr, r, &value);
	if (value.raw.at != NULL) {
		*to = value.raw;
		return true;
	}
	build_init(&b, s->computed, SUBJECT_COMPUTED_MAX);
	if (!expr_value_build(&value, &b) || build_full(&b))
		return false;
	*to = build_slice(&b);
	return true;
}

unsigned
subject_values(
    const struct subject *s, const struct record *r, struct slice *values, unsigned max)
{
	struct slice value;

	if (s->expr != NULL ? !compute(s, r, &value) : !record_value(r, s->key, &value))
		return 0;
	return follow(s, 0, value, values, 0, max);
}

bool
subject_whole(const struct subject *s, const struct record *r, struct slice *to)
{
	bool has = s->expr != NULL ? compute(s, r, to) : record_value(r, s->key, to);

	for (unsigned i = 0; has && i < s->step_count; i++)
		has = value_get_slice(*to, s->steps[i], to);
	return has;
}

bool
subject_hash(struct slice value, uint64_t *hash)
{
	struct slice text;
	int64_t integer;
	double number;
	bool truth;

	if (value_text(value, &text)) {
		*hash = hash_bytes(text, 0);
		return true;
	}
	if (value_int(value, &integer)) {
		*hash = hash_pair(1, (uint64_t)integer);
		return true;
	}
	if (value_number(value, &number)) {
		uint64_t bits;

		if (number == trunc(number) && fabs(number) < 0x1p63) {
			*hash = hash_pair(1, (uint64_t)(int64_t)number);
			return true;
		}
		memcpy(&bits, &number, sizeof bits);
		*hash = hash_pair(2, bits);
		return true;
	}
	if (value_bool(value, &truth)) {
		*hash = hash_pair(3, truth);
		return true;
	}
	return false;
}

struct slice
subject_label(struct slice value, char *to, size_t size)
{
	struct slice text;
	char number[NUMBER_TEXT_MAX];
	int64_t integer;
	double real;
	bool truth;

	if (value_int(value, &integer))
		text = slice_of(number, number_format_int(integer, number));
	else if (value_number(value, &real) && isfinite(real))
		text = slice_of(number, number_format_double(real, number));
	else if (value_bool(value, &truth))
		text = slice_text(truth ? "true" : "false");
	else if (!value_text(value, &text))
		text = slice_text("?");
	if (text.size > size)
		text.size = size;
	memcpy(to, text.at, text.size);
	return slice_of(to, text.size);
}
