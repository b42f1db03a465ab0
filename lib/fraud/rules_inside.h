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

/* Of rules that all have a condition on a signal: its value is at least the one or at most
 * the other of these where any of them may hold. */
struct screen {
	uint16_t signal, first, n; /* of `screened` */
	float least, most;
};

struct rules {
	float prior;
	uint32_t sets, counted, own;
	unsigned n, screens;
	struct screen screen[RULES_MAX];
	uint16_t screened[RULES_MAX]; /* rules, by their screens */
	struct rule rule[RULES_MAX];
};

/* By comparison. */
extern const char *const rules_operators[OPERATORS];

#endif
