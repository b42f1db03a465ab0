/* SPDX-License-Identifier: MIT
 *
 * value: read one msgpack value of a record that the scanner has passed. A value is the
 * slice of its bytes, header included; nested values are slices of it. Nothing is
 * copied and nothing allocated. Bytes that were not scanned must not come here.
 */
#ifndef BANNERPIPE_RECORD_VALUE_H
#define BANNERPIPE_RECORD_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/slice.h"

enum value_type {
	VALUE_NIL,
	VALUE_BOOL,
	VALUE_INT,   /* any integer, signed or not */
	VALUE_FLOAT, /* 32 or 64 bits */
	VALUE_STR,
	VALUE_BIN,
	VALUE_ARRAY,
	VALUE_MAP,
	VALUE_EXT,
};

enum value_type value_type(struct slice value);
/* "int", "map", ... for reports and messages. */
const char *value_type_name(enum value_type type);

/* Each answers whether the value is of the type (and in its range) and sets *to. */
bool value_bool(struct slice value, bool *to);
bool value_int(struct slice value, int64_t *to);   /* an integer that fits int64 */
bool value_uint(struct slice value, uint64_t *to); /* a non-negative integer */
bool value_number(struct slice value, double *to); /* an integer or float; may be NaN */
bool value_str(struct slice value, struct slice *to);
bool value_bin(struct slice value, struct slice *to);
bool value_text(struct slice value, struct slice *to); /* a str or a bin */
bool value_ext(struct slice value, int8_t *type, struct slice *to);
/* int64 microseconds, or msgpack's own timestamp extension (type -1). */
bool value_instant(struct slice value, int64_t *us);

/* Walk through a map or array:
 *
 *	for (value_open(v, &walk); value_next(&walk, &key, &item);)
 *
 * The key of an array's item is absent (at == NULL); of a map's pair it is the key's
 * value (of any type). A scalar has no items. */
struct value_walk {
	const uint8_t *at;
	uint32_t left;
	bool pairs;
};

void value_open(struct slice value, struct value_walk *walk);
bool value_next(struct value_walk *walk, struct slice *key, struct slice *item);
/* How many items or pairs: 0 for a scalar. */
uint32_t value_count(struct slice value);

/* The value of a map under a string key; of an array at an index, from 0. */
bool value_get(struct slice map, const char *key, struct slice *to);
bool value_get_slice(struct slice map, struct slice key, struct slice *to);
bool value_at(struct slice array, uint32_t index, struct slice *to);
/* The same under "a.b": the key of that name, or else b in the map a. */
bool value_path(struct slice map, struct slice path, struct slice *to);

/* The bytes that a valid value starting here takes. Cost: a walk through it. */
size_t value_size(const uint8_t *at);

#endif
