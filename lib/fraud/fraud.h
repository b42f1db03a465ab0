/* SPDX-License-Identifier: MIT
 *
 * fraud: who behaves as no visitor does. Each event is measured when it comes, and again
 * when what came after it is known; rules, and what others said of events before, make a
 * score of that, and a score above 0 means that it is invalid.
 *
 *	fraud_prefetch(f, &event);
 *	while (fraud_due(f, now, &finding)) ...      the second look at earlier ones
 *	fraud_arrive(f, &event, &finding);           the first at this one
 *
 * Event time alone decides. Memory is fixed when it is made.
 */
#ifndef BANNERPIPE_FRAUD_FRAUD_H
#define BANNERPIPE_FRAUD_FRAUD_H

#include "lib/fraud/influence.h"
#include "lib/fraud/labels.h"
#include "lib/fraud/lattice.h"
#include "lib/fraud/rules.h"
#include "lib/fraud/sources.h"
#include "lib/fraud/trail.h"
#include "lib/fraud/waiting.h"

struct fraud_options {
	struct lattice_rule windows;
	struct span wait;
	bool learns;
	bool limits; /* by `influence` */
	struct influence_rule influence;
	uint64_t memory; /* bytes */
	uint64_t seed;
};

/* What there is of an event. Hashes are keyed; 0: it has no such thing. */
struct fraud_event {
	instant when;
	enum trail_event kind;
	struct lattice_point point;
	uint64_t network, agent, decision;
	uint64_t alias;  /* of the user, by the next key that tells one */
	double marked;   /* by bp-givt; NaN: it was not */
	struct slice id; /* event_id as msgpack; absent: none */
	uint64_t event;  /* hash of it */
};

/* What a look found; borrowed until the next call. */
struct fraud_finding {
	instant at;
	struct slice id; /* size 0: it has none that could be named */
	bool second, out;
	bool turned; /* of a second look: the first found otherwise */
	double score;
	struct rules_sum reasons; /* its score is no longer of use */
	const struct look *look;
};

struct fraud_totals {
	uint64_t looked[2],
	    out[2]; /* first and second looks, and what they found invalid */
	uint64_t retracted, restored; /* second looks that found otherwise */
	uint64_t early;   /* second looks before their time, as the memory was full */
	uint64_t unnamed; /* without event_id, or with one too long for a second look */
	uint64_t capped;  /* over the cap of influence */
	uint64_t told;    /* judged by others while they waited */
};

struct fraud;

/* The rules, which it takes over. NULL: there is no memory, or it is too little. */
struct fraud *fraud_new(const struct fraud_options *o, struct rules *rules);
void fraud_free(struct fraud *f);
/* Other rules from now on, taken over. */
void fraud_set_rules(struct fraud *f, struct rules *rules);
const struct rules *fraud_rules(const struct fraud *f);
const struct labels *fraud_labels(const struct fraud *f); /* NULL: it does not learn */

void fraud_prefetch(struct fraud *f, const struct fraud_event *e);
/* The banner of a decision, for events that do not name it, and who it is for. */
void fraud_decide(struct fraud *f, const struct fraud_event *e);
void fraud_arrive(
    struct fraud *f, const struct fraud_event *e, struct fraud_finding *to);
/* The next second look that is due at `now`, or, `all`, at any time. */
bool fraud_due(struct fraud *f, instant now, bool all, struct fraud_finding *to);
/* What others said of an event: while it waits for its second look, that has no say in it
 * any more. */
void fraud_tell(
    struct fraud *f, uint64_t event, bool invalid, int64_t version, instant when);

struct fraud_evicted {
	struct lattice_totals lattice;
	uint64_t sources, decisions, influence; /* cells that went */
};

/* Counters that live as long as it does. */
const struct fraud_totals *fraud_totals(const struct fraud *f);
struct fraud_evicted fraud_evicted(const struct fraud *f);

void fraud_save(struct fraud *f, struct state_writer *to);
int fraud_load(struct fraud *f, struct state_reader *from, struct error *error);

#endif
