/* SPDX-License-Identifier: MIT
 *
 * behaviour: what it is measured by, of a record: who, with what, from where, which
 * banner.
 *
 * Of an IPv6 address the first 64 bits count: who has one has all with these.
 */
#ifndef BANNERPIPE_FRAUD_BEHAVIOUR_H
#define BANNERPIPE_FRAUD_BEHAVIOUR_H

#include "lib/delivery/visitor.h"
#include "lib/fraud/fraud.h"
#include "lib/record/record.h"

enum behaviour_key {
	BEHAVIOUR_ADDRESS,
	BEHAVIOUR_DEVICE,
	BEHAVIOUR_SYSTEM,
	BEHAVIOUR_BANNER,
	BEHAVIOUR_NETWORK,
	BEHAVIOUR_AGENT,
	BEHAVIOUR_DECISION,
	BEHAVIOUR_MARK,
	BEHAVIOUR_KEYS
};

struct behaviour_keys {
	struct visitor_keys visitor;
	struct key key[BEHAVIOUR_KEYS];
	struct hash_key hash[BEHAVIOUR_KEYS]; /* of values, another one for each key */
	bool wants_network;                   /* to be set: else it is not read */
};

/* users: as in visitor_keys_init. */
int behaviour_keys_init(struct behaviour_keys *k, struct reader *reader,
    struct hash_key hash, const char *users, struct error *error);
/* The hash of an event's id. */
uint64_t behaviour_hash(const struct behaviour_keys *k, struct slice id);
/* All but its kind; false when it has no timestamp. Borrows from the record. Cost: about 100
 * ns. */
bool behaviour_read(
    const struct behaviour_keys *k, const struct record *r, struct fraud_event *to);

#endif
