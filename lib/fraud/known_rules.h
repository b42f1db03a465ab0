/* SPDX-License-Identifier: MIT
 *
 * known_rules: the rules that come with the programs: the files lib/fraud/rules/NAME.txt,
 * made into C when building.
 */
#ifndef BANNERPIPE_FRAUD_KNOWN_RULES_H
#define BANNERPIPE_FRAUD_KNOWN_RULES_H

#include <stddef.h>

#include "lib/base/slice.h"

struct known_rule {
	const char *name; /* "behaviour" */
	struct slice text;
};

extern const struct known_rule known_rules[];
extern const size_t known_rules_count;

#endif
