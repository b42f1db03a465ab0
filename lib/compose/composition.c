/* SPDX-License-Identifier: MIT */
#include "lib/compose/composition.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/assert.h"
#include "lib/hash.h"

enum { DIGITS = 12 };

/* Seeds by type, so that "7" and 7 differ. */
enum { AS_TEXT = 1, AS_NUMBER, AS_OTHER };

/* --- Reading ------------------------------------------------------------------------- */

/* The same for every msgpack of a value. */
static uint64_t
hash_value(struct slice value)
{
	struct slice text;
	double number;
	uint64_t bits;

	if (value_str(value, &text))
		return hash_bytes(text, AS_TEXT);
	if (value_number(value, &number)) {
		memcpy(&bits, &number, sizeof bits);
		return hash_mix(bits + AS_NUMBER);
	}
	return hash_bytes(value, AS_OTHER);
}

static int
check_list(struct slice name, struct slice list, struct error *error)
{
	struct slice none, item;
	struct value_walk walk;
	int size = name.size < 80 ? (int)name.size : 80;

	if (value_count(list) == 0)
		return error_set(error, "parts.%.*s is an empty list", size, name.at);
	for (value_open(list, &walk); value_next(&walk, &none, &item);)
		switch (value_type(item)) {
		case VALUE_STR:
		case VALUE_BOOL:
		case VALUE_INT:
		case VALUE_FLOAT:
		case VALUE_MAP:
			break;
		default:
			return error_set(error,
			    "parts.%.*s has what is no text, number or map", size,
			    name.at);
		}
	return 0;
}

/* In its place by name. */
static void
insert_part(struct compositions *c, struct composition_part part)
{
	unsigned at = c->part_count++;

	for (; at > 0 && slice_compare(c->part[at - 1].name, part.name) > 0; at--)
		c->part[at] = c->part[at - 1];
	c->part[at] = part;
}

static int
read_parts(struct compositions *c, struct error *error)
{
	struct composition_part part;
	struct value_walk walk;
	struct slice key;
	uint64_t count = 1;

	for (value_open(c->parts, &walk); value_next(&walk, &key, &part.list);) {
		if (value_type(part.list) != VALUE_ARRAY || !value_str(key, &part.name))
			continue;
		if (check_list(part.name, part.list, error) != 0)
			return -1;
		part.count = value_count(part.list);
		count *= part.count;
		if (count > COMPOSITION_MAX || c->part_count == COMPOSITION_PARTS_MAX)
			return error_set(error,
			    "its parts make more than %d compositions",
			    COMPOSITION_MAX);
		insert_part(c, part);
	}
	c->count = c->part_count > 0 ? (uint32_t)count : 0;
	return 0;
}

/* Which value of each part the i-th has. */
static void
choose(const struct compositions *c, uint32_t i, uint32_t chosen[COMPOSITION_PARTS_MAX])
{
	for (unsigned p = c->part_count; p-- > 0; i /= c->part[p].count)
		chosen[p] = i % c->part[p].count;
}

static int
hash_all(struct compositions *c, struct error *error)
{
	for (uint32_t i = 0; i < c->count; i++) {
		uint32_t chosen[COMPOSITION_PARTS_MAX];
		uint64_t hash = 0;
		struct slice value;

		choose(c, i, chosen);
		for (unsigned p = 0; p < c->part_count; p++) {
			(void)value_at(c->part[p].list, chosen[p], &value);
			hash = hash_pair(hash,
			    hash_pair(
				hash_bytes(c->part[p].name, 0), hash_value(value)));
		}
		c->hash[i] = hash >> (64 - 4 * DIGITS);
		for (uint32_t j = 0; j < i; j++)
			if (c->hash[j] == c->hash[i])
				return error_set(
				    error, "a list of its parts has a value twice");
	}
	return 0;
}

/* The text of an id: an integer is written in digits. */
static bool
id_text(struct slice value, char room[24], struct slice *to)
{
	int64_t integer;

	if (value_text(value, to))
		return true;
	if (!value_int(value, &integer))
		return false;
	*to = slice_of(room, (size_t)snprintf(room, 24, "%" PRId64, integer));
	return true;
}

static int
check_ids(const struct compositions *c, struct error *error)
{
	struct slice value, id;
	char room[24];

	if (!value_get(c->record, "creative_id", &value) ||
	    !id_text(value, room, &id) || id.size == 0 || id.size > COMPOSITION_ID_MAX)
		return error_set(error,
		    "a creative of parts has a creative_id of 1 to %d bytes",
		    COMPOSITION_ID_MAX);
	if (value_get(c->record, "event_id", &value) &&
	    (!id_text(value, room, &id) || id.size == 0 ||
		id.size > COMPOSITION_EVENT_MAX))
		return error_set(error,
		    "a creative of parts has an event_id of 1 to %d bytes",
		    COMPOSITION_EVENT_MAX);
	return value_count(c->record) < RECORD_KEYS_MAX
	    ? 0
	    : error_set(
		  error, "it has no room for composed_of: %d keys", RECORD_KEYS_MAX);
}

int
compositions_read(struct compositions *c, struct slice creative, struct error *error)
{
	c->record = creative;
	c->part_count = 0;
	c->count = 0;
	if (!value_get(creative, "parts", &c->parts) ||
	    value_type(c->parts) != VALUE_MAP)
		return 0;
	if (read_parts(c, error) != 0)
		return -1;
	return c->count == 0 || (check_ids(c, error) == 0 && hash_all(c, error) == 0)
	    ? 0
	    : -1;
}

/* --- Building ------------------------------------------------------------------------ */

static void
build_id(struct build *to, struct slice whole, uint64_t hash)
{
	char room[24], id[COMPOSITION_EVENT_MAX + DIGITS + 2];
	struct slice text = { NULL, 0 };

	(void)id_text(whole, room, &text);
	assert(text.size > 0 && text.size <= COMPOSITION_EVENT_MAX);
	memcpy(id, text.at, text.size);
	(void)snprintf(id + text.size, DIGITS + 2, "~%0*" PRIx64, DIGITS, hash);
	text = slice_of(id, text.size + DIGITS + 1);
	if (value_type(whole) == VALUE_BIN)
		build_bin(to, text);
	else
		build_str(to, text);
}

static void
build_parts(const struct compositions *c, uint32_t i, struct build *to)
{
	uint32_t chosen[COMPOSITION_PARTS_MAX];
	struct slice key, value, name;
	struct value_walk walk;

	choose(c, i, chosen);
	build_map(to, value_count(c->parts));
	for (value_open(c->parts, &walk); value_next(&walk, &key, &value);) {
		build_raw(to, key);
		if (value_type(value) == VALUE_ARRAY && value_str(key, &name))
			for (unsigned p = 0; p < c->part_count; p++)
				if (slice_equal(c->part[p].name, name))
					(void)value_at(
					    c->part[p].list, chosen[p], &value);
		build_raw(to, value);
	}
}

/* Each event has an id of its own: bp-dedupe would hold all but one for repeated. */
void
compositions_build(const struct compositions *c, uint32_t i, struct build *to)
{
	struct slice key, value, name;
	struct value_walk walk;
	uint32_t pairs = 0;
	size_t open;

	assert(i < c->count);
	open = build_open(to);
	for (value_open(c->record, &walk); value_next(&walk, &key, &value); pairs++) {
		if (!value_str(key, &name))
			name = slice_of(NULL, 0);
		if (slice_is(name, "composed_of")) {
			pairs--;
			continue;
		}
		build_raw(to, key);
		if (slice_is(name, "creative_id") || slice_is(name, "event_id"))
			build_id(to, value, c->hash[i]);
		else if (slice_is(name, "parts"))
			build_parts(c, i, to);
		else
			build_raw(to, value);
		if (slice_is(name, "creative_id")) {
			build_text(to, "composed_of");
			build_raw(to, value);
			pairs++;
		}
	}
	build_close_map(to, open, pairs);
}
