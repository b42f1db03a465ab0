/* SPDX-License-Identifier: MIT
 *
 * ledger: the newest transactions, each with what it looked like when it was scored, until
 * there is no room for it any more. Its label comes days later, and may change once more.
 *
 * Transactions are numbered from 1 in the order in which they come; those that are held are
 * a ring. A number stays valid as a name: whoever keeps one asks ledger_holds. Each is found
 * by its event id and by its transaction id, and belongs to some subjects (a customer, a
 * terminal), of whose transactions it is one in a list in the order of time.
 */
#ifndef BANNERPIPE_TRANSACTION_LEDGER_H
#define BANNERPIPE_TRANSACTION_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/dirty.h"
#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/state.h"
#include "lib/when.h"

enum {
	LEDGER_SUBJECTS_MAX = 4, /* the customer, and up to three terminals */
	LEDGER_KEYS_MAX = 4,
	LEDGER_TRAITS_MAX = 64,
};

enum ledger_id { LEDGER_EVENT, LEDGER_TRANSACTION, LEDGER_IDS };

enum label {
	LABEL_OPEN,  /* nobody has said, and may yet */
	LABEL_SOUND, /* nobody has said for so long, or somebody did */
	LABEL_FRAUD,
};

/* Its place in a subject's list, in the order of time. */
struct ledger_link {
	uint64_t before, next; /* 0: none */
	instant next_when;     /* so that nobody has to look there to know */
};

/* What is looked at most: a cache line with the first link. */
struct transaction {
	instant when;
	int64_t value_micros;
	double weight;    /* 0: taken back */
	float score;      /* log-odds that it was given */
	uint32_t version; /* the least that the next judgement of it must have */
	uint16_t text_size;
	uint8_t label; /* enum label */
	uint8_t told;  /* somebody said so, not time alone */
	uint8_t odd;   /* far from what its customer spends */
	uint8_t out;   /* the last judgement took it out */
	uint8_t
	    gone; /* bit i: no window of subject i has it any more; see LEDGER_LEFT */
	struct ledger_link link[]; /* of each subject */
};

/* Follows the links. */
struct ledger_origin {
	uint64_t id[LEDGER_IDS];    /* hashes; 0: none */
	uint64_t older[LEDGER_IDS]; /* the next one to look at of the same place */
	uint64_t text;              /* where its event id lies */
	uint64_t hash[]; /* of its subjects and its keys of velocity; 0: it has none */
};

/* In `gone`: it is not among the last amounts of its customer any more. */
enum { LEDGER_LEFT = 0x80 };

struct ledger {
	unsigned subjects, keys;
	size_t stride;        /* bytes of a transaction */
	uint64_t room;        /* transactions */
	uint64_t first, next; /* numbers of those held, and the next one */
	uint64_t first_at;    /* where the first is */
	void *block;          /* owned, as are all below */
	uint8_t *ring;        /* in it, aligned to cache lines */
	uint8_t *text;        /* event ids as msgpack, a ring as well */
	uint64_t text_room, text_first, text_next;
	uint64_t *head[LEDGER_IDS]; /* the newest of each place */
	uint64_t places;            /* a power of two */
	struct dirty ring_dirty, text_dirty;
};

/* Room for so many as fit into `bytes`, ids of 40 bytes reckoned; 0, or -1 when there is no
 * memory or not even room for 64. */
int ledger_init(struct ledger *l, unsigned subjects, unsigned keys, unsigned traits,
    uint64_t bytes);
void ledger_fini(struct ledger *l);

/* Of an instant that was read: it is one, or WHEN_NEVER. */
static inline bool
ledger_instant_holds(instant when)
{
	return when == WHEN_NEVER || (when >= -WHEN_MAX && when <= WHEN_MAX);
}

static inline bool
ledger_holds(const struct ledger *l, uint64_t number)
{
	return number >= l->first && number < l->next;
}

/* Where in the ring it is. */
static inline size_t
ledger_offset(const struct ledger *l, uint64_t number)
{
	uint64_t at = l->first_at + (number - l->first);

	return (at < l->room ? at : at - l->room) * l->stride;
}

/* One that is held, to look at. */
static inline const struct transaction *
ledger_at(const struct ledger *l, uint64_t number)
{
	return (const void *)(l->ring + ledger_offset(l, number));
}

/* The same, to change. */
static inline struct transaction *
ledger_change(struct ledger *l, uint64_t number)
{
	size_t at = ledger_offset(l, number);

	dirty_mark(&l->ring_dirty, at, l->stride);
	return (void *)(l->ring + at);
}

/* Where it comes from, and what it looked like when it came. */
static inline struct ledger_origin *
ledger_origin(const struct ledger *l, const struct transaction *t)
{
	return (void *)(uintptr_t)&t->link[l->subjects];
}

static inline uint8_t *
ledger_traits(const struct ledger *l, const struct transaction *t)
{
	return (uint8_t *)&ledger_origin(l, t)->hash[l->subjects + l->keys];
}

static inline void
ledger_prefetch(const struct ledger *l, uint64_t number)
{
	const uint8_t *at;

	if (!ledger_holds(l, number))
		return;
	at = l->ring + ledger_offset(l, number);
	__builtin_prefetch(at, 1);
	__builtin_prefetch(at + 64, 1);
	/* A loop of nothing but prefetches is nothing to gcc 12. */
	__asm__ volatile("" : : "r"(at));
}

/* All of one that is held, or of the next one and what is in its place. */
static inline void
ledger_prefetch_whole(const struct ledger *l, uint64_t number)
{
	const uint8_t *at = l->ring + ledger_offset(l, number);

	for (size_t i = 0; i < l->stride; i += 64)
		__builtin_prefetch(at + i, 1);
	__asm__ volatile("" : : "r"(at));
}

/* The number of the one that has to go before another of an event id of so many bytes can
 * come; 0: there is room. */
uint64_t ledger_crowded(const struct ledger *l, size_t id_size);
/* It goes: who knows of it was told. */
void ledger_drop(struct ledger *l);
/* Its number; there must be room: an assert. All but its ids is zero; the text of its event
 * id is kept. */
uint64_t ledger_add(
    struct ledger *l, const uint64_t id[LEDGER_IDS], struct slice event_id);

/* The newest with that hash; 0: none. Cost: a look at each held one of its place, about one. */
uint64_t ledger_find(const struct ledger *l, enum ledger_id which, uint64_t hash);
void ledger_prefetch_id(const struct ledger *l, enum ledger_id which, uint64_t hash);
/* The msgpack value of its event id, to `to` of UINT16_MAX bytes. */
struct slice ledger_event_id(
    const struct ledger *l, const struct transaction *t, uint8_t *to);

void ledger_save(struct ledger *l, struct state_writer *to);
/* Into one made with the same arguments. 0, or -1 and the error. */
int ledger_load(struct ledger *l, struct state_reader *from, struct error *error);

#endif
