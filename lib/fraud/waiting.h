/* SPDX-License-Identifier: MIT
 *
 * waiting: events that will be looked at a second time, as summaries in a ring, in the
 * order in which they came. Each has a number, 1 and up, that is never used again.
 */
#ifndef BANNERPIPE_FRAUD_WAITING_H
#define BANNERPIPE_FRAUD_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/fraud/influence.h"
#include "lib/fraud/signal.h"
#include "lib/fraud/sources.h"
#include "lib/state/block.h"
#include "lib/when.h"

enum { WAITING_ID_MAX = 60 }; /* bytes of an event_id, as msgpack */

/* Hashes, not what was hashed; without padding. */
struct summary {
	instant when;
	struct lattice_point point;
	uint64_t decision; /* 0: none */
	uint64_t event;    /* of its id */
	struct influence_places places;
	uint32_t seen[2];      /* events of its user, its address, by then */
	float own[SIGNAL_OWN]; /* as they were */
	uint16_t velocity[LATTICE_SETS];
	uint8_t event_kind; /* enum trail_event */
	bool out;           /* by the first look */
	bool capped;        /* there was no place for it */
	uint8_t id_size;
	uint8_t id[WAITING_ID_MAX];
};

struct waiting;

/* As many as fit into memory_bytes. NULL: there is no memory, or it is too little. */
struct waiting *waiting_new(uint64_t memory_bytes);
void waiting_free(struct waiting *w);

bool waiting_is_full(const struct waiting *w);
/* A zeroed summary at the end; there must be room. */
struct summary *waiting_add(struct waiting *w, uint64_t *number);
/* The first; NULL: there is none. */
struct summary *waiting_first(const struct waiting *w);
/* Its number; if there is none, that of the next one to come. */
uint64_t waiting_first_number(const struct waiting *w);
/* Bring the second into the cache. */
void waiting_prefetch(const struct waiting *w);
void waiting_drop_first(struct waiting *w);
/* Where the trails of an event were, which snapshots do not have. */
struct sources_hint *waiting_hint(struct waiting *w, uint64_t number);
/* That of the number, to be changed, as long as it waits; otherwise NULL. */
struct summary *waiting_find(struct waiting *w, uint64_t number);
uint64_t waiting_count(const struct waiting *w);

void waiting_save(struct waiting *w, struct state_writer *to);
int waiting_load(struct waiting *w, struct state_reader *from, struct error *error);

#endif
