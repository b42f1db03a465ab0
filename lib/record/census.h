/* SPDX-License-Identifier: MIT
 *
 * census: which kinds of event a stream has, which keys they carry, and of which types the
 * values are, in constant memory (about 550 KB, plain bytes that can be saved as they
 * are, zeroed at first).
 */
#ifndef BANNERPIPE_RECORD_CENSUS_H
#define BANNERPIPE_RECORD_CENSUS_H

#include "lib/record/record.h"

enum {
	CENSUS_KINDS_MAX = 48,
	CENSUS_KEYS_MAX = 96, /* of one kind */
	CENSUS_NAME_SIZE = 47,
	CENSUS_TYPES = VALUE_EXT + 1,
};

/* A name from outside, cut to CENSUS_NAME_SIZE bytes, '?' in place of control characters. */
struct census_name {
	uint8_t size;
	char text[CENSUS_NAME_SIZE];
};

struct census_key {
	struct census_name name;
	uint64_t type[CENSUS_TYPES]; /* records, by enum value_type */
};

struct census_kind {
	struct census_name name;
	uint64_t records;
	uint64_t beyond; /* pairs whose key found no place among CENSUS_KEYS_MAX */
	uint32_t keys;
	struct census_key key[CENSUS_KEYS_MAX]; /* in the order of their coming */
};

struct census {
	uint32_t kinds;
	struct census_kind
	    kind[CENSUS_KINDS_MAX]; /* when full, the last gathers the rest */
};

enum { CENSUS_LINE_MAX = 512 };

/* A kind as an aligned line of text, with its share of `records`; and one of its keys, with
 * the share of the kind's records that have it and the types of its values. Terminated,
 * without a newline. */
void census_kind_line(
    const struct census_kind *k, uint64_t records, char to[CENSUS_LINE_MAX]);
void census_key_line(const struct census_kind *k, const struct census_key *key,
    char to[CENSUS_LINE_MAX]);

/* Count one record. One without event counts as kind "(no event)". Cost: about 10 ns a key. */
void census_count(struct census *c, const struct record *r);

#endif
