/* SPDX-License-Identifier: MIT
 *
 * expr_convert: the functions of expressions that give a value another type; private to
 * expr. A function is given evaluated arguments and a missing *to, which stays so when
 * there is no answer.
 */
#ifndef BANNERPIPE_TEXT_EXPR_CONVERT_H
#define BANNERPIPE_TEXT_EXPR_CONVERT_H

#include "lib/base/number.h"
#include "lib/text/expr_node.h"

#define EXPR_ARGUMENTS                                                                 \
	struct expr_scratch *scratch, const struct expr_value *in, unsigned count,     \
	    struct expr_value *to

void expr_call_int(EXPR_ARGUMENTS);
void expr_call_float(EXPR_ARGUMENTS);
void expr_call_round(EXPR_ARGUMENTS);
void expr_call_concat(EXPR_ARGUMENTS);
void expr_call_bool(EXPR_ARGUMENTS);
void expr_call_time(EXPR_ARGUMENTS);
void expr_call_time_s(EXPR_ARGUMENTS);
void expr_call_time_ms(EXPR_ARGUMENTS);
void expr_call_time_us(EXPR_ARGUMENTS);
void expr_call_micros(EXPR_ARGUMENTS);

/* The value as text: where it is one, or written into storage; false for what is
 * neither a text, a finite number nor a truth value. */
bool expr_text_of(
    const struct expr_value *value, char storage[NUMBER_TEXT_MAX], struct slice *to);

#endif
