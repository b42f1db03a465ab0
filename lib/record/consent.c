/* SPDX-License-Identifier: MIT */
#include "lib/record/consent.h"

bool
consent_is_given(struct slice consent)
{
	struct slice value;
	bool yes = false;

	return value_type(consent) == VALUE_MAP &&
	    value_get(consent, "personalization", &value) && value_bool(value, &yes) &&
	    yes;
}
