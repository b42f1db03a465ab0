/* SPDX-License-Identifier: MIT
 *
 * consent: what the key `consent` of a record says. Where it is not there, the user was
 * asked before.
 */
#ifndef BANNERPIPE_RECORD_CONSENT_H
#define BANNERPIPE_RECORD_CONSENT_H

#include "lib/record/value.h"

/* Whether its value is a map whose `personalization` is true: only then the user may be
 * remembered. */
bool consent_is_given(struct slice consent);

#endif
