/* SPDX-License-Identifier: MIT
 *
 * event: what outcome needs to know of a record.
 */
#ifndef BANNERPIPE_OUTCOME_EVENT_H
#define BANNERPIPE_OUTCOME_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/hash.h"
#include "lib/record/kind.h"
#include "lib/record/record.h"
#include "lib/when.h"

enum {
	EVENT_NAMES_MAX = 8, /* keys that a list of names can have */
	EVENT_ITEMS_MAX = 8, /* items of a conversion that are compared */
};

/* Beyond these, sums over all that one banner can have would overflow. */
#define EVENT_WEIGHT_MAX 1e6
#define EVENT_VALUE_MAX (INT64_C(1) << 50) /* micros: over a billion */

/* One event, as the caller has read it. */
struct outcome_event {
	const struct record *record; /* borrowed for the call */
	instant at;                  /* its timestamp */
	double weight;
	uint64_t id;                       /* of event_id */
	uint64_t decision, request, key;   /* what joins it */
	uint64_t user, item, transaction;  /* whose, which, of what order */
	int64_t value;                     /* micros */
	bool priced;                       /* value was given */
	bool impression;                   /* shown: else merely decided */
	bool unseen;                       /* viewable is false */
	unsigned items;                    /* of a conversion */
	uint64_t item_of[EVENT_ITEMS_MAX]; /* hashed as `item` is */
};

/* Where the values are found. */
struct event_keys {
	struct key user[EVENT_NAMES_MAX], joint[EVENT_NAMES_MAX];
	unsigned users, joints;
	bool by_item;
	struct key decision_id, request_id, transaction_id, item, viewable, value,
	    items, item_id;
	struct hash_key hash;
};

/* users, joint: names separated by commas; item may be NULL. -1 and error when there
 * are too many or none. Before the reader's first scan. */
int event_keys_init(struct event_keys *k, struct reader *reader, struct hash_key hash,
    const char *users, const char *joint, const char *item, struct error *error);

/* Read what its kind has. False when it has no timestamp, its weight is no number, or one
 * of its amounts is out of range. */
bool event_read(const struct event_keys *k, const struct record *r, enum kind kind,
    struct outcome_event *e);

/* The hash of an identifier; 0 when the record has none under that key. */
uint64_t event_id(const struct event_keys *k, const struct record *r, struct key key);

#endif
