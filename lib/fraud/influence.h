/* SPDX-License-Identifier: MIT
 *
 * influence: how much a user, an address or a network (ASN) may move the statistics of a
 * banner in an epoch. Of each kind of event (impressions, clicks, purchases) a subject has
 * a number of places with each banner; what finds none moves nothing. Epochs are cut at
 * multiples of their length.
 *
 * A subject that the memory is too small for, as others came later, begins again: too much
 * may count then, never too little. It is counted.
 */
#ifndef BANNERPIPE_FRAUD_INFLUENCE_H
#define BANNERPIPE_FRAUD_INFLUENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/state/block.h"
#include "lib/when.h"

enum influence_subject {
	INFLUENCE_USER,
	INFLUENCE_ADDRESS,
	INFLUENCE_NETWORK,
	INFLUENCE_SUBJECTS
};

/* Places of an epoch, by subject; 0: as many as there are. */
struct influence_rule {
	uint64_t places[INFLUENCE_SUBJECTS];
	struct span epoch;
};

/* "20", of users and addresses, or "user=20,ip=100,asn=5000". */
int influence_parse(struct influence_rule *rule, const char *text, struct error *error);

/* The places that an event has, or asks for. */
struct influence_places {
	uint64_t key[INFLUENCE_SUBJECTS]; /* hash; 0: no such subject */
	int64_t epoch;
	uint64_t taken; /* whether it has them */
};

struct influence;

/* NULL: there is no memory. */
struct influence *influence_new(struct influence_rule rule, uint64_t memory_bytes);
void influence_free(struct influence *f);

/* The keys of an event, of hashes of its subjects (0: none) with a banner. */
struct influence_places influence_of(const struct influence *f,
    const uint64_t subject[INFLUENCE_SUBJECTS], uint64_t banner, unsigned kind,
    instant when);
void influence_prefetch(const struct influence *f, const struct influence_places *p);
/* Take a place of each subject; false, and none is taken, when one has none left. */
bool influence_take(
    struct influence *f, const struct influence_places *p, instant when);
/* Give them back. */
void influence_give(struct influence *f, const struct influence_places *p);

uint64_t influence_evicted(const struct influence *f);

void influence_save(struct influence *f, struct state_writer *to);
int influence_load(struct influence *f, struct state_reader *from, struct error *error);

#endif
