/* SPDX-License-Identifier: MIT
 *
 * lattice: how often every combination of five fields of an event was seen: all 31 sets of
 * an address, a device, a system, a user and a banner, each with the values that the event
 * has. Of a set there are
 *
 *	velocity   events of this brief slice of event time and of the one before
 *	volume     the same of long slices, up to 65,535 of each
 *	clicks     clicks among these: their rate is right when that is full, too
 *	distinct   for each field that is not in the set, how many values of it came with the
 *	           set, in this long slice or the one before, whichever had more; 255 is 255
 *	           or more. It costs nothing: a set with one field more that is new says so
 *	           to the set without it.
 *
 * Slices are cut at multiples of their length: event time alone decides what counts.
 *
 * A set's values have one cell of 32 bytes, of which 32 bits of a keyed hash are compared:
 * whoever does not know the key makes two meet once in 10^9. Cells of sets that go together
 * lie together, those with a user by the user, others by the address or the device: an
 * event finds its 31 in some ten places. Where that line of two cells is taken, a set has
 * two lines of its own. When all are, the cell with the least volume goes, the one of
 * longest ago if there are several: under a flood of new keys hot ones stay. What went is
 * counted, and estimated by a Count-Min sketch behind the cells (Cormode and Muthukrishnan,
 * J. Algorithms 2005): a set that comes again begins with the volume that its slice had.
 */
#ifndef BANNERPIPE_FRAUD_LATTICE_H
#define BANNERPIPE_FRAUD_LATTICE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/state/block.h"
#include "lib/when.h"

enum lattice_field {
	LATTICE_ADDRESS,
	LATTICE_DEVICE,
	LATTICE_SYSTEM,
	LATTICE_USER,
	LATTICE_BANNER,
	LATTICE_FIELDS
};

/* A set of fields is its bits, 1..31; at least one field is in it, at most so many are not. */
enum { LATTICE_SETS = 1 << LATTICE_FIELDS, LATTICE_OTHERS = LATTICE_FIELDS - 1 };

enum { LATTICE_RATIO_MAX = 16000 };

struct lattice_rule {
	/* Of slices: a second or more; the long ones at most LATTICE_RATIO_MAX times the
	 * brief ones. */
	struct span brief, length;
};

/* Counts of a set; of a pair the first is of the slice that it was last touched in. */
struct lattice_cell {
	uint32_t tag;    /* 0: empty */
	uint32_t length; /* slices; of brief ones the lower bits */
	uint16_t brief;
	uint16_t began; /* of the volume of this slice what the sketch told */
	uint16_t velocity[2], volume[2], clicks[2];
	uint8_t distinct[2]
			[LATTICE_OTHERS]; /* of the fields not in the set, in order */
};

/* What an event has: keyed hashes of values, from keys that differ by field. */
struct lattice_point {
	uint64_t hash[LATTICE_FIELDS];
	uint64_t present; /* bits: fields that it has */
};

/* The sets of some of its fields, as a look at them finds them. */
struct lattice_view {
	unsigned present;   /* fields */
	uint32_t sets;      /* of these that it is opened for, as bits */
	uint32_t unfetched; /* of these that lattice_fetch has to look for yet */
	uint32_t length;    /* slices of the time that it is of */
	uint16_t brief;
	uint64_t hash[LATTICE_SETS];
	struct lattice_cell *home[LATTICE_SETS]; /* where each is, if it is there */
	struct lattice_cell *cell[LATTICE_SETS]; /* to look at; an empty one: nothing */
};

struct lattice_totals {
	uint64_t cells;   /* taken at some time */
	uint64_t evicted; /* cells that went while they counted */
	uint64_t mass;    /* events that these had counted, or a few more */
	uint64_t late;    /* events that came after their slices */
};

struct lattice;

/* In at most memory_bytes. NULL: there is no memory, or less than lattice_memory_min. */
struct lattice *lattice_new(struct lattice_rule rule, uint64_t memory_bytes);
void lattice_free(struct lattice *l);
uint64_t lattice_memory_min(void);

/* Begin a view: of these sets (bits, those of fields that the event has not are left out),
 * and bring them into the cache. What is not counted all the time is not right: of distinct
 * values the sets with one field more as well. */
void lattice_open(const struct lattice *l, const struct lattice_point *p, uint32_t sets,
    struct lattice_view *to);
/* Once that has come: bring in where those can be that are not at home. Only for speed. */
void lattice_fetch(const struct lattice *l, struct lattice_view *view);
/* Count the event in all sets, which the view was opened for, and look at them, itself
 * included. The view holds until the next add; velocities are of sets that it has, others
 * 0. Cost: 3-10 ns a set. */
void lattice_add(struct lattice *l, instant when, bool click, struct lattice_view *view,
    uint16_t velocity[LATTICE_SETS]);
/* Look at those sets that the view was opened for, at that time. */
void lattice_look(
    struct lattice *l, uint32_t sets, instant when, struct lattice_view *view);

/* A pair of counts, seen from so many slices ahead of the one it is of. */
static inline uint32_t
lattice_within(const uint16_t count[2], int32_t ahead)
{
	return ahead <= 0 ? (uint32_t)count[0] + count[1] : ahead == 1 ? count[0] : 0;
}

/* At most UINT16_MAX. */
static inline uint16_t
lattice_velocity_of(const struct lattice_cell *c, const struct lattice_view *v)
{
	int32_t ahead = (int16_t)(uint16_t)(v->brief - c->brief);
	uint32_t n;

	if ((int32_t)(v->length - c->length) > 1)
		ahead = 2;
	n = lattice_within(c->velocity, ahead);
	return (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
}

static inline uint16_t
lattice_velocity(const struct lattice_view *v, unsigned set)
{
	return lattice_velocity_of(v->cell[set], v);
}

struct lattice_counts {
	uint32_t clicks, volume;
};

static inline struct lattice_counts
lattice_counts(const struct lattice_view *v, unsigned set)
{
	const struct lattice_cell *c = v->cell[set];
	int32_t ahead = (int32_t)(v->length - c->length);

	return (struct lattice_counts){ lattice_within(c->clicks, ahead),
		lattice_within(c->volume, ahead) };
}

/* The field is not in the set. */
uint32_t lattice_distinct(const struct lattice_view *v, unsigned set, unsigned field);
/* Which of the fields that are not in the set it is: 0 .. LATTICE_OTHERS - 1. */
unsigned lattice_rank(unsigned set, unsigned field);

/* A cell with what of it still counts in the long slice of the view. */
static inline struct lattice_cell
lattice_seen(const struct lattice_cell *c, const struct lattice_view *v)
{
	struct lattice_cell seen = *c;
	int32_t ahead = (int32_t)(v->length - c->length);

	for (int i = ahead > 1 ? 0 : 1; ahead > 0 && i < 2; i++) {
		seen.volume[i] = seen.clicks[i] = 0;
		memset(seen.distinct[i], 0, LATTICE_OTHERS);
	}
	return seen;
}

struct lattice_totals lattice_totals(const struct lattice *l);

void lattice_save(struct lattice *l, struct state_writer *to);
/* -1: it is of another shape. */
int lattice_load(struct lattice *l, struct state_reader *from, struct error *error);

#endif
