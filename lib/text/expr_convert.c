/* SPDX-License-Identifier: MIT */
#include "lib/text/expr_convert.h"

#include <math.h>

/* --- Types ---------------------------------------------------------------------- */

static void
set_whole(struct expr_value *to, double number)
{
	if (number >= -0x1p63 && number < 0x1p63)
		expr_set_int(to, (int64_t)number);
}

void
expr_call_int(EXPR_ARGUMENTS)
{
	struct slice text;
	int64_t integer;
	double number;

	(void)scratch, (void)count;
	switch (in->type) {
	case EXPR_INT:
		expr_set_int(to, in->integer);
		return;
	case EXPR_FLOAT:
		set_whole(to, in->number);
		return;
	case EXPR_BOOL:
		expr_set_int(to, in->truth);
		return;
	case EXPR_TEXT:
		text = slice_trim(in->text);
		if (number_parse_int(text, &integer))
			expr_set_int(to, integer);
		else if (number_parse_double(text, &number))
			set_whole(to, number);
		return;
	default:
		return;
	}
}

/* A number of any type, or of a text. */
static bool
number_of(const struct expr_value *value, double *to)
{
	switch (value->type) {
	case EXPR_INT:
		*to = (double)value->integer;
		return true;
	case EXPR_FLOAT:
		*to = value->number;
		return true;
	case EXPR_BOOL:
		*to = value->truth;
		return true;
	case EXPR_TEXT:
		return number_parse_double(slice_trim(value->text), to);
	default:
		return false;
	}
}

void
expr_call_float(EXPR_ARGUMENTS)
{
	double number;

	(void)scratch, (void)count;
	if (number_of(in, &number))
		expr_set_float(to, number);
}

void
expr_call_round(EXPR_ARGUMENTS)
{
	double number;

	(void)scratch, (void)count;
	if (in->type == EXPR_INT)
		expr_set_int(to, in->integer);
	else if (number_of(in, &number))
		set_whole(to, round(number));
}

bool
expr_text_of(
    const struct expr_value *value, char storage[NUMBER_TEXT_MAX], struct slice *to)
{
	switch (value->type) {
	case EXPR_TEXT:
		*to = value->text;
		return true;
	case EXPR_INT:
		*to = slice_of(storage, number_format_int(value->integer, storage));
		return true;
	case EXPR_FLOAT:
		if (!isfinite(value->number))
			return false;
		*to = slice_of(storage, number_format_double(value->number, storage));
		return true;
	case EXPR_BOOL:
		*to = slice_text(value->truth ? "true" : "false");
		return true;
	default:
		return false;
	}
}

/* concat and text: the arguments one after the other; missing when one is. */
void
expr_call_concat(EXPR_ARGUMENTS)
{
	char storage[NUMBER_TEXT_MAX];
	struct slice text;
	uint8_t *at, *start = scratch->at;

	if (count == 1 && in->type == EXPR_TEXT) {
		expr_set_text(to, in->text);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		if (!expr_text_of(&in[i], storage, &text) ||
		    (at = expr_scratch_take(scratch, text.size)) == NULL) {
			scratch->at = start;
			return;
		}
		if (text.size > 0)
			memcpy(at, text.at, text.size);
	}
	expr_set_text(to, slice_of(start, (size_t)(scratch->at - start)));
}

static bool
is_word(struct slice text, const char *const words[4])
{
	for (unsigned i = 0; i < 4; i++)
		if (slice_is(text, words[i]))
			return true;
	return false;
}

void
expr_call_bool(EXPR_ARGUMENTS)
{
	static const char *const yes[4] = { "true", "1", "yes", "t" };
	static const char *const no[4] = { "false", "0", "no", "f" };
	uint8_t lower[8];

	(void)scratch, (void)count;
	if (in->type == EXPR_BOOL)
		expr_set_bool(to, in->truth);
	else if (in->type == EXPR_INT && (in->integer == 0 || in->integer == 1))
		expr_set_bool(to, in->integer == 1);
	if (in->type != EXPR_TEXT || in->text.size > sizeof lower)
		return;
	for (size_t i = 0; i < in->text.size; i++)
		lower[i] = in->text.at[i] >= 'A' && in->text.at[i] <= 'Z'
		    ? in->text.at[i] | 0x20
		    : in->text.at[i];
	if (is_word(slice_of(lower, in->text.size), yes))
		expr_set_bool(to, true);
	else if (is_word(slice_of(lower, in->text.size), no))
		expr_set_bool(to, false);
}

/* --- Time and money ------------------------------------------------------------- */

void
expr_call_time(EXPR_ARGUMENTS)
{
	instant when;

	(void)scratch, (void)count;
	if ((in->type == EXPR_INT && when_from_integer(in->integer, &when)) ||
	    (in->type == EXPR_FLOAT && when_from_number(in->number, &when)) ||
	    (in->type == EXPR_TEXT && when_parse_any(slice_trim(in->text), &when)))
		expr_set_int(to, when);
}

/* A number, or its text, times the unit in microseconds. */
static void
epoch(const struct expr_value *in, int64_t unit_us, struct expr_value *to)
{
	int64_t us;

	if (in->type == EXPR_INT &&
	    !__builtin_mul_overflow(in->integer, unit_us, &us) && us >= -WHEN_MAX &&
	    us <= WHEN_MAX)
		expr_set_int(to, us);
	else if (in->type == EXPR_FLOAT &&
	    fabs(in->number) * (double)unit_us <= (double)WHEN_MAX)
		set_whole(to, round(in->number * (double)unit_us));
	else if (in->type == EXPR_TEXT &&
	    when_parse_epoch(slice_trim(in->text), unit_us, &us))
		expr_set_int(to, us);
}

void
expr_call_time_s(EXPR_ARGUMENTS)
{
	(void)scratch, (void)count;
	epoch(in, WHEN_SECOND, to);
}

void
expr_call_time_ms(EXPR_ARGUMENTS)
{
	(void)scratch, (void)count;
	epoch(in, 1000, to);
}

void
expr_call_time_us(EXPR_ARGUMENTS)
{
	(void)scratch, (void)count;
	epoch(in, 1, to);
}

void
expr_call_micros(EXPR_ARGUMENTS)
{
	int64_t micros;
	double number;

	(void)scratch, (void)count;
	if (in->type == EXPR_INT) {
		if (!__builtin_mul_overflow(in->integer, INT64_C(1000000), &micros))
			expr_set_int(to, micros);
	} else if (in->type == EXPR_TEXT &&
	    number_parse_decimal(slice_trim(in->text), 6, &micros)) {
		expr_set_int(to, micros);
	} else if ((in->type == EXPR_TEXT || in->type == EXPR_FLOAT) &&
	    number_of(in, &number)) {
		set_whole(to, round(number * 1e6));
	}
}
