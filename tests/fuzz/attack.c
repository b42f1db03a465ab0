/* SPDX-License-Identifier: MIT
 *
 * Any text as a list of attacks: what is read are shares of 0 to 1, each of a kind that the
 * text names; what is not says so.
 */
#include <string.h>

#include "lib/base/assert.h"
#include "lib/simulate/who.h"

enum { TEXT_MAX = 1 << 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	double shares[WHO_COUNT], humans;
	struct error error = { "" };
	char text[TEXT_MAX + 1];

	if (size > TEXT_MAX)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (who_read_shares(shares, text, &error) != 0) {
		assert(memcmp(error.text, "attack", 6) == 0);
		return 0;
	}
	assert(shares[WHO_HUMAN] == 0);
	for (unsigned i = 0; i < WHO_COUNT; i++) {
		assert(shares[i] >= 0 && shares[i] <= 1);
		assert(shares[i] == 0 || strstr(text, who_habits[i].word) != NULL);
	}
	if (who_check_shares(shares, &error) != 0)
		return 0;
	/* Shares of all sessions, as sessions for each of a human. */
	humans = 1;
	for (unsigned i = WHO_HUMAN + 1; i < WHO_COUNT; i++)
		humans += who_per_human(shares, i);
	for (unsigned i = WHO_HUMAN + 1; i < WHO_FRIENDLY; i++) {
		double back = who_per_human(shares, i) / humans - shares[i];

		assert(back < 1e-12 && back > -1e-12);
	}
	return 0;
}
