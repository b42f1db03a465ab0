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
	CONTROL_HELLO = 1, /* the first in every stream of a generation: who sends it */
	CONTROL_CUT = 2,   /* a barrier: the epoch of this number ends here */
	CONTROL_TICK = 3,  /* event time has passed: the watermark */
	CONTROL_END = 4,   /* the input is complete: finish; or a planned stop */
	CONTROL_GAP = 5,   /* something was lost: source, from, to, reason */
	CONTROL_TEXT = 6,
};

enum { CONTROL_TYPE = 66, CONTROL_SIZE_MAX = 255, CONTROL_OWN_MAX = 200 };

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

/* HELLO's own bytes: generation u32, then the lineage: ids of stages with a space between
 * them, the sender first, then those before it. Where several streams were made one, the
 * first word is their senders with '+' between them. The epoch is the one that all
 * restore. `lineage` is borrowed. */
bool control_hello(
    const struct control *c, uint32_t *generation, struct slice *lineage);
/* CUT's own bytes: wall clock of the source when it cut, i64 us. */
bool control_cut(const struct control *c, instant *wall);
/* END's own byte: 1 for a planned stop (save, do not finish: the run goes on another
 * time); 0 or none when the input is complete. */
bool control_is_pause(const struct control *c);

/* Append one. own.size is at most CONTROL_OWN_MAX. */
void control_build(
    struct build *b, enum control_kind kind, uint64_t epoch, struct slice own);
void control_build_tick(struct build *b, instant watermark, bool idle);
/* `lineage` is at most CONTROL_OWN_MAX - 4 bytes. */
void control_build_hello(
    struct build *b, uint64_t restore, uint32_t generation, struct slice lineage);
void control_build_cut(struct build *b, uint64_t epoch, instant wall);
void control_build_end(struct build *b, uint64_t epoch, bool pause);
/* GAP's own bytes: from u64, to u64 (byte positions), then "source: reason" as text. */
void control_build_gap(struct build *b, uint64_t from, uint64_t to, struct slice text);

#endif
