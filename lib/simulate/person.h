/* SPDX-License-Identifier: MIT
 *
 * person: whom a happening is of, as records say it: name, session, consent, and where the
 * visit comes from.
 */
#ifndef BANNERPIPE_SIMULATE_PERSON_H
#define BANNERPIPE_SIMULATE_PERSON_H

#include "lib/simulate/agenda.h"
#include "lib/simulate/tell.h"
#include "lib/simulate/whence.h"

/* The last visit that was asked for. */
struct presence {
	uint64_t session;
	int64_t hour;
	uint16_t step;
	uint8_t who; /* from 1; 0: none yet */
	struct whence whence;
	uint8_t bytes[WHENCE_SIZE_MAX];
	struct slice pairs;
	uint32_t n;
};

/* What the account of the visitor-th of a kind is called. */
uint64_t person_name(enum who who, uint32_t visitor);

/* Borrows from the presence until it is asked for another. Cost: 150 ns; 5 ns of the one
 * that was asked for last. */
struct person person_of(struct presence *last, const struct whences *o,
    const struct world *w, const struct happening *h);

#endif
