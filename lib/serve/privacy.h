/* SPDX-License-Identifier: MIT
 *
 * privacy: whether what is said of a user's choices lets us know him. What is malformed,
 * or of a kind that is not read here, is a no.
 *
 * Sources: IAB Europe and IAB Tech Lab, "Transparency and Consent String with Global Vendor
 * & CMP List Formats", version 2 (the core string); IAB Tech Lab, "US Privacy String",
 * version 1; "Global Privacy Platform", section information.
 */
#ifndef BANNERPIPE_SERVE_PRIVACY_H
#define BANNERPIPE_SERVE_PRIVACY_H

#include "lib/base/slice.h"

/* A consent string: to store and access (purpose 1), to profiles and by them (3 and 4). */
bool privacy_tcf(struct slice text);
/* "1YNN": he has not opted out of the sale of what is known of him. */
bool privacy_us(struct slice text);
/* A GPP string, of which that one section applies: those of the two above (2 and 6), when
 * the string has no other. */
bool privacy_gpp(struct slice text, uint64_t section);

#endif
