/* SPDX-License-Identifier: MIT
 *
 * decider: the decisions of a request, one for each of its positions. Whoever decides,
 * does it here: bp-rank and bp-serve, so that they decide the same.
 *
 * A decision depends on the seed, the request's id and what is known of its candidates. Who
 * is worth less than the floor at the position at hand leaves, and so do, once one is shown,
 * those that must not be in the same answer (slate.h). The propensities are those among who
 * is left, and the record names these.
 */
#ifndef BANNERPIPE_RANK_DECIDER_H
#define BANNERPIPE_RANK_DECIDER_H

#include "lib/hash.h"
#include "lib/rank/judge.h"

enum {
	DECIDER_ROOM =
	    128 << 10, /* what a decision may have that its request has not */
};

struct decider {
	struct policy policy; /* checked by the caller; as are seed and model */
	uint64_t seed;
	const char *model; /* name of the model in records */
	struct judge judge;

	struct policy_weights weights;
	struct decision_keys keys;
	struct key request_id;
	struct hash_key hash_key;
	struct decision_request request;
	uint64_t draw;
	unsigned positions; /* of the request */
	unsigned position;  /* that comes next */
	unsigned chosen;    /* of those that are left */
	uint64_t unkept;    /* decisions too large for the features of all */
};

/* -1: no memory. Before the reader's first scan; what is in it already stays. */
int decider_init(struct decider *d, struct reader *reader, uint64_t seed);
void decider_fini(struct decider *d);

/* A request, borrowed until its last decision. NULL, or what is wrong with it: "without
 * ...", and it has no positions. */
const char *decider_begin(struct decider *d, const struct record *r);
/* Whether there is a next position and somebody for it; *wrong is NULL, or why it cannot be
 * decided: then there is none. */
bool decider_next(struct decider *d, const char **wrong);
/* Draw for it and append the record. */
void decider_decide(struct decider *d, struct build *to);
/* It is decided so: whom it leaves no room leave, and the record, with RECORD_PADDING bytes
 * after it, counts for what comes. Absent: the position stays empty, and only the one that
 * was chosen leaves. */
void decider_take(struct decider *d, struct slice record);
/* The id of the one that was chosen, msgpack. */
struct slice decider_chosen(const struct decider *d);
/* Its place among the candidates that the request has. */
unsigned decider_place(const struct decider *d);
/* What showing it is worth, as expected: micros, where some bid. */
double decider_worth(const struct decider *d);
/* What it has to pay, in the terms of its bid; 0 when it does not bid. */
int64_t decider_price(const struct decider *d);

#endif
