/* SPDX-License-Identifier: MIT */
#include "lib/record/build.h"

#include "lib/base/assert.h"

void
build_ext(struct build *b, int8_t type, struct slice bytes)
{
	size_t size = bytes.size;

	if (size > UINT32_MAX || !build_room(b, 6)) {
		b->full = true;
		return;
	}
	if (size >= 1 && size <= 16 && (size & (size - 1)) == 0) {
		*b->at++ = (uint8_t)(0xd4 + __builtin_ctz((unsigned)size));
	} else if (size <= UINT8_MAX) {
		*b->at++ = 0xc7;
		*b->at++ = (uint8_t)size;
	} else if (size <= UINT16_MAX) {
		*b->at++ = 0xc8;
		bytes_store_be16(b->at, (uint16_t)size);
		b->at += 2;
	} else {
		*b->at++ = 0xc9;
		bytes_store_be32(b->at, (uint32_t)size);
		b->at += 4;
	}
	*b->at++ = (uint8_t)type;
	build_raw(b, bytes);
}

/* The header of a container: `few` is the code of the form for up to 15 elements,
 * `many` of the 16-bit one, which the 32-bit one follows. Returns its length. */
static size_t
container(uint8_t to[5], uint8_t few, uint8_t many, uint32_t n)
{
	if (n < 16) {
		to[0] = (uint8_t)(few | n);
		return 1;
	}
	if (n <= UINT16_MAX) {
		to[0] = many;
		bytes_store_be16(to + 1, (uint16_t)n);
		return 3;
	}
	to[0] = (uint8_t)(many + 1);
	bytes_store_be32(to + 1, n);
	return 5;
}

static void
close_container(struct build *b, size_t open, uint8_t few, uint8_t many, uint32_t n)
{
	uint8_t header[5];
	size_t size = container(header, few, many, n);
	uint8_t *at = b->start + open;

	if (b->full || !build_room(b, size - 1))
		return;
	assert(at < b->at);
	if (size > 1)
		memmove(at + size, at + 1, (size_t)(b->at - at) - 1);
	memcpy(at, header, size);
	b->at += size - 1;
}

void
build_map(struct build *b, uint32_t pairs)
{
	uint8_t header[5];

	build_raw(b, slice_of(header, container(header, 0x80, 0xde, pairs)));
}

void
build_array(struct build *b, uint32_t items)
{
	uint8_t header[5];

	build_raw(b, slice_of(header, container(header, 0x90, 0xdc, items)));
}

void
build_close_map(struct build *b, size_t open, uint32_t pairs)
{
	close_container(b, open, 0x80, 0xde, pairs);
}

void
build_close_array(struct build *b, size_t open, uint32_t items)
{
	close_container(b, open, 0x90, 0xdc, items);
}
