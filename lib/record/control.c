/* SPDX-License-Identifier: MIT */
#include "lib/record/control.h"

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/record/value.h"

enum { VERSION = 1, HEAD = 10, TAIL = 4, OWN_MAX = 200 };

bool
control_read(struct slice bytes, struct control *to, bool *damaged)
{
	struct slice payload;
	int8_t type;

	*damaged = false;
	if (!value_ext(bytes, &type, &payload) || type != CONTROL_TYPE)
		return false;
	*damaged = payload.size < HEAD + TAIL ||
	    hash_crc32c(0, slice_of(payload.at, payload.size - TAIL)) !=
		bytes_load_le32(payload.at + payload.size - TAIL);
	if (*damaged)
		return false;
	to->kind = payload.at[0];
	to->epoch = bytes_load_le64(payload.at + 2);
	to->own = slice_of(payload.at + HEAD, payload.size - HEAD - TAIL);
	return true;
}

bool
control_tick(const struct control *c, instant *watermark, bool *idle)
{
	if (c->kind != CONTROL_TICK || c->own.size != 9)
		return false;
	*watermark = (int64_t)bytes_load_le64(c->own.at);
	*idle = c->own.at[8] != 0;
	return *watermark <= WHEN_MAX && *watermark >= -WHEN_MAX;
}

void
control_build(struct build *b, enum control_kind kind, uint64_t epoch, struct slice own)
{
	uint8_t payload[HEAD + OWN_MAX + TAIL];
	size_t size = HEAD + own.size;

	assert(own.size <= OWN_MAX);
	payload[0] = (uint8_t)kind;
	payload[1] = VERSION;
	bytes_store_le64(payload + 2, epoch);
	if (own.size > 0)
		memcpy(payload + HEAD, own.at, own.size);
	bytes_store_le32(payload + size, hash_crc32c(0, slice_of(payload, size)));
	build_ext(b, CONTROL_TYPE, slice_of(payload, size + TAIL));
}

void
control_build_tick(struct build *b, instant watermark, bool idle)
{
	uint8_t own[9];

	bytes_store_le64(own, (uint64_t)watermark);
	own[8] = idle;
	control_build(b, CONTROL_TICK, 0, slice_of(own, sizeof own));
}

void
control_build_gap(struct build *b, uint64_t from, uint64_t to, struct slice text)
{
	uint8_t own[OWN_MAX];
	size_t size = text.size < OWN_MAX - 16 ? text.size : OWN_MAX - 16;

	bytes_store_le64(own, from);
	bytes_store_le64(own + 8, to);
	if (size > 0)
		memcpy(own + 16, text.at, size);
	control_build(b, CONTROL_GAP, 0, slice_of(own, 16 + size));
}
