/* SPDX-License-Identifier: MIT
 *
 * control: what travels between records to steer the stages: a msgpack ext value of
 * application type 66 ('B') whose payload is
 *
 *	kind u8, version u8 (1), epoch u64, own bytes, crc32c u32 (of all before it)
 *
 * with integers little-endian. Filters pass on every control record in its place, those
 * of kinds they do not know too. Other readers of msgpack skip ext values.
 */
#ifndef BANNERPIPE_RECORD_CONTROL_H
#define BANNERPIPE_RECORD_CONTROL_H

#include "lib/record/build.h"
#include "lib/when.h"

enum control_kind {
	CONTROL_HELLO = 1,
	CONTROL_CUT = 2,
	CONTROL_TICK = 3, /* event time has passed: the watermark */
	CONTROL_END = 4,  /* the input is complete: finish */
	CONTROL_GAP = 5,  /* something was lost: source, from, to, reason */
	CONTROL_TEXT = 6,
};

enum { CONTROL_TYPE = 66, CONTROL_SIZE_MAX = 255 };

struct control {
	uint8_t kind;
	uint64_t epoch;
	struct slice own; /* the kind's own bytes, borrowed */
};

/* Read a control record from its msgpack bytes (which the scanner has passed). False
 * when it is an ext of another type, or damaged (*damaged tells). */
bool control_read(struct slice bytes, struct control *to, bool *damaged);

/* TICK's own bytes: watermark i64 us, idle u8. False when they are not that. */
bool control_tick(const struct control *c, instant *watermark, bool *idle);

/* Append one. own.size is at most 200. */
void control_build(
    struct build *b, enum control_kind kind, uint64_t epoch, struct slice own);
void control_build_tick(struct build *b, instant watermark, bool idle);
/* GAP's own bytes: from u64, to u64 (byte positions), then "source: reason" as text. */
void control_build_gap(struct build *b, uint64_t from, uint64_t to, struct slice text);

#endif
