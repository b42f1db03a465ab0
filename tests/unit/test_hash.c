/* SPDX-License-Identifier: MIT */
#include "lib/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/bytes.h"

/* The vectors of libcore (library/coretests/tests/hash/sip.rs): key 00..0f, message
 * 00, 01, ..., output as it lies in memory. */
static void
hash_keyed_is_siphash_1_3(void **state)
{
	static const uint64_t vectors[] = { 0xdcc40f055801acab, 0x93ca577df39bf4c9,
		0x4dd4c74d029bcb82, 0xfbf7dde7b80af88b, 0x2883d388605775cf,
		0x673b53492fd5f9de, 0xa7229fc5502b0dc5, 0x4011b19b987d92d3,
		0x8e9a298d11959036, 0xe43d066cb38ea425, 0x7f09ff92ee85de79,
		0x52c34df9c118c170, 0xa2d9b457b184a378, 0xa7ff29120c766f30,
		0x345df9c011a15a60, 0x5699512a6dd820d3, 0x668b907d1add4fcc,
		0x0cd8db639068f29c, 0x3ee673b49c38fc8f, 0x1c7d298de59d1ff2 };
	struct hash_key key = { UINT64_C(0x0706050403020100),
		UINT64_C(0x0f0e0d0c0b0a0908) };
	uint8_t message[64], out[8];

	(void)state;
	for (uint8_t i = 0; i < 64; i++)
		message[i] = i;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		bytes_store_le64(out, hash_keyed(key, slice_of(message, i)));
		assert_int_equal(bytes_load_be64(out), vectors[i]);
	}
	bytes_store_le64(out, hash_keyed(key, slice_of(message, 63)));
	assert_int_equal(bytes_load_be64(out), UINT64_C(0xa8b3bbb76290199d));
}

/* xxHash's own sanity vectors (cli/xsum_sanity_check.c). */
static void
hash_bytes_and_hash_wide_are_xxh3(void **state)
{
	static const struct {
		size_t size;
		uint64_t seed, hash;
	} vectors[] = { { 0, 0, 0x2D06800538D394C2 },
		{ 0, 0x9E3779B185EBCA8D, 0xA8A6B918B2F0364A },
		{ 1, 0, 0xC44BDFF4074EECDB },
		{ 1, 0x9E3779B185EBCA8D, 0x032BE332DD766EF8 },
		{ 6, 0, 0x27B56A84CD2D7325 }, { 12, 0, 0xA713DAF0DFBB77E7 },
		{ 24, 0, 0xA3FE70BF9D3510EB },
		{ 24, 0x9E3779B185EBCA8D, 0x850E80FC35BDD690 },
		{ 48, 0, 0x397DA259ECBA1F11 }, { 80, 0, 0xBCDEFBBB2C47C90A },
		{ 80, 0x9E3779B185EBCA8D, 0xC6DD0CB699532E73 },
		{ 195, 0, 0xCD94217EE362EC3A }, { 403, 0, 0xCDEB804D65C6DEA4 },
		{ 512, 0, 0x617E49599013CB6B }, { 2048, 0, 0xDD59E2C3A5F038E0 } };
	static const uint8_t wide_of_nothing[16] = { 0x99, 0xAA, 0x06, 0xD3, 0x01, 0x47,
		0x98, 0xD8, 0x60, 0x01, 0xC3, 0x24, 0x46, 0x8D, 0x49, 0x7F };
	uint64_t generator = 2654435761;
	uint8_t buffer[2048], wide[16];

	(void)state;
	for (size_t i = 0; i < sizeof buffer; i++) {
		buffer[i] = (uint8_t)(generator >> 56);
		generator *= UINT64_C(11400714785074694797);
	}
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
		assert_int_equal(
		    hash_bytes(slice_of(buffer, vectors[i].size), vectors[i].seed),
		    vectors[i].hash);
	hash_wide(slice_of(buffer, 0), 0, wide);
	assert_memory_equal(wide, wide_of_nothing, 16);
}

/* RFC 3720, appendix B.4, and the check value of the catalogue of CRCs. */
static void
hash_crc32c_is_the_castagnoli_crc(void **state)
{
	uint8_t bytes[32];
	uint32_t crc = 0;

	(void)state;
	assert_int_equal(hash_crc32c(0, slice_text("123456789")), 0xE3069283);
	memset(bytes, 0, sizeof bytes);
	assert_int_equal(hash_crc32c(0, slice_of(bytes, 32)), 0x8A9136AA);
	memset(bytes, 0xff, sizeof bytes);
	assert_int_equal(hash_crc32c(0, slice_of(bytes, 32)), 0x62A8AB43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(hash_crc32c(0, slice_of(bytes, 32)), 0x46DD794E);
	for (size_t i = 0; i < 32; i += 8)
		crc = hash_crc32c(crc, slice_of(bytes + i, 8));
	assert_int_equal(crc, 0x46DD794E);
}

/* The published output of splitmix64 from the state 1234567. */
static void
random_next_is_splitmix64(void **state)
{
	struct random r = { 1234567 };

	(void)state;
	assert_int_equal(random_next(&r), UINT64_C(6457827717110365317));
	assert_int_equal(random_next(&r), UINT64_C(3203168211198807973));
	assert_int_equal(random_next(&r), UINT64_C(9817491932198370423));
}

static void
buckets_are_even_and_in_range(void **state)
{
	enum { BUCKETS = 10, DRAWS = 100000 };
	unsigned count[BUCKETS] = { 0 };
	struct random r = { 5 };
	double x, chi2 = 0;

	(void)state;
	for (int i = 0; i < DRAWS; i++) {
		uint64_t h = random_next(&r), b = hash_bucket(h, BUCKETS);

		assert_true(b < BUCKETS);
		count[b]++;
		x = hash_uniform(h);
		assert_true(x >= 0 && x < 1);
	}
	for (int i = 0; i < BUCKETS; i++) {
		x = count[i] - (double)DRAWS / BUCKETS;
		chi2 += x * x / ((double)DRAWS / BUCKETS);
	}
	assert_true(
	    chi2 < 27.9); /* 9 degrees of freedom, p = 0.001; the seed is fixed */
	assert_true(hash_uniform(UINT64_MAX) < 1);
	assert_int_equal(hash_bucket(UINT64_MAX, 7), 6);
	assert_int_equal(hash_bucket(UINT64_MAX, 1), 0);
}

static void
a_pair_depends_on_its_order_and_on_both(void **state)
{
	(void)state;
	assert_int_not_equal(hash_pair(1, 2), hash_pair(2, 1));
	assert_int_not_equal(hash_pair(1, 2), hash_pair(1, 3));
	assert_int_not_equal(hash_pair(1, 2), hash_pair(3, 2));
	assert_int_not_equal(hash_key(1).k0, hash_key(2).k0);
	assert_int_not_equal(hash_key(1).k0, hash_key(1).k1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_keyed_is_siphash_1_3),
		cmocka_unit_test(hash_bytes_and_hash_wide_are_xxh3),
		cmocka_unit_test(hash_crc32c_is_the_castagnoli_crc),
		cmocka_unit_test(random_next_is_splitmix64),
		cmocka_unit_test(buckets_are_even_and_in_range),
		cmocka_unit_test(a_pair_depends_on_its_order_and_on_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
