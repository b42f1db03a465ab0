/* SPDX-License-Identifier: MIT
 *
 * lattice: how often every combination of five fields of an event was seen: all 31 sets of
 * an address, a device, a system, a user and a banner, each with the values that the event
 * has. Of a set there are
 *
 *	velocity   events of this brief slice of event time and of the one before
 *	volume     the same of long slices
 *	clicks     clicks among these
 *	distinct   for each field that is not in the set, how many values of it came with the
 *	           set, in this long slice or the one before, whichever had more; 255 is 255
 *	           or more. It costs nothing: a set with one field more that is new says so
 *	           to the set without it.
 *
 * Slices are cut at multiples of their length: event time alone decides what counts.
 *
 * A set's values have one cell of 32 bytes in one of two neighbouring cache lines, found by
 * the exclusive or of keyed hashes, of which 32 bits are compared: whoever does not know
 * the key makes two meet once in 10^9. When both lines are full, the cell with the least
 * volume goes, the one of longest ago if there are several: under a flood of new keys hot
 * ones stay. What went is counted, and estimated by a Count-Min sketch behind the cells
 * (Cormode and Muthukrishnan, J. Algorithms 2005): a cell that comes again begins with the
 * volume that its slice had.
 */
#ifndef BANNERPIPE_FRAUD_LATTICE_H
#define BANNERPIPE_FRAUD_LATTICE_H

#include <stdbool.h>
#include <stdint.h>

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

/* A set of fields is its bits, 1..31. */
enum { LATTICE_SETS = 1 << LATTICE_FIELDS };

struct lattice_rule {
	struct span brief, length; /* of slices, a second or more */
};

struct lattice_counts {
	uint32_t volume, clicks, velocity;
	uint8_t distinct[LATTICE_FIELDS]; /* of the fields in the set: 0 */
};

/* What an event has: keyed hashes of values, from keys that differ by field. */
struct lattice_point {
	uint64_t hash[LATTICE_FIELDS];
	unsigned present; /* bits: fields that it has */
};

struct lattice_totals {
	uint64_t cells;   /* taken at some time */
	uint64_t evicted; /* cells that went while they counted */
	uint64_t mass;    /* events that these had counted */
	uint64_t late;    /* events that came after their slices */
};

struct lattice;

/* In at most memory_bytes. NULL: there is no memory, or less than lattice_memory_min. */
struct lattice *lattice_new(struct lattice_rule rule, uint64_t memory_bytes);
void lattice_free(struct lattice *l);
uint64_t lattice_memory_min(void);

/* Ahead of either of the next. */
void lattice_prefetch(const struct lattice *l, const struct lattice_point *p);
/* Count the event, and tell what there is of each set of its fields, the event included;
 * others are left as they are. Cost: 10-15 ns a set. */
void lattice_add(struct lattice *l, const struct lattice_point *p, instant when,
    bool click, struct lattice_counts to[LATTICE_SETS]);
/* What there is at that time; 0 of what is not known any more. */
void lattice_read(const struct lattice *l, const struct lattice_point *p, instant when,
    struct lattice_counts to[LATTICE_SETS]);

struct lattice_totals lattice_totals(const struct lattice *l);

void lattice_save(struct lattice *l, struct state_writer *to);
/* -1: it is of another shape. */
int lattice_load(struct lattice *l, struct state_reader *from, struct error *error);

#endif
