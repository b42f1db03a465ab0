/* SPDX-License-Identifier: MIT
 *
 * hash: 64-bit hashes, the seeded generator, stable buckets.
 *
 * Keys that come from outside (user ids, addresses) go through hash_keyed, whose key is
 * derived from --seed; whoever does not know it cannot choose colliding ids. hash_bytes
 * is for strings of our own (keys of records, features). Both are stable across
 * machines and versions: they may be stored.
 */
#ifndef BANNERPIPE_HASH_H
#define BANNERPIPE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/slice.h"

struct hash_key {
	uint64_t k0, k1;
};

/* The key that belongs to a seed. */
struct hash_key hash_key(uint64_t seed);

/* SipHash-1-3 (Aumasson and Bernstein, INDOCRYPT 2012). Cost: about 10 ns for an id. */
uint64_t hash_keyed(struct hash_key key, struct slice bytes);

/* XXH3, 64 bits, with a seed (Collet, xxHash 0.8). Cost: about 2 ns for an id. */
uint64_t hash_bytes(struct slice bytes, uint64_t seed);

/* The same (seed 0) of bytes that come piece by piece; the value may be asked between
 * pieces. NULL when there is no memory. */
struct hash_stream;
struct hash_stream *hash_stream_new(void);
void hash_stream_add(struct hash_stream *h, struct slice bytes);
uint64_t hash_stream_value(const struct hash_stream *h);
void hash_stream_free(struct hash_stream *h);

/* XXH3, 128 bits, as 16 bytes in canonical (big-endian) order. */
void hash_wide(struct slice bytes, uint64_t seed, uint8_t to[16]);

/* A bijection of 64 bits in which every input bit reaches every output bit (the
 * finaliser of splitmix64: Steele, Lea and Flood, OOPSLA 2014). */
static inline uint64_t
hash_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

/* Two hashes into one; the order matters. */
static inline uint64_t
hash_pair(uint64_t a, uint64_t b)
{
	return hash_mix(a * UINT64_C(0x9E3779B97F4A7C15) + hash_mix(b));
}

/* splitmix64: a generator of 64-bit numbers whose whole state is its seed. */
struct random {
	uint64_t state;
};

static inline uint64_t
random_next(struct random *r)
{
	r->state += UINT64_C(0x9E3779B97F4A7C15);
	return hash_mix(r->state);
}

/* A hash or random number as a double in [0, 1), 53 bits. */
static inline double
hash_uniform(uint64_t h)
{
	return (double)(h >> 11) * 0x1.0p-53;
}

/* A number in 0..n-1, n >= 1, the same for the same hash for ever (multiply-shift). */
static inline uint64_t
hash_bucket(uint64_t h, uint64_t n)
{
	__extension__ typedef unsigned __int128 wide;

	return (uint64_t)(((wide)h * n) >> 64);
}

/* CRC-32C (Castagnoli) of bytes after the CRC of those before; 0 to start. */
uint32_t hash_crc32c(uint32_t before, struct slice bytes);

#endif
