/* SPDX-License-Identifier: MIT
 *
 * eligible: who may answer a request, and how many of each campaign: under the caps of the
 * user, within the budgets, beside what the same client was just given.
 *
 * What depends on the positions before is settled here, as limits that go into the request:
 * so whoever decides it again decides the same, and no position stays empty.
 */
#ifndef BANNERPIPE_SERVE_ELIGIBLE_H
#define BANNERPIPE_SERVE_ELIGIBLE_H

#include "lib/delivery/visitor.h"
#include "lib/record/build.h"
#include "lib/serve/shown.h"

struct desk;
struct desk_ask;

/* What is known of a campaign for the request at hand. */
struct standing {
	uint64_t request;    /* the number of that request */
	uint64_t candidates; /* of it, that are eligible */
	int32_t left;        /* so many may be in the answer */
	enum standing_verdict {
		STANDING_FREE,
		STANDING_CAPPED,
		STANDING_UNFUNDED,
		STANDING_THROTTLED,
	} verdict;
};

enum { ELIGIBLE_GIVEN_MAX = 768 }; /* 16 slots of 16 positions, by 3 subjects */

struct eligible {
	uint32_t *rows; /* owned; those of the request at hand, at most POLICY_MAX */
	uint32_t n;
	uint64_t positions;   /* that the slot's cap leaves */
	struct shown shown;   /* the user and the slot; the banner is to be filled in */
	bool limited, rivals; /* some campaign has too many candidates; or several */
	bool second;          /* the price is what was needed */
	struct standing *of;  /* owned; of campaigns, by row */
	uint8_t *mark;        /* owned; of each row, whether it was named */
	uint64_t request;     /* its number */
	/* What the client was given that no counter knows of yet: subject and id. */
	struct {
		unsigned subject;
		uint64_t id;
	} given[ELIGIBLE_GIVEN_MAX];
	unsigned given_count;
};

int eligible_init(struct eligible *e);
void eligible_fini(struct eligible *e);

/* Find them; positions: so many are asked for. `draw`: a hash of the request. NULL, or what
 * is wrong with the request. */
const char *eligible_find(struct desk *k, const struct desk_ask *ask,
    const struct record *request, uint64_t positions, uint64_t draw);
/* The creative's ids and caps, for the user that is in it. */
void eligible_caps(const struct desk *k, uint32_t row, struct shown *s);
/* It is given out, and not in the counters of caps before its impression is. */
void eligible_give(struct eligible *e, const struct shown *s);
/* Append candidates, what they are worth, and what they have to do with each other; how many
 * pairs. */
unsigned eligible_build(const struct desk *k, struct build *to);

#endif
