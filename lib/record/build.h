/* SPDX-License-Identifier: MIT
 *
 * build: append msgpack to storage of the caller's, in the shortest form of each value,
 * as msgpack-c's packer writes it. Source: the MessagePack specification.
 *
 * Nothing is allocated. When the storage is full, the builder remembers it (build_full)
 * and ignores what follows, so a caller checks once, at the end. Cost: 2-5 ns a value.
 */
#ifndef BANNERPIPE_RECORD_BUILD_H
#define BANNERPIPE_RECORD_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/slice.h"

struct build {
	uint8_t *start, *at, *end; /* borrowed storage; start <= at <= end */
	bool full;
};

static inline void
build_init(struct build *b, void *storage, size_t size)
{
	b->start = b->at = storage;
	b->end = b->start + size;
	b->full = false;
}

/* Forget what was built; the storage stays. */
static inline void
build_reset(struct build *b)
{
	b->at = b->start;
	b->full = false;
}

static inline bool
build_full(const struct build *b)
{
	return b->full;
}

/* What has been built so far; borrowed until the next change. */
static inline struct slice
build_slice(const struct build *b)
{
	return slice_of(b->start, (size_t)(b->at - b->start));
}

/* Room for `size` bytes, or false and the builder is full from now on. */
static inline bool
build_room(struct build *b, size_t size)
{
	if (__builtin_expect((size_t)(b->end - b->at) < size || b->full, 0)) {
		b->full = true;
		return false;
	}
	return true;
}

static inline void
build_byte(struct build *b, uint8_t byte)
{
	if (build_room(b, 1))
		*b->at++ = byte;
}

static inline void
build_nil(struct build *b)
{
	build_byte(b, 0xc0);
}

static inline void
build_bool(struct build *b, bool value)
{
	build_byte(b, value ? 0xc3 : 0xc2);
}

static inline void
build_uint(struct build *b, uint64_t value)
{
	if (!build_room(b, 9))
		return;
	if (value < 0x80) {
		*b->at++ = (uint8_t)value;
	} else if (value <= UINT8_MAX) {
		b->at[0] = 0xcc;
		b->at[1] = (uint8_t)value;
		b->at += 2;
	} else if (value <= UINT16_MAX) {
		b->at[0] = 0xcd;
		bytes_store_be16(b->at + 1, (uint16_t)value);
		b->at += 3;
	} else if (value <= UINT32_MAX) {
		b->at[0] = 0xce;
		bytes_store_be32(b->at + 1, (uint32_t)value);
		b->at += 5;
	} else {
		b->at[0] = 0xcf;
		bytes_store_be64(b->at + 1, value);
		b->at += 9;
	}
}

static inline void
build_int(struct build *b, int64_t value)
{
	if (value >= 0) {
		build_uint(b, (uint64_t)value);
		return;
	}
	if (!build_room(b, 9))
		return;
	if (value >= -32) {
		*b->at++ = (uint8_t)value;
	} else if (value >= INT8_MIN) {
		b->at[0] = 0xd0;
		b->at[1] = (uint8_t)value;
		b->at += 2;
	} else if (value >= INT16_MIN) {
		b->at[0] = 0xd1;
		bytes_store_be16(b->at + 1, (uint16_t)value);
		b->at += 3;
	} else if (value >= INT32_MIN) {
		b->at[0] = 0xd2;
		bytes_store_be32(b->at + 1, (uint32_t)value);
		b->at += 5;
	} else {
		b->at[0] = 0xd3;
		bytes_store_be64(b->at + 1, (uint64_t)value);
		b->at += 9;
	}
}

static inline void
build_double(struct build *b, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	if (!build_room(b, 9))
		return;
	b->at[0] = 0xcb;
	bytes_store_be64(b->at + 1, bits);
	b->at += 9;
}

static inline void
build_float(struct build *b, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof bits);
	if (!build_room(b, 5))
		return;
	b->at[0] = 0xca;
	bytes_store_be32(b->at + 1, bits);
	b->at += 5;
}

/* A number as an integer when it is whole and exact: of -2^53 to 2^53. */
static inline void
build_number(struct build *b, double value)
{
	if (value > -0x1p53 && value < 0x1p53 && value == (double)(int64_t)value)
		build_int(b, (int64_t)value);
	else
		build_double(b, value);
}

/* Bytes that are msgpack already, or belong to a value begun with a _header call. */
static inline void
build_raw(struct build *b, struct slice bytes)
{
	if (!build_room(b, bytes.size))
		return;
	if (bytes.size > 0)
		memcpy(b->at, bytes.at, bytes.size);
	b->at += bytes.size;
}

static inline void
build_str_header(struct build *b, size_t size)
{
	if (size > UINT32_MAX || !build_room(b, 5)) {
		b->full = true;
	} else if (size < 32) {
		*b->at++ = (uint8_t)(0xa0 | size);
	} else if (size <= UINT8_MAX) {
		b->at[0] = 0xd9;
		b->at[1] = (uint8_t)size;
		b->at += 2;
	} else if (size <= UINT16_MAX) {
		b->at[0] = 0xda;
		bytes_store_be16(b->at + 1, (uint16_t)size);
		b->at += 3;
	} else {
		b->at[0] = 0xdb;
		bytes_store_be32(b->at + 1, (uint32_t)size);
		b->at += 5;
	}
}

static inline void
build_str(struct build *b, struct slice text)
{
	build_str_header(b, text.size);
	build_raw(b, text);
}

/* A C string; with a literal the length is known when compiling. */
static inline void
build_text(struct build *b, const char *text)
{
	build_str(b, slice_text(text));
}

static inline void
build_bin(struct build *b, struct slice bytes)
{
	if (bytes.size > UINT32_MAX || !build_room(b, 5)) {
		b->full = true;
	} else if (bytes.size <= UINT8_MAX) {
		b->at[0] = 0xc4;
		b->at[1] = (uint8_t)bytes.size;
		b->at += 2;
	} else if (bytes.size <= UINT16_MAX) {
		b->at[0] = 0xc5;
		bytes_store_be16(b->at + 1, (uint16_t)bytes.size);
		b->at += 3;
	} else {
		b->at[0] = 0xc6;
		bytes_store_be32(b->at + 1, (uint32_t)bytes.size);
		b->at += 5;
	}
	build_raw(b, bytes);
}

/* An application's extension value. */
void build_ext(struct build *b, int8_t type, struct slice bytes);

/* The header of a map or array whose size is known beforehand. */
void build_map(struct build *b, uint32_t pairs);
void build_array(struct build *b, uint32_t items);

/* One whose size becomes known at its end: open, append the pairs (or items), close
 * with their number. `open` is what the matching _open returned. Closing one of more
 * than 15 moves its bytes by two. */
static inline size_t
build_open(struct build *b)
{
	size_t open = (size_t)(b->at - b->start);

	build_byte(b, 0xc0);
	return open;
}

void build_close_map(struct build *b, size_t open, uint32_t pairs);
void build_close_array(struct build *b, size_t open, uint32_t items);

#endif
