/* SPDX-License-Identifier: MIT */
#include "lib/net/mac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
check(const char *key, size_t key_size, const char *text, const char *wanted)
{
	struct mac *m = mac_new(slice_of(key, key_size));
	struct slice all = slice_text(text);
	uint8_t code[MAC_SIZE];
	char hex[2 * MAC_SIZE + 1];

	assert_non_null(m);
	for (size_t cut = 0; cut <= all.size; cut++) {
		const struct slice texts[] = { slice_of(all.at, cut),
			slice_from(all, cut) };

		mac_of(m, texts, 2, code);
		for (unsigned i = 0; i < MAC_SIZE; i++)
			(void)snprintf(hex + 2 * (size_t)i, 3, "%02x", code[i]);
		assert_string_equal(hex, wanted);
	}
	mac_free(m);
}

/* RFC 4231, test cases 1, 2, 5 (which is cut as ours are) and 6. */
static void
it_is_hmac_sha_256_of_rfc_4231(void **state)
{
	char key[131];

	(void)state;
	memset(key, 0x0b, sizeof key);
	check(key, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b");
	check("Jefe", 4, "what do ya want for nothing?",
	    "5bdcc146bf60754e6a042426089575c7");
	memset(key, 0x0c, sizeof key);
	check(key, 20, "Test With Truncation", "a3b6167473100ee06e0c796c2955552b");
	memset(key, 0xaa, sizeof key);
	check(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
	    "60e431591ee0b67f0d8a26aacbf5b77f");
}

static void
codes_are_equal_when_all_their_bits_are(void **state)
{
	uint8_t a[MAC_SIZE] = { 1, 2, 3 }, b[MAC_SIZE] = { 1, 2, 3 };

	(void)state;
	assert_true(mac_equal(a, b));
	for (unsigned bit = 0; bit < 8 * MAC_SIZE; bit++) {
		b[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_false(mac_equal(a, b));
		b[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_hmac_sha_256_of_rfc_4231),
		cmocka_unit_test(codes_are_equal_when_all_their_bits_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
