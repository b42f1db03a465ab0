/* SPDX-License-Identifier: MIT
 *
 * Values of expressions: from msgpack and back, their order, arithmetic.
 */
#include <math.h>

#include "lib/base/assert.h"
#include "lib/text/expr_node.h"

void
expr_value_load(struct slice raw, struct expr_value *to)
{
	int8_t type;

	to->raw = raw;
	switch (value_type(raw)) {
	case VALUE_NIL:
		to->type = EXPR_NIL;
		return;
	case VALUE_BOOL:
		to->type = EXPR_BOOL;
		(void)value_bool(raw, &to->truth);
		return;
	case VALUE_INT:
		if (value_int(raw, &to->integer)) {
			to->type = EXPR_INT;
			return;
		}
		/* fall through */
	case VALUE_FLOAT:
		to->type = EXPR_FLOAT;
		(void)value_number(raw, &to->number);
		return;
	case VALUE_STR:
	case VALUE_BIN:
		to->type = EXPR_TEXT;
		(void)value_text(raw, &to->text);
		return;
	case VALUE_ARRAY:
		to->type = EXPR_LIST;
		return;
	case VALUE_MAP:
		to->type = EXPR_MAP;
		return;
	case VALUE_EXT:
		if (value_ext(raw, &type, &to->text) && type == -1 &&
		    value_instant(raw, &to->integer)) {
			to->type = EXPR_INT;
			return;
		}
		break;
	}
	to->type = EXPR_OTHER;
}

bool
expr_value_build(const struct expr_value *value, struct build *b)
{
	if (value->type == EXPR_MISSING)
		return false;
	if (value->raw.at != NULL) {
		build_raw(b, value->raw);
		return true;
	}
	switch (value->type) {
	case EXPR_NIL:
		build_nil(b);
		return true;
	case EXPR_BOOL:
		build_bool(b, value->truth);
		return true;
	case EXPR_INT:
		build_int(b, value->integer);
		return true;
	case EXPR_FLOAT:
		build_double(b, value->number);
		return true;
	case EXPR_TEXT:
		build_str(b, value->text);
		return true;
	case EXPR_MISSING:
	case EXPR_LIST:
	case EXPR_MAP:
	case EXPR_OTHER:
		break;
	}
	assert(false && "a list, map or ext value always has its msgpack");
	return false;
}

/* An integer against a float, exactly: 2^53 + 1 > 2^53. False for NaN. */
static bool
order_mixed(int64_t integer, double number, int *order)
{
	int64_t whole;
	double rest;

	if (isnan(number))
		return false;
	if (number >= 0x1p63) {
		*order = -1;
	} else if (number < -0x1p63) {
		*order = 1;
	} else {
		whole = (int64_t)number;
		rest = number - (double)whole;
		*order = integer != whole ? (integer > whole) - (integer < whole)
					  : (rest < 0) - (rest > 0);
	}
	return true;
}

bool
expr_value_order(const struct expr_value *a, const struct expr_value *b, int *order)
{
	bool known;

	if (a->type == EXPR_INT && b->type == EXPR_INT) {
		*order = (a->integer > b->integer) - (a->integer < b->integer);
		return true;
	}
	if (a->type == EXPR_INT && b->type == EXPR_FLOAT)
		return order_mixed(a->integer, b->number, order);
	if (a->type == EXPR_FLOAT && b->type == EXPR_INT) {
		known = order_mixed(b->integer, a->number, order);
		*order = -*order;
		return known;
	}
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case EXPR_FLOAT:
		*order = (a->number > b->number) - (a->number < b->number);
		return !isnan(a->number) && !isnan(b->number);
	case EXPR_TEXT:
		*order = slice_compare(a->text, b->text);
		return true;
	case EXPR_BOOL:
		*order = a->truth - b->truth;
		return true;
	default:
		return false;
	}
}

bool
expr_value_equal(const struct expr_value *a, const struct expr_value *b)
{
	int order;

	if (a->type == EXPR_TEXT && b->type == EXPR_TEXT)
		return slice_equal(a->text, b->text);
	if (expr_value_order(a, b, &order))
		return order == 0;
	if (a->type != b->type)
		return false;
	return a->type == EXPR_NIL ||
	    ((a->type == EXPR_LIST || a->type == EXPR_MAP || a->type == EXPR_OTHER) &&
		slice_equal(a->raw, b->raw));
}

bool
expr_value_relation(
    const struct expr_value *a, enum expr_relation relation, const struct expr_value *b)
{
	int order;

	if (a->type == EXPR_MISSING || b->type == EXPR_MISSING)
		return false;
	if (relation == EXPR_EQUAL)
		return expr_value_equal(a, b);
	if (relation == EXPR_UNEQUAL)
		return !expr_value_equal(a, b);
	if (!expr_value_order(a, b, &order))
		return false;
	switch (relation) {
	case EXPR_LESS:
		return order < 0;
	case EXPR_LESS_EQUAL:
		return order <= 0;
	case EXPR_GREATER:
		return order > 0;
	default:
		return order >= 0;
	}
}

static bool
as_number(const struct expr_value *value, double *to)
{
	*to = value->type == EXPR_INT ? (double)value->integer : value->number;
	return value->type == EXPR_INT || value->type == EXPR_FLOAT;
}

void
expr_value_arithmetic(const struct expr_value *a, char sign, const struct expr_value *b,
    struct expr_value *to)
{
	bool whole = a->type == EXPR_INT && b->type == EXPR_INT;
	double x, y;
	int64_t result;

	expr_set_missing(to);
	if (!as_number(a, &x) || !as_number(b, &y))
		return;
	switch (sign) {
	case '+':
		if (!whole)
			expr_set_float(to, x + y);
		else if (!__builtin_add_overflow(a->integer, b->integer, &result))
			expr_set_int(to, result);
		return;
	case '-':
		if (!whole)
			expr_set_float(to, x - y);
		else if (!__builtin_sub_overflow(a->integer, b->integer, &result))
			expr_set_int(to, result);
		return;
	case '*':
		if (!whole)
			expr_set_float(to, x * y);
		else if (!__builtin_mul_overflow(a->integer, b->integer, &result))
			expr_set_int(to, result);
		return;
	default:
		if (y != 0)
			expr_set_float(to, x / y);
	}
}

static int
sort_class(const struct expr_value *value)
{
	switch (value->type) {
	case EXPR_NIL:
		return 0;
	case EXPR_BOOL:
		return 1;
	case EXPR_INT:
	case EXPR_FLOAT:
		return 2;
	case EXPR_TEXT:
		return 3;
	default:
		return 4;
	}
}

int
expr_value_sort(const void *a, const void *b)
{
	const struct expr_value *x = a, *y = b;
	int order = sort_class(x) - sort_class(y);

	if (order != 0 || expr_value_order(x, y, &order))
		return order;
	return 0; /* two nils; constants are never NaN, lists or maps */
}
