/* SPDX-License-Identifier: MIT
 *
 * event: what behaviour is measured by, of a record: who, with what, from where, which
 * banner.
 *
 * Of an IPv6 address the first 64 bits count: who has one has all with these.
 */
#ifndef BANNERPIPE_FRAUD_EVENT_H
#define BANNERPIPE_FRAUD_EVENT_H

#include "lib/delivery/visitor.h"
#include "lib/fraud/fraud.h"
#include "lib/record/record.h"

enum event_key {
	EVENT_ADDRESS,
	EVENT_DEVICE,
	EVENT_SYSTEM,
	EVENT_BANNER,
	EVENT_NETWORK,
	EVENT_AGENT,
	EVENT_DECISION,
	EVENT_MARK,
	EVENT_KEYS
};

struct event_keys {
	struct visitor_keys visitor;
	struct key key[EVENT_KEYS];
	struct hash_key hash[EVENT_KEYS]; /* of values, another one for each key */
	bool wants_network, wants_event;  /* to be set: else these are not read */
};

/* users: as in visitor_keys_init. */
int event_keys_init(struct event_keys *k, struct reader *reader, struct hash_key hash,
    const char *users, struct error *error);
/* The hash of an event's id. */
uint64_t event_hash(const struct event_keys *k, struct slice id);
/* All but its kind; false when it has no timestamp. Borrows from the record. Cost: about 100
 * ns. */
bool event_read(
    const struct event_keys *k, const struct record *r, struct fraud_event *to);

#endif
