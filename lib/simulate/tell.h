/* SPDX-License-Identifier: MIT
 *
 * tell: the records of what happens in a shop, as records.5 has them.
 *
 * Each function makes one record, which is borrowed until the next call. Whoever has not
 * consented has neither user_id nor session_id.
 */
#ifndef BANNERPIPE_SIMULATE_TELL_H
#define BANNERPIPE_SIMULATE_TELL_H

#include "lib/record/build.h"
#include "lib/record/kind.h"
#include "lib/simulate/whence.h"
#include "lib/simulate/who.h"
#include "lib/simulate/world.h"

enum { TELL_ITEMS = 8 * WORLD_CATEGORIES, TELL_POSITIONS_MAX = 8, TELL_ID_MAX = 64 };

struct tell {
	uint8_t *storage; /* owned */
	struct build b;
	uint64_t told[2]; /* records of the shop and of humans, of others */
	uint64_t number;  /* of the last record, its event_id */
	const char *event;
	uint32_t pairs;
	size_t open;
	int64_t price[TELL_ITEMS]; /* micros */

	/* The banners' names as msgpack, one after the other: of the i-th from name[i] on. */
	uint8_t *names; /* owned */
	uint32_t name[RATES_MAX + 1];
};

struct person {
	uint64_t session;
	uint64_t name; /* of the account */
	uint32_t visitor;
	enum who who;
	bool consents;
	const struct whence *whence;
	struct slice origin; /* its pairs, see whence_build */
	uint32_t origin_pairs;
};

/* A banner at a position. */
struct tell_place {
	struct slice decision; /* its id */
	uint64_t request;
	unsigned position;
	struct slice creative;
};

struct tell_order {
	uint64_t number, card; /* card: a hash */
	unsigned item;
	int64_t micros;        /* that are paid */
	struct slice decision; /* that led to it; absent: it is not told */
};

/* -1: no memory. */
int tell_init(struct tell *t, uint64_t seed, const struct rates *rates);
void tell_fini(struct tell *t);

/* Whether records of that kind are among those that a shop tells. */
bool tell_tells(enum kind kind);

/* The id of a request: 'r' and its number; back: false when it is none. */
unsigned tell_request_id(uint64_t request, char to[TELL_ID_MAX]);
bool tell_request_number(struct slice id, uint64_t *request);
/* That of a decision that nobody else has made: "r7-0". */
unsigned tell_decision_id(uint64_t request, unsigned position, char to[TELL_ID_MAX]);

struct slice tell_item(struct tell *t, instant at, unsigned item);
struct slice tell_campaign(struct tell *t, instant at, const char *id);
struct slice tell_creative(
    struct tell *t, instant at, const struct rate *rate, const struct banner *b);

struct slice tell_page(struct tell *t, instant at, const struct person *p,
    unsigned category, unsigned step);
struct slice tell_search(
    struct tell *t, instant at, const struct person *p, unsigned category);
/* view_item, add_to_cart or begin_checkout. */
struct slice tell_act(struct tell *t, const char *event, instant at,
    const struct person *p, unsigned item);
/* purchase or refund of an order; with the decision that led to it, where that is told. */
struct slice tell_order(struct tell *t, const char *event, instant at,
    const struct person *p, const struct tell_order *order);
/* The owner of the card does not accept an order. */
struct slice tell_chargeback(
    struct tell *t, instant at, const struct person *p, uint64_t order);

struct slice tell_sign_up(struct tell *t, instant at, const struct person *p);
struct slice tell_login(
    struct tell *t, instant at, const struct person *p, bool success, double rtt_ms);

/* The first n banners are candidates for k positions of a page. */
struct slice tell_request(struct tell *t, instant at, const struct person *p,
    const struct world *w, uint64_t request, unsigned category, unsigned n, unsigned k);
/* Candidates are those that are left, n banners by their numbers. */
struct slice tell_decision(struct tell *t, instant at, const struct person *p,
    const struct tell_place *place, const uint16_t *left, unsigned n,
    double probability, const char *policy);
/* impression or click. */
struct slice tell_seen(struct tell *t, const char *event, instant at,
    const struct person *p, const struct tell_place *place);
/* What nobody else knows: whose the last record was. */
struct slice tell_label(struct tell *t, instant at, const struct person *p);
/* The same of an impression, or of a decision when there was no record of one: and of n
 * candidates the probability of a click at this position, whether the visitor looks
 * included. */
struct slice tell_truth(struct tell *t, instant at, const struct person *p,
    const struct tell_place *place, bool recorded, double examination, bool examined,
    bool clicked, const double *click, unsigned n);

#endif
