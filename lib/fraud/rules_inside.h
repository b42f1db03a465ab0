/* SPDX-License-Identifier: MIT
 *
 * rules_inside: what rules are, for the files of them.
 */
#ifndef BANNERPIPE_FRAUD_RULES_INSIDE_H
#define BANNERPIPE_FRAUD_RULES_INSIDE_H

#include "lib/fraud/rules.h"

enum comparison { AT_LEAST, ABOVE, AT_MOST, BELOW, EQUAL, OPERATORS };

struct condition {
	uint16_t signal, operator;
	float value;
};

struct rule {
	float share;
	uint16_t group; /* of those that are next to each other */
	uint16_t n;
	struct condition condition[RULES_CONDITIONS_MAX];
	char name[RULES_NAME_MAX + 1];
};

/* Of rules that all have a condition on one of the four signals in a quad: a value is at
 * least the one or at most the other of these where any of them may hold. */
struct screen {
	float least[SIGNAL_QUAD], most[SIGNAL_QUAD];
	uint16_t quad;
	uint16_t first[SIGNAL_QUAD], n[SIGNAL_QUAD]; /* of `screened` */
};

struct rules {
	float prior;
	uint32_t sets, counted, own;
	struct signal_asks asks; /* by the screens */
	unsigned n, screens;
	struct screen screen[SIGNAL_PLACES / SIGNAL_QUAD];
	uint16_t screened[RULES_MAX]; /* rules, by their screens */
	struct rule rule[RULES_MAX];
};

/* By comparison. */
extern const char *const rules_operators[OPERATORS];

#endif
