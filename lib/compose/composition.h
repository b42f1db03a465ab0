/* SPDX-License-Identifier: MIT
 *
 * composition: what a creative of parts can be. Parts whose value is a list are to be
 * chosen:
 *
 *	"creative_id": "c1", "parts": {"colour": ["red", "teal"], "headline": "Sale"}
 *
 * Each combination of them is a creative of its own, with one value of each part, so that
 * whoever chooses a creative chooses all of its parts jointly:
 *
 *	"creative_id": "c1~0f6b2a91c3d4", "composed_of": "c1", "parts": {"colour": "red", ...}
 *
 * The digits are a hash of the names and values of what was chosen: an id survives other
 * values that come or go, and their order. All other keys are taken over.
 */
#ifndef BANNERPIPE_COMPOSE_COMPOSITION_H
#define BANNERPIPE_COMPOSE_COMPOSITION_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/record/build.h"
#include "lib/record/record.h"

enum {
	COMPOSITION_MAX = 256,      /* of one creative */
	COMPOSITION_PARTS_MAX = 32, /* of one creative that are lists */
	COMPOSITION_MORE =
	    1 << 10, /* bytes that one is larger than its creative at most */
	COMPOSITION_ID_MAX = 240,    /* bytes of the id of a creative of parts */
	COMPOSITION_EVENT_MAX = 255, /* and of its event_id */
};

/* A part that is a list. */
struct composition_part {
	struct slice name, list; /* its text; msgpack */
	uint32_t count;
};

struct compositions {
	struct slice record, parts;                          /* borrowed */
	struct composition_part part[COMPOSITION_PARTS_MAX]; /* in the order of names */
	unsigned part_count;
	uint32_t count;                 /* 0: no part is a list, it is what it is */
	uint64_t hash[COMPOSITION_MAX]; /* of each, 48 bits */
};

/* The compositions of a creative, a map that was scanned; it is borrowed. -1 and error,
 * "parts.colour is an empty list". Cost: 0.1 us when there are none, then about 50 ns for
 * each. */
int compositions_read(
    struct compositions *c, struct slice creative, struct error *error);
/* Append the record of one, i < count; the last part in the order of names goes first
 * through its values. It has record.size + COMPOSITION_MORE bytes at most. */
void compositions_build(const struct compositions *c, uint32_t i, struct build *to);

#endif
