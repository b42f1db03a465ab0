/* SPDX-License-Identifier: MIT
 *
 * crowd: stolen passwords tried on many users (stuffing), and one password on many
 * (spraying): each user fails once or twice, but many fail who come from one address, one
 * network, one provider.
 *
 * Of each of these, the users who tried within the window are counted, and those who
 * failed, each once: neither who fails often alone, nor who succeeds a thousand times with
 * an account of his own, changes the rate. For each user, his own attempts.
 */
#ifndef BANNERPIPE_LOGIN_CROWD_H
#define BANNERPIPE_LOGIN_CROWD_H

#include "lib/login/login.h"
#include "lib/state.h"

enum { CROWD_SCOPES = LOGIN_ASN + 1 }; /* address, net, asn */

/* Of its window, in us. */
#define CROWD_WINDOW_MAX (25550 * WHEN_DAY)

struct crowd;

/* In at most memory_bytes, over a window of event time, where a share `honest` of users fails
 * without an attack; the seed places keys. NULL when that is too little, or not there. Owned
 * by the caller. */
struct crowd *crowd_new(
    struct span window, double honest, uint64_t seed, uint64_t memory_bytes);
void crowd_free(struct crowd *c);

/* Bring what crowd_add needs into the cache: where it lies, and, when that had time to come,
 * the thing itself. */
void crowd_prefetch(const struct crowd *c, const struct login *l);
void crowd_prefetch_cells(const struct crowd *c, const struct login *l);

/* What the window says as of an attempt, which is in it. */
struct crowd_look {
	/* Users, and those who failed; 0 where that can tell of no attack. */
	double users[CROWD_SCOPES], failed[CROWD_SCOPES];
	int64_t failures; /* of this user */
	double
	    rate; /* of all attempts of all users, those that failed, where asn tells */
};

/* Add an attempt, and look. Cost: 400 ns, and 200 ns for
 * each estimate. */
void crowd_add(struct crowd *c, const struct login *l, struct crowd_look *to);
/* Take one out that was added. False when distinct users could not be taken back, as they
 * are no more than estimated there. */
bool crowd_remove(struct crowd *c, const struct login *l);

/* What share of the attempts is an attack where `failed` of `users` failed and a share
 * `honest` of users fails without one, in [0, 0.99]: the least that so many users tell (the
 * lower bound of Wilson's interval, JASA 22, 1927, at 4 standard errors). */
double crowd_attacked(double failed, double users, double honest);

struct crowd_counts {
	uint64_t evicted; /* addresses, networks, users that lost their own counter */
	uint64_t late;    /* attempts older than the window */
	uint64_t stuck;   /* that could not be taken back */
};

/* As of the last attempt; lives as long as the crowd. */
const struct crowd_counts *crowd_counts(const struct crowd *c);

void crowd_save(struct crowd *c, struct state_writer *to);
int crowd_load(struct crowd *c, struct state_reader *from, struct error *error);

#endif
