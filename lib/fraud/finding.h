/* SPDX-License-Identifier: MIT
 *
 * finding: what a look has found, as a record of kind verdict or retract
 * (lib/record/judgement.h), and what was learned, as a file of rules.
 */
#ifndef BANNERPIPE_FRAUD_FINDING_H
#define BANNERPIPE_FRAUD_FINDING_H

#include "lib/fraud/fraud.h"
#include "lib/os.h"

/* Append the record: version 1 of a first look, 2 of a second one; a retract when that
 * found the event invalid after all. It has the key `measured`, a map of the signals that
 * the reasons are about, those that the event has. The finding has an id. */
void finding_build(
    const struct fraud *f, const struct fraud_finding *found, struct build *b);

/* What was learned, and the rules as far as they still count, into the file of that name,
 * which is replaced as a whole. They make the score that it has now. It must have labels.
 * 0, or -1 and error. */
int finding_write_rules(
    const struct fraud *f, const struct os *os, const char *path, struct error *error);

#endif
