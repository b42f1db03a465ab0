/* SPDX-License-Identifier: MIT
 *
 * Any text as a threshold of bp-login and of bp-transaction: both take the same ones, a
 * finite score or a share in (0, 1).
 */
#include <math.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/login/threshold.h"
#include "lib/transaction/alert.h"

enum { TEXT_MAX = 1 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error error = { "" };
	char text[TEXT_MAX + 1];
	struct threshold t;
	struct alert a;

	if (size > TEXT_MAX)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (threshold_parse(&t, text, 2, &error) != 0) {
		assert(error.text[0] == '\'');
		assert(alert_parse(&a, text, &error) != 0);
		return 0;
	}
	assert(alert_parse(&a, text, &error) == 0);
	assert(t.is_rate == (a.share > 0));
	if (t.is_rate)
		assert(t.rate == a.share && t.rate < 1 && t.score == 2);
	else
		assert(t.score == a.limit && isfinite(t.score));
	return 0;
}
