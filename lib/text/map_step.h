/* SPDX-License-Identifier: MIT
 *
 * map_step: the compiled form of a map; private to map.
 */
#ifndef BANNERPIPE_TEXT_MAP_STEP_H
#define BANNERPIPE_TEXT_MAP_STEP_H

#include "lib/text/expr_node.h"
#include "lib/text/map.h"

enum {
	MAP_STEPS_MAX = 4096,
	MAP_KEYS_MAX = 250,        /* of one record; event_id may come on top */
	MAP_WORK = 1 << 24,        /* steps of evaluation for one raw record */
	MAP_ID_MAX = 200,          /* bytes of a default event_id */
	MAP_RECORDS_MAX = 1 << 16, /* of one raw record */
	MAP_CODED_MAX = 32,        /* bytes of a pair that are kept as msgpack */
};

/* Keys that a record must have, or gets. */
enum map_role {
	MAP_ROLE_NONE,
	MAP_ROLE_EVENT,
	MAP_ROLE_EVENT_ID,
	MAP_ROLE_TIMESTAMP,
	MAP_ROLES,
};

/* key = value, or let slot = value when key.at is NULL. */
struct map_pair {
	struct slice key;
	uint32_t value; /* a node */
	uint16_t slot;
	uint8_t role;
	uint8_t coded_size;           /* 0 when the key is too long for it */
	bool coded_whole;             /* the value as well, which is constant */
	uint8_t coded[MAP_CODED_MAX]; /* the key */
};

/* A set of names: open addressing over indices of pairs and of dropped names. */
struct map_names {
	uint32_t mask;       /* slots - 1 */
	struct slice *slots; /* owned; absent ones have at == NULL */
};

struct map_block {
	struct map_pair pairs[MAP_KEYS_MAX];
	unsigned count;
	struct slice dropped[MAP_KEYS_MAX];
	unsigned dropped_count;
	bool keep_rest;         /* keep * */
	struct map_names known; /* with keep_rest: the fields that are not kept */
};

enum map_op {
	MAP_LET,
	MAP_DROP,   /* when condition */
	MAP_REJECT, /* when condition, with a reason */
	MAP_RECORD, /* when condition */
	MAP_FOR,    /* the steps up to `end` for every item */
};

struct map_step {
	enum map_op op;
	bool otherwise; /* RECORD: only when none was made */
	uint16_t slot, slot_index;
	uint32_t condition;      /* a node; 0: always */
	struct expr_guard guard; /* of the condition */
	uint32_t value;          /* LET, FOR: a node */
	unsigned end;
	size_t line;             /* in the map's text, for reasons */
	struct slice reason;     /* in the program's pool */
	struct map_block *block; /* owned */
};

struct map {
	struct expr_program program;
	struct map_step *steps;
	unsigned step_count, step_room;
	uint8_t *output;
	struct build records;  /* each after its size, 4 bytes little-endian */
	struct slice rest;     /* of the records, for map_next */
	struct slice event_id; /* of the run */
	unsigned record_count; /* of the run */
	char reason[256];
};

/* Whether the name is in the set. */
bool map_names_have(const struct map_names *names, struct slice name);

#endif
