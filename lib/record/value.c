/* SPDX-License-Identifier: MIT */
#include "lib/record/value.h"

#include "lib/record/measure.h"

enum value_type
value_type(struct slice value)
{
	uint8_t b = value.at[0];

	if (b <= 0x7f || b >= 0xe0)
		return VALUE_INT;
	if (b <= 0x8f || b == 0xde || b == 0xdf)
		return VALUE_MAP;
	if (b <= 0x9f || b == 0xdc || b == 0xdd)
		return VALUE_ARRAY;
	if (b <= 0xbf || (b >= 0xd9 && b <= 0xdb))
		return VALUE_STR;
	if (b == 0xc2 || b == 0xc3)
		return VALUE_BOOL;
	if (b >= 0xc4 && b <= 0xc6)
		return VALUE_BIN;
	if ((b >= 0xc7 && b <= 0xc9) || (b >= 0xd4 && b <= 0xd8))
		return VALUE_EXT;
	if (b == 0xca || b == 0xcb)
		return VALUE_FLOAT;
	return b >= 0xcc ? VALUE_INT : VALUE_NIL;
}

const char *
value_type_name(enum value_type type)
{
	static const char *const names[] = { "nil", "bool", "int", "float", "str",
		"bin", "array", "map", "ext" };

	return names[type];
}

bool
value_bool(struct slice value, bool *to)
{
	*to = value.at[0] == 0xc3;
	return *to || value.at[0] == 0xc2;
}

/* An integer as sign and magnitude, so that int64 and uint64 share the reading. */
static bool
integer(struct slice value, bool *negative, uint64_t *bits)
{
	const uint8_t *p = value.at;
	int64_t number = 0;

	*negative = false;
	switch (p[0]) {
	case 0xcc:
		*bits = p[1];
		return true;
	case 0xcd:
		*bits = bytes_load_be16(p + 1);
		return true;
	case 0xce:
		*bits = bytes_load_be32(p + 1);
		return true;
	case 0xcf:
		*bits = bytes_load_be64(p + 1);
		return true;
	case 0xd0:
		number = (int8_t)p[1];
		break;
	case 0xd1:
		number = (int16_t)bytes_load_be16(p + 1);
		break;
	case 0xd2:
		number = (int32_t)bytes_load_be32(p + 1);
		break;
	case 0xd3:
		number = (int64_t)bytes_load_be64(p + 1);
		break;
	default:
		if (p[0] > 0x7f && p[0] < 0xe0)
			return false;
		number = (int8_t)p[0];
	}
	*negative = number < 0;
	*bits = (uint64_t)number;
	return true;
}

bool
value_int(struct slice value, int64_t *to)
{
	bool negative;
	uint64_t bits;

	if (!integer(value, &negative, &bits) || (!negative && bits > INT64_MAX))
		return false;
	*to = (int64_t)bits;
	return true;
}

bool
value_uint(struct slice value, uint64_t *to)
{
	bool negative;

	return integer(value, &negative, to) && !negative;
}

bool
value_number(struct slice value, double *to)
{
	bool negative;
	uint64_t bits;
	uint32_t half;
	float single;

	if (value.at[0] == 0xcb) {
		bits = bytes_load_be64(value.at + 1);
		memcpy(to, &bits, sizeof *to);
		return true;
	}
	if (value.at[0] == 0xca) {
		half = bytes_load_be32(value.at + 1);
		memcpy(&single, &half, sizeof single);
		*to = (double)single;
		return true;
	}
	if (!integer(value, &negative, &bits))
		return false;
	*to = negative ? (double)(int64_t)bits : (double)bits;
	return true;
}

/* The payload of a str, bin or ext behind its header; for an ext the type byte belongs
 * to the header. */
static struct slice
payload(struct slice value)
{
	const struct measure *m = &measure_table[value.at[0]];
	size_t header = m->class == MEASURE_SIZED ? m->size : 1;

	return slice_from(value, header);
}

bool
value_str(struct slice value, struct slice *to)
{
	uint8_t b = value.at[0];

	if ((b & 0xe0) == 0xa0)
		*to = slice_of(value.at + 1, b & 31u);
	else if (b >= 0xd9 && b <= 0xdb)
		*to = payload(value);
	else
		return false;
	return true;
}

bool
value_bin(struct slice value, struct slice *to)
{
	if (value.at[0] < 0xc4 || value.at[0] > 0xc6)
		return false;
	*to = payload(value);
	return true;
}

bool
value_text(struct slice value, struct slice *to)
{
	return value_str(value, to) || value_bin(value, to);
}

bool
value_ext(struct slice value, int8_t *type, struct slice *to)
{
	if (value_type(value) != VALUE_EXT)
		return false;
	*to = payload(value);
	if (measure_table[value.at[0]].class == MEASURE_FIXED)
		*to = slice_from(*to, 1);
	*type = (int8_t)to->at[-1];
	return true;
}

/* The specification's three layouts of a timestamp. */
static bool
timestamp(struct slice own, int64_t *us)
{
	int64_t seconds, nanoseconds = 0;
	uint64_t both;

	if (own.size == 4) {
		seconds = bytes_load_be32(own.at);
	} else if (own.size == 8) {
		both = bytes_load_be64(own.at);
		nanoseconds = (int64_t)(both >> 34);
		seconds = (int64_t)(both & 0x3ffffffff);
	} else if (own.size == 12) {
		nanoseconds = bytes_load_be32(own.at);
		seconds = (int64_t)bytes_load_be64(own.at + 4);
	} else {
		return false;
	}
	if (nanoseconds > 999999999 || seconds > INT64_MAX / 1000000 - 1 ||
	    seconds < INT64_MIN / 1000000 + 1)
		return false;
	*us = seconds * 1000000 + nanoseconds / 1000;
	return true;
}

bool
value_instant(struct slice value, int64_t *us)
{
	struct slice own;
	int8_t type;

	if (value_int(value, us))
		return true;
	return value_ext(value, &type, &own) && type == -1 && timestamp(own, us);
}

/* The same for an array or map: what is left to step over is a count. */
static size_t
container_size(const uint8_t *at)
{
	const uint8_t *p = at;
	uint64_t left = 1;

	while (left > 0) {
		const struct measure *m = &measure_table[*p];

		left--;
		if (m->class == MEASURE_SIZED)
			p += measure_field(p + 1, m->head);
		else if (m->class == MEASURE_ARRAY)
			left += measure_count(p, m);
		else if (m->class == MEASURE_MAP)
			left += 2 * (uint64_t)measure_count(p, m);
		p += m->size;
	}
	return (size_t)(p - at);
}

static inline size_t
size_of(const uint8_t *at)
{
	const struct measure *m = &measure_table[*at];

	if (__builtin_expect(m->class == MEASURE_FIXED, 1))
		return m->size;
	if (m->class == MEASURE_SIZED)
		return m->size + (size_t)measure_field(at + 1, m->head);
	return container_size(at);
}

size_t
value_size(const uint8_t *at)
{
	return size_of(at);
}

void
value_open(struct slice value, struct value_walk *walk)
{
	const struct measure *m = &measure_table[value.at[0]];
	bool container = m->class == MEASURE_ARRAY || m->class == MEASURE_MAP;

	walk->at = value.at + m->size;
	walk->left = container ? measure_count(value.at, m) : 0;
	walk->pairs = m->class == MEASURE_MAP;
}

bool
value_next(struct value_walk *walk, struct slice *key, struct slice *item)
{
	if (walk->left == 0)
		return false;
	walk->left--;
	*key = slice_of(NULL, 0);
	if (walk->pairs) {
		*key = slice_of(walk->at, size_of(walk->at));
		walk->at += key->size;
	}
	*item = slice_of(walk->at, size_of(walk->at));
	walk->at += item->size;
	return true;
}

uint32_t
value_count(struct slice value)
{
	struct value_walk walk;

	value_open(value, &walk);
	return walk.left;
}

bool
value_get_slice(struct slice map, struct slice name, struct slice *to)
{
	struct value_walk walk;
	struct slice key, text;

	value_open(map, &walk);
	if (!walk.pairs)
		return false;
	while (value_next(&walk, &key, to))
		if (key.size > name.size && value_str(key, &text) &&
		    slice_equal(text, name))
			return true;
	return false;
}

bool
value_get(struct slice map, const char *key, struct slice *to)
{
	return value_get_slice(map, slice_text(key), to);
}

bool
value_path(struct slice map, struct slice path, struct slice *to)
{
	size_t dot = slice_find(path, '.');

	if (value_type(map) != VALUE_MAP)
		return false;
	if (value_get_slice(map, path, to))
		return true;
	return dot < path.size && value_get_slice(map, slice_of(path.at, dot), to) &&
	    value_path(*to, slice_from(path, dot + 1), to);
}

bool
value_at(struct slice array, uint32_t index, struct slice *to)
{
	struct value_walk walk;
	struct slice key;

	value_open(array, &walk);
	if (walk.pairs || index >= walk.left)
		return false;
	for (uint32_t i = 0; i <= index; i++)
		(void)value_next(&walk, &key, to);
	return true;
}
