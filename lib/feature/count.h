/* SPDX-License-Identifier: MIT
 *
 * count: what the features of a spec remember of earlier events.
 */
#ifndef BANNERPIPE_FEATURE_COUNT_H
#define BANNERPIPE_FEATURE_COUNT_H

#include "lib/feature/delay.h"
#include "lib/feature/spec.h"
#include "lib/feature/users.h"
#include "lib/hash.h"

/* The two instants of a record: when it was known (timestamp), and when what it is about
 * was shown (shown_at of an outcome; else the same): shown <= known. */
struct count_times {
	instant known, shown;
};

/* A key's field in the current record. */
struct count_id {
	uint64_t turn, hash;
	bool has, many; /* many: a list, and this is its first value */
};

/* A group's cell, found once a record, and that of the last amount. */
struct count_group {
	uint64_t turn;
	bool has;
	uint64_t key;
	const uint8_t *cell; /* NULL: nothing is counted under the key */
	uint64_t fetched;    /* the last key that was fetched ahead */
	uint64_t last_key;
	instant last_known;
	uint8_t *last_cell; /* NULL: none yet */
};

enum { COUNT_PEOPLE_MAX = 3 }; /* the names of users.h */

/* The counters of a spec and what is on its way to them. */
struct counting {
	struct spec *spec; /* borrowed */
	struct hash_key key;
	struct users users;                             /* when people are counted */
	const struct subject *people[COUNT_PEOPLE_MAX]; /* of the spec's keys */
	unsigned people_count;
	uint64_t people_of; /* bits of the kinds that are counted by them */
	struct delay delay;
	uint64_t turn; /* of the current record, from 1 */
	struct count_id ids[SPEC_SUBJECTS_MAX];
	struct count_group groups[SPEC_GROUPS_MAX];
	uint64_t late; /* amounts older than the windows that count them */
	uint64_t
	    stuck; /* amounts that could not be taken back: their counter is lost, or
			 * a sketch by now */
	uint64_t early; /* amounts counted before their time, for want of memory */
};

/* Count what was known at an instant. False when something later is counted already, so
 * that nothing can be read as of it any more. */
bool count_advance(struct counting *c, instant to);

/* Turn to the next record, before the other calls for it. */
static inline void
count_turn(struct counting *c)
{
	c->turn++;
}

/* The hash of a key's field of the record; or say it, when it is known already. */
const struct count_id *count_id(
    struct counting *c, const struct subject *key, const struct record *r);
static inline void
count_set_id(struct counting *c, unsigned slot, const struct count_id *known)
{
	c->ids[slot] = *known;
	c->ids[slot].turn = c->turn;
}

/* Find the record's keys and begin to fetch what is counted under them: before reading,
 * after count_turn. The record is not looked at for keys whose hashes were said. */
void count_fetch(struct counting *c, const struct record *r);

/* What history.c does: find out whom the spec counts by; -1: no memory. */
int count_people(struct counting *c, uint64_t memory_bytes);
/* Before the record is counted: meet the users that it names, or forget them, when it
 * denies consent. What is taken back, or counts again, does neither: of who has been
 * forgotten since nothing is counted. */
void count_meet(struct counting *c, const struct record *r, enum kind kind,
    double weight, struct count_times t);
/* The hash of an id that came from outside. */
bool count_hash(struct hash_key seed, struct slice value, uint64_t *to);

/* What a counting feature says of the record at the instant advanced to: a count, a sum,
 * microseconds, or a rate within 0 and 1. False when it has no key, or nothing to say.
 * Cost: a cache miss for each level. */
bool count_read(
    struct counting *c, const struct spec_feature *f, instant at, double *to);
/* The hashes of the last values; how many. */
unsigned count_last(struct counting *c, const struct spec_feature *f, instant at,
    uint64_t hashes[SPEC_LAST_MAX]);

/* Put on its way what the record adds to the feature's counters; a negative weight takes
 * back what the same record has added (bp-features(5) says how exactly). */
void count_update(struct counting *c, struct spec_feature *f, const struct record *r,
    enum kind kind, double weight, struct count_times t);

#endif
