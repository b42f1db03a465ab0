/* SPDX-License-Identifier: MIT */
#include "lib/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lib/base/bytes.h"

struct hash_key
hash_key(uint64_t seed)
{
	struct random r = { seed };
	struct hash_key key = { .k0 = random_next(&r) };

	key.k1 = random_next(&r);
	return key;
}

static inline uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

/* The last n < 8 bytes as a little-endian number, without a loop: of those before them
 * or from both ends. */
static inline uint64_t
load_rest(struct slice bytes, size_t n)
{
	const uint8_t *end, *at;

	if (n == 0)
		return 0;
	end = bytes.at + bytes.size;
	at = end - n;
	if (bytes.size >= 8)
		return bytes_load_le64(end - 8) >> (64 - 8 * n);
	if (n >= 4)
		return bytes_load_le32(at) |
		    (uint64_t)bytes_load_le32(end - 4) << (8 * (n - 4));
	return at[0] | (uint64_t)at[n / 2] << (8 * (n / 2)) |
	    (uint64_t)at[n - 1] << (8 * (n - 1));
}

uint64_t
hash_keyed(struct hash_key key, struct slice bytes)
{
	uint64_t v[4] = { key.k0 ^ UINT64_C(0x736f6d6570736575),
		key.k1 ^ UINT64_C(0x646f72616e646f6d),
		key.k0 ^ UINT64_C(0x6c7967656e657261),
		key.k1 ^ UINT64_C(0x7465646279746573) };
	size_t whole = bytes.size & ~(size_t)7;
	uint64_t word, last = (uint64_t)bytes.size << 56;

	for (size_t i = 0; i < whole; i += 8) {
		word = bytes_load_le64(bytes.at + i);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	last |= load_rest(bytes, bytes.size - whole);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
hash_bytes(struct slice bytes, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes.at, bytes.size, seed);
}

/* The state of XXH3 by another name; XXH3 aligns it. */
struct hash_stream *
hash_stream_new(void)
{
	XXH3_state_t *state = XXH3_createState();

	if (state != NULL)
		(void)XXH3_64bits_reset(state);
	return (struct hash_stream *)state;
}

void
hash_stream_add(struct hash_stream *h, struct slice bytes)
{
	(void)XXH3_64bits_update((XXH3_state_t *)h, bytes.at, bytes.size);
}

uint64_t
hash_stream_value(const struct hash_stream *h)
{
	return XXH3_64bits_digest((const XXH3_state_t *)h);
}

void
hash_stream_free(struct hash_stream *h)
{
	(void)XXH3_freeState((XXH3_state_t *)h);
}

void
hash_wide(struct slice bytes, uint64_t seed, uint8_t to[16])
{
	XXH128_hash_t h = XXH3_128bits_withSeed(bytes.at, bytes.size, seed);

	bytes_store_be64(to, h.high64);
	bytes_store_be64(to + 8, h.low64);
}

/* One nibble at a time with a table of 16: control records and file headers are small
 * and rare, a larger table would cost more cache than it saves. */
uint32_t
hash_crc32c(uint32_t before, struct slice bytes)
{
	static const uint32_t table[16] = { 0x00000000, 0x105ec76f, 0x20bd8ede,
		0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78,
		0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a,
		0xf36e6f75 };
	uint32_t crc = ~before;

	for (size_t i = 0; i < bytes.size; i++) {
		crc ^= bytes.at[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}
