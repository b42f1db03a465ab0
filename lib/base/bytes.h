/* SPDX-License-Identifier: MIT
 *
 * bytes: byte order, alignment-safe loads and stores, and arithmetic that says when it
 * would overflow. All cost one or two instructions.
 */
#ifndef BANNERPIPE_BASE_BYTES_H
#define BANNERPIPE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The bytes of a host integer in big-endian (network, msgpack) order and back. */
static inline uint16_t
bytes_be16(uint16_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static inline uint32_t
bytes_be32(uint32_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline uint64_t
bytes_be64(uint64_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(v) : v;
}

static inline uint64_t
bytes_le64(uint64_t v)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v) : v;
}

static inline uint32_t
bytes_le32(uint32_t v)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(v) : v;
}

/* Load from and store to any address, in the order named. */
static inline uint16_t
bytes_load_be16(const void *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof v);
	return bytes_be16(v);
}

static inline uint32_t
bytes_load_be32(const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof v);
	return bytes_be32(v);
}

static inline uint64_t
bytes_load_be64(const void *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof v);
	return bytes_be64(v);
}

static inline uint32_t
bytes_load_le32(const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof v);
	return bytes_le32(v);
}

static inline uint64_t
bytes_load_le64(const void *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof v);
	return bytes_le64(v);
}

static inline void
bytes_store_be16(void *at, uint16_t v)
{
	v = bytes_be16(v);
	memcpy(at, &v, sizeof v);
}

static inline void
bytes_store_be32(void *at, uint32_t v)
{
	v = bytes_be32(v);
	memcpy(at, &v, sizeof v);
}

static inline void
bytes_store_be64(void *at, uint64_t v)
{
	v = bytes_be64(v);
	memcpy(at, &v, sizeof v);
}

static inline void
bytes_store_le32(void *at, uint32_t v)
{
	v = bytes_le32(v);
	memcpy(at, &v, sizeof v);
}

static inline void
bytes_store_le64(void *at, uint64_t v)
{
	v = bytes_le64(v);
	memcpy(at, &v, sizeof v);
}

/* *sum = a + b and *product = a * b; false when the result does not fit. */
static inline bool
bytes_add(size_t a, size_t b, size_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

static inline bool
bytes_multiply(size_t a, size_t b, size_t *product)
{
	return !__builtin_mul_overflow(a, b, product);
}

/* The largest power of two that is at most v; 0 for 0. */
static inline uint64_t
bytes_power_of_two(uint64_t v)
{
	return v == 0 ? 0 : (uint64_t)1 << (63 - __builtin_clzll(v));
}

#endif
