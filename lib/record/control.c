/* SPDX-License-Identifier: MIT */
#include "lib/record/control.h"

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/record/value.h"

enum { VERSION = 1, HEAD = 10, TAIL = 4 };

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

bool
control_hello(const struct control *c, uint32_t *generation, struct slice *lineage)
{
	if (c->kind != CONTROL_HELLO || c->own.size <= 4)
		return false;
	*generation = bytes_load_le32(c->own.at);
	*lineage = slice_from(c->own, 4);
	return true;
}

bool
control_cut(const struct control *c, instant *wall)
{
	if (c->kind != CONTROL_CUT || c->own.size != 8)
		return false;
	*wall = (int64_t)bytes_load_le64(c->own.at);
	return true;
}

bool
control_is_pause(const struct control *c)
{
	return c->kind == CONTROL_END && c->own.size > 0 && c->own.at[0] == 1;
}

void
control_build(struct build *b, enum control_kind kind, uint64_t epoch, struct slice own)
{
	uint8_t payload[HEAD + CONTROL_OWN_MAX + TAIL];
	size_t size = HEAD + own.size;

	assert(own.size <= CONTROL_OWN_MAX);
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
control_build_hello(
    struct build *b, uint64_t restore, uint32_t generation, struct slice lineage)
{
	uint8_t own[CONTROL_OWN_MAX];

	assert(lineage.size > 0 && lineage.size <= CONTROL_OWN_MAX - 4);
	bytes_store_le32(own, generation);
	memcpy(own + 4, lineage.at, lineage.size);
	control_build(b, CONTROL_HELLO, restore, slice_of(own, 4 + lineage.size));
}

void
control_build_cut(struct build *b, uint64_t epoch, instant wall)
{
	uint8_t own[8];

	bytes_store_le64(own, (uint64_t)wall);
	control_build(b, CONTROL_CUT, epoch, slice_of(own, sizeof own));
}

void
control_build_end(struct build *b, uint64_t epoch, bool pause)
{
	uint8_t own = pause;

	control_build(b, CONTROL_END, epoch, slice_of(&own, 1));
}

void
control_build_gap(struct build *b, uint64_t from, uint64_t to, struct slice text)
{
	uint8_t own[CONTROL_OWN_MAX];
	size_t size =
	    text.size < CONTROL_OWN_MAX - 16 ? text.size : CONTROL_OWN_MAX - 16;

	bytes_store_le64(own, from);
	bytes_store_le64(own + 8, to);
	if (size > 0)
		memcpy(own + 16, text.at, size);
	control_build(b, CONTROL_GAP, 0, slice_of(own, 16 + size));
}
